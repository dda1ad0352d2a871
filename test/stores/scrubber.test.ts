// The background scrub over folders: what is damaged is found, a restart goes on where it was, and it says since when a blob is known to be whole.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DamagedBlobs } from '../../server/stores/damaged.ts'
import { keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { openFsStores, openMemoryStores } from '../../server/stores/open.ts'
import { ScrubRows } from '../../server/stores/scrub-rows.ts'
import { ScrubShares } from '../../server/stores/scrub-shares.ts'
import { Scrubber } from '../../server/stores/scrubber.ts'
import { nodeOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import { until } from '../support/raw-origin.ts'
import type { Test } from 'tap'
import type { Stores } from '../../server/stores/open.ts'
import type { Node } from '../suites/node-of.ts'

const BLOBS = [[0, 'empty'], [700, 'inline'], [50_000, 'small'], [1_500_000, 'large']] as const
const WEEK = 7 * 86_400_000

interface Scrubbed { node: Node, scrubber: Scrubber, read: string[], again: (rate?: number) => Scrubber }

function scrubbed (t: Test, stores: Stores, node: Node, rate: number): Scrubbed {
  const read: string[] = []
  const { read: under } = stores.packs
  stores.packs.read = (pack, offset, length) => {
    read.push(keyOf(pack))
    return under.call(stores.packs, pack, offset, length)
  }
  const again = (rate = 1e9): Scrubber => {
    const scrubber = new Scrubber({
      stores, descriptors: node.descriptors, rows: new ScrubRows(node.database), quarantine: node.blobs.quarantine, damaged: node.blobs.damaged, now: node.now,
      shares: new ScrubShares(stores.state, { shared: false, node: 'a', now: node.now }), rate, every: WEEK, tell: () => {}, restMs: 20
    })
    t.teardown(() => scrubber.stop())
    return scrubber
  }
  return { node, read, again, scrubber: again(rate) }
}

t.test('it finds a flipped byte, a cut and a lost pack, and leaves what is whole alone', async t => {
  const root = t.testdir({})
  const stores = await openFsStores(root)
  const node = nodeOf(stores)
  const pack = (sha256: string): string => join(root, 'pack', `${keyOf(sha256Multihash(sha256))}.car`)
  const whole = BLOBS.map(([size, name]) => seededBlob(name, size))
  const bad = [seededBlob('flipped', 50_000), seededBlob('cut', 3_000_000), seededBlob('lost', 9000), seededBlob('flipped film', 2_500_000)]
  for (const { bytes } of [...whole, ...bad]) await node.put(bytes)
  const [flipped, cut, lost, film] = bad.map(({ sha256 }) => pack(sha256)) as [string, string, string, string]
  for (const path of [flipped, film]) {
    const bytes = readFileSync(path)
    bytes[bytes.length - 5]! ^= 4
    writeFileSync(path, bytes)
  }
  writeFileSync(cut, readFileSync(cut).subarray(0, 2_000_000))
  rmSync(lost)
  const { scrubber } = scrubbed(t, stores, node, 1e9)
  node.pass(1000) // they came before the pass
  scrubber.start()
  await until(() => scrubber.progress.position === 1)
  t.strictSame(node.blobs.damaged.all().sort(), bad.map(({ sha256 }) => sha256).sort())
  t.strictSame((await node.blobs.damaged.notes()).map(({ by }) => by), ['scrub', 'scrub', 'scrub', 'scrub'])
  for (const { sha256 } of bad) t.equal(await scrubber.lastScrubbed(sha256), null, 'a damaged blob is not known to be whole')
  for (const { sha256 } of whole) t.equal(await scrubber.lastScrubbed(sha256), Math.floor(node.now() / 1000))
  t.equal(await scrubber.lastScrubbed('0'.repeat(64)), null)
  node.pass(5000)
  const late = seededBlob('late', 5000)
  await node.put(late.bytes)
  t.equal(await scrubber.lastScrubbed(late.sha256), null, 'it came after the pass began')
})

t.test('a pass begins once in a week at most, and the time of the last one stays known while the next is under way', async t => {
  const stores = openMemoryStores()
  const node = nodeOf(stores)
  const blob = seededBlob('weekly', 50_000)
  await node.put(blob.bytes)
  node.pass(1000)
  const { read, scrubber } = scrubbed(t, stores, node, 1e9)
  scrubber.start()
  await until(() => scrubber.progress.position === 1)
  const first = Math.floor(node.now() / 1000)
  node.pass(WEEK - 1)
  await new Promise((resolve) => { setTimeout(resolve, 100) })
  t.equal(read.length, 1)
  node.pass(1)
  await until(() => read.length === 2)
  await until(() => scrubber.progress.position === 1 && scrubber.progress.started > first)
  t.equal(await scrubber.lastScrubbed(blob.sha256), first + WEEK / 1000)
})

t.test('after a restart it goes on where it was', async t => {
  const stores = openMemoryStores()
  const node = nodeOf(stores)
  const blobs = Array.from({ length: 12 }, (_, i) => seededBlob(`restart ${i}`, 40_000)).sort((a, b) => a.sha256 < b.sha256 ? -1 : 1)
  for (const { bytes } of blobs) await node.put(bytes)
  node.pass(1000)
  const { read, scrubber, again } = scrubbed(t, stores, node, 400_000) // ten a second
  scrubber.start()
  await until(() => read.length >= 3)
  await scrubber.stop()
  const before = read.length
  t.ok(before < blobs.length, 'stopped in the middle')
  const next = again()
  next.start()
  await until(() => next.progress.position === 1)
  t.ok(read.length <= blobs.length + 1, 'at most the blob it was reading is read twice')
  t.strictSame([...new Set(read)], blobs.map(({ sha256 }) => keyOf(sha256Multihash(sha256))), 'in the order of their sha256, each of them')
})

t.test('it reads no more in a second than it may', async t => {
  const stores = openMemoryStores()
  const node = nodeOf(stores)
  for (let i = 0; i < 5; i++) await node.put(seededBlob(`rate ${i}`, 200_000).bytes)
  const { scrubber } = scrubbed(t, stores, node, 2_000_000)
  const started = performance.now()
  scrubber.start()
  await until(() => scrubber.bytes === 1_000_000)
  t.ok((performance.now() - started) / 1000 >= 800_000 / 2_000_000 - 0.02, 'the last of a million bytes at two million a second')
})

t.test('of the shares of a bucket each node takes those that nobody holds, and those of a node that died', async t => {
  const { state } = openMemoryStores()
  let clock = 1_000_000
  const of = (node: string): ScrubShares => new ScrubShares(state, { shared: true, node, now: () => clock, leaseMs: 1000, claimMs: 1 })
  const [a, b] = [of('a'), of('b')]
  t.equal(a.prefixes.length, 16)
  const share = await a.claim({ ...await a.read('7'), started: clock, over: false })
  t.equal(share?.holder, 'a')
  t.equal(await b.claim(await b.read('7')), null, 'held')
  t.ok(await b.claim(await b.read('8')), 'another is free')
  t.equal(await a.save({ ...share!, cursor: '7a' }), true)
  clock += 1001 // A was heard no more
  const taken = await b.claim(await b.read('7'))
  t.match(taken, { holder: 'b', cursor: '7a', over: false }, 'it goes on where A was')
  t.equal(await a.save({ ...share!, cursor: '7b' }), false, 'A, alive after all, leaves it')
  await b.release({ ...taken!, cursor: '7c' })
  t.match(await a.claim(await a.read('7')), { holder: 'a', cursor: '7c' }, 'let go')
})

t.test('rows come in the order of their sha256, those of one digit alone', async t => {
  const node = nodeOf(openMemoryStores())
  const all: string[] = []
  for (let i = 0; i < 60; i++) all.push((await node.put(Buffer.from(`row ${i}`))).blob.sha256)
  all.sort()
  const rows = new ScrubRows(node.database)
  const walk = (prefix: string): string[] => {
    const seen: string[] = []
    for (let some = rows.after(null, prefix, 7); some.length > 0; some = rows.after(seen.at(-1)!, prefix, 7)) seen.push(...some.map(({ sha256 }) => sha256))
    return seen
  }
  t.strictSame(walk(''), all)
  t.strictSame([...'0123456789abcdef'].flatMap(walk), all)
  for (const digit of '07f') t.strictSame(walk(digit), all.filter((sha256) => sha256.startsWith(digit)))
})

t.test('notes of damage outlive the program, and nodes of one bucket follow each other', async t => {
  const { state } = openMemoryStores()
  const [a, b] = [new DamagedBlobs(state, { shared: true }), new DamagedBlobs(state, { shared: true })]
  const sha256 = 'ab'.repeat(32)
  await a.add(sha256, 'its pack is gone', 'read')
  t.equal(b.has(sha256), false)
  t.strictSame(await b.follow(), [sha256])
  t.equal(b.has(sha256), true)
  const later = new DamagedBlobs(state, { shared: true })
  await later.load()
  t.strictSame(later.all(), [sha256])
  t.match(await later.notes(), [{ sha256, what: 'its pack is gone', by: 'read' }])
  await b.remove(sha256, 'an upload')
  t.strictSame(await a.follow(), [sha256])
  t.equal(a.has(sha256), false)
})
