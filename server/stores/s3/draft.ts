// Bytes on their way into the bucket. Up to one part they wait in memory and go in one put under their own name; beyond that in
// multipart parts of bounded size and number: straight to the final key, still invisible, when the hash was promised, else to
// `tmp/` and from there by a copy inside the store. No body is ever handed to the client library: a live body that breaks there
// is an uncaught exception and a promise that never settles (models.md §4, fact 18).

import { randomUUID } from 'node:crypto'
import { CopyDestinationOptions, CopySourceOptions } from 'minio'
import { StoreError } from '../../errors.ts'
import { keyOf } from '../multihash.ts'
import { isAbsent } from './bucket.ts'
import { within } from './patience.ts'
import { UNSIGNED } from './signature.ts'
import type { Layout } from '../layout.ts'
import type { Multihash } from '../multihash.ts'
import type { DraftHints, PackDraft } from '../pack-store.ts'
import type { Bucket } from './bucket.ts'
import type { PartBudget } from './part-budget.ts'
import type { BegunUpload, IntendedUpload, UploadJournal } from './upload-journal.ts'

/** S3 allows 10,000 parts: with 8 MiB a blob of 78 GiB. Larger ones get larger parts. */
export const PART_BYTES = 8 * 1024 * 1024
const MAX_PARTS = 10_000
const IN_FLIGHT = 4
/** One writev takes 1,024 pieces. */
const MAX_CHUNKS = 1000
/** One copy call takes at most 5 GiB on S3; beyond that the copy goes in ranges. */
const COPY_LIMIT = 5 * 1024 ** 3

export interface DraftParts {
  bucket: Bucket
  layout: Layout
  journal: UploadJournal
  budget: PartBudget
  /** Bytes a part; tests make it small (S3 wants 5 MiB at least). */
  partBytes: number
  copyLimit?: number
  /** Uploads that could not be ended while the store failed. */
  late: Set<BegunUpload | IntendedUpload>
}

export class S3PackDraft implements PackDraft {
  readonly #parts: DraftParts
  readonly #hints: DraftHints
  readonly #partBytes: number
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #total = 0
  #upload: BegunUpload | null = null
  #sent = 0
  readonly #flying = new Set<Promise<void>>()
  readonly #etags: { part: number, etag: string }[] = []
  #fault: unknown = null
  #open = true

  constructor (parts: DraftParts, hints: DraftHints) {
    this.#parts = parts
    this.#hints = hints
    const size = hints.size ?? 0
    this.#partBytes = Math.max(parts.partBytes, Math.ceil(size / MAX_PARTS / 1024 ** 2) * 1024 ** 2)
  }

