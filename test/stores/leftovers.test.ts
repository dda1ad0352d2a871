// What a crash leaves is removed at the next start, and nothing that somebody owns.

import t from 'tap'
import { openFsStores } from '../../server/stores/open.ts'
import { removeLeftovers, removeLeftoversOf } from '../../server/stores/leftovers.ts'
import { blake3Multihash, sha256Multihash } from '../../server/stores/multihash.ts'
import { recordFor } from '../../server/stores/places.ts'
import { seededBlob } from '../support/keys.ts'
import { keysOf, nodeOf } from '../suites/node-of.ts'
import { writePack } from '../suites/packs.ts'

type TestBlob = ReturnType<typeof seededBlob>

t.test('records and packs that nobody owns are removed; owned ones, inline or packed, stay', async (t) => {
  const node = nodeOf(await openFsStores(t.testdir({})))
  const kept = [seededBlob('kept inline', 100), seededBlob('kept packed', 50_000)]
  for (const { bytes } of kept) await node.put(bytes)
  const lost = seededBlob('left behind', 50_000)
  await writePack(node.stores.packs, lost.bytes, lost.sha256)
  const self = sha256Multihash(lost.sha256)
  for (const multihash of [self, blake3Multihash('d'.repeat(64))]) await node.stores.index.add(recordFor(multihash, self, 50_000, { kind: 'own' }, null))
  t.equal(await removeLeftovers(node.stores, node.descriptors), 3)
  t.equal(await node.stores.packs.stat(self), null)
  t.equal(await node.stores.index.own(self), null)
  for (const { bytes, sha256 } of kept) t.ok((await node.get(sha256))?.equals(bytes))
  t.equal(await removeLeftovers(node.stores, node.descriptors), 0)
})

t.test('a pack whose owner object is there without a row is not touched', async (t) => {
  const node = nodeOf(await openFsStores(t.testdir({})))
  const { bytes, sha256 } = seededBlob('owner without row', 50_000)
  await node.put(bytes)
  node.descriptors.forget(sha256, 0)
  await removeLeftovers(node.stores, node.descriptors)
  t.not(await node.stores.packs.stat(sha256Multihash(sha256)), null)
})

t.test('the records of a blob whose owner object is damaged are not touched: of an inline one they are all there is', async (t) => {
  for (const size of [100, 50_000]) {
    const node = nodeOf(await openFsStores(t.testdir({})))
    const { bytes, sha256 } = seededBlob(`damaged owner ${size}`, size)
    await node.put(bytes)
    const keys = await keysOf(node.stores)
    node.descriptors.forget(sha256, 0)
    t.equal(await removeLeftovers(node.stores, node.descriptors), 0)
    t.equal(await removeLeftoversOf(node.stores, node.descriptors, [{ sha256, blake3: null }]), 0)
    t.same(await keysOf(node.stores), keys)
  }
})

t.test('asked for some blobs, what they left is removed, and nothing of others', async (t) => {
  const node = nodeOf(await openFsStores(t.testdir({})))
  const [kept, lost, other] = ['kept', 'lost', 'other'].map((seed) => seededBlob(`some: ${seed}`, 50_000)) as [TestBlob, TestBlob, TestBlob]
  await node.put(kept.bytes)
  for (const { bytes, sha256 } of [lost, other]) {
    await writePack(node.stores.packs, bytes, sha256)
    const self = sha256Multihash(sha256)
    for (const multihash of [self, blake3Multihash(sha256)]) await node.stores.index.add(recordFor(multihash, self, 50_000, { kind: 'own' }, null))
  }
  const asked = [kept, lost].map(({ sha256 }) => ({ sha256, blake3: sha256 }))
  t.equal(await removeLeftoversOf(node.stores, node.descriptors, asked), 3)
  t.equal(await removeLeftoversOf(node.stores, node.descriptors, asked), 0)
  t.equal(await node.stores.packs.stat(sha256Multihash(lost.sha256)), null)
  t.not(await node.stores.packs.stat(sha256Multihash(other.sha256)), null)
  t.ok((await node.get(kept.sha256))?.equals(kept.bytes))
})
