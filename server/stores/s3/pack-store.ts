// Packs as S3 objects: written by s3/draft.ts, read as one ranged GET, streamed.

import { CopyDestinationOptions, CopySourceOptions } from 'minio'
import { StoreError } from '../../errors.ts'
import { keyOf } from '../multihash.ts'
import { PACKS } from '../layout.ts'
import { PART_BYTES, S3PackDraft, abortIntended, abortUpload } from './draft.ts'
import { isAbsent } from './bucket.ts'
import { DirectReader } from './direct-read.ts'
import { PartBudget } from './part-budget.ts'
import { Presigner } from './presign.ts'
import type { Layout } from '../layout.ts'
import type { Multihash } from '../multihash.ts'
import type { DraftHints, PackDraft, PackEntry, PackReading, PackStore, Piece } from '../pack-store.ts'
import type { Bucket } from './bucket.ts'
import type { DraftParts } from './draft.ts'
import type { BegunUpload, IntendedUpload, UploadJournal } from './upload-journal.ts'

const PARTS_IN_MEMORY = 8
const ABANDONED_MS = 24 * 3600 * 1000

export class S3PackStore implements PackStore {
  readonly name = 'minio'
  readonly #bucket: Bucket
  readonly #layout: Layout
  readonly #journal: UploadJournal
  readonly #drafting: DraftParts
  readonly #direct: DirectReader
  readonly #presigner: Presigner

  constructor (bucket: Bucket, layout: Layout, journal: UploadJournal, limits: { partBytes?: number, copyLimit?: number } = {}) {
    this.#bucket = bucket
    this.#layout = layout
    this.#journal = journal
    this.#direct = new DirectReader(bucket)
    this.#presigner = new Presigner(bucket)
    this.#drafting = { bucket, layout, journal, budget: new PartBudget(PARTS_IN_MEMORY), partBytes: PART_BYTES, late: new Set(), ...limits }
  }

  async draft (hints: DraftHints): Promise<PackDraft> {
    return new S3PackDraft(this.#drafting, hints)
  }

  async stat (pack: Multihash): Promise<PackEntry | null> {
    const { client, bucket } = this.#bucket
    const key = this.#layout.pack(pack)
    const found = await this.#bucket.callMaybe('stat', key, () => client.statObject(bucket, key))
    return found === null ? null : { pack, size: found.size, modified: found.lastModified.getTime() }
  }

  async read (pack: Multihash, offset: number, length: number): Promise<PackReading | null> {
    const key = this.#layout.pack(pack)
    const body = await this.#bucket.ask('read', key, () => this.#direct.open(key, offset, length))
    return body === null ? null : new ToldReading(body, keyOf(pack))
  }

  async presign (pack: Multihash, type: string, name: string, maxAge: number | null): Promise<string> {
    const key = this.#layout.pack(pack)
    return this.#bucket.ask('presign', key, () => this.#presigner.url(key, type, name, maxAge))
  }

  async remove (pack: Multihash): Promise<boolean> {
    if (await this.stat(pack) === null) return false
    await this.#bucket.remove(this.#layout.pack(pack))
    return true
  }

  /** A copy: the object stays until a repair puts another over it. No lock spans the nodes, and one may be repairing it this moment. */
  async setAside (pack: Multihash): Promise<boolean> {
    const { client, bucket } = this.#bucket
    const [from, to] = [this.#layout.pack(pack), this.#layout.aside(pack, 'car', Date.now())]
    const copied = await this.#bucket.askMaybe('set aside', from, () => client.copyObject(
      new CopySourceOptions({ Bucket: bucket, Object: from }), new CopyDestinationOptions({ Bucket: bucket, Object: to })))
    return copied !== null
  }

  async dropAside (pack: Multihash): Promise<void> {
    const { client, bucket } = this.#bucket
    const prefix = this.#layout.asideOf(pack)
    await this.#bucket.ask('remove', prefix, async () => {
      for await (const item of client.listObjectsV2(bucket, prefix, true)) {
        const { name } = item as { name?: string }
        if (name !== undefined) await client.removeObject(bucket, name)
      }
    })
  }

  async * list (): AsyncIterable<PackEntry> {
    const { client, bucket } = this.#bucket
    for await (const item of this.#bucket.each('list', PACKS, () => client.listObjectsV2(bucket, PACKS, true))) {
      const { name, size, lastModified } = item as { name?: string, size?: number, lastModified?: Date }
      const pack = name === undefined ? null : this.#layout.packOf(name)
      if (pack !== null) yield { pack, size: size ?? 0, modified: lastModified?.getTime() ?? 0 }
    }
  }

  /** Aborts what this server's journal names, and what anybody left more than 24 hours ago. */
  async sweep (): Promise<number> {
    const { begun, intended } = await this.#bucket.ask('sweep', 'the journal of uploads', () => this.#journal.list())
    for (const upload of [...begun, ...intended]) await this.#end(upload)
    return begun.length + await this.#sweepOld(Date.now() - ABANDONED_MS)
  }

  async endLate (): Promise<void> {
    for (const upload of this.#drafting.late) {
      await this.#end(upload)
      this.#drafting.late.delete(upload)
    }
  }

  async #end (upload: BegunUpload | IntendedUpload): Promise<void> {
    if ('uploadId' in upload) await abortUpload(this.#bucket, upload)
    else await abortIntended(this.#bucket, this.#journal, upload)
    await this.#bucket.ask('sweep', upload.key, () => 'uploadId' in upload ? this.#journal.remove(upload) : this.#journal.forgo(upload))
  }

  async #sweepOld (before: number): Promise<number> {
    const { client, bucket } = this.#bucket
    let swept = 0
    // MinIO lists uploads only by their exact key and drops stale ones itself; other stores list them all
    try {
      for await (const item of this.#bucket.each('sweep', 'tmp/', () => client.listIncompleteUploads(bucket, '', true))) {
        const { key, uploadId, initiated } = item as { key: string, uploadId: string, initiated?: Date }
        if (initiated === undefined || new Date(initiated).getTime() > before) continue
        await abortUpload(this.#bucket, { key, uploadId })
        swept++
      }
    } catch (error) {
      // the client asks for the parts of each: another node's upload may have ended since it was listed. The rest is for the next start
      if (!(error instanceof StoreError && isAbsent(error.cause))) throw error
    }
    for await (const item of this.#bucket.each('sweep', 'tmp/', () => client.listObjectsV2(bucket, 'tmp/', true))) {
      const { name, lastModified } = item as { name?: string, lastModified?: Date }
      if (name === undefined || lastModified === undefined || lastModified.getTime() > before) continue
      await this.#bucket.remove(name)
      swept++
    }
    return swept
  }
}

/** A reading whose faults are told as StoreErrors. */
class ToldReading implements PackReading {
  readonly #reading: PackReading
  readonly #key: string

  constructor (reading: PackReading, key: string) {
    this.#reading = reading
    this.#key = key
  }

  async next (): Promise<Piece | null> {
    try {
      return await this.#reading.next()
    } catch (error) {
      throw new StoreError('minio', 'read', this.#key, error)
    }
  }

  close (): Promise<void> {
    return this.#reading.close()
  }
}