  async write (chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      let rest = chunk
      while (this.#waitingBytes + rest.length > this.#partBytes) {
        const room = this.#partBytes - this.#waitingBytes
        this.#keep(rest.subarray(0, room))
        rest = rest.subarray(room)
        await this.#sendPart()
      }
      this.#keep(rest)
    }
  }

  #keep (chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    this.#total += chunk.length
  }

  /** What waits, as it came: a copy of 8 MiB costs as much as sending it. Only a body of crumbs is put together. */
  #take (): readonly Uint8Array[] {
    const chunks = this.#waiting.length > MAX_CHUNKS ? [Buffer.concat(this.#waiting, this.#waitingBytes)] : this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    return chunks
  }

  async #begin (): Promise<BegunUpload> {
    const { promised } = this.#hints
    this.#upload = await this.#initiate(promised === null ? `tmp/${randomUUID()}` : this.#parts.layout.pack(promised))
    return this.#upload
  }

  /** A multipart upload that the journal names. Rejects with StoreError; what may have been begun all the same is then ended later. */
  async #initiate (key: string): Promise<BegunUpload> {
    const { bucket, journal, late } = this.#parts
    const headers = this.#headers()
    const intended = await bucket.ask('journal', key, () => journal.intend(key))
    try {
      const uploadId = await bucket.call('begin', key, () => bucket.client.initiateNewMultipartUpload(bucket.bucket, key, headers))
      const begun = { key, uploadId }
      await bucket.ask('journal', key, () => journal.add(begun))
      await bucket.ask('journal', key, () => journal.forgo(intended))
      return begun
    } catch (error) {
      late.add(intended) // it may have been begun
      throw error
    }
  }

  #headers (): Record<string, string> {
    const { type } = this.#hints // the sender's word: what no header can carry is left out
    return { 'content-type': type !== null && /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(type) ? type : 'application/octet-stream' }
  }

  async #sendPart (): Promise<void> {
    const { bucket, budget } = this.#parts
    const upload = this.#upload ?? await this.#begin()
    if (this.#sent === MAX_PARTS) throw new StoreError('minio', 'write', upload.key, new Error('more than 10,000 parts'))
    while (this.#flying.size >= IN_FLIGHT) await Promise.race(this.#flying)
    await bucket.ask('write', upload.key, () => budget.take())
    if (this.#fault !== null || !this.#open) {
      budget.give()
      throw new StoreError('minio', 'write', upload.key, this.#fault ?? new Error('the draft is closed'))
    }
    const part = ++this.#sent
    const body = this.#take()
    const query = `partNumber=${part}&uploadId=${encodeURIComponent(upload.uploadId)}`
    // unsigned payload: a hash of every part would be a third one of the same bytes
    const flight: Promise<void> = bucket.wire.ask({ method: 'PUT', key: upload.key, query, body, payload: UNSIGNED }).then(({ head: { etag } }) => {
      this.#etags.push({ part, etag })
    }, (error: unknown) => {
      this.#fault ??= error
      budget.refuse(error)
    }).finally(() => {
      budget.give()
      this.#flying.delete(flight)
    })
    this.#flying.add(flight)
  }

  async commit (pack: Multihash, over = false): Promise<'created' | 'existed'> {
    const { bucket, layout } = this.#parts
    const key = layout.pack(pack)
    if (this.#upload === null) {
      this.#open = false
      if (over) return this.#putOver(key)
      return await bucket.create(key, this.#take(), UNSIGNED, this.#headers()) ? 'created' : 'existed'
    }
    if (this.#waitingBytes > 0) await this.#sendPart()
    await Promise.all(this.#flying)
    const upload = this.#upload
    if (this.#fault !== null) throw new StoreError('minio', 'write', upload.key, this.#fault)
    if (this.#hints.promised !== null && upload.key !== key) throw new StoreError('minio', 'commit', keyOf(pack), new Error('the promised hash was another'))
    const { client } = bucket
    const there = over ? null : await bucket.callMaybe('stat', key, () => client.statObject(bucket.bucket, key))
    // of another length it is not this pack, or not the store's own word: ours takes its place
    if (there?.size === this.#total) {
      await this.discard()
      return 'existed'
    }
    this.#etags.sort((a, b) => a.part - b.part)
    await bucket.call('commit', key, () => bucket.assembler.completeMultipartUpload(bucket.bucket, upload.key, upload.uploadId, this.#etags), bucket.patience.assembly)
    if (upload.key !== key) await this.#copy(upload.key, key)
    this.#open = false
    await this.#forget(upload)
    return 'created'
  }

  async #putOver (key: string): Promise<'created'> {
    await this.#parts.bucket.ask('commit', key, () => this.#parts.bucket.wire.ask({ method: 'PUT', key, headers: this.#headers(), body: this.#take(), payload: UNSIGNED }))
    return 'created'
  }

  async #copy (from: string, to: string): Promise<void> {
    const { bucket, copyLimit = COPY_LIMIT } = this.#parts
    const target = new CopyDestinationOptions({ Bucket: bucket.bucket, Object: to })
    await bucket.ask('copy', to, async () => {
      if (this.#total <= copyLimit) {
        await within(bucket.patience.assembly, bucket.assembler.copyObject(new CopySourceOptions({ Bucket: bucket.bucket, Object: from }), target))
        return
      }
      await this.#copyRanges(from, to, copyLimit)
    })
    await bucket.remove(from)
  }

  /**
   * Copies more than one call takes, as parts. By hand: the client's composeObject reads every range from byte 0, and tells of no error.
   */
  async #copyRanges (from: string, to: string, copyLimit: number): Promise<void> {
    const { bucket: { assembler, bucket, patience: { assembly } }, journal } = this.#parts
    const upload = await this.#initiate(to)
    try {
      const etags: { part: number, etag: string }[] = []
      for (let start = 0; start < this.#total; start += copyLimit) {
        const end = Math.min(start + copyLimit, this.#total) - 1
        const part = etags.length + 1
        const headers = { 'x-amz-copy-source': `${bucket}/${from}`, 'x-amz-copy-source-range': `bytes=${start}-${end}` }
        const { etag } = await within(assembly, assembler.uploadPart({ bucketName: bucket, objectName: to, uploadID: upload.uploadId, partNumber: part, headers }))
        etags.push({ part, etag })
      }
      await within(assembly, assembler.completeMultipartUpload(bucket, to, upload.uploadId, etags))
    } catch (error) {
      await this.#forget(upload)
      throw error
    }
    await journal.remove(upload)
  }

  async discard (): Promise<void> {
    this.#waiting = []
    if (!this.#open) return
    this.#open = false
    await Promise.all(this.#flying)
    if (this.#upload !== null) await this.#forget(this.#upload)
  }

  /** Ends the upload in the store, whatever became of it, and in the journal; a store that is down leaves it for later, or to the next boot. */
  async #forget (upload: BegunUpload): Promise<void> {
    try {
      await abortUpload(this.#parts.bucket, upload)
      await this.#parts.journal.remove(upload)
    } catch {
      this.#parts.late.add(upload) // and the journal still names it
    }
  }
}

/** Aborts a multipart upload and removes a temporary object of the same key; nothing to abort is fine. */
export async function abortUpload (bucket: Bucket, upload: BegunUpload): Promise<void> {
  const { client } = bucket
  await bucket.call('abort', upload.key, async () => {
    try {
      await client.abortMultipartUpload(bucket.bucket, upload.key, upload.uploadId)
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  })
  if (upload.key.startsWith('tmp/')) await bucket.remove(upload.key)
}

/** Clocks of store and server may differ by this much. */
const CLOCKS_MS = 600_000

/**
 * Aborts what came of a wish to begin an upload. That is whatever lies under its key since then and has no part, for parts are sent only once the
 * journal names their upload; another node's upload of the same blob has a part within moments, and its sender could try again.
 */
export async function abortIntended (bucket: Bucket, journal: UploadJournal, { key, since }: IntendedUpload): Promise<void> {
  for await (const item of bucket.each('abort', key, () => bucket.client.listIncompleteUploads(bucket.bucket, key, true))) {
    const { key: found, uploadId, initiated, size } = item as { key: string, uploadId: string, initiated?: Date, size?: number }
    if (found !== key || (size ?? 0) > 0 || (initiated !== undefined && new Date(initiated).getTime() < since - CLOCKS_MS)) continue
    const { begun } = await bucket.ask('journal', key, () => journal.list())
    if (!begun.some((each) => each.uploadId === uploadId)) await abortUpload(bucket, { key, uploadId })
  }
}
