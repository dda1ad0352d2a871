// One bucket of an S3-compatible store (MinIO for real): the client, its errors told as ours, and the check at boot that the
// bucket answers. The only importer of `minio`, with its two neighbours in this folder.

import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Client } from 'minio'
import { StoreError } from '../../errors.ts'

export interface BucketSettings {
  /** e.g. http://127.0.0.1:9000 */
  endpoint: string
  accessKey: string
  secretKey: string
  bucket: string
  region: string
}

const ABSENT = new Set(['NoSuchKey', 'NotFound', 'NoSuchUpload'])

export function isAbsent (error: unknown): boolean {
  return ABSENT.has(s3Code(error))
}

export function s3Code (error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

export class Bucket {
  readonly name = 'minio'
  readonly client: Client
  readonly bucket: string
  /** Connections to the store, kept open. */
  readonly agent: HttpAgent

  constructor ({ endpoint, accessKey, secretKey, bucket, region }: BucketSettings) {
    const url = new URL(endpoint)
    const secure = url.protocol === 'https:'
    this.agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxFreeSockets: 64 })
    this.client = new Client({
      endPoint: url.hostname,
      port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
      useSSL: secure,
      accessKey,
      secretKey,
      region, // else the client asks for it before the first call
      pathStyle: true,
      transportAgent: this.agent
    })
    this.bucket = bucket
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

  /** Puts a buffer only if the key is free: true when this call made it. */
  async create (key: string, bytes: Buffer, headers: Record<string, string> = {}): Promise<boolean> {
    return this.ask('add', key, async () => {
      try {
        await this.client.putObject(this.bucket, key, bytes, bytes.length, { ...headers, 'If-None-Match': '*' })
        return true
      } catch (error) {
        if (s3Code(error) === 'PreconditionFailed') return false
        throw error
      }
    })
  }

  close (): void {
    this.agent.destroy()
  }
}
