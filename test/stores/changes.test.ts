// What one node tells the others (server/stores/changes.ts): together and in order of time, each text once, the old form too, and nothing is
// lost to a store that fails.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { Changes } from '../../server/stores/changes.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { StateStore } from '../../server/stores/state.ts'

const SHA256 = 'ab'.repeat(32)
const START = 1_800_000_000_000

/** Objects that take their time, and fail when told to. */
class SlowObjects extends MemoryObjects {
  failing = false
  gets = 0

  async #step (key: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 2))
    if (this.failing) throw new StoreError('memory', 'ask', key, new Error('told to fail'))
  }

  override async put (key: string, bytes: Uint8Array): Promise<void> {
    await this.#step(key)
    await super.put(key, bytes)
  }

  override async get (key: string): Promise<Uint8Array | null> {
    this.gets++
    await this.#step(key)
    return super.get(key)
  }
}

function cluster () {
  const objects = new SlowObjects()
  const clock = { now: START }
  const state = new StateStore(objects, new Layout(true))
  const join = (): Changes => new Changes(state, () => clock.now)
  const names = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { key } of objects.list('state/changes/')) found.push(key)
    return found
  }
  return { objects, clock, state, join, names }
}

t.test('those who tell at the same time share a note; it is durable when they are told so, and is read once, by the others', async (t) => {
  const { join, names } = cluster()
  const [a, b] = [join(), join()]
  const texts = Array.from({ length: 100 }, (_, i) => `text ${i}`)
  await Promise.all(texts.map((text) => a.note(text)))
  t.equal((await names()).length, 2, 'who was first has one of its own')
  t.same((await b.look()).sort(), [...texts].sort())
  t.same(await b.look(), [])
  t.same(await a.look(), [])
  await b.note('back')
  t.same(await a.look(), ['back'])
})

t.test('where a note cannot be written everybody who shares it is refused, and the next one is tried', async (t) => {
  const { objects, join } = cluster()
  const [a, b] = [join(), join()]
  objects.failing = true
  const outcomes = await Promise.allSettled(['x', 'y', 'z'].map((text) => a.note(text)))
  t.same(outcomes.map(({ status }) => status), ['rejected', 'rejected', 'rejected'])
  objects.failing = false
  await a.note('w')
  t.same(await b.look(), ['w'])
})

t.test('a look that breaks off tells the same next time', async (t) => {
  const { objects, join } = cluster()
  const [a, b] = [join(), join()]
  await a.note('x')
  objects.failing = true
  await t.rejects(b.look(), StoreError)
  objects.failing = false
  t.same(await b.look(), ['x'])
})

t.test('notes of earlier versions, which name one hash, are read; a damaged one hides no other', async (t) => {
  const { objects, state, join } = cluster()
  const b = join()
  await state.put(`changes/00${START}-${SHA256}-0badcafe`, {})
  await objects.put(`state/changes/00${START}-1111111111111111`, Buffer.from('{"v":1,"chan'))
  await state.put(`changes/00${START}-2222222222222222`, { v: 1, changes: ['x', 7, null] })
  await state.put(`changes/00${START}-3333333333333333`, { v: 1, changes: 'x' })
  t.same((await b.look()).sort(), [SHA256, 'x'].sort())
})

t.test('a clock that is a minute behind is heard; who was away is told from where it left off', async (t) => {
  const { clock, join } = cluster()
  const [behind, b] = [join(), join()]
  clock.now += 59_000
  await b.look()
  clock.now -= 59_000
  await behind.note('late')
  clock.now += 59_000
  t.same(await b.look(), ['late'])
  clock.now += 600_000
  const back = join()
  t.same(await back.look(), [])
  back.lookFrom(START)
  t.same(await back.look(), ['late'])
})

t.test('a look lists and reads what is new, not an hour of notes', async (t) => {
  const { objects, clock, join } = cluster()
  const [a, b] = [join(), join()]
  for (let i = 0; i < 20; i++) {
    await a.note(`old ${i}`)
    clock.now += 30_000
  }
  let listed = 0
  const list = objects.list.bind(objects)
  objects.list = async function * (prefix, after) {
    for await (const entry of list(prefix, after)) {
      listed++
      yield entry
    }
  }
  b.lookFrom(clock.now)
  await b.look()
  t.ok(listed <= 3, `${listed} names for two minutes of notes`)
})
