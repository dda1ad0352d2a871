// Two nodes with databases of their own over one store: what one wrote the other finds, what one deleted the other does not serve, and no
// order of their steps loses a blob that somebody was told they own (design §3).

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { Layout } from '../../server/stores/layout.ts'
import { identityMultihash, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { composeStores } from '../../server/stores/open.ts'
import { ALICE, BOB, nodeOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import type { ObjectEntry, Objects } from '../../server/stores/objects.ts'
import type { Node } from '../suites/node-of.ts'

/** The same objects, with `between` run before each call, which is told how many there were. */
function watched (objects: Objects, between: (call: number) => Promise<void>): Objects {
  let calls = 0
  return {
    name: objects.name,
    get: async (key) => {
      await between(calls++)
      return objects.get(key)
    },
    put: async (key, bytes) => {
      await between(calls++)
      await objects.put(key, bytes)
    },
    add: async (key, bytes) => {
      await between(calls++)
      return objects.add(key, bytes)
    },
    remove: async (key) => {
      await between(calls++)
      return objects.remove(key)
    },
    names: (prefix) => objects.names(prefix),
    list: async function * (prefix, after): AsyncIterable<ObjectEntry> {
      await between(calls++)
      yield * objects.list(prefix, after)
    }
  }
}

/** Its methods as an object that can be spread. */
function bind (objects: Objects): Objects {
  return watched(objects, async () => {})
}

async function countOf (objects: Objects, prefix: string): Promise<number> {
  let count = 0
  for await (const {} of objects.list(prefix)) count++
  return count
}

function cluster () {
  const [packs, objects] = [new MemoryPackStore(), new MemoryObjects()]
  const join = (through: Objects = objects): Node => nodeOf(composeStores(packs, through, new Layout(true), true))
  return { join, objects }
}

void t.test('what is written at one node is found at the other, with its type, time and owners', async (t) => {
  for (const size of [1000, 50_000]) {
    const { join } = cluster()
    const [one, other] = [join(), join()]
    const { bytes, sha256 } = seededBlob(`found ${size}`, size)
    other.pass(60_000)
    const { blob } = await one.put(bytes, { type: 'video/mp4' })
    t.same(await other.blobs.find(sha256), blob)
    t.ok((await other.get(sha256))?.equals(bytes))
    t.same(other.listed(), one.listed())
    t.equal((await other.put(bytes, { owner: BOB })).created, false)
    t.equal(await other.blobs.disown(sha256, ALICE), 'disowned', 'the owner may delete at either')
    t.equal(await other.blobs.disown(sha256, BOB), 'disowned')
  }
})

void t.test('"not there" is remembered for two seconds at most, and forgotten at once when the blob comes here', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const { bytes, sha256 } = seededBlob('missed', 1000)
  t.equal(await other.blobs.find(sha256), null)
  await one.put(bytes)
  other.pass(1999)
  t.equal(await other.blobs.find(sha256), null)
  other.pass(1)
  t.not(await other.blobs.find(sha256), null)

  const mine = seededBlob('missed and mine', 1000)
  t.equal(await one.blobs.find(mine.sha256), null)
  await one.put(mine.bytes)
  t.not(await one.blobs.find(mine.sha256), null)
})

void t.test('what was uploaded or adopted at one node is in the other’s list when it has followed the changes, though nobody asked for it there', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const blobs = [0, 900, 50_000].map((size) => seededBlob(`listed ${size}`, size))
  for (const { bytes } of blobs) await one.put(bytes, { type: 'audio/ogg' })
  t.equal(await other.blobs.followChanges(), 3)
  t.same(other.listed(), one.listed())
  t.equal(other.listed().length, 3)
  await one.blobs.adopt(blobs[2]!.sha256, BOB, null)
  t.equal(await other.blobs.followChanges(), 1)
  t.same(other.listed(BOB), one.listed(BOB))
  t.equal(other.listed(BOB).length, 1)
  t.equal(await one.blobs.followChanges(), 0)
})

