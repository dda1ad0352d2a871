// What a job remembers of servers: who fails in a row is passed over for a while, and who only lacks some blobs is not given up too soon.

import t from 'tap'
import { ServerMemory } from '../../server/catalog/mirrors/server-memory.ts'
import { Slots } from '../../server/catalog/mirrors/slots.ts'

t.test('three faults in a row and a server is passed over, for longer each time; one that gave a blob starts afresh', t => {
  const memory = new ServerMemory()
  const blame = (times: number, now: number): void => { for (let i = 0; i < times; i++) memory.blame('a', 'fault', now) }
  blame(2, 0)
  t.notOk(memory.avoids('a', 0))
  memory.praise('a')
  blame(2, 0)
  t.notOk(memory.avoids('a', 0))
  blame(1, 0)
  t.ok(memory.avoids('a', 29_999))
  t.notOk(memory.avoids('a', 30_000))
  blame(1, 30_000)
  t.ok(memory.avoids('a', 89_999), 'one fault more, and twice as long')
  t.notOk(memory.avoids('a', 90_000))
  blame(1, 90_000)
  memory.forgive()
  t.notOk(memory.avoids('a', 90_000))
  t.ok(memory.mayComeBack('a'))
  t.end()
})

t.test('a server that lacks what it is asked for is asked twenty times; one that may not be asked, never again', t => {
  const memory = new ServerMemory()
  for (let i = 0; i < 19; i++) memory.blame('a', 'absent', 0)
  t.notOk(memory.avoids('a', 0))
  memory.blame('a', 'absent', 0)
  t.ok(memory.avoids('a', 0))
  memory.blame('b', 'never', 0)
  memory.forgive()
  t.ok(memory.avoids('b', 0))
  t.notOk(memory.mayComeBack('b'))
  for (let i = 0; i < 1000; i++) memory.blame(`s${i}`, 'fault', 0)
  t.notOk(memory.avoids('b', 0), 'a thousand are remembered')
  t.end()
})

t.test('so many are inside at a time, and a place goes to who waited longest', async t => {
  const slots = new Slots(2)
  const leave = [await slots.enter('a'), await slots.enter('a')]
  t.notOk(slots.isFree('a'))
  t.ok(slots.isFree('b'))
  const order: number[] = []
  const waiting = [1, 2].map(async (i) => {
    const go = await slots.enter('a')
    order.push(i)
    return go
  })
  leave[0]!()
  leave[1]!()
  const rest = await Promise.all(waiting)
  t.same(order, [1, 2])
  t.notOk(slots.isFree('a'))
  for (const each of rest) each()
  t.ok(slots.isFree('a'))
})
