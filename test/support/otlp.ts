// A collector of traces on loopback, as far as tests need one: OTLP over HTTP with protobuf (opentelemetry-proto, trace/v1), read field by field.

import { createServer } from 'node:http'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface CollectedSpan {
  traceId: string
  id: string
  /** '' for none. */
  parent: string
  name: string
  /** 1 internal, 2 server, 3 client. */
  kind: number
  attributes: Record<string, string | number>
  /** 2 for an error. */
  status: number
}

export interface Collector {
  url: string
  spans: CollectedSpan[]
  /** Of the resource that sent them. */
  resource: Record<string, string | number>
  /** Bodies as they came. */
  bodies: Buffer[]
  headers: IncomingHttpHeaders[]
  paths: string[]
}

type Field = number | bigint | Buffer

/** The fields of one message by their numbers, each with its values in turn. */
function fieldsOf (bytes: Buffer): Map<number, Field[]> {
  const fields = new Map<number, Field[]>()
  let at = 0
  const varint = (): number => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(value)
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    let value: Field
    switch (tag & 7) {
      case 0: value = varint(); break
      case 1: value = bytes.readBigUInt64LE(at); at += 8; break
      case 2: { const length = varint(); value = bytes.subarray(at, at + length); at += length; break }
      case 5: value = bytes.readUInt32LE(at); at += 4; break
      default: throw new Error(`wire type ${tag & 7}`)
    }
    const number = tag >>> 3
    fields.set(number, [...fields.get(number) ?? [], value])
  }
  return fields
}

const text = (field: Field | undefined): string => (field as Buffer | undefined)?.toString('utf8') ?? ''
const hex = (field: Field | undefined): string => (field as Buffer | undefined)?.toString('hex') ?? ''

function attributesOf (fields: Field[] = []): Record<string, string | number> {
  return Object.fromEntries(fields.map((each) => {
    const pair = fieldsOf(each as Buffer)
    const value = fieldsOf(pair.get(2)![0] as Buffer)
    return [text(pair.get(1)?.[0]), value.has(1) ? text(value.get(1)![0]) : Number(value.get(3)?.[0] ?? NaN)]
  }))
}

function spanOf (bytes: Buffer): CollectedSpan {
  const span = fieldsOf(bytes)
  const status = span.has(15) ? fieldsOf(span.get(15)![0] as Buffer) : new Map<number, Field[]>()
  return {
    traceId: hex(span.get(1)?.[0]), id: hex(span.get(2)?.[0]), parent: hex(span.get(4)?.[0]), name: text(span.get(5)?.[0]), kind: Number(span.get(6)?.[0]),
    attributes: attributesOf(span.get(9)), status: Number(status.get(3)?.[0] ?? 0)
  }
}

/** Collects until the test ends. */
export async function startCollector (t: Test): Promise<Collector> {
  const collector: Collector = { url: '', spans: [], resource: {}, bodies: [], headers: [], paths: [] }
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => { chunks.push(chunk) }).on('end', () => {
      const body = Buffer.concat(chunks)
      collector.bodies.push(body)
      collector.headers.push(req.headers)
      collector.paths.push(req.url!)
      for (const group of fieldsOf(body).get(1) ?? []) {
        const resourceSpans = fieldsOf(group as Buffer)
        collector.resource = attributesOf(fieldsOf(resourceSpans.get(1)![0] as Buffer).get(1))
        for (const scope of resourceSpans.get(2) ?? []) for (const span of fieldsOf(scope as Buffer).get(2) ?? []) collector.spans.push(spanOf(span as Buffer))
      }
      res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return collector
}
