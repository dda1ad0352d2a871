// ★ One blob, from whichever place has it: what is here is not fetched, places that failed before are passed over, a place that lies costs one try and
// the next is asked. The bytes are checked by who fetches (the door of every upload); two who want the same blob fetch it once.

import { Failure, StoreError } from '../../errors.ts'
import { Locks } from '../../stores/locks.ts'
import { CatalogFault } from '../faults.ts'
import { Slots } from './slots.ts'
import type { Blob } from '../../stores/descriptors.ts'
import type { Place } from './places.ts'
import type { ServerMemory } from './server-memory.ts'

/** `absent`: it answered that it has no such blob; `refused`: what it sends is not taken here. */
export type PlaceFault = 'absent' | 'broken' | 'wrong' | 'forbidden' | 'refused'

export interface PlaceWanted {
  sha256: string
  /** Bytes, where they are known. */
  size: number | null
  /** Its media type, where what names it says so: for places that tell none, or the general one. */
  type?: string | null
  owner: string
  /** The server asks for itself: whose keys may upload is not asked. */
  forServer: boolean
  signal: AbortSignal
  /** Hears how many bytes more have come; of a small blob nothing. */
  onBytes: (bytes: number) => void
}

/** A fault as a refusal would tell it. */
export interface Told {
  code: string
  status: number
  reason: string
}

/** How the server brings a blob in; the rooms of the blobs have it. */
export interface BlobSource {
  /** Makes a blob that is here the owner's too; null when it is not here. Rejects with Failure or StoreError. */
  own: (sha256: string, owner: string, forServer: boolean) => Promise<Blob | null>
  /** Asks one place. Rejects with what is not the place's fault: a Failure, the signal's reason, or StoreError. */
  fetch: (url: URL, wanted: PlaceWanted) => Promise<{ fault: null, blob: Blob, created: boolean } | { fault: PlaceFault } & Told>
}

export interface BlobWanted extends PlaceWanted {
  /** The best first; asked for when it is known that the blob is not here. */
  places: () => Place[]
  memory: ServerMemory
  onPlace: (outcome: PlaceOutcome) => void
}

export interface PlaceOutcome {
  server: string
  /** Null: it gave the blob. */
  fault: (Told & { fault: PlaceFault }) | null
}

/** `hopeful`: somebody may have it who could not be asked now. */
export type Obtained = { blob: Blob, created: boolean } | { blob: null, hopeful: boolean }

/** At one server at a time, whoever asks. */
const AT_ONE_SERVER = 2
const IN_ALL = 16

export class Obtaining {
  readonly #source: BlobSource
  readonly #now: () => number
  readonly #locks = new Locks()
  readonly #servers = new Slots(AT_ONE_SERVER)
  readonly #all = new Slots(IN_ALL)

  /** @param now milliseconds */
  constructor (source: BlobSource, now: () => number) {
    this.#source = source
    this.#now = now
  }

  /** Rejects with what no place can do anything about: a Failure, the signal's reason, or StoreError. */
  obtain (wanted: BlobWanted): Promise<Obtained> {
    return this.#locks.run(wanted.sha256, () => this.#obtain(wanted))
  }

  async #obtain (wanted: BlobWanted): Promise<Obtained> {
    const { sha256, owner, forServer, signal, places, memory, onPlace } = wanted
    signal.throwIfAborted()
    const here = await this.#source.own(sha256, owner, forServer)
    if (here !== null) return { blob: here, created: false }
    const left = places()
    let hopeful = false
    for (;;) {
      const now = this.#now()
      const open = left.filter(({ server }) => !memory.avoids(server, now))
      if (open.length === 0) return { blob: null, hopeful: hopeful || left.some(({ server }) => memory.mayComeBack(server)) }
      // the best that is not busy: two at a time are as many as one server is asked for
      const place = open.find(({ server }) => this.#servers.isFree(server)) ?? open[0]!
      const leave = await this.#enter(place.server)
      try {
        signal.throwIfAborted()
        if (memory.avoids(place.server, this.#now())) continue
        left.splice(left.indexOf(place), 1)
        const got = await this.#source.fetch(place.url, wanted)
        if (got.fault === null) {
          memory.praise(place.server)
          onPlace({ server: place.server, fault: null })
          return got
        }
        onPlace({ server: place.server, fault: got })
        if (got.fault !== 'refused') memory.blame(place.server, got.fault === 'absent' ? 'absent' : got.fault === 'forbidden' ? 'never' : 'fault', this.#now())
        if (got.fault === 'broken') hopeful = true
      } finally {
        leave()
      }
    }
  }

  async #enter (server: string): Promise<() => void> {
    const leaveServer = await this.#servers.enter(server)
    const leaveAll = await this.#all.enter('')
    return () => {
      leaveAll()
      leaveServer()
    }
  }
}

/** May the rest of a job still come when one of its blobs met this? Else it is about the owner or the server, and every other would meet it too. */
export function isOfOneBlob (error: unknown): error is Failure {
  return error instanceof Failure && ['HASH_BLOCKED', 'HASH_NOT_ALLOWED', 'TOO_LARGE'].includes(error.code)
}

export function toldOf (error: unknown): Told {
  const failure = error instanceof Failure || error instanceof CatalogFault ? error : new Failure(error instanceof StoreError ? 'STORE_FAILED' : 'INTERNAL')
  return { code: failure.code, status: failure.status, reason: failure.message }
}
