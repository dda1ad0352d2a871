// Names that came by lately are known again, and forgotten once enough others came.

import t from 'tap'
import { Lately } from '../../server/stores/lately.ts'

t.test('a name is new the first time and known the second', t => {
  const lately = new Lately(100)
  t.equal(lately.again('a', 10), false)
  t.equal(lately.again('a', 10), true)
  t.equal(lately.again('b', 10), false)
  t.equal(lately.again('a', 10), true)
  t.end()
})

t.test('a name is known until the weight of others has come by, and forgotten before twice as much has', t => {
  for (const [others, known] of [[9, true], [20, false], [100, false]] as const) {
    const lately = new Lately(100)
    lately.again('a', 10)
    for (let i = 0; i < others; i++) lately.again(`other ${i}`, 10)
    t.equal(lately.again('a', 10), known, `${others} others`)
  }
  t.end()
})

t.test('who reads through more than it remembers is never known: nothing of it takes room', t => {
  const lately = new Lately(100)
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 50; i++) t.equal(lately.again(`name ${i}`, 10), false)
  }
  t.end()
})

t.test('where nothing may be kept nothing is remembered for long', t => {
  const lately = new Lately(0)
  t.equal(lately.again('a', 1), false)
  lately.again('b', 1)
  lately.again('c', 1)
  t.equal(lately.again('a', 1), false)
  t.end()
})