void t.test('a type that came later for a blob one owns is followed, too', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const { bytes } = seededBlob('typed later', 900)
  await one.put(bytes)
  await other.blobs.followChanges()
  await one.put(bytes, { type: 'audio/ogg' })
  await other.blobs.followChanges()
  t.match(other.listed(), [{ type: 'audio/ogg' }])
})

void t.test('a note that is read before its change is to be seen is looked at again until it is, for 20 seconds', async (t) => {
  for (const late of [1000, 19_000, 25_000]) {
    const { join, objects } = cluster()
    const [one, other] = [join(), join()]
    const { bytes, sha256 } = seededBlob('early note', 900)
    let written = (): void => {}
    const gate = new Promise<void>((resolve) => { written = resolve })
    const slow = join({
      ...bind(objects),
      put: async (key, value) => {
        if (key.startsWith('owners/')) await gate
        await objects.put(key, value)
      }
    })
    const putting = slow.put(bytes)
    while (await countOf(objects, 'state/changes/') === 0) await new Promise((resolve) => setImmediate(resolve))
    t.equal(await other.blobs.followChanges(), 1, 'the note is there')
    t.same(other.listed(), [], 'and its blob is not')
    for (const node of [one, other, slow]) node.pass(late)
    if (late > 20_000) await other.blobs.followChanges()
    written()
    await putting
    t.equal(await other.blobs.followChanges(), late > 10_000 ? 1 : 0, 'what took long is told again')
    t.match(other.listed(), [{ sha256 }])
  }
})

void t.test('an upload whose node died between owner and record, and lost its own notes, is ended by whoever heard of it', async (t) => {
  for (const size of [900, 50_000]) {
    const { join, objects } = cluster()
    const other = join()
    const { bytes, sha256 } = seededBlob('half-done', size)
    const record = keyOf(sha256Multihash(sha256))
    // never written: the node dies there
    const dying = join({ ...bind(objects), add: async (key, value) => key.startsWith('index/') && key.includes(record) ? new Promise<boolean>(() => {}) : objects.add(key, value) })
    void dying.put(bytes)
    while (await countOf(objects, 'owners/') === 0) await new Promise((resolve) => setImmediate(resolve))
    t.equal(await other.blobs.followChanges(), 1)
    t.same(other.listed(), [], 'it may still come')
    other.pass(21_000)
    await other.blobs.followChanges()
    t.match(other.listed(), [{ sha256 }])
    t.same(await other.get(sha256), Buffer.from(bytes))
  }
})

void t.test('an upload is told before it is acknowledged: where the note cannot be written it is refused', async (t) => {
  const { join, objects } = cluster()
  const { bytes } = seededBlob('untold', 900)
  const mute = join({
    ...bind(objects),
    put: async (key, value) => {
      if (key.startsWith('state/changes/')) throw new StoreError('memory', 'put', key, new Error('no'))
      await objects.put(key, value)
    }
  })
  await t.rejects(mute.put(bytes), { name: 'StoreError', key: /changes/ })
  t.same(mute.listed(), [])
})

void t.test('a blob inside its record that was deleted at one node is gone at the other’s next read, and from its list', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const { bytes, sha256 } = seededBlob('deleted', 1000)
  await one.put(bytes)
  t.ok((await other.get(sha256))?.equals(bytes))
  await one.blobs.disown(sha256, ALICE)
  t.equal(await other.blobs.followChanges(), 1)
  t.equal(await other.get(sha256), null)
  t.same(other.listed(), [])
  t.equal(await other.blobs.followChanges(), 0, 'a change is followed once')
  t.equal(await one.blobs.followChanges(), 0, 'and never by who made it')
})

