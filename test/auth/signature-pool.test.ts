// Signatures that come together are shared with a thread; who checks never changes the answer.

import t from 'tap'
import { SignaturePool } from '../../server/auth/signature-pool.ts'
import { Signer } from '../support/keys.ts'

const signer = new Signer()

// a pool keeps no program alive; a server's socket does that
const alive = setInterval(() => {}, 1000)
t.teardown(() => { clearInterval(alive) })

function event (number: number, forged: boolean) {
  const signed = signer.sign({ kind: 24242, created_at: 1_800_000_000 + number, tags: [['t', 'upload']], content: 'ü"\\\n' })
  return forged ? { ...JSON.parse(JSON.stringify(signed)) as typeof signed, content: 'changed' } : signed
}

t.test('a lone signature is checked at once', async (t) => {
  const pool = new SignaturePool()
  t.equal(pool.check(event(1, false)), true)
  await new Promise((resolve) => { setTimeout(resolve, 20) })
  t.equal(pool.check(event(2, true)), false)
})

t.test('sixty at once, good and forged, each get their own answer, some of them from the thread', async (t) => {
  const pool = new SignaturePool()
  let aside = 0
  for (let round = 0; round < 5; round++) {
    const answers = Array.from({ length: 12 }, (_, i) => {
      const answer = pool.check(event(round * 100 + i, i % 3 === 0))
      if (typeof answer !== 'boolean') aside++
      return answer
    })
    t.same(await Promise.all(answers), answers.map((_, i) => i % 3 !== 0))
  }
  t.ok(aside > 0, `${aside} were checked aside`)
  await pool.close()
})

t.test('what a thread that ends had taken is checked here', async (t) => {
  const pool = new SignaturePool()
  pool.check(event(1, false))
  const answers = [pool.check(event(2, false)), pool.check(event(3, true))]
  t.ok(answers.some((answer) => typeof answer !== 'boolean'))
  await pool.close()
  t.same(await Promise.all(answers), [true, false])
})
