// Is there room for these bytes? Quotas of the key and of the store (413), and the reserve of the disk (507), judged before the body where its
// length is known and while it comes where not. Design §4: a shared blob counts in full for each owner; declared lengths are reserved
// while they arrive, so that two uploads at once cannot share the last room.

import { Failure } from '../errors.ts'
import type { FreeSpace } from '../stores/free-space.ts'
import type { Keys, Usage, Used } from '../stores/usage.ts'

/** Each null for no limit. */
export interface Quotas {
  readonly keyBytes: number | null
  readonly keyBlobs: number | null
  readonly storeBytes: number | null
  readonly storeBlobs: number | null
}

export interface Wanted {
  /** 64 hex digits, or 'none'. */
  owner: string
  /** The sha256 that the bytes most likely have, null when nobody knows. */
  likely: string | null
  /** Bytes as announced; null when nobody knows. */
  size: number | null
}

/** Room held for one upload until `release`. */
export interface Held {
  /** Notes that so many bytes more have come, before they are written. Throws as `hold`. */
  grow: (bytes: number) => void
  /** The real hash and size, before anything is visible. Throws as `hold`. */
  settle: (sha256: string, size: number) => void
  /** Gives it back, any number of times: what became a blob is counted by its row from then on. */
  release: () => void
}

interface Claim {
  owner: string
  /** What it may come to take of the key and of the store: nothing where the key has the blob already, or the store. */
  keyBytes: number
  keyBlobs: number
  storeBytes: number
  storeBlobs: number
  /** Announced, and not yet on the disk. */
  coming: number
}

type Amount = Exclude<keyof Claim, 'owner' | 'coming'>

export interface RoomParts {
  usage: Usage
  quotas: Quotas
  /** Null where the store has no disk of ours. */
  disk: FreeSpace | null
}

export class Room {
  readonly #usage: Usage
  #quotas: Quotas
  readonly #disk: FreeSpace | null
  readonly #claims = new Set<Claim>()
  /** Per owner: what its claims come to. */
  readonly #held = new Map<string, { keyBytes: number, keyBlobs: number, claims: number }>()
  readonly #all = { storeBytes: 0, storeBlobs: 0, coming: 0 }

  constructor ({ usage, quotas, disk }: RoomParts) {
    this.#usage = usage
    this.#quotas = quotas
    this.#disk = disk
  }

  /** Other quotas from now on. What was held without any is counted when its upload settles. */
  reload (quotas: Quotas): void {
    this.#quotas = quotas
  }

  /** Bytes announced by uploads under way that are not yet on the disk. */
  get coming (): number {
    return this.#all.coming
  }

