// Mirror jobs as rows: who asked for what and how far it came, so that a restart goes on. Ended ones are kept for a week, a hundred a key at most.

import type { Database, Statement } from '../../database.ts'

/** What was asked for, as it is kept. */
export type Wanted = { sha256: string, blake3: string | null, title: null } | { sha256: null, blake3: null, title: string }

export type JobState = 'running' | 'done' | 'failed' | 'cancelled'
export const JOB_STATES: readonly JobState[] = ['running', 'done', 'failed', 'cancelled']

export interface JobFault {
  /** Null: of the whole job. */
  sha256: string | null
  /** Null where no provider was at fault. */
  provider: string | null
  code: string
  /** HTTP's, as a refusal of it would have. */
  status: number
  reason: string
  /** Unix seconds. */
  at: number
}

export interface ProviderTally {
  provider: string
  /** Blobs that it gave, and how often it did not. */
  blobs: number
  faults: number
}

export interface Progress {
  /** Of the blobs wanted, those that are here and the owner's. */
  have: number
  /** Null until the manifest was read. */
  ofAll: number | null
  /** Fetched so far. */
  bytes: number
  /** All of them, and the last few. */
  faultCount: number
  faults: JobFault[]
  providers: ProviderTally[]
}

export interface Job extends Progress {
  id: string
  /** 64 hex digits. */
  pubkey: string
  wanted: Wanted
  state: JobState
  /** Unix seconds. */
  createdAt: number
  updatedAt: number
}

interface Row {
  id: string
  pubkey: Buffer
  wanted: string
  state: JobState
  have: number
  of_all: number | null
  bytes: number
  faults: string
  created_at: number
  updated_at: number
}

const KEPT_SECONDS = 7 * 24 * 3600
const KEPT_OF_KEY = 100
const KEPT_IN_ALL = 10_000

export class JobRows {
  readonly #add: Statement<[string, Buffer, string, number, string, number, number]>
  readonly #update: Statement<[JobState, number, number | null, number, string, number, string]>
  readonly #get: Statement<[string], Row>
  readonly #running: Statement<[], Row>
  readonly #counts: Statement<[], { state: JobState, jobs: number }>
  readonly #forgetOld: Statement<[number]>
  readonly #forgetOfKey: Statement<[Buffer, number]>
  readonly #forgetMany: Statement<[number]>

  constructor (database: Database) {
    this.#add = database.prepare("INSERT INTO mirror_jobs (id, pubkey, wanted, state, have, of_all, bytes, faults, created_at, updated_at) VALUES (?, ?, ?, 'running', 0, NULL, ?, ?, ?, ?)")
    this.#update = database.prepare("UPDATE mirror_jobs SET state = ?, have = ?, of_all = ?, bytes = ?, faults = ?, updated_at = ? WHERE id = ? AND state = 'running'")
    this.#get = database.prepare('SELECT * FROM mirror_jobs WHERE id = ?')
    this.#running = database.prepare("SELECT * FROM mirror_jobs WHERE state = 'running' ORDER BY created_at, id")
    this.#counts = database.prepare('SELECT state, count(*) AS jobs FROM mirror_jobs GROUP BY state')
    this.#forgetOld = database.prepare("DELETE FROM mirror_jobs WHERE state != 'running' AND updated_at < ?")
    const beyond = (which: string): string => `
      DELETE FROM mirror_jobs WHERE id IN (SELECT id FROM mirror_jobs WHERE ${which} state != 'running' ORDER BY updated_at DESC, id LIMIT -1 OFFSET ?)`
    this.#forgetOfKey = database.prepare(beyond('pubkey = ? AND'))
    this.#forgetMany = database.prepare(beyond(''))
  }

  add ({ id, pubkey, wanted, bytes, createdAt, ...progress }: Job): void {
    const owner = Buffer.from(pubkey, 'hex')
    this.#forgetOld.run(createdAt - KEPT_SECONDS)
    this.#forgetOfKey.run(owner, KEPT_OF_KEY)
    this.#forgetMany.run(KEPT_IN_ALL)
    this.#add.run(id, owner, JSON.stringify(wanted), bytes, faultsOf(progress), createdAt, createdAt)
  }

  /** An ended job stays as it ended. */
  save ({ id, state, have, ofAll, bytes, updatedAt, ...progress }: Job): void {
    this.#update.run(state, have, ofAll, bytes, faultsOf(progress), updatedAt, id)
  }

  get (id: string): Job | null {
    const row = this.#get.get(id)
    return row === undefined ? null : jobOf(row)
  }

  running (): Job[] {
    return this.#running.all().map(jobOf)
  }

  counts (): Record<JobState, number> {
    const counts = { running: 0, done: 0, failed: 0, cancelled: 0 }
    for (const { state, jobs } of this.#counts.all()) counts[state] = jobs
    return counts
  }
}

function faultsOf ({ faultCount, faults, providers }: Pick<Progress, 'faultCount' | 'faults' | 'providers'>): string {
  return JSON.stringify({ faultCount, faults, providers })
}

function jobOf ({ id, pubkey, wanted, state, have, of_all: ofAll, bytes, faults, created_at: createdAt, updated_at: updatedAt }: Row): Job {
  const told = JSON.parse(faults) as Pick<Progress, 'faultCount' | 'faults' | 'providers'>
  return { id, pubkey: pubkey.toString('hex'), wanted: JSON.parse(wanted) as Wanted, state, have, ofAll, bytes, createdAt, updatedAt, ...told }
}
