// One bucket of an S3-compatible store (MinIO for real): the client, its errors told as ours, and the check at boot that the
// bucket answers. The only importer of `minio`, with its two neighbours in this folder.

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Client } from 'minio'
import { StoreError } from '../../errors.ts'
import { PATIENCE, Silent, cut, eachWithin, within } from './patience.ts'
import { NO_PAYLOAD } from './signature.ts'
import { Wire } from './wire.ts'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Patience } from './patience.ts'

export interface BucketSettings {
  /** e.g. http://127.0.0.1:9000 */
  endpoint: string
  accessKey: string
  secretKey: string
  bucket: string
  region: string
  /** Where clients reach the store, if it is not there. */
  publicEndpoint?: string | null
  /** Other limits of time than ours: tests have less of it. */
  patience?: Partial<Patience>
}

const ABSENT = new Set(['NoSuchKey', 'NotFound', 'NoSuchUpload'])

export function isAbsent (error: unknown): boolean {
  return ABSENT.has(s3Code(error))
}

export function s3Code (error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

function clientAt (endpoint: string, { accessKey, secretKey, region }: BucketSettings, transportAgent: HttpAgent): Client {
  const url = new URL(endpoint)
  const secure = url.protocol === 'https:'
  return new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    useSSL: secure,
    accessKey,
    secretKey,
    region, // else the client asks for it before the first call
    pathStyle: true,
    transportAgent
  })
}

/** The client library waits for ever: what says nothing for `silence` milliseconds is cut, and the call that waits for it fails. */
function agentFor (endpoint: string, silence: number): HttpAgent {
  const agent = new (endpoint.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, maxFreeSockets: 64, timeout: silence })
  const connecting = agent as unknown as { createConnection: (...args: unknown[]) => Socket }
  const connect = connecting.createConnection.bind(agent)
  connecting.createConnection = (...args) => {
    const socket = connect(...args)
    socket.on('timeout', () => { cut(socket, new Silent()) })
    return socket
  }
  return agent
}

export class Bucket {
  readonly name = 'minio'
  readonly client: Client
  /** The same bucket by the address that clients use: it signs URLs for them, and nothing is sent through it. */
  readonly clientsView: Client
  readonly bucket: string
  /** Connections to the store, kept open. */
  readonly agent: HttpAgent
  /** The same bucket for calls that may take as long as `patience.assembly`. */
  readonly assembler: Client
  readonly #assembling: HttpAgent
  /** The same bucket for the calls that must be quick. */
  readonly wire: Wire
  readonly patience: Patience

  constructor (settings: BucketSettings) {
    const { endpoint, publicEndpoint = null, bucket } = settings
    this.patience = { ...PATIENCE, ...settings.patience }
    this.agent = agentFor(endpoint, this.patience.answer)
    this.#assembling = agentFor(endpoint, this.patience.assembly)
    this.client = clientAt(endpoint, settings, this.agent)
    this.assembler = clientAt(endpoint, settings, this.#assembling)
    this.clientsView = publicEndpoint === null ? this.client : clientAt(publicEndpoint, settings, this.agent)
    this.bucket = bucket
    this.wire = new Wire(settings)
  }

  /** Makes the bucket if it is missing. Rejects with StoreError when the store does not answer. */
  async prove (): Promise<void> {
    await this.call('open', this.bucket, async () => {
      if (await this.client.bucketExists(this.bucket)) return
      try {
        await this.client.makeBucket(this.bucket)
      } catch (error) {
        // another node was quicker
        if (!['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'].includes(s3Code(error))) throw error
      }
    })
  }

  /** Runs one call and tells its fault as a StoreError. */
  async ask<T> (action: string, key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(this.name, action, key, error)
    }
  }

  /** The same for a call of the client library, which has `limit` milliseconds. */
  call<T> (action: string, key: string, call: () => Promise<T>, limit = this.patience.answer): Promise<T> {
    return this.ask(action, key, () => within(limit, call()))
  }

  /** The items of one of the client library's lists. Rejects with StoreError. */
  async * each (action: string, key: string, list: () => Readable): AsyncIterable<unknown> {
    try {
      yield * eachWithin(this.patience.answer, list())
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(this.name, action, key, error)
    }
  }

  /** `ask`, with null for what is not there. */
  async askMaybe<T> (action: string, key: string, call: () => Promise<T>): Promise<T | null> {
    return this.ask(action, key, async () => {
      try {
        return await call()
      } catch (error) {
        if (isAbsent(error)) return null
        throw error
      }
    })
  }

  /** `call`, with null for what is not there. */
  callMaybe<T> (action: string, key: string, call: () => Promise<T>): Promise<T | null> {
    return this.askMaybe(action, key, () => within(this.patience.answer, call()))
  }

  /** Puts an object only if the key is free: true when this call made it. `payload`: the body's sha256 in hex, or UNSIGNED. */
  async create (key: string, body: readonly Uint8Array[], payload: string, headers: Record<string, string> = {}): Promise<boolean> {
    return this.ask('add', key, async () => {
      try {
        await this.wire.ask({ method: 'PUT', key, headers: { ...headers, 'if-none-match': '*' }, body, payload })
        return true
      } catch (error) {
        if (s3Code(error) === 'PreconditionFailed') return false
        throw error
      }
    })
  }

  /** Removes an object, if it is there. */
  async remove (key: string): Promise<void> {
    await this.ask('remove', key, () => this.wire.ask({ method: 'DELETE', key, payload: NO_PAYLOAD }))
  }

  close (): void {
    this.wire.close()
    this.agent.destroy()
    this.#assembling.destroy()
  }
}
