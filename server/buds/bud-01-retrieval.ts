// BUD-01: GET and HEAD /<sha256>[.ext], with RFC 9110 in full: conditions, ranges, multipart/byteranges. HEAD touches no pack.

import { randomBytes } from 'node:crypto'
import { Failure } from '../errors.ts'
import { contentPolicy } from './active-content.ts'
import { parseBlobPath } from './blob-path.ts'
import { evaluateConditions } from './conditions.ts'
import { planMultipart } from './multipart-ranges.ts'
import { parseRange } from './range.ts'
import { sendSections } from './sending.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Blobs } from '../stores/blobs.ts'
import type { Blob } from '../stores/descriptors.ts'
import type { BytesAnswer } from './sending.ts'

export interface RetrievalParts {
  blobs: Blobs
  /** Milliseconds. */
  now: () => number
}

type BlobRequest = FastifyRequest<{ Params: { name: string } }>

/** What a blob's answers say of it, whatever the status. */
function blobHeaders (blob: Blob): Record<string, string> {
  const policy = contentPolicy(blob.type)
  return {
    'accept-ranges': 'bytes',
    'etag': `"${blob.sha256}"`,
    // the bytes of a hash never change; no-transform keeps a CDN from encoding them again
    'cache-control': 'public, max-age=31536000, immutable, no-transform',
    'last-modified': new Date(blob.uploaded * 1000).toUTCString(),
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'cross-origin',
    ...(policy === null ? {} : { 'content-security-policy': policy })
  }
}

export async function bud01 (app: FastifyInstance, { blobs, now }: RetrievalParts): Promise<void> {
  async function find (request: BlobRequest): Promise<Blob> {
    const sha256 = parseBlobPath(request.params.name)
    if (sha256 === null) throw new Failure('PATH_UNKNOWN')
    const blob = await blobs.find(sha256)
    if (blob === null) throw new Failure('BLOB_UNKNOWN')
    return blob
  }

  /** 304 or 412, when the request's conditions say so; else whether a Range may be used. */
  async function settleConditions (request: BlobRequest, reply: FastifyReply, blob: Blob): Promise<{ answered: boolean, range: boolean }> {
    const { outcome, range } = evaluateConditions(request.headers, { etag: `"${blob.sha256}"`, lastModified: blob.uploaded }, Math.floor(now() / 1000))
    if (outcome === 'proceed') return { answered: false, range }
    if (outcome === 'precondition-failed') throw new Failure('PRECONDITION_FAILED')
    await reply.code(304).send()
    return { answered: true, range: false }
  }

  // 01-20: HEAD MUST have the Content-Type and Content-Length of GET; the automatic HEAD route would open the pack
  app.head('/:name', async (request: BlobRequest, reply) => {
    const blob = await find(request)
    reply.headers(blobHeaders(blob))
    if ((await settleConditions(request, reply, blob)).answered) return reply
    reply.hijack()
    reply.raw.writeHead(200, { ...reply.getHeaders() as Record<string, string>, 'content-type': blob.type, 'content-length': blob.size })
    reply.raw.end()
    return reply
  })

  app.get('/:name', async (request: BlobRequest, reply) => {
    const blob = await find(request)
    reply.headers(blobHeaders(blob))
    const { answered, range } = await settleConditions(request, reply, blob)
    if (answered) return reply
    const answer = planAnswer(blob, range ? request.headers.range : undefined)
    if (blob.size === 0) {
      reply.hijack()
      reply.raw.writeHead(200, { ...reply.getHeaders() as Record<string, string>, ...answer.headers })
      reply.raw.end()
      return reply
    }
    await sendSections(reply, answer, (start, length) => blobs.read(blob, start, length))
    return reply
  })
}

/** Which bytes go out, and as what. Throws RANGE_INVALID with the blob's size. */
function planAnswer (blob: Blob, rangeHeader: string | undefined): BytesAnswer {
  const { size, type } = blob
  const range = parseRange(rangeHeader, size)
  if (range.kind === 'unsatisfiable') {
    // RFC 9110 §15.5.17: the answer SHOULD tell the size
    throw new Failure('RANGE_INVALID', undefined, { headers: { 'content-range': `bytes */${size}` } })
  }
  if (range.kind === 'whole') {
    return { status: 200, headers: { 'content-type': type, 'content-length': size }, sections: [{ head: null, start: 0, length: size }], tail: null }
  }
  const [first] = range.parts
  if (range.parts.length === 1 && first !== undefined) {
    const length = first.end - first.start + 1
    const headers = { 'content-type': type, 'content-length': length, 'content-range': `bytes ${first.start}-${first.end}/${size}` }
    return { status: 206, headers, sections: [{ head: null, start: first.start, length }], tail: null }
  }
  const plan = planMultipart(range.parts, size, type, randomBytes(16).toString('hex'))
  return {
    status: 206,
    headers: { 'content-type': plan.contentType, 'content-length': plan.contentLength },
    sections: plan.sections.map(({ head, start, end }) => ({ head, start, length: end - start + 1 })),
    tail: plan.tail
  }
}
