// A shared store that fails at any one call, before its work or after: what is left half-way is ended by the next look, and what other nodes changed is
// not forgotten because the store failed while it was read (stores/catching-up.ts).

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { eachInTurn } from '../../server/stores/catching-up.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { composeStores } from '../../server/stores/open.ts'
import { verify } from '../../server/stores/verify.ts'
import { ALICE, BOB, nodeOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'
import type { ObjectEntry, Objects } from '../../server/stores/objects.ts'
import type { Node } from '../suites/node-of.ts'

/** Objects whose call number `at` fails; `done` says whether it was done all the same. */
class FailingObjects implements Objects {
  readonly name = 'memory'
  readonly #under: Objects
  calls = 0
  at = -1
  done = false

  constructor (under: Objects) {
    this.#under = under
  }

  async #call<T> (action: string, work: () => Promise<T>): Promise<T> {
    const fails = this.calls++ === this.at
    if (fails && !this.done) throw new StoreError(this.name, action, '', new Error('as told'))
    const result = await work()
    if (fails) throw new StoreError(this.name, action, '', new Error('as told, afterwards'))
    return result
  }

  fail (at: number, done: boolean): void {
    this.calls = 0
    this.at = at
    this.done = done
  }

  get = (key: string): Promise<Uint8Array | null> => this.#call('get', () => this.#under.get(key))
  put = (key: string, bytes: Uint8Array): Promise<void> => this.#call('put', () => this.#under.put(key, bytes))
  add = (key: string, bytes: Uint8Array): Promise<boolean> => this.#call('add', () => this.#under.add(key, bytes))
  remove = (key: string): Promise<boolean> => this.#call('remove', () => this.#under.remove(key))
  names = (prefix: string): AsyncIterable<string> => this.#under.names(prefix)

  async * list (prefix: string): AsyncIterable<ObjectEntry> {
    await this.#call('list', async () => {})
    yield * this.#under.list(prefix)
  }
}

function cluster (): { objects: FailingObjects, one: Node, other: Node } {
  const [packs, under] = [new MemoryPackStore(), new MemoryObjects()]
  const objects = new FailingObjects(under)
  const join = (through: Objects): Node => nodeOf(composeStores(packs, through, new Layout(true), true))
  return { objects, one: join(objects), other: join(under) }
}

const faultsAt = async ({ stores, descriptors }: Node): Promise<string[]> =>
  // packs that nobody needs are the sweeper's, an hour later
  (await verify({ stores, descriptors, repair: false, foreignBlobs: false, now: Date.now() })).faults.map(({ kind, about }) => `${kind} ${about}`)

for (const size of [500, 50_000]) {
  for (const done of [false, true]) {
    const blob = seededBlob(`half done ${size}`, size)
    const works: readonly (readonly [name: string, before: (node: Node) => Promise<unknown>, work: (node: Node) => Promise<unknown>])[] = [
      ['an upload', async () => {}, (node) => node.put(blob.bytes)],
      ['a second owner', (node) => node.put(blob.bytes, { owner: BOB }), (node) => node.blobs.adopt(blob.sha256, ALICE, null)],
      ['a delete by one of two', async (node) => {
        await node.put(blob.bytes)
        await node.put(blob.bytes, { owner: BOB })
      }, (node) => node.blobs.disown(blob.sha256, ALICE)],
      ['a delete by the last owner', (node) => node.put(blob.bytes), (node) => node.blobs.disown(blob.sha256, ALICE)]
    ]
    for (const [name, before, work] of works) {
      await t.test(`${name} of ${size} bytes that failed at any call, ${done ? 'and was done all the same' : 'before it was done'}, is ended by the next look`, async (t) => {
        let failed = 0
        for (let at = 0; ; at++) {
          const { objects, one } = cluster()
          await before(one)
          objects.fail(at, done)
          const error = await work(one).then(() => null, (error: unknown) => error)
          objects.at = -1
          if (objects.calls <= at) break
          if (error !== null) {
            t.type(error, StoreError)
            failed++
          }
          await one.blobs.followChanges()
          t.same(await faultsAt(one), [], `call ${at}`)
          const there = (await one.get(blob.sha256))?.equals(blob.bytes) ?? false
          t.equal(there, [...one.listed(), ...one.listed(BOB)].length > 0, 'there and listed, or neither')
          await work(one).catch(() => {}) // once more, as who was refused does
          await one.blobs.followChanges()
          t.same(await faultsAt(one), [])
          t.equal(one.listed().length, /delete/.test(name) ? 0 : 1)
        }
        t.ok(failed > 3, `${failed} calls`)
      })
    }
  }
}

await t.test('what another node deleted is known after the next look that succeeds, wherever the one before failed', async (t) => {
  let failed = 0
  for (let at = 0; ; at++) {
    const { objects, one, other } = cluster()
    const blobs = [1, 2, 3].map((index) => seededBlob(`elsewhere ${index}`, 500))
    for (const { bytes, sha256 } of blobs) {
      await other.put(bytes)
      t.ok(await one.get(sha256))
    }
    for (const { sha256 } of blobs) t.equal(await other.blobs.disown(sha256, ALICE), 'disowned')
    objects.fail(at, false)
    if (await one.blobs.followChanges().then(() => false, () => true)) failed++
    const calls = objects.calls
    objects.at = -1
    await one.blobs.followChanges()
    t.same(one.listed(), [], `call ${at}`)
    if (calls <= at) break
  }
  t.ok(failed > 3, `${failed} calls`)
})

await t.test('one that always fails holds up no other', async (t) => {
  const left = new Set(['bad', 'good', 'better'])
  const look = (): Promise<number> => eachInTurn(left, async (name) => {
    if (name === 'bad') throw new Error('always')
    left.delete(name)
  }, (name) => {
    left.delete(name)
    left.add(name)
  })
  await t.rejects(look(), /always/)
  await t.rejects(look(), /always/)
  t.same([...left], ['bad'])
})
