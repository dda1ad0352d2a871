// Packs that nobody needs leave a shared store after two looks and a grace period, and never while somebody is about to use them.

import t from 'tap'
import { Readable } from 'node:stream'
import { openDatabase } from '../../server/database.ts'
import { StoreError } from '../../server/errors.ts'
import { Blobs } from '../../server/stores/blobs.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { composeStores } from '../../server/stores/open.ts'
import { Sweeper } from '../../server/stores/sweeper.ts'
import { seededBlob } from '../support/keys.ts'

const OWNER = 'a'.repeat(64)
const HOUR = 3600_000

function node () {
  let ahead = 0
  const now = (): number => Date.now() + ahead
  const stores = composeStores(new MemoryPackStore(), new MemoryObjects(), new Layout(true), true)
  const descriptors = new Descriptors(openDatabase(':memory:'))
  const sweeper = new Sweeper({ stores, descriptors, now })
  const blobs = new Blobs({ stores, descriptors, foreign: null, sweeper, limits: { maxSize: 1e9, idleTimeout: 5000, inlineLimit: 4096 }, now })
  const put = (bytes: Buffer) => blobs.receive(Readable.from([bytes]), {
    owner: OWNER, type: null, extension: null, promised: null, likely: null, size: null, acceptHash: () => {}, acceptType: () => {}
  })
  return { stores, sweeper, blobs, put, pass: (ms: number) => { ahead += ms } }
}

t.test('a pack whose last owner left is removed by the second look, a grace period after the first', async (t) => {
  const { stores, sweeper, blobs, put, pass } = node()
  const blob = seededBlob('swept', 10_000)
  const kept = seededBlob('kept', 10_000)
  await put(blob.bytes)
  await put(kept.bytes)
  t.equal(await blobs.disown(blob.sha256, OWNER), 'disowned')
  t.not(await stores.packs.stat(sha256Multihash(blob.sha256)), null, 'several nodes share the store: it stays for now')
  t.equal(await sweeper.sweep(), 0, 'too young to be looked at')
  pass(HOUR + 1)
  t.equal(await sweeper.sweep(), 0, 'the first look only condemns')
  pass(HOUR / 2)
  t.equal(await sweeper.sweep(), 0, 'the grace period is not over')
  pass(HOUR)
  t.equal(await sweeper.sweep(), 1)
  t.equal(await stores.packs.stat(sha256Multihash(blob.sha256)), null)
  t.not(await stores.packs.stat(sha256Multihash(kept.sha256)), null, 'an owned pack stays')
})

t.test('an upload of a condemned blob takes the mark away, and the pack stays', async (t) => {
  const { stores, sweeper, blobs, put, pass } = node()
  const blob = seededBlob('spared', 10_000)
  await put(blob.bytes)
  await blobs.disown(blob.sha256, OWNER)
  pass(HOUR + 1)
  await sweeper.sweep()
  await put(blob.bytes)
  pass(3 * HOUR)
  t.equal(await sweeper.sweep(), 0)
  t.not(await stores.packs.stat(sha256Multihash(blob.sha256)), null)
})

t.test('an upload of a blob that may be going this moment is told to try again, and nothing of it is visible', async (t) => {
  const { sweeper, blobs, put, pass } = node()
  const blob = seededBlob('going', 10_000)
  await put(blob.bytes)
  await blobs.disown(blob.sha256, OWNER)
  pass(HOUR + 1)
  await sweeper.sweep()
  pass(HOUR)
  await t.rejects(put(blob.bytes), StoreError)
  t.equal(await blobs.find(blob.sha256), null)
  t.equal(await sweeper.sweep(), 1)
  t.ok((await put(blob.bytes)).created, 'and then it is taken')
})