void t.test('a blob with a pack of its own that was deleted at one node is gone at the other when it has followed the changes, while the pack waits for the sweeper', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const { bytes, sha256 } = seededBlob('deleted with a pack', 50_000)
  await one.put(bytes)
  t.ok((await other.get(sha256))?.equals(bytes))
  await one.blobs.disown(sha256, ALICE)
  t.equal(await other.blobs.followChanges(), 1)
  t.equal(await other.get(sha256), null)
  t.same(other.listed(), [])
  t.equal(await other.blobs.followChanges(), 0, 'a change is followed once')
  t.equal(await one.blobs.followChanges(), 0, 'and never by who made it')
})

void t.test('a blob that was deleted at one node can be uploaded at the other, which still has its row', async (t) => {
  for (const size of [1000, 50_000]) {
    const { join } = cluster()
    const [one, other] = [join(), join()]
    const { bytes, sha256 } = seededBlob(`deleted and sent ${size}`, size)
    await one.put(bytes)
    t.not(await other.blobs.find(sha256), null)
    await one.blobs.disown(sha256, ALICE)
    await other.put(bytes, { owner: BOB })
    t.ok((await join().get(sha256))?.equals(bytes), `${size} bytes`)
    t.same(await one.stores.owners.namesOf(sha256), [BOB])
  }
})

void t.test('a blob that was deleted at one node and swept can be uploaded at the other, which still has its row', async (t) => {
  for (const likely of [true, false]) {
    const { join } = cluster()
    const [one, other] = [join(), join()]
    const { bytes, sha256 } = seededBlob('swept and sent', 50_000)
    await one.put(bytes)
    t.not(await other.blobs.find(sha256), null)
    await one.blobs.disown(sha256, ALICE)
    await one.stores.packs.remove(sha256Multihash(sha256)) // as the sweeper does later
    await other.put(bytes, { owner: BOB, likely: likely ? sha256 : null })
    t.ok((await join().get(sha256))?.equals(bytes), 'acknowledged, so it can be read')
  }
})

void t.test('a pack that is gone with its record is gone at the other’s next read, and from its list', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const { bytes, sha256 } = seededBlob('swept', 50_000)
  await one.put(bytes)
  t.ok((await other.get(sha256))?.equals(bytes))
  await one.blobs.disown(sha256, ALICE)
  await one.stores.packs.remove(sha256Multihash(sha256)) // as the sweeper does later
  t.equal(await other.get(sha256), null)
  t.same(other.listed(), [])
})

void t.test('a pack that is gone while its record and owner are here is a fault, not a miss', async (t) => {
  const { join } = cluster()
  const one = join()
  const { bytes, sha256 } = seededBlob('lost', 50_000)
  await one.put(bytes)
  await one.stores.packs.remove(sha256Multihash(sha256))
  await t.rejects(one.get(sha256), { code: 'BLOB_DAMAGED' })
  t.equal(one.listed().length, 1)
})

void t.test('a record without an owner is a leftover and not served', async (t) => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const { bytes, sha256 } = seededBlob('leftover', 50_000)
  await one.put(bytes)
  await one.stores.owners.remove(sha256, ALICE)
  t.equal(await other.blobs.find(sha256), null)
  t.equal((await other.put(bytes, { owner: BOB })).created, true)
  t.ok((await join().get(sha256))?.equals(bytes))
})

/**
 * For every step of what one node does: before that step, another node does `meanwhile` from beginning to end. `check` then sees a third node.
 */
async function atEveryStep (
  prepare: (one: Node, other: Node) => Promise<void>, act: (one: Node) => Promise<unknown>, meanwhile: (other: Node) => Promise<unknown>,
  check: (step: number, fresh: Node, outcomes: { act: PromiseSettledResult<unknown>, meanwhile: PromiseSettledResult<unknown> }) => Promise<void>
): Promise<number> {
  for (let step = 0; ; step++) {
    const { join, objects } = cluster()
    const [one, other] = [join(), join()]
    await prepare(one, other)
    let reached = false
    let theirs: PromiseSettledResult<unknown> | null = null
    const slow = join(watched(objects, async (call) => {
      if (call !== step || reached) return
      reached = true
      ;[theirs] = await Promise.allSettled([meanwhile(other)])
    }))
    const [mine] = await Promise.allSettled([act(slow)])
    if (!reached) return step
    await check(step, join(), { act: mine, meanwhile: theirs! })
  }
}

