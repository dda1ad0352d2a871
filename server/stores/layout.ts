// Where bytes land: the one place that draws the tree and makes every path and key (hash-stream.md §2, design §3).
//
//   filesystem                     MinIO / S3
//   pack/<P>.car                   pack/<P>/<P>.car           one pack; P = C of its multihash
//   index/<C>/0                    index/<C>/<C>/0            where the blob of multihash C lies (sha256 and BLAKE3 each)
//   index/<C>/<other>              index/<C>/<C>/<other…>     records that hash-stream's own tools wrote
//   owners/<C>/<pubkey hex>        the same                   who owns it; `none` for an upload without a key
//   state/<name>                   the same                   what is nobody's blob but must outlive the database
//   drafts/<id>                    tmp/<id>                   bytes that have no name yet
//   quarantine/<C>.<time>.car      the same                   a damaged pack (`.record`: an inline record) until its blob is repaired
//
// S3 doubles the name since its rate limits are per path prefix; hash-stream's readers find both trees with their prefixes
// `pack/` and `index/`. Packs of one blob end in `.car` too: no reader of theirs parses the pack, and their CLI cannot be told
// another extension.

import { keyOf, parseKey } from './multihash.ts'
import type { Multihash } from './multihash.ts'

export class Layout {
  readonly doubled: boolean

  /** @param doubled true for S3-like stores, false for folders */
  constructor (doubled: boolean) {
    this.doubled = doubled
  }

  #name (multihash: Multihash): string {
    const key = keyOf(multihash)
    return this.doubled ? `${key}/${key}` : key
  }

  pack (pack: Multihash): string {
    return `pack/${this.#name(pack)}.car`
  }

  /** The record of ours: a fixed name that sorts before any of theirs, so that moving a blob replaces one object. */
  record (multihash: Multihash): string {
    return `${this.records(multihash)}0`
  }

  /** Everything that anybody wrote about one multihash lies below this. */
  records (multihash: Multihash): string {
    return `index/${this.#name(multihash)}/`
  }

  owners (blob: Multihash): string {
    return `owners/${keyOf(blob)}/`
  }

  owner (blob: Multihash, owner: string): string {
    return `${this.owners(blob)}${owner}`
  }

  /** What is kept of a damaged blob: its pack, or its index record. Several may follow each other. */
  aside (multihash: Multihash, what: 'car' | 'record', at: number): string {
    return `${this.asideOf(multihash)}${at}.${what}`
  }

  asideOf (multihash: Multihash): string {
    return `${ASIDE}${keyOf(multihash)}.`
  }

  state (name: string): string {
    return `state/${name}`
  }

  /** Which pack a key below `pack/` holds; null for a key that is none. */
  packOf (key: string): Multihash | null {
    const match = /^pack\/(?:.*\/)?([a-z0-9]+)\.car$/.exec(key)
    const pack = match?.[1] === undefined ? null : parseKey(match[1])
    return pack !== null && this.pack(pack) === key ? pack : null
  }

  /** Which multihash a key below `index/` is about, and whether it is the record of ours. */
  recordOf (key: string): { multihash: Multihash, ours: boolean } | null {
    const name = key.split('/')[1]
    const multihash = name === undefined ? null : parseKey(name)
    if (multihash === null || !key.startsWith(this.records(multihash))) return null
    return { multihash, ours: key === this.record(multihash) }
  }

  /** Which blob and owner a key below `owners/` names. */
  ownerOf (key: string): { blob: Multihash, owner: string } | null {
    const [, name, owner, more] = key.split('/')
    const blob = name === undefined ? null : parseKey(name)
    if (blob === null || owner === undefined || more !== undefined) return null
    return /^([0-9a-f]{64}|none)$/.test(owner) ? { blob, owner } : null
  }
}

export const PACKS = 'pack/'
export const RECORDS = 'index/'
export const OWNERS = 'owners/'
export const STATE = 'state/'
export const ASIDE = 'quarantine/'
