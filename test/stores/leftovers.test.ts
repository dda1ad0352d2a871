// What a crash leaves is removed at the next start, and nothing that somebody owns.

import t from 'tap'
import { openFsStores } from '../../server/stores/open.ts'
import { removeLeftovers } from '../../server/stores/leftovers.ts'
import { blake3Multihash, sha256Multihash } from '../../server/stores/multihash.ts'
import { recordFor } from '../../server/stores/places.ts'
import { seededBlob } from '../support/keys.ts'
import { nodeOf } from '../suites/node-of.ts'
import { writePack } from '../suites/packs.ts'

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
