// Whether a title's keys have stopped, by what the catalog here says and by what lies in the store: the newest of both decides.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { TitleStops } from '../../server/keys/title-stops.ts'
import { parseTitleName } from '../../server/keys/title-name.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { StateStore } from '../../server/stores/state.ts'
import type { Standing } from '../../server/keys/title-stops.ts'

const ADDRESS = `34235:${'ab'.repeat(32)}:film`
const title = parseTitleName(ADDRESS)
const UNKNOWN: Standing = { standing: 'unknown' }
const [LIVE_1, LIVE_2, GONE_1, GONE_2]: Standing[] = [{ standing: 'live', at: 1 }, { standing: 'live', at: 2 }, { standing: 'gone', at: 1 }, { standing: 'gone', at: 2 }]

interface Node { stops: TitleStops, here: Standing }

function nodes (hasKeys = true): { a: Node, b: Node, objects: MemoryObjects, state: StateStore, faults: unknown[] } {
  const objects = new MemoryObjects()
  const state = new StateStore(objects, new Layout(false))
  const faults: unknown[] = []
  const node = (): Node => {
    const made = { here: UNKNOWN } as Node
    made.stops = new TitleStops({ state, keys: { has: async () => hasKeys }, standing: () => made.here, now: () => 0, onFault: (error) => { faults.push(error) } })
    return made
  }
  return { a: node(), b: node(), objects, state, faults }
}

t.test('what one node has of a title, in whatever order the others hear of it', async t => {
  const cases: [said: Standing[], other: Standing, gone: boolean][] = [
    [[], UNKNOWN, false], [[], LIVE_1!, false], [[], GONE_1!, true], [[LIVE_1!], UNKNOWN, false], [[GONE_1!], UNKNOWN, true], [[LIVE_1!, GONE_2!], LIVE_1!, true], [[GONE_1!], LIVE_2!, false],
    [[GONE_1!, LIVE_2!], GONE_1!, false], [[GONE_1!, LIVE_2!], UNKNOWN, false], [[GONE_2!, LIVE_1!], LIVE_1!, true], [[GONE_1!], LIVE_1!, true], [[GONE_1!, LIVE_1!], LIVE_1!, true]
  ]
  for (const [said, other, gone] of cases) {
    const { a, b, faults } = nodes()
    for (const each of said) {
      a.here = each
      await a.stops.refresh([ADDRESS])
    }
    b.here = other
    t.equal(await b.stops.isGone(title), gone, JSON.stringify([said, other]))
    t.strictSame(faults, [])
  }
})

t.test('a title that never was withdrawn puts nothing into the store, nor does one without keys that a relay brought', async t => {
  const { a, state } = nodes(false)
  a.here = LIVE_1!
  await a.stops.refresh([ADDRESS, 'no address', `30081:${'ab'.repeat(32)}:x`])
  a.here = GONE_2!
  await a.stops.follow([ADDRESS])
  for await (const name of state.list('key-stops/')) t.fail(name)
  await a.stops.refresh([ADDRESS])
  t.equal((await state.get(`key-stops/${title.hash}`) as { gone: boolean }).gone, true)
  const withKeys = nodes()
  withKeys.a.here = GONE_1!
  await withKeys.a.stops.follow([ADDRESS])
  t.equal(await withKeys.b.stops.isGone(title), true)
})

t.test('when the store fails it is told later', async t => {
  const { a, b, objects, faults } = nodes()
  const put = objects.put.bind(objects)
  objects.put = async (key) => { throw new StoreError('memory', 'put', key, 'away') }
  a.here = GONE_1!
  await a.stops.refresh([ADDRESS])
  t.equal(faults.length, 1)
  t.equal(await b.stops.isGone(title), false)
  objects.put = put
  await a.stops.refresh([])
  t.equal(await b.stops.isGone(title), true)
  a.stops.close()
})
