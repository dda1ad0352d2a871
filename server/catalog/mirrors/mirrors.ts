// POST /catalog/mirrors: what is being fetched from providers, job by job. Jobs are rows: they go on after a restart, where what came already is not
// fetched again. A row is synced with the rest of the database, within seconds; a job lost to a power cut is asked for again, and its blobs are here.

import { randomUUID } from 'node:crypto'
import { Failure } from '../../errors.ts'
import { formatAddress } from '../address.ts'
import { CatalogFault } from '../faults.ts'
import { JobRows } from './job-rows.ts'
import { JobRun } from './job-run.ts'
import { toldOf, Obtaining } from './obtaining.ts'
import { Places, sha256In } from './places.ts'
import type { Database } from '../../database.ts'
import type { Blobs } from '../../stores/blobs.ts'
import type { Address } from '../address.ts'
import type { Catalog } from '../catalog.ts'
import type { HashName } from '../hash-name.ts'
import type { Job, JobState, Wanted } from './job-rows.ts'
import type { BlobSource } from './obtaining.ts'

export interface MirrorsParts {
  database: Database
  catalog: Pick<Catalog, 'providers' | 'titles' | 'hashes' | 'manifests' | 'reader' | 'store'>
  blobs: Pick<Blobs, 'disown'>
  source: BlobSource
  /** URLs that lead back here. */
  isOurs: (url: URL) => boolean
  /** Throws a Failure when this hash may not be here. */
  judgeHash: (sha256: string) => void
  /** Hears of jobs that ended well. */
  onDone?: (job: Job) => void
  /** Hears of what was nobody's fault but ours. */
  onFault: (error: unknown, what: string) => void
  /** Unix milliseconds. */
  now: () => number
}

/** Running at a time. */
const MOST_OF_KEY = 4
const MOST_IN_ALL = 32
const RETRY_SECONDS = '60'
/** Of those that name a hash, how many are asked for its size. */
const MENTIONS = 20

export class Mirrors {
  readonly places: Places
  readonly obtaining: Obtaining
  readonly #parts: MirrorsParts
  readonly #rows: JobRows
  readonly #running = new Map<string, { run: JobRun, ended: Promise<void> }>()
  #closed = false
  /** Fetched in this life by jobs that have ended. */
  #bytesEnded = 0

  constructor (parts: MirrorsParts) {
    const { database, catalog: { providers, titles, hashes, store }, source, isOurs, now } = parts
    this.#parts = parts
    this.#rows = new JobRows(database)
    this.places = new Places({ providers, titles, hashes, log: store.log, isOurs })
    this.obtaining = new Obtaining(source, now)
  }