  /** For who looks on: what is used, what holds, and the disk; null for what is not limited or not ours. Rejects with StoreError. */
  async look (): Promise<{ quotas: Quotas, stored: Used, keys: Keys, disk: { free: number, reserve: number } | null }> {
    return { quotas: this.#quotas, stored: this.#usage.all(), keys: this.#usage.keys(), disk: await this.#disk?.look() ?? null }
  }

  /** Says what `hold` would say, and holds nothing. Rejects with KEY_FULL, STORE_FULL, DISK_RESERVED, or StoreError. */
  async judge (wanted: Wanted): Promise<void> {
    const claim = this.#claimOf(wanted)
    this.#check(claim, claim)
    this.#checkDisk(await this.#disk?.room() ?? null, claim.coming)
  }

  /** Holds room for an upload. Rejects as `judge`. */
  async hold (wanted: Wanted): Promise<Held> {
    const disk = this.#disk?.room() ?? null
    const room = disk instanceof Promise ? await disk : disk
    const claim = this.#claimOf(wanted)
    // from here to #add nothing else runs: whoever comes next sees this claim
    this.#check(claim, claim)
    this.#checkDisk(room, claim.coming)
    this.#add(claim, 1)
    let arrived = 0
    let full: unknown = null
    return {
      grow: (bytes) => {
        arrived += bytes
        if (full !== null) throw full
        const coming = Math.max(0, claim.coming - bytes)
        const more = wanted.size === null ? bytes : 0
        const isNew = claim.storeBlobs > 0
        this.#change(claim, { ...claim, coming, keyBytes: claim.keyBytes + (claim.keyBlobs > 0 ? more : 0), storeBytes: claim.storeBytes + (isNew ? more : 0) })
        const now = this.#disk?.room() ?? null
        if (now instanceof Promise) now.then((room) => { this.#checkDisk(room, 0) }).catch((error: unknown) => { full = error })
        else this.#checkDisk(now, 0)
      },
      settle: (sha256, size) => {
        if (full !== null) throw full
        const real = this.#claimOf({ owner: claim.owner, likely: sha256, size })
        this.#change(claim, { ...real, coming: Math.max(0, real.coming - arrived) })
      },
      release: () => {
        if (this.#claims.has(claim)) this.#add(claim, -1)
      }
    }
  }

  #claimOf ({ owner, likely, size }: Wanted): Claim {
    const bytes = size ?? 0
    const { keyBytes, keyBlobs, storeBytes, storeBlobs } = this.#quotas
    const mine = (keyBytes !== null || keyBlobs !== null) && (likely === null || !this.#usage.owns(owner, likely))
    const fresh = likely === null || !this.#usage.has(likely)
    const counted = (storeBytes !== null || storeBlobs !== null) && fresh
    return {
      owner, keyBytes: mine ? bytes : 0, keyBlobs: mine ? 1 : 0, storeBytes: counted ? bytes : 0, storeBlobs: counted ? 1 : 0, coming: fresh ? bytes : 0
    }
  }

  /** Is there room for `more` besides everything that is held? Throws KEY_FULL or STORE_FULL. */
  #check (claim: Claim, more: Pick<Claim, Amount>): void {
    const { keyBytes, keyBlobs, storeBytes, storeBlobs } = this.#quotas
    if (more.keyBlobs > 0 || more.keyBytes > 0) {
      const used = this.#usage.of(claim.owner)
      const held = this.#held.get(claim.owner)
      if (keyBytes !== null && used.bytes + (held?.keyBytes ?? 0) + more.keyBytes > keyBytes) throw new Failure('KEY_FULL', `${keyBytes} bytes at most`)
      if (keyBlobs !== null && used.blobs + (held?.keyBlobs ?? 0) + more.keyBlobs > keyBlobs) throw new Failure('KEY_FULL', `${keyBlobs} blobs at most`)
    }
    if (more.storeBlobs > 0 || more.storeBytes > 0) {
      const used = this.#usage.all()
      const { storeBytes: bytes, storeBlobs: blobs } = this.#all
      if (storeBytes !== null && used.bytes + bytes + more.storeBytes > storeBytes) throw new Failure('STORE_FULL')
      if (storeBlobs !== null && used.blobs + blobs + more.storeBlobs > storeBlobs) throw new Failure('STORE_FULL')
    }
  }

  #checkDisk (room: number | null, more: number): void {
    if (room !== null && this.#all.coming + more > room) throw new Failure('DISK_RESERVED')
  }

  /** Makes a held claim another; throws as `#check`, and leaves it as it was, where there is no room for it. */
  #change (claim: Claim, next: Claim): void {
    this.#add(claim, -1)
    try {
      const grows = (['keyBytes', 'keyBlobs', 'storeBytes', 'storeBlobs'] as const).some((amount) => next[amount] > claim[amount])
      if (grows) this.#check(next, next)
      Object.assign(claim, next)
    } finally {
      this.#add(claim, 1)
    }
  }

  #add (claim: Claim, sign: 1 | -1): void {
    if (sign === 1) this.#claims.add(claim)
    else this.#claims.delete(claim)
    this.#all.storeBytes += sign * claim.storeBytes
    this.#all.storeBlobs += sign * claim.storeBlobs
    this.#all.coming += sign * claim.coming
    const held = this.#held.get(claim.owner) ?? { keyBytes: 0, keyBlobs: 0, claims: 0 }
    held.keyBytes += sign * claim.keyBytes
    held.keyBlobs += sign * claim.keyBlobs
    held.claims += sign
    if (held.claims === 0) this.#held.delete(claim.owner)
    else this.#held.set(claim.owner, held)
  }
}