for (const [what, size] of [['a pack of its own', 50_000], ['inside its record', 1000]] as const) {
  const { bytes, sha256 } = seededBlob(what, size)
  const prepare = async (one: Node, other: Node): Promise<void> => {
    await one.put(bytes)
    await other.blobs.find(sha256)
  }

  for (const [how, meanwhile] of [
    ['an upload', (other: Node) => other.put(bytes, { owner: BOB })],
    ['an upload whose hash is known', (other: Node) => other.put(bytes, { owner: BOB, likely: sha256 })],
    ['an adoption', (other: Node) => other.blobs.adopt(sha256, BOB, null)]
  ] as const) {
    void t.test(`${what}: ${how} at another node, at any step of the last owner’s delete, leaves a blob that all can read, or is refused`, async (t) => {
      let survived = 0
      const steps = await atEveryStep(prepare, (one) => one.blobs.disown(sha256, ALICE), meanwhile, async (step, fresh, outcomes) => {
        t.same(outcomes.act, { status: 'fulfilled', value: 'disowned' })
        if (outcomes.meanwhile.status === 'rejected') {
          t.match(outcomes.meanwhile.reason, { name: 'StoreError' }, `step ${step}: refused`)
          return
        }
        if (outcomes.meanwhile.value === null) return
        survived++
        t.ok((await fresh.get(sha256))?.equals(bytes), `step ${step}: acknowledged, so it can be read`)
        t.same(await fresh.stores.owners.namesOf(sha256), [BOB])
      })
      t.ok(steps >= 6, `${steps} steps`)
      t.ok(survived > 0, `${survived} of them acknowledged it`)
    })
  }

  void t.test(`${what}: a delete at another node, at any step of another owner’s upload, leaves a blob that all can read, or the upload is refused`, async (t) => {
    const act = (one: Node) => one.put(bytes, { owner: BOB })
    const steps = await atEveryStep(prepare, act, (other) => other.blobs.disown(sha256, ALICE), async (step, fresh, outcomes) => {
      t.same(outcomes.meanwhile, { status: 'fulfilled', value: 'disowned' })
      if (outcomes.act.status === 'rejected') {
        t.match(outcomes.act.reason, { name: 'StoreError' }, `step ${step}: refused`)
        return
      }
      t.ok((await fresh.get(sha256))?.equals(bytes), `step ${step}: acknowledged, so it can be read`)
    })
    t.ok(steps >= 3, `${steps} steps`)
  })
}

void t.test('who came while another looked at the owners in the store is not taken for one who has left', async (t) => {
  const { join, objects } = cluster()
  let held: (() => void) | null = null
  let lists = 0
  // what a list tells is as old as its first item
  const slow: Objects = {
    name: objects.name, get: (key) => objects.get(key), put: (key, bytes) => objects.put(key, bytes), add: (key, bytes) => objects.add(key, bytes),
    remove: (key) => objects.remove(key), names: (prefix) => objects.names(prefix),
    list: async function * (prefix): AsyncIterable<ObjectEntry> {
      const entries: ObjectEntry[] = []
      for await (const entry of objects.list(prefix)) entries.push(entry)
      // by the first BOB's server learns of the blob, by the second who owns it now
      if (++lists === 2) await new Promise<void>((resolve) => { held = resolve })
      yield * entries
    }
  }
  const [other, one] = [join(), join(slow)]
  const { bytes, sha256 } = seededBlob('looked at', 1000)
  await other.put(bytes, { owner: 'c'.repeat(64) })
  const bobs = one.put(bytes, { owner: BOB, likely: sha256, acceptHash: () => { throw new Error('refused') } })
  while (held === null) await new Promise((resolve) => { setImmediate(resolve) })
  const alices = one.blobs.adopt(sha256, ALICE, null)
  await Promise.race([alices, new Promise((resolve) => { setTimeout(resolve, 50) })])
  const open: () => void = held
  open()
  await alices
  await t.rejects(bobs, /refused/)
  t.equal(one.listed(ALICE).length, 1)
})

