// Is everything whole, and does it fit together? Every pack is hashed again; packs, index records, owners and rows are compared all ways. Finds
// faults one at a time, as they come; with `repair` it mends what can be mended without guessing, and never deletes a byte that somebody owns.

import { createHash } from 'node:crypto'
import { StoreError } from '../errors.ts'
import { DamagedBlobs } from './damaged.ts'
import { bytesOfTwin, inlineOf, placeOf, recordFor } from './places.ts'
import { blake3Multihash, blake3Of, identityBytes, keyOf, parseKey, sha256Hex, sha256Multihash, sha256Of } from './multihash.ts'
import type { Descriptors } from './descriptors.ts'
import type { Multihash } from './multihash.ts'
import type { Stores } from './open.ts'
import type { Ownership } from './owners.ts'
import type { IndexRecord } from './record.ts'

export type FaultKind =
  | 'pack-damaged' | 'pack-unused' | 'record-without-bytes' | 'record-wrong' | 'record-missing' | 'record-ownerless'
  | 'blob-damaged' | 'owner-without-blob' | 'owner-damaged' | 'row-missing' | 'row-stale' | 'row-wrong'

export interface Fault {
  kind: FaultKind
  /** The sha256 it is about, or a store's key. */
  about: string
  detail: string
  repaired: boolean
}

export interface VerifyParts {
  stores: Stores
  /** Null: the store alone. */
  descriptors: Descriptors | null
  repair: boolean
  /** With foreign tools in the store ownerless records and their packs are theirs, not leftovers. */
  foreignBlobs: boolean
  /** Milliseconds; leftovers younger than an hour may belong to an upload under way at another node. */
  now: number
  onProgress?: (line: string) => void
}

export interface Verified {
  packs: number
  bytes: number
  records: number
  owners: number
  faults: Fault[]
}

const GRACE_MS = 3600 * 1000

/** Rejects with StoreError when the store does not answer. */
export async function verify (parts: VerifyParts): Promise<Verified> {
  return new Verifier(parts).run()
}

class Verifier {
  readonly #parts: VerifyParts
  readonly #result: Verified = { packs: 0, bytes: 0, records: 0, owners: 0, faults: [] }
  /** Packs that some record or owner needs. */
  readonly #needed = new Set<string>()
  /** Packs that are there and whole, by key. */
  readonly #whole = new Map<string, number>()
  /** Keys of records that cannot be read, each told once. */
  readonly #unreadable = new Set<string>()

  constructor (parts: VerifyParts) {
    this.#parts = parts
  }

  async run (): Promise<Verified> {
    await this.#hashPacks()
    await this.#checkOwners()
    await this.#checkRecords()
    await this.#checkUnused()
    await this.#checkRows()
    await this.#checkNotes()
    return this.#result
  }

