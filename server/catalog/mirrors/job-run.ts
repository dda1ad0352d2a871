// One mirror job on its way: the manifest first, then all that it lists, four blobs at a time, from whoever has them. What nobody could give at once is
// asked for again after a pause. It ends well when every blob is here and the owner's.

import { setTimeout as wait } from 'node:timers/promises'
import { Failure, StoreError } from '../../errors.ts'
import { parseAddressName } from '../address.ts'
import { CatalogFault } from '../faults.ts'
import { parseTitle } from '../kinds/title.ts'
import { toldOf, isOfOneBlob } from './obtaining.ts'
import { ServerMemory } from './server-memory.ts'
import type { Blobs } from '../../stores/blobs.ts'
import type { Blob } from '../../stores/descriptors.ts'
import type { Title } from '../kinds/title.ts'
import type { ManifestReader } from '../manifest-reader.ts'
import type { ManifestRows } from '../rows/manifest-rows.ts'
import type { TitleViews } from '../views/title-views.ts'
import type { Job } from './job-rows.ts'
import type { Obtaining, PlaceOutcome, Told } from './obtaining.ts'
import type { Places } from './places.ts'

export interface JobRunParts {
  obtaining: Obtaining
  places: Places
  blobs: Pick<Blobs, 'disown'>
  titles: TitleViews
  manifests: ManifestRows
  reader: ManifestReader
  /** Bytes of a blob, where all that name it say the same. @param now unix seconds */
  sizeOf: (sha256: string, now: number) => number | null
  save: (job: Job) => void
  /** Unix milliseconds. */
  now: () => number
  /** Milliseconds before each further try. */
  pauses?: readonly number[]
}

const AT_A_TIME = 4
const PAUSES: readonly number[] = [5000, 30_000, 120_000]
const SAVE_MS = 1000
const PAGE = 1000
/** What is kept and told of what went wrong. */
const LAST_FAULTS = 20
const MOST_PROVIDERS = 50

interface Sought {
  sha256: string
  size: number | null
}

export class JobRun {
  readonly job: Job
  /** Bytes of the blobs that came in this life; unlike the job's own count it never falls. */
  fetched = 0
  readonly #parts: JobRunParts
  readonly #control = new AbortController()
  readonly #memory = new ServerMemory()
  #title: Title | null = null
  #saved = 0
  #storeFailed = false

  /** `job` is brought up to date as it goes. */
  constructor (job: Job, parts: JobRunParts) {
    this.job = job
    this.#parts = parts
  }

  /** Ends it, with what `run` then rejects with. */
  stop (reason: Error): void {
    this.#control.abort(reason)
  }

  /** Resolves when all is here and the owner's. Rejects with what it ended for: Failure, CatalogFault or StoreError. */
  async run (): Promise<void> {
    const { job, job: { wanted } } = this
    job.have = 0
    if (wanted.title === null) {
      job.ofAll = 1
      const size = this.#parts.sizeOf(wanted.sha256, this.#seconds())
      await this.#takeAll([{ sha256: wanted.sha256, size }], (blob, created) => this.#checkBlake3(blob, created))
      return
    }
    this.#title = this.#read(wanted.title)
    const { manifest, hashSequence, media } = this.#title
    await this.#takeAll([manifest!])
    const sought = new Map<string, Sought>()
    for (const each of await this.#listed(this.#title)) sought.set(each.sha256, each)
    if (hashSequence !== null) sought.set(hashSequence.sha256, { sha256: hashSequence.sha256, size: null })
    for (const { sha256, size } of media) if (sha256 !== null && !sought.has(sha256)) sought.set(sha256, { sha256, size })
    sought.delete(manifest!.sha256)
    job.ofAll = sought.size + 1
    this.#parts.save(job)
    await this.#takeAll([...sought.values()])
  }

  /** What went wrong, as it is kept and told. */
  note (sha256: string | null, provider: string | null, { code, status, reason }: Told): void {
    const { job } = this
    job.faultCount++
    job.faults = [...job.faults, { sha256, provider, code, status, reason, at: this.#seconds() }].slice(-LAST_FAULTS)
  }

  #seconds (): number {
    return Math.floor(this.#parts.now() / 1000)
  }

  #read (address: string): Title {
    const row = this.#parts.titles.get(parseAddressName(address), this.#seconds())
    const title = row === null ? null : parseTitle(row.event)
    if (title === null || title.manifest === null) throw new CatalogFault('TITLE_UNKNOWN')
    return title
  }

  async #listed ({ manifest }: Title): Promise<Sought[]> {
    const { manifests, reader } = this.#parts
    const { sha256, size, blake3 } = manifest!
    await reader.read(sha256)
    const read = manifests.get(sha256)
    if (read === null) throw new CatalogFault('MANIFEST_MISSING')
    if (read.fault !== null) throw new CatalogFault('MANIFEST_INVALID', read.fault)
    if (read.blake3 !== blake3) throw new CatalogFault('TAGS_DISAGREE', `the manifest of ${size} bytes has another BLAKE3`)
    const found: Sought[] = []
    for (let from = 0, page = manifests.listed(read.id, { rendition: null, segmentsOnly: false, from, limit: PAGE }); page.length > 0;) {
      found.push(...page)
      from = page.at(-1)!.position + 1
      page = manifests.listed(read.id, { rendition: null, segmentsOnly: false, from, limit: PAGE })
    }
    return found
  }

  /** Who asked for a BLAKE3 gets that blob or none: that its sha256 is this one, the catalog was only told. */
  async #checkBlake3 (blob: Blob, created: boolean): Promise<void> {
    const { wanted: { blake3 }, pubkey } = this.job
    if (blake3 === null || blob.blake3 === blake3) return
    if (created) await this.#parts.blobs.disown(blob.sha256, pubkey)
    throw new Failure('HASH_MISMATCH', 'the sha256 that the catalog names beside this BLAKE3 is of another blob')
  }

