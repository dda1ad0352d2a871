// The snapshot: every event that stands, one a line, as a blob of the node key, named by a signed 30078 event. A new database reads it first. What it
// says is checked like whatever comes from a relay: it is a way to be quick, and no authority.

import { Readable } from 'node:stream'
import { sha256Hex } from '../stores/multihash.ts'
import { readWhole } from '../stores/pack-store.ts'
import { SNAPSHOT_NAME, APPLICATION_DATA_KIND } from './kinds/application-data.ts'
import { buildSnapshot, parseSnapshot } from './kinds/snapshot.ts'
import type { Database, Statement } from '../database.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { CatalogStore } from './catalog-store.ts'
import type { Published, Publisher } from './publish.ts'

export interface SnapshotParts {
  database: Database
  store: CatalogStore
  publisher: Publisher
  blobs: Blobs
  /** Unix milliseconds. */
  now: () => number
}

export const SNAPSHOT_TYPE = 'application/x-ndjson'
const STEP = 500
/** Bytes: a snapshot that is larger is not read back in one piece. */
const MOST = 1024 ** 3

/** Ids of all that stands, whatever its kind; withdrawals with it, for they say what must not come back. */
const LIVE = `SELECT e.seq, e.raw FROM events e WHERE e.seq > ? AND (
  e.kind = 5 OR EXISTS (SELECT 1 FROM titles t WHERE t.event = e.id) OR EXISTS (SELECT 1 FROM collections c WHERE c.event = e.id)
  OR EXISTS (SELECT 1 FROM releases r WHERE r.event = e.id) OR EXISTS (SELECT 1 FROM artifacts a WHERE a.event = e.id)
  OR EXISTS (SELECT 1 FROM lists l WHERE l.kind = e.kind AND l.pubkey = e.pubkey AND l.event = e.id)
  OR (e.kind = 30081 AND EXISTS (SELECT 1 FROM adverts a WHERE a.blake3 = unhex(e.d) AND a.pubkey = e.pubkey AND a.event = e.id AND a.expires_at > ?))
) ORDER BY e.seq LIMIT ?`

export class Snapshots {
  readonly #parts: SnapshotParts
  readonly #live: Statement<[number, number, number], { seq: number, raw: string }>
  readonly #current: Statement<[number, Buffer, string], { raw: string }>

  constructor (parts: SnapshotParts) {
    this.#parts = parts
    this.#live = parts.database.prepare(LIVE)
    this.#current = parts.database.prepare('SELECT e.raw FROM releases r JOIN events e ON e.id = r.event WHERE r.kind = ? AND r.pubkey = ? AND r.d = ?')
  }

  /** The event of the newest one; null for none. */
  current (): SignedEvent | null {
    const row = this.#current.get(APPLICATION_DATA_KIND, Buffer.from(this.#parts.publisher.pubkey, 'hex'), SNAPSHOT_NAME)
    return row === undefined ? null : JSON.parse(row.raw) as SignedEvent
  }

  /** A page of lines at a time. */
  * #lines (count: { events: number }, last: number): Generator<Buffer> {
    const now = Math.floor(this.#parts.now() / 1000)
    for (let from = 0, page = this.#live.all(from, now, STEP); page.length > 0; page = this.#live.all(from, now, STEP)) {
      const wanted = page.filter(({ seq }) => seq <= last)
      count.events += wanted.length
      if (wanted.length > 0) yield Buffer.from(wanted.map(({ raw }) => `${raw}\n`).join(''))
      from = page.at(-1)!.seq
    }
  }

  /** Makes a new one, and names it; null when nothing came since the last. Rejects with StoreError or CatalogFault. */
  async make (): Promise<Published | null> {
    const { store, publisher, blobs } = this.#parts
    const before = this.current()
    const old = before === null ? null : parseSnapshot(before)
    const seq = store.log.last
    // the event that named the last one is all that came after it
    if (seq === 0 || (old !== null && seq <= old.seq + 1)) return null
    const count = { events: 0 }
    const { blob } = await blobs.receive(Readable.from(this.#lines(count, seq)), {
      owner: publisher.pubkey, type: SNAPSHOT_TYPE, extension: null, promised: null, likely: null, size: null, acceptHash: () => {}, acceptType: () => {}
    })
    const made = await publisher.publishOwn((createdAt) => buildSnapshot({ seq, events: count.events, sha256: blob.sha256, blake3: blob.blake3!, size: blob.size }, createdAt))
    // who was reading the one before has had since its making
    if (old !== null && old.sha256 !== blob.sha256) await blobs.disown(old.sha256, publisher.pubkey)
    return made
  }

  /** Reads the newest one into the tables; how many events it brought. Rejects with StoreError. */
  async restore (onProgress: (events: number) => void = () => {}): Promise<number> {
    const { store, publisher, blobs } = this.#parts
    const event = this.current()
    const snapshot = event === null ? null : parseSnapshot(event)
    // whoever follows by the places of the log that was lost misses nothing of this one
    if (snapshot !== null) store.log.goOnFrom(snapshot.seq)
    const blob = snapshot === null ? null : await blobs.find(snapshot.sha256)
    if (blob === null || blob.size === 0 || blob.size > MOST) return 0
    const reading = await blobs.read(blob, 0, blob.size)
    const bytes = reading === null ? null : await readWhole(reading)
    if (bytes === null || sha256Hex(bytes) !== blob.sha256) return 0
    let taken = 0
    for (let from = 0; from < bytes.length;) {
      const events: unknown[] = []
      while (from < bytes.length && events.length < STEP) {
        const end = bytes.indexOf(10, from)
        const line = bytes.toString('utf8', from, end === -1 ? bytes.length : end)
        from = end === -1 ? bytes.length : end + 1
        try {
          events.push(JSON.parse(line))
        } catch {
          // no event, then
        }
      }
      taken += publisher.takeBatch(events, 'own-snapshot').taken
      onProgress(taken)
    }
    return taken
  }
}