  /** Goes on with what was running. */
  start (): void {
    for (const job of this.#rows.running()) this.#launch(job)
  }

  /**
   * Starts to mirror what is missing of a title, or one blob; the job, or the same one where it is running already. Throws TITLE_UNKNOWN, HASH_UNRESOLVED,
   * MIRRORS_FULL, what `judgeHash` throws, or CLOSING.
   */
  create (pubkey: string, asked: { title: Address } | { hash: HashName }): Job {
    if (this.#closed) throw new Failure('CLOSING')
    const wanted = this.#wantedOf(asked)
    // one that was cancelled a moment ago may still be ending
    const running = [...this.#running.values()].map(({ run }) => run.job).filter(({ state }) => state === 'running')
    const mine = running.filter((job) => job.pubkey === pubkey)
    const same = mine.find((job) => JSON.stringify(job.wanted) === JSON.stringify(wanted))
    if (same !== undefined) return same
    const headers = { 'retry-after': RETRY_SECONDS }
    if (mine.length >= MOST_OF_KEY) throw new Failure('MIRRORS_FULL', `${MOST_OF_KEY} by one key`, { headers })
    if (running.length >= MOST_IN_ALL) throw new Failure('MIRRORS_FULL', `${MOST_IN_ALL} in all`, { headers })
    const at = this.#seconds()
    const job: Job = {
      id: randomUUID(), pubkey, wanted, state: 'running', have: 0, ofAll: null, bytes: 0, faultCount: 0, faults: [], providers: [], createdAt: at, updatedAt: at
    }
    this.#rows.add(job)
    this.#launch(job)
    return job
  }

  get (id: string): Job | null {
    return this.#running.get(id)?.run.job ?? this.#rows.get(id)
  }

  /** Ends a running job; what came stays the owner's. One that has ended stays as it is. */
  cancel (id: string): Job | null {
    const running = this.#running.get(id)
    if (running !== undefined) {
      this.#end(running.run.job, 'cancelled')
      running.run.stop(new Error('the job was cancelled'))
    }
    return this.get(id)
  }

  /** Jobs by state, and bytes that were fetched since the start. */
  counts (): { jobs: Record<JobState, number>, bytes: number } {
    let bytes = this.#bytesEnded
    for (const { run } of this.#running.values()) bytes += run.fetched
    return { jobs: this.#rows.counts(), bytes }
  }

  /** Lets go of everything: running jobs go on at the next start. */
  async close (): Promise<void> {
    this.#closed = true
    for (const { run } of this.#running.values()) run.stop(new Failure('CLOSING'))
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
  }

  /** The sha256 of a blob that is asked for by any name, and its BLAKE3 where that was the name. Null without a sha256. @param now unix seconds */
  resolve ({ algorithm, hex }: HashName, now: number): { sha256: string, blake3: string | null } | null {
    if (algorithm === 'sha256') return { sha256: hex, blake3: null }
    const named = sha256In(this.#parts.catalog.hashes.mentions({ algorithm: 'blake3', hex }, now, MENTIONS), hex)
    if (named !== null) return { sha256: named, blake3: hex }
    return algorithm === null ? { sha256: hex, blake3: null } : null
  }

  /** Bytes of a blob, where all that name it say the same. @param now unix seconds */
  sizeOf (sha256: string, now: number): number | null {
    const sizes = new Set<number>()
    for (const { size } of this.#parts.catalog.hashes.mentions({ algorithm: 'sha256', hex: sha256 }, now, MENTIONS)) if (size !== null) sizes.add(size)
    return sizes.size === 1 ? [...sizes][0]! : null
  }

  #seconds (): number {
    return Math.floor(this.#parts.now() / 1000)
  }

  #wantedOf (asked: { title: Address } | { hash: HashName }): Wanted {
    if ('title' in asked) {
      const row = this.#parts.catalog.titles.get(asked.title, this.#seconds())
      if (row === null || row.status === 'withdrawn') throw new CatalogFault('TITLE_UNKNOWN')
      return { sha256: null, blake3: null, title: formatAddress(asked.title) }
    }
    const resolved = this.resolve(asked.hash, this.#seconds())
    if (resolved === null) throw new Failure('HASH_UNRESOLVED')
    this.#parts.judgeHash(resolved.sha256)
    return { ...resolved, title: null }
  }

  #launch (job: Job): void {
    const { catalog: { titles, manifests, reader }, blobs, now } = this.#parts
    const run = new JobRun(job, {
      obtaining: this.obtaining, places: this.places, blobs, titles, manifests, reader, now,
      sizeOf: (sha256, at) => this.sizeOf(sha256, at),
      save: (each) => { this.#rows.save({ ...each, updatedAt: this.#seconds() }) }
    })
    const ended = this.#follow(run).catch((error: unknown) => { this.#parts.onFault(error, 'a mirror job could not be noted') }).finally(() => {
      this.#bytesEnded += run.fetched
      this.#running.delete(job.id)
    })
    this.#running.set(job.id, { run, ended })
  }

  async #follow (run: JobRun): Promise<void> {
    const { job } = run
    try {
      await run.run()
    } catch (error) {
      if (job.state !== 'running') return // cancelled
      if (this.#closed) return void this.#rows.save({ ...job, updatedAt: this.#seconds() })
      const told = toldOf(error)
      if (told.code === 'INTERNAL') this.#parts.onFault(error, 'a mirror job broke')
      run.note(null, null, told)
      return this.#end(job, 'failed')
    }
    if (job.state !== 'running') return
    this.#end(job, 'done')
    this.#parts.onDone?.(job)
  }

  #end (job: Job, state: JobState): void {
    job.updatedAt = this.#seconds()
    // the row first: an ended job is not written again
    this.#rows.save({ ...job, state })
    job.state = state
  }
}
