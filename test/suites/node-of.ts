// One marquee without its HTTP: blobs over given stores with a database of its own, as the tests of stores/ use it.

import { Readable } from 'node:stream'
import { openDatabase } from '../../server/database.ts'
import { Blobs } from '../../server/stores/blobs.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { ForeignFinder } from '../../server/stores/foreign.ts'
import { openRetention } from '../../server/stores/open-retention.ts'
import { readWhole } from '../../server/stores/pack-store.ts'
import type { Database } from '../../server/database.ts'
import type { ReceiveHints, Received } from '../../server/stores/receiving.ts'
import type { OwnedBlob } from '../../server/stores/descriptors.ts'
import type { Retained } from '../../server/stores/open-retention.ts'
import type { Stores } from '../../server/stores/open.ts'
import type { RetentionRule } from '../../server/stores/retention-rules.ts'
import type { RetentionSweep } from '../../server/stores/retention-sweep.ts'

export const ALICE = 'a'.repeat(64)
export const BOB = 'b'.repeat(64)

export interface Node {
  stores: Stores
  database: Database
  descriptors: Descriptors
  blobs: Blobs
  /** Takes bytes in as ALICE's, unless the hints say otherwise. */
  put: (bytes: Uint8Array | Readable, hints?: Partial<ReceiveHints>) => Promise<Received>
  /** All bytes of a blob; null when it is not here. */
  get: (sha256: string) => Promise<Buffer | null>
  listed: (owner?: string) => OwnedBlob[]
  /** The node's clock goes on by this many milliseconds. */
  pass: (ms: number) => void
  /** Milliseconds. */
  now: () => number
  retained: Retained
  /** Looks at three rows a step and waits for nothing in between. */
  sweep: RetentionSweep
}

export const START = 1_800_000_000_000

/** Who owns what is pinned. */
export const KEEPER = 'f'.repeat(64)

interface NodeSettings {
  foreign?: boolean
  inlineLimit?: number
  maxSize?: number
  database?: Database
  rules?: readonly RetentionRule[]
  /** What is pinned. */
  pinned?: Set<string>
  /** Milliseconds. */
  at?: number
  /** Between two steps of the sweep. */
  pause?: () => Promise<void>
}

/** A node; `foreign` is the setting foreignBlobs. Its clock stands still. */
export function nodeOf (stores: Stores, settings: NodeSettings = {}): Node {
  const { foreign = false, inlineLimit = 4096, maxSize = 1e9, database = openDatabase(':memory:'), rules = [], pinned = new Set(), at = START, pause = async () => {} } = settings
  let clock = at
  const now = (): number => clock
  const descriptors = new Descriptors(database)
  const finder = foreign ? new ForeignFinder(stores.index, database, now) : null
  const retained = openRetention({ stores, descriptors, database, rules, keeper: KEEPER, isPinned: (sha256) => pinned.has(sha256), now })
  const blobs = new Blobs({ stores, descriptors, foreign: finder, limits: { maxSize, idleTimeout: 30_000, inlineLimit }, retention: retained.retention, now })
  const sweep = retained.sweepOver(blobs, (error) => { throw error }, { step: 3, pause })
  return {
    stores, database, descriptors, blobs, now, retained, sweep,
    put: (bytes, hints = {}) => blobs.receive(bytes instanceof Readable ? bytes : Readable.from(bytes.length === 0 ? [] : [bytes]), {
      owner: ALICE, type: null, extension: null, promised: null, likely: null, size: null, acceptHash: () => {}, acceptType: () => {}, ...hints
    }),
    get: async (sha256) => {
      const blob = await blobs.find(sha256)
      const reading = blob === null ? null : await blobs.read(blob, 0, blob.size)
      return reading === null ? null : readWhole(reading)
    },
    listed: (owner = ALICE) => blobs.list({ owner, limit: 1000, since: 0, until: Number.MAX_SAFE_INTEGER, after: null }),
    pass: (ms) => { clock += ms }
  }
}

/** Every row of blobs and owners, to compare two databases. */
export function dump (database: Database): { blobs: unknown[], owners: unknown[] } {
  return {
    blobs: database.prepare('SELECT hex(sha256) AS sha256, hex(blake3) AS blake3, size, type, uploaded, place, hex(pack) AS pack, offset, alien, expires FROM blobs ORDER BY 1').all(),
    owners: database.prepare('SELECT hex(pubkey) AS pubkey, hex(sha256) AS sha256, uploaded, type, expires FROM owners ORDER BY 1, 2').all()
  }
}

/** Every key of the store that is about blobs: packs, records, owners. */
export async function keysOf (stores: Stores): Promise<string[]> {
  const found: string[] = []
  for await (const { pack } of stores.packs.list()) found.push(stores.layout.pack(pack))
  for await (const multihash of stores.index.list()) found.push(stores.layout.record(multihash))
  for await (const { sha256, owner } of stores.owners.list()) found.push(`owners/${sha256}/${owner}`)
  return found.sort()
}
