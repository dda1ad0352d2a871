// One bucket of an S3-compatible store (MinIO for real): the client, its errors told as ours, and the check at boot that the
// bucket answers. The only importer of `minio`, with its two neighbours in this folder.

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Client } from 'minio'
import { StoreError } from '../../errors.ts'
import { Wire } from './wire.ts'

export interface BucketSettings {
  /** e.g. http://127.0.0.1:9000 */
  endpoint: string
  accessKey: string
  secretKey: string
  bucket: string
  region: string
  /** Where clients reach the store, if it is not there. */
  publicEndpoint?: string | null
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

export class Bucket {
  readonly name = 'minio'
  readonly client: Client
  /** The same bucket by the address that clients use: it signs URLs for them, and nothing is sent through it. */
  readonly clientsView: Client
  readonly bucket: string
  /** Connections to the store, kept open. */
  readonly agent: HttpAgent
  /** The same bucket for the calls that must be quick. */
  readonly wire: Wire

  constructor (settings: BucketSettings) {
    const { endpoint, publicEndpoint = null, bucket } = settings
    this.agent = new (endpoint.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, maxFreeSockets: 64 })
    this.client = clientAt(endpoint, settings, this.agent)
    this.clientsView = publicEndpoint === null ? this.client : clientAt(publicEndpoint, settings, this.agent)
    this.bucket = bucket
    this.wire = new Wire(settings)
  }

  /** Makes the bucket if it is missing. Rejects with StoreError when the store does not answer. */
  async prove (): Promise<void> {
    await this.ask('open', this.bucket, async () => {
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

  /** The same, with null for what is not there. */
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

  close (): void {
    this.wire.close()
    this.agent.destroy()
  }
}
