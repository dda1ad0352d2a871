// One pass from a store to another: state, then each blob as pack → owners → records (an inline blob: BLAKE3 record → owners → sha256 record), the
// order of an upload, so that whatever ends it the target shows nothing that is not whole. Every byte is hashed with both hashes on its way. What
// is there and right is left as it is. A blob that is damaged at the source is told and left out.

import { createHash } from 'node:crypto'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { StoreError } from '../errors.ts'
import { blake3Multihash, sha256Hex, sha256Multihash } from './multihash.ts'
import { buildOwner } from './owners.ts'
import { bytesOfTwin, bytesReading, inlineOf, placeOf, recordFor } from './places.ts'
import { buildRecord } from './record.ts'
import type { CopyLedger } from './copy-ledger.ts'
import type { Place } from './descriptors.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'
import type { PackReading } from './pack-store.ts'
import type { IndexRecord } from './record.ts'

export interface CopyParts {
  from: Stores
  to: Stores
  ledger: CopyLedger
  /** The source stands still: what is gone there is removed at the target, as far as the ledger names it. */
  last: boolean
  /** Bytes a second; null for as fast as it goes. */
  rate: number | null
  onProgress: (line: string) => void
  /** Each blob that is damaged, and why it was left out. */
  onFault: (about: string, detail: string) => void
}

export interface Copied {
  /** Blobs whose bytes went over, and how many. */
  blobs: number
  bytes: number
  /** Blobs that were there. */
  skipped: number
  owners: number
  states: number
  /** Owners and state removed at the target. */
  removed: number
  faults: number
}

/** Blobs under way at once: most of the time goes into waiting for syncs, or for the bucket. */
const AT_ONCE = 8
/** Notes and marks of nodes that run: they mean nothing elsewhere. */
const PASSING = /^(changes|list-changes|condemned)\/|^(copy|ready)$/

interface Found {
  place: Place
  /** All of an inline blob. */
  whole: Uint8Array | null
}

/** Rejects with StoreError when either store does not answer; it may then be run again. */
export function copy (parts: CopyParts): Promise<Copied> {
  return new Copier(parts).run()
}

class Copier {
  readonly #parts: CopyParts
  readonly #done: Copied = { blobs: 0, bytes: 0, skipped: 0, owners: 0, states: 0, removed: 0, faults: 0 }
  #paced = performance.now()

  constructor (parts: CopyParts) {
    this.#parts = parts
  }

  async run (): Promise<Copied> {
    await this.#copyState()
    const under = new Set<Promise<void>>()
    try {
      for await (const [sha256, owners] of this.#blobs()) {
        const one = this.#copyBlob(sha256, owners)
        const settled = one.finally(() => { under.delete(settled) })
        under.add(settled)
        settled.catch(() => {}) // told where it is awaited
        if (under.size >= AT_ONCE) await Promise.race(under)
      }
      await Promise.all(under)
    } finally {
      await Promise.allSettled(under)
    }
    if (this.#parts.last) await this.#removeGone()
    return this.#done
  }

  /** Every owned blob of the source with all its owners, which stores list together. */
  async * #blobs (): AsyncIterable<[string, string[]]> {
    let current: [string, string[]] | null = null
    for await (const { sha256, owner } of this.#parts.from.owners.list()) {
      if (current !== null && current[0] !== sha256) yield current
      if (current === null || current[0] !== sha256) current = [sha256, []]
      current[1].push(owner)
    }
    if (current !== null) yield current
  }

