// A bounded memory of names until a moment.

import t from 'tap'
import { Seen } from '../../server/stores/seen.ts'

t.test('a name is known until its moment, and not at it', async (t) => {
  const seen = new Seen(10)
  t.notOk(seen.has('a', 0))
  seen.add('a', 100)
  t.ok(seen.has('a', 99))
  t.notOk(seen.has('a', 100))
  t.notOk(seen.has('a', 50), 'once over, it is forgotten')
  seen.add('a', 200)
  t.ok(seen.has('a', 199))
  seen.delete('a')
  t.notOk(seen.has('a', 0))
  seen.delete('never')
})

t.test('when it is full the oldest goes first, and a name told again is young again', async (t) => {
  const seen = new Seen(3)
  for (const name of ['a', 'b', 'c']) seen.add(name, 100)
  seen.add('a', 100)
  seen.add('d', 100)
  t.same(['a', 'b', 'c', 'd'].filter((name) => seen.has(name, 0)), ['a', 'c', 'd'])
  for (let i = 0; i < 1000; i++) seen.add(`flood ${i}`, 100)
  t.same(Array.from({ length: 1000 }, (_, i) => `flood ${i}`).filter((name) => seen.has(name, 0)), ['flood 997', 'flood 998', 'flood 999'])
})
