// Small blobs in memory: checked on their way in, read once for many who ask, and never kept past a delete.

import t from 'tap'
import { HotBlobs } from '../../server/stores/hot-blobs.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { composeStores } from '../../server/stores/open.ts'
import { BlobReader } from '../../server/stores/blob-reader.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { seededBlob } from '../support/keys.ts'
import { writePack } from '../suites/packs.ts'
import type { Blob } from '../../server/stores/descriptors.ts'
import type { PackReading } from '../../server/stores/pack-store.ts'

/** A pack store whose reads wait until they are let go, and are counted. */
class SlowPacks extends MemoryPackStore {
  reads = 0
  letGo: () => void = () => {}
  #gate = new Promise<void>((resolve) => { this.letGo = resolve })

  override async read (pack: Uint8Array, offset: number, length: number): Promise<PackReading | null> {
    this.reads++
    await this.#gate
    return super.read(pack, offset, length)
  }
}

async function setUp (seed: string, size: number) {
  const packs = new SlowPacks()
  const stores = composeStores(packs, new MemoryObjects(), new Layout(false), false)
  const { bytes, sha256 } = seededBlob(seed, size)
  await writePack(packs, bytes, sha256)
  const blob: Blob = { sha256, blake3: null, size, type: 'image/png', uploaded: 1, place: { kind: 'own' }, foreign: false, expires: null }
  return { packs, reader: new BlobReader(stores, 1024 * 1024, () => 5), blob, bytes, sha256 }
}

t.test('ten who ask at once share one read, and the blob is hot afterwards', async (t) => {
  const { packs, reader, blob, bytes, sha256 } = await setUp('shared read', 50_000)
  const asked = Array.from({ length: 10 }, () => reader.small(blob))
  packs.letGo()
  for (const each of await Promise.all(asked)) t.ok(each?.equals(bytes))
  t.equal(packs.reads, 1)
  t.ok(reader.hot(sha256)?.bytes.equals(bytes))
})

t.test('a blob that is deleted while it is read is not kept', async (t) => {
  const { packs, reader, blob, sha256 } = await setUp('deleted while read', 50_000)
  const asked = reader.small(blob)
  reader.cool(sha256)
  packs.letGo()
  await asked
  t.equal(reader.hot(sha256), null)
})

t.test('bytes that do not have the hash they are asked by are refused, and not kept', async (t) => {
  const { packs, reader, blob, bytes } = await setUp('damaged', 50_000)
  packs.letGo()
  const other = seededBlob('another name', 50_000)
  await packs.remove(sha256Multihash(other.sha256))
  const draft = await packs.draft()
  await draft.write([bytes])
  await draft.commit(sha256Multihash(other.sha256))
  const lie = { ...blob, sha256: other.sha256 }
  await t.rejects(reader.small(lie), { name: 'DamagedBytes' })
  t.equal(reader.hot(other.sha256), null)
})

t.test('a blob above 256 KiB is read piece by piece', async (t) => {
  const { packs, reader, blob } = await setUp('large', 256 * 1024 + 1)
  packs.letGo()
  t.equal(await reader.small(blob), null)
  t.equal(packs.reads, 0)
})

t.test('memory for hot blobs is bounded, and what was read longest ago goes first', async (t) => {
  const hot = new HotBlobs(100)
  const blob = (sha256: string): Blob => ({ sha256, blake3: null, size: 40, type: 'x/y', uploaded: 1, place: { kind: 'own' }, foreign: false, expires: null })
  for (const name of ['a', 'b']) hot.put({ blob: blob(name), bytes: Buffer.alloc(40), until: 10 })
  t.ok(hot.get('a', 1))
  hot.put({ blob: blob('c'), bytes: Buffer.alloc(40), until: 10 })
  t.equal(hot.get('b', 1), null)
  t.ok(hot.get('a', 1))
  t.equal(hot.get('a', 11), null, 'good only until its time')
  hot.put({ blob: blob('d'), bytes: Buffer.alloc(101), until: 10 })
  t.equal(hot.get('d', 1), null, 'larger than all of it')
})

t.test('a small blob is kept when it is read at once a second time, and not the first', async (t) => {
  const { packs, reader, blob, bytes, sha256 } = await setUp('second time', 50_000)
  let released = 0
  const quick = Object.assign(packs, { readNow: () => ({ bytes: Buffer.from(bytes), release: () => { released++ } }) })
  t.ok(quick.readNow)
  const first = reader.now(blob)
  t.equal(reader.hot(sha256), null)
  first?.release()
  const second = reader.now(blob)
  const hot = reader.hot(sha256)
  t.ok(hot?.bytes.equals(bytes))
  t.not(hot?.bytes, second?.bytes, 'a copy: the buffer it was read into goes back to its pool')
  second?.release()
  t.equal(released, 2)
})

t.test('a row is kept from the second look on, until the blob is cooled', async (t) => {
  const { reader, blob, sha256 } = await setUp('rows', 10)
  t.equal(reader.remember(blob), blob)
  t.equal(reader.remembered(sha256), null)
  reader.remember(blob)
  t.equal(reader.remembered(sha256), blob)
  reader.cool(sha256)
  t.equal(reader.remembered(sha256), null)
  t.equal(reader.remember(null), null)
})

t.test('no row is kept where another node may change it', async (t) => {
  const { blob, sha256 } = await setUp('shared rows', 10)
  const shared = new BlobReader(composeStores(new MemoryPackStore(), new MemoryObjects(), new Layout(true), true), 1024, () => 5)
  for (let i = 0; i < 3; i++) shared.remember(blob)
  t.equal(shared.remembered(sha256), null)
})

t.test('rows in memory are bounded', async (t) => {
  const { reader, blob } = await setUp('many rows', 10)
  const names = Array.from({ length: 5000 }, (_, i) => i.toString(16).padStart(64, '0'))
  for (const sha256 of names) for (let i = 0; i < 2; i++) reader.remember({ ...blob, sha256 })
  const kept = names.filter((sha256) => reader.remembered(sha256) !== null)
  t.strictSame(kept, names.slice(-4096), 'the newest')
})