  async #fault (kind: FaultKind, about: string, detail: string, mend?: () => Promise<unknown> | unknown): Promise<void> {
    const repaired = this.#parts.repair && mend !== undefined
    if (repaired) await mend()
    this.#result.faults.push({ kind, about, detail, repaired })
  }

  async #hashPacks (): Promise<void> {
    const { packs } = this.#parts.stores
    for await (const { pack, size } of packs.list()) {
      this.#result.packs++
      const sha256 = sha256Of(pack)
      const found = await this.#hashOne(pack, size)
      if (sha256 !== null && found !== sha256) {
        await this.#fault('pack-damaged', keyOf(pack), `its ${size} bytes have the sha256 ${found ?? 'of nothing: they could not be read'}`)
      } else {
        this.#whole.set(keyOf(pack), size)
      }
      this.#parts.onProgress?.(`verify: ${this.#result.packs} packs, ${Math.round(this.#result.bytes / 1e6)} MB hashed`)
    }
  }

  async #hashOne (pack: Multihash, size: number): Promise<string | null> {
    const hash = createHash('sha256')
    if (size === 0) return hash.digest('hex')
    const reading = await this.#parts.stores.packs.read(pack, 0, size)
    if (reading === null) return null
    try {
      for (let piece = await reading.next(); piece !== null; piece = await reading.next()) {
        hash.update(piece.bytes)
        this.#result.bytes += piece.bytes.length
        piece.release()
      }
    } finally {
      await reading.close()
    }
    return hash.digest('hex')
  }

  async #checkOwners (): Promise<void> {
    const { owners } = this.#parts.stores
    for await (const { sha256, owner } of owners.list()) {
      this.#result.owners++
      let ownership: Ownership | null
      try {
        ownership = await owners.get(sha256, owner)
      } catch (error) {
        await this.#fault('owner-damaged', sha256, `of ${owner}: ${(error as Error).message}`)
        continue
      }
      if (ownership !== null) await this.#checkOwned(ownership)
    }
  }

  /** An owned blob has bytes, a record under each of its hashes, and a row. */
  async #checkOwned (ownership: Ownership): Promise<void> {
    const { stores, descriptors } = this.#parts
    const { sha256, owner, blake3, size } = ownership
    const self = sha256Multihash(sha256)
    const whole = this.#whole.get(keyOf(self)) === size
    const again = (): Promise<void> => stores.index.replace(recordFor(self, self, size, { kind: 'own' }, null))
    const record = await this.#own(self, sha256, whole ? again : undefined)
    if (record === null || record === 'unreadable') this.#needed.add(keyOf(self))
    if (record === 'unreadable') return
    const other = record === null && !whole ? await this.#own(blake3Multihash(blake3), sha256) : null
    const spare = other === 'unreadable' ? null : bytesOfTwin(other, ownership)
    const place = record !== null ? placeOf(record) : { kind: spare === null ? 'own' as const : 'inline' as const }
    if (record === null) {
      if (!whole && spare === null) return this.#fault('owner-without-blob', sha256, `${owner} owns it; there is neither record nor whole pack`)
      await this.#fault('record-missing', sha256, `the ${whole ? 'pack' : 'BLAKE3 record'} is there`, () => stores.index.add(recordFor(self, self, size, place, spare)))
    }
    const inline = record === null ? spare : inlineOf(record)
    const lost = place.kind === 'inline' && inline === null // its bytes: told as record-wrong further down
    const twin = lost ? undefined : (): Promise<void> => stores.index.replace(recordFor(blake3Multihash(blake3), self, size, place, inline))
    if (await this.#own(blake3Multihash(blake3), sha256, twin) === null) {
      await this.#fault('record-missing', sha256, `its BLAKE3 ${blake3} has none`, twin)
    }
    if (descriptors === null) return
    const row = descriptors.get(sha256)
    const have = descriptors.ownership(sha256, owner)
    if (row === null || have === null) {
      await this.#fault('row-missing', sha256, `${owner} owns it`, () => { descriptors.save(ownership, place) })
    } else if (row.size !== size || row.blake3 !== blake3 || have.uploaded !== ownership.uploaded || have.type !== ownership.type) {
      await this.#fault('row-wrong', sha256, `of ${owner}: the row and the owner object differ`, () => {
        descriptors.removeOwner(sha256, owner, Math.floor(this.#parts.now / 1000))
        descriptors.save(ownership, place)
      })
    }
  }

  /** Our record. One that cannot be read is told, and written again by `mend`: its bytes may be all there is of an inline blob, so it is never removed. */
  async #own (multihash: Multihash, about: string, mend?: () => Promise<void>): Promise<IndexRecord | null | 'unreadable'> {
    try {
      return await this.#parts.stores.index.own(multihash)
    } catch (error) {
      if (!(error instanceof StoreError) || error.action !== 'parse') throw error
      const key = keyOf(multihash)
      if (!this.#unreadable.has(key)) await this.#fault('record-wrong', about, `it cannot be read: ${error.message}`, mend)
      this.#unreadable.add(key)
      return 'unreadable'
    }
  }

  /** A record of ours points at whole bytes that hash to its name, and its blob has an owner. */
  async #checkRecords (): Promise<void> {
    const { stores, foreignBlobs } = this.#parts
    for await (const multihash of stores.index.list()) {
      this.#result.records++
      const sha256 = sha256Of(multihash)
      const about = sha256 ?? keyOf(multihash)
      const record = await this.#own(multihash, about)
      if (record === null || record === 'unreadable') continue
      if (record.type === 3) {
        const bytes = typeof record.location === 'string' ? null : identityBytes(record.location)
        if (bytes === null || bytes.length !== record.length || (sha256 !== null && sha256Hex(bytes) !== sha256)) {
          await this.#fault('record-wrong', about, 'its inline bytes are not those of its name')
          continue
        }
        if (sha256 !== null) await this.#checkOwnership(sha256, multihash)
        else await this.#checkTwin(multihash, sha256Hex(bytes), foreignBlobs)
        continue
      }
      if (record.type !== 0 || typeof record.location === 'string') continue
      const pack = keyOf(record.location)
      const size = this.#whole.get(pack)
      const owner = sha256 ?? sha256Of(record.location)
      const owned = owner !== null && (await stores.owners.namesOf(owner)).length > 0
      if (owned || foreignBlobs) this.#needed.add(pack)
      if (size === undefined || (record.offset ?? 0) + (record.length ?? 0) > size) {
        await this.#fault('record-without-bytes', about, `the pack ${pack} is missing, damaged or too short`, owned ? undefined : () => stores.index.remove(multihash))
      } else if (!owned && !foreignBlobs) {
        await this.#fault('record-ownerless', about, 'a leftover', () => stores.index.remove(multihash))
      }
    }
  }

  async #checkOwnership (sha256: string, multihash: Multihash): Promise<void> {
    const { stores, foreignBlobs } = this.#parts
    if (foreignBlobs || (await stores.owners.namesOf(sha256)).length > 0) return
    await this.#fault('record-ownerless', sha256, 'a leftover', () => stores.index.remove(multihash))
  }

  /** The BLAKE3 record of an inline blob lives as long as its sha256 one has an owner. */
  async #checkTwin (multihash: Multihash, sha256: string, foreignBlobs: boolean): Promise<void> {
    const { stores } = this.#parts
    if (foreignBlobs || blake3Of(multihash) === null || (await stores.owners.namesOf(sha256)).length > 0) return
    await this.#fault('record-ownerless', keyOf(multihash), 'a leftover', () => stores.index.remove(multihash))
  }

  async #checkUnused (): Promise<void> {
    const { stores, foreignBlobs, now } = this.#parts
    if (foreignBlobs) return
    for await (const { pack, modified } of stores.packs.list()) {
      if (this.#needed.has(keyOf(pack)) || (stores.shared && now - modified < GRACE_MS)) continue
      // where nobody else writes, whatever is here now and needed by nobody stays so
      await this.#fault('pack-unused', keyOf(pack), 'no owned record points at it', () => stores.packs.remove(pack))
    }
  }

  /** Every row stands for something the store holds. */
  async #checkRows (): Promise<void> {
    const { stores, descriptors, now } = this.#parts
    if (descriptors === null) return
    for (const { sha256, foreign } of [...descriptors.all()]) {
      if (foreign) continue
      for (const owner of descriptors.ownersOf(sha256)) {
        if (await stores.owners.get(sha256, owner).catch(() => undefined) !== null) continue
        await this.#fault('row-stale', sha256, `the store does not know the owner ${owner}`, () => { descriptors.removeOwner(sha256, owner, Math.floor(now / 1000)) })
      }
    }
  }

  /** What is noted as damaged is told until its bytes are whole again; what was found just now is noted, and no server serves it from then on. */
  async #checkNotes (): Promise<void> {
    const { stores } = this.#parts
    const damaged = new DamagedBlobs(stores.state, { shared: stores.shared })
    await damaged.load()
    const found = new Map<string, string>()
    for (const { kind, about, detail, repaired } of this.#result.faults) {
      // a record that cannot be read may be written again, where the bytes are elsewhere
      const sha256 = TELLS_DAMAGE.has(kind) && !repaired && !detail.startsWith('it cannot be read') ? namedBy(about) : null
      if (sha256 !== null) found.set(sha256, detail)
    }
    for (const { sha256, at, what, by } of await damaged.notes()) {
      const whole = !found.has(sha256)
      const mend = async (): Promise<void> => {
        await damaged.remove(sha256, null)
        await stores.packs.dropAside(sha256Multihash(sha256))
      }
      const since = `${what}, found by ${by} on ${new Date(at * 1000).toISOString()}`
      await this.#fault('blob-damaged', sha256, whole ? `${since}; it is whole again` : since, whole ? mend : undefined)
    }
    for (const [sha256, what] of found) {
      if (!damaged.has(sha256) && (await stores.owners.namesOf(sha256)).length > 0) await damaged.add(sha256, what, 'verify')
    }
  }
}

/** Faults that mean that a blob's bytes are not to be had. */
const TELLS_DAMAGE: ReadonlySet<FaultKind> = new Set(['pack-damaged', 'record-without-bytes', 'record-wrong', 'owner-without-blob'])

/** The sha256 that a fault is about, by itself or as the key of its pack. */
function namedBy (about: string): string | null {
  if (/^[0-9a-f]{64}$/.test(about)) return about
  const multihash = parseKey(about)
  return multihash === null ? null : sha256Of(multihash)
}
