// Small objects as S3 objects. A put is atomic and durable when it is answered; a create that must not overwrite carries
// `If-None-Match: *`. The payload's hash is signed: the store refuses an object that was damaged on its way.

import { sha256Hex } from '../multihash.ts'
import { NO_PAYLOAD } from './signature.ts'
import type { ObjectEntry, Objects } from '../objects.ts'
import type { Bucket } from './bucket.ts'

export class S3Objects implements Objects {
  readonly name = 'minio'
  readonly #bucket: Bucket

  constructor (bucket: Bucket) {
    this.#bucket = bucket
  }

  get (key: string): Promise<Uint8Array | null> {
    const { wire } = this.#bucket
    return this.#bucket.askMaybe('get', key, async () => (await wire.ask({ method: 'GET', key, payload: NO_PAYLOAD })).body)
  }

  async put (key: string, bytes: Uint8Array): Promise<void> {
    const { wire } = this.#bucket
    await this.#bucket.ask('put', key, () => wire.ask({ method: 'PUT', key, body: [bytes], payload: sha256Hex(bytes) }))
  }

  add (key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#bucket.create(key, [bytes], sha256Hex(bytes))
  }

  async remove (key: string): Promise<boolean> {
    // S3 answers 204 whether or not there was one; and by GET, not by HEAD, since a 404 without the store's words may be anybody's
    if (await this.get(key) === null) return false
    await this.#bucket.remove(key)
    return true
  }

  async * list (prefix: string, after = ''): AsyncIterable<ObjectEntry> {
    const { client, bucket } = this.#bucket
    // S3 lists by the bytes of the keys anyway
    for await (const item of this.#bucket.each('list', prefix, () => client.listObjectsV2(bucket, prefix, true, after))) {
      const { name, size, lastModified } = item as { name?: string, size?: number, lastModified?: Date }
      if (name !== undefined) yield { key: name, size: size ?? 0, modified: lastModified?.getTime() ?? 0 }
    }
  }

  async * names (prefix: string): AsyncIterable<string> {
    const { client, bucket } = this.#bucket
    for await (const item of this.#bucket.each('list', prefix, () => client.listObjectsV2(bucket, prefix, false))) {
      const { name, prefix: folder } = item as { name?: string, prefix?: string }
      const key = name ?? folder
      if (key !== undefined) yield key.slice(prefix.length).replace(/\/$/, '')
    }
  }
}
