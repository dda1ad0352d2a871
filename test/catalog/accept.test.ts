// The order in which an event is judged: what is cheap comes first, and a bad event costs no signature check.

import t from 'tap'
import { isSigned, pubkeyOf, signEvent } from '../../server/auth/signature.ts'
import { ADVERT_CAPS, judgeEvent } from '../../server/catalog/accept.ts'
import { authorPolicy } from '../../server/catalog/authors.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { faultOf } from './faults.ts'
import { B3, CREATOR, NODE, SAMPLES, SHA, T0, eventOf } from './samples.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { AcceptFacts } from '../../server/catalog/accept.ts'
import type { AuthorFacts } from '../../server/catalog/authors.ts'
import type { CatalogFaultCode } from '../../server/catalog/faults.ts'

const TITLE = SAMPLES[0]!.good['full']!
const ADVERT = SAMPLES[2]!.good['full']!
const HOUR = 3600

/** Facts under which all passes; every question that is asked is noted. */
function asking (change: Partial<AcceptFacts> = {}): { facts: AcceptFacts, asked: string[] } {
  const asked: string[] = []
  const noting = <A extends unknown[], R>(name: string, answer: (...args: A) => R) => (...args: A): R => { asked.push(name); return answer(...args) }
  const facts: AcceptFacts = { now: T0, verify: () => true, mayAuthor: () => true, standing: () => 'new', refuseOlder: false, advertsBeside: () => ({ ofAuthor: 0, fresherOfHash: 0 }), caps: ADVERT_CAPS, ...change }
  return {
    asked,
    facts: {
      ...facts, verify: noting('verify', facts.verify), mayAuthor: noting('author', facts.mayAuthor), standing: noting('standing', facts.standing), advertsBeside: noting('caps', facts.advertsBeside)
    }
  }
}

t.test('an event that is right is asked about in order, and comes back with what it says', async (t) => {
  const { facts, asked } = asking()
  t.match(judgeEvent(TITLE, facts), { type: 'title', event: TITLE, facts: { d: '01JD' } })
  t.strictSame(asked, ['standing', 'author', 'verify'])
  const advert = asking()
  t.match(judgeEvent(ADVERT, advert.facts), { type: 'advert', facts: { blake3: B3 } })
  t.strictSame(advert.asked, ['standing', 'author', 'caps', 'verify'])
})

const at = (event: SignedEvent, createdAt: number): SignedEvent => eventOf({ ...event, created_at: createdAt })

const FAULTS: readonly (readonly [string, unknown, Partial<AcceptFacts>, CatalogFaultCode, string[]])[] = [
  ['no object', 'x', {}, 'EVENT_MALFORMED', []],
  ['a kind beyond 65535', { ...TITLE, kind: 65536 }, {}, 'EVENT_MALFORMED', []],
  ['a tag that is no list', { ...TITLE, tags: ['x'] }, {}, 'EVENT_MALFORMED', []],
  ['over the size', eventOf({ ...TITLE, content: 'x'.repeat(70_000) }), {}, 'EVENT_TOO_LARGE', []],
  ['over the tags', eventOf({ ...TITLE, tags: Array.from({ length: 2001 }, () => ['t', 'x']) }), {}, 'TAGS_TOO_MANY', []],
  ['an element too long', eventOf({ ...TITLE, tags: [...TITLE.tags, ['x', SHA, 'x'.repeat(1025)]] }), {}, 'ELEMENT_TOO_LONG', []],
  ['a kind of others', eventOf({ kind: 1 }), {}, 'KIND_UNKNOWN', []],
  ['application data of others', eventOf({ kind: 30078, tags: [['d', 'app/settings']], content: '{}' }), {}, 'KIND_UNKNOWN', []],
  ['a forged id', { ...TITLE, id: SHA }, {}, 'ID_WRONG', []],
  ['a changed content under the same id', { ...TITLE, content: 'other' }, {}, 'ID_WRONG', []],
  ['one that is here', TITLE, { standing: () => 'known' }, 'EVENT_KNOWN', ['standing']],
  ['one that was withdrawn', TITLE, { standing: () => 'deleted' }, 'EVENT_DELETED', ['standing']],
  ['an older one from a publisher', TITLE, { standing: () => 'older', refuseOlder: true }, 'EVENT_OLDER', ['standing']],
  ['a key that may not', TITLE, { mayAuthor: () => false }, 'AUTHOR_REFUSED', ['standing', 'author']],
  ['a key with 2,000 adverts', ADVERT, { advertsBeside: () => ({ ofAuthor: 2000, fresherOfHash: 0 }) }, 'AUTHOR_FULL', ['standing', 'author', 'caps']],
  ['a hash with 50 fresher adverts', ADVERT, { advertsBeside: () => ({ ofAuthor: 0, fresherOfHash: 50 }) }, 'HASH_FULL', ['standing', 'author', 'caps']],
  ['more than 15 minutes ahead', at(TITLE, T0 + 901), {}, 'EVENT_FUTURE', ['standing', 'author']],
  ['an advert of three days', at(ADVERT, T0 - 72 * HOUR - 1), {}, 'ADVERT_STALE', ['standing', 'author', 'caps']],
  ['a bad signature', TITLE, { verify: () => false }, 'SIGNATURE_WRONG', ['standing', 'author', 'verify']],
  ['a bad signature on what is also wrong inside', SAMPLES[0]!.bad['no d']![1], { verify: () => false }, 'SIGNATURE_WRONG', ['standing', 'author', 'verify']],
  ['wrong inside', SAMPLES[0]!.bad['no d']![1], {}, 'TAG_MISSING', ['standing', 'author', 'verify']]
]