  async #takeAll (sought: readonly Sought[], check?: (blob: Blob, created: boolean) => Promise<void>): Promise<void> {
    const { pauses = PAUSES } = this.#parts
    let lost = 0
    let left = sought
    for (let pass = 0; left.length > 0; pass++) {
      if (pass > 0) {
        await this.#pause(pauses[pass - 1]!)
        this.#memory.forgive()
      }
      const later = await this.#pass(left, check)
      lost += later.lost
      left = later.left
      if (pass === pauses.length) break
    }
    if (lost + left.length > 0) throw new CatalogFault('BLOBS_MISSING', `${lost + left.length} of them could not be had`)
  }

  /** Tries each once. `left`: those that may come later; `lost`: how many will not. */
  async #pass (sought: readonly Sought[], check?: (blob: Blob, created: boolean) => Promise<void>): Promise<{ left: Sought[], lost: number }> {
    const broken = new AbortController()
    const signal = AbortSignal.any([this.#control.signal, broken.signal])
    const waiting = [...sought].reverse()
    const left: Sought[] = []
    let lost = 0
    this.#storeFailed = false
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        // with the store away all else would be fetched for nothing
        const outcome = this.#storeFailed ? 'later' : await this.#take(next, signal, check)
        if (outcome === 'later') left.push(next)
        else if (outcome === 'lost') lost++
        this.#saveNowAndThen()
        // what is here already comes without a wait: others want a turn as well
        await new Promise((resolve) => { setImmediate(resolve) })
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: AT_A_TIME }, async () => {
      try {
        await work()
      } catch (error) {
        broken.abort(error)
        throw error
      }
    }))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return { left, lost }
  }

  async #take ({ sha256, size }: Sought, signal: AbortSignal, check?: (blob: Blob, created: boolean) => Promise<void>): Promise<'had' | 'later' | 'lost'> {
    const { job } = this
    const { obtaining, places } = this.#parts
    let told = 0
    let asked = 0
    try {
      const got = await obtaining.obtain({
        sha256, size, owner: job.pubkey, forServer: false, signal, memory: this.#memory,
        places: () => {
          const found = places.of(sha256, this.#title, this.#seconds())
          asked = found.length
          return found
        },
        onBytes: (bytes) => {
          told += bytes
          job.bytes += bytes
        },
        onPlace: (outcome) => { this.#tally(sha256, outcome) }
      })
      if (got.blob === null) {
        if (asked === 0) this.note(sha256, null, toldOf(new Failure('ORIGIN_FAILED', 'nobody is known to have it')))
        return got.hopeful ? 'later' : 'lost'
      }
      await check?.(got.blob, got.created)
      // what was told of tries that came to nothing does not count
      if (got.created) {
        job.bytes += got.blob.size
        this.fetched += got.blob.size
      }
      job.have++
      return 'had'
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!(error instanceof StoreError) && !isOfOneBlob(error)) throw error
      this.note(sha256, null, toldOf(error))
      if (!(error instanceof StoreError)) return 'lost'
      this.#storeFailed = true
      return 'later'
    } finally {
      job.bytes -= told
    }
  }

  #tally (sha256: string, { server, fault }: PlaceOutcome): void {
    const { providers } = this.job
    let tally = providers.find(({ provider }) => provider === server)
    if (tally === undefined && providers.length < MOST_PROVIDERS) providers.push(tally = { provider: server, blobs: 0, faults: 0 })
    if (tally !== undefined) tally[fault === null ? 'blobs' : 'faults']++
    if (fault !== null) this.note(sha256, server, fault)
  }

  #saveNowAndThen (): void {
    const now = this.#parts.now()
    if (now - this.#saved < SAVE_MS) return
    this.#saved = now
    this.#parts.save(this.job)
  }

  async #pause (milliseconds: number): Promise<void> {
    const { signal } = this.#control
    try {
      await wait(milliseconds, undefined, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }
}
