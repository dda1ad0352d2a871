// State that is nobody's blob, in the store under state/.

import t from 'tap'
import { StoreError } from '../../server/errors.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { StateStore } from '../../server/stores/state.ts'

function open () {
  const objects = new MemoryObjects()
  return { objects, state: new StateStore(objects, new Layout(true)) }
}

t.test('a value comes back as it was put, is replaced and removed', async (t) => {
  const { state, objects } = open()
  t.equal(await state.get('reports/1'), null)
  for (const value of [{ at: 7, text: 'ü' }, [1, 2], 'text', 0, false, null]) {
    await state.put('reports/1', value)
    t.same(await state.get('reports/1'), value)
  }
  t.not(await objects.get('state/reports/1'), null, 'where the layout draws it')
  t.equal(await state.remove('reports/1'), true)
  t.equal(await state.remove('reports/1'), false)
})

t.test('the names below a folder are listed, and no others', async (t) => {
  const { state } = open()
  for (const name of ['reports/1', 'reports/2', 'reportsx/3', 'ready']) await state.put(name, 1)
  const names: string[] = []
  for await (const name of state.list('reports/')) names.push(name)
  t.same(names.sort(), ['reports/1', 'reports/2'])
})

t.test('a value that cannot be read is a StoreError, never "not there"', async (t) => {
  const { state, objects } = open()
  for (const rubbish of ['', '{"at":']) {
    await objects.put('state/reports/1', Buffer.from(rubbish))
    await t.rejects(state.get('reports/1'), StoreError)
  }
})