for (const [name, event, change, code, questions] of FAULTS) {
  t.test(`${name} gives ${code}, after ${questions.length === 0 ? 'nothing' : questions.join(', ')}`, async (t) => {
    const { facts, asked } = asking(change)
    t.equal(faultOf(() => judgeEvent(event, facts)), code)
    t.strictSame(asked, questions)
  })
}

t.test('an older version from a relay is taken: the log keeps every one', async (t) => {
  const { facts } = asking({ standing: () => 'older' })
  t.equal(faultOf(() => judgeEvent(TITLE, facts)), 'none')
})

t.test('at the edges of time it is taken: 15 minutes ahead, three days old for an advert, years for a title', async (t) => {
  const { facts } = asking()
  const bare = (createdAt: number): SignedEvent => eventOf({ kind: 30081, tags: [['d', B3]], content: '{"v":1,"endpoint_id":"a"}', created_at: createdAt })
  for (const event of [at(TITLE, T0 + 900), bare(T0 - 72 * HOUR), at(TITLE, T0 - 10 * 365 * 24 * HOUR)]) t.equal(faultOf(() => judgeEvent(event, facts)), 'none')
})

t.test('what says that it has expired is taken all the same: it hides what it replaced, and a withdrawal is for ever', async (t) => {
  t.equal(judgeEvent(ADVERT, asking({ now: T0 + 49 * HOUR }).facts).type, 'advert')
  t.equal(judgeEvent(eventOf({ kind: 5, tags: [['e', SHA], ['expiration', '1']] }), asking().facts).type, 'withdrawal')
})

t.test('with the real check a signed event passes, and one by another key does not', async (t) => {
  const secret = '67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa'
  const { facts } = asking({ verify: isSigned })
  const event = signEvent(buildProviderAdvert({ blake3: B3, servers: ['https://a.example'] }, T0), secret)
  t.equal(judgeEvent(event, facts).event.pubkey, pubkeyOf(secret))
  t.equal(faultOf(() => judgeEvent(eventOf(event, NODE), facts)), 'SIGNATURE_WRONG')
})

t.test('TITLE_PUBKEYS: whose titles are taken, over HTTP and from relays', async (t) => {
  const event = (kind: number, pubkey: string, d = 'x'): SignedEvent => eventOf({ kind, tags: [['d', d]] }, pubkey)
  const policy = (change: Partial<AuthorFacts>) => authorPolicy({
    titlePubkeys: new Set(), ownPubkey: SHA, from: 'relay', mayUpload: () => false, publishedHere: () => false, mayRelease: () => false, maySnapshot: () => false, ...change
  })
  const listed = policy({ titlePubkeys: new Set([CREATOR]), mayUpload: () => true, publishedHere: () => true, from: 'http' })
  t.ok(listed('title', event(34235, CREATOR)))
  t.notOk(listed('title', event(34235, NODE)), 'a list that is not empty is the whole of it')
  t.notOk(listed('collection', event(30005, NODE)))
  t.ok(listed('title', event(34235, SHA)), 'our own key')
  const open = { titlePubkeys: new Set<string>() }
  t.ok(policy({ ...open, from: 'http', mayUpload: (pubkey) => pubkey === NODE })('title', event(34235, NODE)), 'over HTTP whoever may upload')
  t.notOk(policy({ ...open, from: 'relay', mayUpload: () => true })('title', event(34235, NODE)), 'from a relay not')
  t.ok(policy({ ...open, publishedHere: () => true })('title', event(34235, NODE)), 'from a relay who published here')
  t.ok(policy({})('advert', event(30081, NODE)), 'any node says what it has')
  t.ok(policy({ titlePubkeys: new Set([CREATOR]) })('withdrawal', event(5, CREATOR)), 'a withdrawal may come before what it takes back')
  t.notOk(policy({})('withdrawal', event(5, NODE)))
  t.notOk(policy({})('release', event(30063, NODE)))
  t.ok(policy({ mayRelease: () => true })('carrier', event(30078, NODE, 'archipelago/release/trust/v1')))
  t.notOk(policy({ mayRelease: () => true })('carrier', event(30078, NODE, 'indeehub/catalog/snapshot')))
  t.ok(policy({ maySnapshot: () => true })('carrier', event(30078, NODE, 'indeehub/catalog/snapshot')))
})
