// Which rule an ownership falls under, and when it ends: the operator's time or its owner's wish, whichever comes first.

import t from 'tap'
import { endAfter, endingOf, lastEnd, ruleFor } from '../../server/stores/retention-rules.ts'
import type { Kept, RetentionRule } from '../../server/stores/retention-rules.ts'

const [ANN, KEEPER] = ['a'.repeat(64), 'f'.repeat(64)]
const kept = (some: Partial<Kept> = {}): Kept => ({ owner: ANN, type: 'video/mp4', size: 1000, uploaded: 5000, expires: null, ...some })

t.test('the first rule that matches type, owner and size decides', t => {
  const rules: RetentionRule[] = [
    { pubkeys: [ANN], types: ['image/*'] }, { types: ['video/*', 'audio/ogg'], minSize: 1000, keep: 10 }, { pubkeys: [ANN], keep: 20 }, { minSize: 5, keepUnread: 30 }
  ]
  const which = (some: Partial<Kept>): number => rules.indexOf(ruleFor(rules, kept(some))!)
  t.equal(which({ type: 'image/png' }), 0)
  t.equal(which({ type: 'image/png', owner: 'none' }), 3, 'another owner')
  t.equal(which({}), 1)
  t.equal(which({ size: 999 }), 2, 'too small for the rule before')
  t.equal(which({ type: 'text/plain; charset=utf-8', owner: 'none', size: 5 }), 3)
  t.equal(which({ type: 'audio/ogg', owner: 'none' }), 1)
  t.equal(ruleFor(rules, kept({ type: 'text/plain', owner: 'none', size: 4 })), null, 'none')
  t.end()
})

t.test('an ownership ends at the earlier of its wish and its rule; keep counts from the upload, keepUnread from the last read or the upload', t => {
  const end = (rules: RetentionRule[], read: number, some: Partial<Kept> = {}): number | null => endAfter(endingOf(rules, KEEPER, kept(some)), read)
  t.equal(end([], 0), null)
  t.equal(end([], 0, { expires: 7000 }), 7000)
  t.equal(end([{ keep: 100 }], 9000), 5100)
  t.equal(end([{ keep: 100 }], 0, { expires: 5050 }), 5050)
  t.equal(end([{ keep: 100 }], 0, { expires: 5200 }), 5100)
  t.equal(end([{ keepUnread: 100 }], 0), 5100, 'never read')
  t.equal(end([{ keepUnread: 100 }], 4000), 5100, 'read before this owner came')
  t.equal(end([{ keepUnread: 100 }], 6000), 6100)
  t.equal(end([{ keep: 1000, keepUnread: 100 }], 5950), 6000, 'whichever comes first')
  t.equal(end([{ keep: 1000, keepUnread: 100 }], 5000), 5100)
  t.equal(end([{ keepUnread: 100 }], 6000, { expires: 6001 }), 6001)
  t.equal(end([{ minSize: 0 }, { keep: 1 }], 0), null, 'a rule without a time keeps for ever')
  t.equal(end([{ keep: 1, keepUnread: 1 }], 0, { owner: KEEPER }), null, 'no rule is about the keeper of pins')
  t.equal(end([{ keep: 1 }], 0, { owner: KEEPER, expires: 9000 }), 9000, 'its own wish is')
  t.end()
})

t.test('a blob ends with the last of its ownerships', t => {
  const [one, two, none] = [kept({ expires: 6000 }), kept({ expires: 7000 }), kept()].map((each) => endingOf([], KEEPER, each)) as [never, never, never]
  t.equal(lastEnd([one, two], 0), 7000)
  t.equal(lastEnd([two, one], 0), 7000)
  t.equal(lastEnd([one, none, two], 0), null)
  t.equal(lastEnd([], 0), null, 'a foreign blob is nobody\'s')
  t.end()
})