t.test('an inline blob that one node found damaged and another repaired is served by both, and not found damaged again', async t => {
  const { join } = cluster()
  const [one, other] = [join(), join()]
  const blob = seededBlob('repaired elsewhere', 700)
  await one.put(blob.bytes)
  await other.blobs.followChanges()
  const self = sha256Multihash(blob.sha256)
  const damaged = seededBlob('other bytes', 700).bytes
  await one.stores.index.replace({ multihash: self, type: 3, location: identityMultihash(damaged), offset: 0, length: 700, subRecords: [] })
  await t.rejects(one.get(blob.sha256), { code: 'BLOB_DAMAGED' })
  await other.blobs.followDamage()
  t.ok(other.blobs.isDamaged(blob.sha256))
  await other.put(blob.bytes, { owner: BOB })
  await one.blobs.followDamage()
  for (const node of [one, other]) {
    t.ok((await node.get(blob.sha256))?.equals(blob.bytes))
    t.notOk(node.blobs.isDamaged(blob.sha256))
    t.same(node.descriptors.get(blob.sha256)?.place, { kind: 'inline' })
  }
})

t.test('a record that another node repaired while this one noted the damage is not written over', async t => {
  const { join, objects } = cluster()
  const other = join()
  const blob = seededBlob('repaired meanwhile', 700)
  await other.put(blob.bytes)
  const self = sha256Multihash(blob.sha256)
  const good = (await other.stores.index.own(self))!
  const one = join({
    ...bind(objects),
    put: async (key, bytes) => {
      if (key.includes(`damaged/${blob.sha256}`)) await other.stores.index.replace(good)
      await objects.put(key, bytes)
    }
  })
  await one.blobs.followChanges()
  await one.stores.index.replace({ ...good, location: identityMultihash(seededBlob('other bytes', 700).bytes) })
  await t.rejects(one.get(blob.sha256), { code: 'BLOB_DAMAGED' })
  t.same(await one.stores.index.own(self), good)
  t.ok(await one.blobs.quarantine.reconsider(blob.sha256), 'the note goes as soon as somebody looks')
  t.ok((await one.get(blob.sha256))?.equals(blob.bytes))
})

t.test('a record of which the store does not answer is not taken for damaged, and not set aside', async t => {
  const { join, objects } = cluster()
  const other = join()
  const blob = seededBlob('silent meanwhile', 700)
  await other.put(blob.bytes)
  const self = sha256Multihash(blob.sha256)
  const good = (await other.stores.index.own(self))!
  let silent = false
  const one = join({
    ...bind(objects),
    get: async (key) => {
      if (!silent || !key.startsWith('index/')) return objects.get(key)
      silent = false // for one request
      throw new StoreError('memory', 'get', key, new Error('nothing was heard'))
    },
    put: async (key, bytes) => {
      if (key.includes(`damaged/${blob.sha256}`)) {
        await other.stores.index.replace(good)
        silent = true
      }
      await objects.put(key, bytes)
    }
  })
  await one.blobs.followChanges()
  await one.stores.index.replace({ ...good, location: identityMultihash(seededBlob('other bytes', 700).bytes) })
  await t.rejects(one.get(blob.sha256), { name: 'StoreError' })
  t.same(await one.stores.index.own(self), good)
  t.equal(await countOf(objects, 'quarantine/'), 0)
})
