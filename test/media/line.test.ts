// Who is worked on next, and who is told to come again.

import t from 'tap'
import { MediaLine } from '../../server/media/line.ts'

const soon = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

t.test('as many are worked on at once as there are jobs; the others follow, each sender in turn', async t => {
  const line = new MediaLine({ jobs: 1, waiting: 9 })
  const begun: string[] = []
  const places = ['a1', 'a2', 'a3', 'b1', 'c1'].map((name) => {
    const place = line.enter(name[0]!)
    void place.turn().then(() => { begun.push(name) })
    return { name, place }
  })
  for (let i = 0; i < 5; i++) {
    await soon()
    t.equal(line.counts.underWay, 1)
    t.equal(line.counts.waiting, 4 - i)
    places.find(({ name }) => name === begun.at(-1))!.place.leave()
  }
  t.strictSame(begun, ['a1', 'b1', 'c1', 'a2', 'a3'])
  t.strictSame(line.counts, { underWay: 0, waiting: 0 })
})

t.test('when the line is full, or half of it is one key\'s, the next is told to come again', async t => {
  const line = new MediaLine({ jobs: 1, waiting: 3 })
  const refused = { code: 'MEDIA_BUSY', status: 503, headers: { 'retry-after': '10' } }
  const places = [line.enter('a'), line.enter('a')]
  t.throws(() => line.enter('a'), refused)
  t.throws(() => { line.judge('a') }, refused)
  places.push(line.enter('b'), line.enter('c'))
  t.throws(() => line.enter('d'), refused)
  places[0]!.leave()
  places[0]!.leave()
  t.doesNotThrow(() => line.enter('d'))
  t.throws(() => line.enter('e'), refused, 'a place that was left twice is free once')
})

t.test('who leaves while it waits is told so, and nobody waits for it', async t => {
  const line = new MediaLine({ jobs: 1, waiting: 5 })
  const [first, second, third] = [line.enter('a'), line.enter('b'), line.enter('c')]
  await first.turn()
  const waiting = second.turn()
  const last = third.turn()
  second.leave()
  await t.rejects(waiting, { code: 'BODY_BROKEN' })
  await t.rejects(second.turn(), { code: 'BODY_BROKEN' })
  first.leave()
  await last
  line.reload({ jobs: 2, waiting: 0 })
  const fourth = line.enter('d')
  await fourth.turn()
  t.equal(line.counts.underWay, 2, 'other numbers hold at once')
})