  #fault (about: string, detail: string): void {
    this.#done.faults++
    this.#parts.onFault(about, detail)
  }

  async #copyState (): Promise<void> {
    const { from, to, ledger } = this.#parts
    for await (const name of from.state.list('')) {
      if (PASSING.test(name)) continue
      const value = await from.state.get(name)
      if (value === null || JSON.stringify(value) === JSON.stringify(await to.state.get(name))) continue
      ledger.add(`state ${name}`)
      await to.state.put(name, value)
      this.#done.states++
    }
  }

  async #copyBlob (sha256: string, names: string[]): Promise<void> {
    const { from, onProgress } = this.#parts
    try {
      const owners = (await Promise.all(names.map((name) => from.owners.get(sha256, name)))).filter((each) => each !== null)
      if (owners.length === 0) return // deleted meanwhile
      const found = await this.#find(owners[0]!)
      // asked again: the source may be serving, and deletes owner, record and pack in this order
      if (found === null) return await this.#isGone(sha256) ? undefined : this.#fault(sha256, 'its bytes are not there')
      await this.#put(owners[0]!, owners, found)
    } catch (error) {
      if (!(error instanceof StoreError) || error.action !== 'parse') throw error
      this.#fault(sha256, error.message)
    }
    const { blobs, bytes, skipped } = this.#done
    onProgress(`copy: ${blobs} blobs, ${Math.round(bytes / 1e6)} MB copied, ${skipped} were there`)
  }

  async #isGone (sha256: string): Promise<boolean> {
    return (await this.#parts.from.owners.namesOf(sha256)).length === 0
  }

  /** Where a blob lies at the source; null when it does not. */
  async #find (ownership: Ownership): Promise<Found | null> {
    const { index, packs } = this.#parts.from
    const self = sha256Multihash(ownership.sha256)
    const record = await index.own(self)
    if (record !== null) return { place: placeOf(record), whole: inlineOf(record) }
    if (await packs.stat(self) !== null) return { place: { kind: 'own' }, whole: null }
    const whole = bytesOfTwin(await index.own(blake3Multihash(ownership.blake3)), ownership)
    return whole === null ? null : { place: { kind: 'inline' }, whole }
  }

  async #put (blob: Ownership, owners: Ownership[], { place, whole }: Found): Promise<void> {
    const { sha256, blake3, size } = blob
    const { to } = this.#parts
    const self = sha256Multihash(sha256)
    // a part of another's pack gets one of its own
    const there: Place = place.kind === 'inline' ? place : { kind: 'own' }
    const [twin, record] = [blake3Multihash(blake3), self].map((multihash) => recordFor(multihash, self, size, there, whole)) as [IndexRecord, IndexRecord]
    const complete = await this.#has(record) && (there.kind === 'inline' || (await to.packs.stat(self))?.size === size)
    if (complete) this.#done.skipped++
    else if (there.kind === 'inline' ? !this.#isWhole(blob, whole!) : !await this.#copyPack(blob, place)) return
    if (there.kind === 'inline') await this.#record(twin)
    for (const ownership of owners) await this.#putOwner(ownership)
    if (there.kind === 'own') await this.#record(twin)
    if (!complete) await this.#record(record)
    if (!complete) this.#done.blobs++
  }

  #isWhole ({ sha256, size }: Ownership, bytes: Uint8Array): boolean {
    if (bytes.length === size && sha256Hex(bytes) === sha256) {
      this.#done.bytes += size
      return true
    }
    this.#fault(sha256, 'its inline bytes are not those of its name')
    return false
  }

  async #has (record: IndexRecord): Promise<boolean> {
    const there = await this.#parts.to.index.own(record.multihash)
    return there !== null && buildRecord(there).equals(buildRecord(record))
  }

  async #record (record: IndexRecord): Promise<void> {
    const { index } = this.#parts.to
    if (!await index.add(record) && !await this.#has(record)) await index.replace(record)
  }

  async #putOwner (ownership: Ownership): Promise<void> {
    const { to, ledger } = this.#parts
    const there = await to.owners.get(ownership.sha256, ownership.owner)
    if (there !== null && buildOwner(there).equals(buildOwner(ownership))) return
    ledger.add(`owner ${ownership.sha256} ${ownership.owner}`)
    await to.owners.put(ownership)
    this.#done.owners++
  }

  /** False when it was left out: its bytes are damaged, or the blob was deleted meanwhile. */
  async #copyPack ({ sha256, blake3, size }: Ownership, place: Place): Promise<boolean> {
    const { from, to } = this.#parts
    const self = sha256Multihash(sha256)
    const [pack, offset] = place.kind === 'part' ? [place.pack, place.offset] : [self, 0]
    const reading: PackReading | null = size === 0 ? bytesReading(new Uint8Array()) : await from.packs.read(pack, offset, size)
    if (reading === null) {
      if (!await this.#isGone(sha256)) this.#fault(sha256, 'its pack is not there')
      return false
    }
    const draft = await to.packs.draft({ promised: self, size, type: null })
    try {
      const hash = createHash('sha256')
      const other = new Blake3Hasher()
      for (let piece = await this.#next(reading, sha256); piece !== null; piece = await this.#next(reading, sha256)) {
        if (piece === 'broken') return false
        const bytes = Buffer.from(piece.bytes) // a copy: drafts keep what they are given, and the buffer goes back
        piece.release()
        hash.update(bytes)
        other.update(bytes)
        await draft.write([bytes])
        this.#done.bytes += bytes.length
        await this.#pace(bytes.length)
      }
      if (hash.digest('hex') !== sha256 || other.digestBuffer().toString('hex') !== blake3) {
        this.#fault(sha256, 'its pack is damaged')
        return false
      }
      await draft.commit(self)
      return true
    } finally {
      await draft.discard()
      await reading.close()
    }
  }

  /** A pack cut short is damage of this blob, and no reason to stop. */
  async #next (reading: PackReading, sha256: string): Promise<Awaited<ReturnType<PackReading['next']>> | 'broken'> {
    try {
      return await reading.next()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (!await this.#isGone(sha256)) this.#fault(sha256, `its pack cannot be read: ${error.message}`)
      return 'broken'
    }
  }

  /** Waits until so many bytes may have gone over; all that is under way shares the rate. */
  async #pace (bytes: number): Promise<void> {
    const { rate } = this.#parts
    if (rate === null) return
    this.#paced = Math.max(this.#paced, performance.now() - 1000) + bytes / rate * 1000
    const wait = this.#paced - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  }

  /** What this copy put there and the source has no more: owner → records → pack, as a delete does. */
  async #removeGone (): Promise<void> {
    const { from, to, ledger } = this.#parts
    for (const name of ledger.all()) {
      const [kind, first = '', second = ''] = name.split(' ')
      if (kind === 'state') {
        if (await from.state.get(first) !== null) continue
        if (await to.state.remove(first)) this.#done.removed++
      } else {
        // one that cannot be read is damaged, not gone
        if ((await from.owners.namesOf(first)).includes(second)) continue
        await this.#removeOwner(first, second)
      }
      ledger.remove(name)
    }
  }

  async #removeOwner (sha256: string, owner: string): Promise<void> {
    const { to } = this.#parts
    const self = sha256Multihash(sha256)
    const ownership = await to.owners.get(sha256, owner)
    if (await to.owners.remove(sha256, owner)) this.#done.removed++
    if ((await to.owners.namesOf(sha256)).length > 0) return
    await to.index.remove(self)
    if (ownership !== null) await to.index.remove(blake3Multihash(ownership.blake3))
    await to.packs.remove(self)
  }
}
