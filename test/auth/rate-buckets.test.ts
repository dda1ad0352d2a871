// Token buckets: never more than a burst at once and the rate on average, exact about how long to wait, and bounded.

import t from 'tap'
import { RateBuckets } from '../../server/auth/rate-buckets.ts'
import { seeded } from '../support/judging.ts'

const NOW = 1_795_000_000_000

t.test('a full bucket gives its burst at once, then one an interval', async t => {
  const buckets = new RateBuckets({ perMinute: 60, burst: 3 })
  t.strictSame([1, 2, 3].map(() => buckets.take('a', NOW)), [0, 0, 0])
  t.equal(Math.round(buckets.take('a', NOW)), 1000)
  t.equal(Math.round(buckets.take('a', NOW + 400)), 600, 'what was refused cost nothing')
  t.equal(buckets.take('a', NOW + 1000), 0)
  t.not(buckets.take('a', NOW + 1000), 0)
  t.equal(buckets.take('b', NOW), 0, 'another name has its own')
  t.strictSame([1, 2, 3, 4].map(() => buckets.take('a', NOW + 3_600_000) === 0), [true, true, true, false], 'an hour fills it no further than to the brim')
})

t.test('without a burst of its own a bucket holds exactly a minute of it, whatever the rate', async t => {
  for (const perMinute of [1, 7, 120, 1200, 6000, 60_000]) {
    const buckets = new RateBuckets({ perMinute })
    let taken = 0
    while (taken <= perMinute && buckets.take('a', NOW) === 0) taken++
    t.equal(taken, perMinute)
  }
})

t.test('wait takes nothing, and after the wait it names there is one', async t => {
  const buckets = new RateBuckets({ perMinute: 10, burst: 1 })
  for (let i = 0; i < 5; i++) t.equal(buckets.wait('a', NOW), 0)
  t.equal(buckets.size, 0, 'and remembers nobody')
  buckets.take('a', NOW)
  const wait = buckets.wait('a', NOW + 17)
  t.ok(buckets.take('a', NOW + 17 + wait - 3001) > 0)
  t.equal(buckets.take('a', NOW + 17 + wait), 0)
})

t.test('in no stretch of time does anybody get more than burst + rate × time, nor is anybody refused who stayed below it', async t => {
  const { below, pick } = seeded(t)
  for (let round = 0; round < 200; round++) {
    const [perMinute, burst] = [1 + below(3000), 1 + below(50)]
    const buckets = new RateBuckets({ perMinute, burst })
    let now = NOW
    let level = burst
    let wrong = 0
    for (let i = 0; i < 300; i++) {
      const passed = pick([0, 0, 0, 1, below(100), below(5000)])
      now += passed
      level = Math.min(burst, level + passed * perMinute / 60_000)
      const given = buckets.take('a', now) === 0
      if (given) level--
      // the plain sum says the same, but for the half of one that rounding may take
      if (given ? level < -0.51 : level >= 1) wrong++
    }
    t.equal(wrong, 0, `${perMinute} a minute, ${burst} at once`)
  }
})

t.test('a clock that is set back locks nobody out for longer than an empty bucket takes to fill', async t => {
  const buckets = new RateBuckets({ perMinute: 60 })
  for (let i = 0; i < 60; i++) buckets.take('a', NOW)
  t.ok(buckets.wait('a', NOW - 86_400_000) <= 60_000)
})

t.test('memory is bounded: the name used longest ago is forgotten first', async t => {
  const buckets = new RateBuckets({ perMinute: 1, names: 100 })
  buckets.take('first', NOW)
  for (let i = 0; i < 99; i++) buckets.take(`name ${i}`, NOW)
  t.not(buckets.wait('first', NOW), 0)
  buckets.take('one more', NOW)
  t.equal(buckets.size, 100)
  t.equal(buckets.wait('first', NOW), 0)
  t.not(buckets.wait('name 0', NOW), 0)
})
