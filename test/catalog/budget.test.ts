// Budgets, and the one way to a signature of ours.

import t from 'tap'
import { isSigned, pubkeyOf, signEvent } from '../../server/auth/signature.ts'
import { OUR_BUDGET, TAKEN_BUDGET, eventBytes, judgeBudget } from '../../server/catalog/budget.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { parseTitle, buildTitle } from '../../server/catalog/kinds/title.ts'
import { signTemplate } from '../../server/catalog/sign-template.ts'
import { faultOf } from './faults.ts'
import { B3, SAMPLES, SHA, T0, eventOf } from './samples.ts'
import type { EventDraft } from '../../server/auth/signature.ts'

const SECRET = '67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa'
const signed: EventDraft[] = []
const signer = { pubkey: pubkeyOf(SECRET), sign: (draft: EventDraft) => { signed.push(draft); return signEvent(draft, SECRET) } }

t.test('48 KiB, 400 tags, 1,000 bytes an element: at the limit it passes, one above it does not', async (t) => {
  const draft = (tags: string[][], content = ''): EventDraft => ({ kind: 1, created_at: T0, tags, content })
  const least = eventBytes(draft([]))
  const limits: readonly [string, EventDraft, EventDraft, string][] = [
    ['bytes', draft([], 'x'.repeat(OUR_BUDGET.bytes - least)), draft([], 'x'.repeat(OUR_BUDGET.bytes - least + 1)), 'EVENT_TOO_LARGE'],
    ['escapes count', draft([], '\n'.repeat((OUR_BUDGET.bytes - least) / 2)), draft([], '\n'.repeat((OUR_BUDGET.bytes - least) / 2 + 1)), 'EVENT_TOO_LARGE'],
    ['tags', draft(Array.from({ length: 400 }, () => ['t', 'x'])), draft(Array.from({ length: 401 }, () => ['t', 'x'])), 'TAGS_TOO_MANY'],
    ['element', draft([['t', 'x'.repeat(1000)]]), draft([['t', 'x'.repeat(1001)]]), 'ELEMENT_TOO_LONG'],
    ['element in bytes', draft([['t', 'ü'.repeat(500)]]), draft([['t', 'ü'.repeat(501)]]), 'ELEMENT_TOO_LONG']
  ]
  for (const [name, fits, over, code] of limits) {
    t.equal(faultOf(() => judgeBudget(fits)), 'none', name)
    t.equal(faultOf(() => judgeBudget(over)), code, name)
  }
})

t.test('an unsigned event counts as much as it will when it is signed', async (t) => {
  const draft = buildProviderAdvert({ blake3: B3, servers: ['https://a.example'] }, T0)
  t.equal(eventBytes(draft), Buffer.byteLength(JSON.stringify(signEvent(draft, SECRET))))
})

t.test('from others as much is taken as relays commonly allow: 64 KiB, 2,000 tags, 1,024 bytes an element', async (t) => {
  t.strictSame(TAKEN_BUDGET, { bytes: 65_536, tags: 2000, element: 1024 })
  t.equal(faultOf(() => judgeBudget(eventOf({ content: 'x'.repeat(60_000) }), TAKEN_BUDGET)), 'none')
  t.equal(faultOf(() => judgeBudget(eventOf({ content: 'x'.repeat(65_536) }), TAKEN_BUDGET)), 'EVENT_TOO_LARGE')
})

t.test('what is over the budget, or would not be taken by ourselves, is never signed', async (t) => {
  const title = parseTitle(SAMPLES[0]!.good['full']!)
  const facts = { ...title, manifest: title.manifest! }
  for (const [name, draft, code] of [
    ['too long', buildTitle({ ...facts, synopsis: 'x'.repeat(50_000) }, T0), 'EVENT_TOO_LARGE'],
    ['too many topics', buildTitle({ ...facts, topics: Array.from({ length: 400 }, (_, i) => `t${i}`) }, T0), 'TAGS_TOO_MANY'],
    ['a long title', buildTitle({ ...facts, title: 'x'.repeat(1001) }, T0), 'ELEMENT_TOO_LONG'],
    ['a bad hash', buildTitle({ ...facts, manifest: { sha256: SHA.slice(1), blake3: B3, size: 1 } }, T0), 'TAG_INVALID'],
    ['a kind of no meaning here', { kind: 1, created_at: T0, tags: [], content: 'hello' }, 'KIND_UNKNOWN']
  ] as const) t.equal(faultOf(() => signTemplate(draft as EventDraft, signer)), code, name)
  t.strictSame(signed, [], 'the signer was never asked')
  t.ok(isSigned(signTemplate(buildTitle(facts, T0), signer)))
  t.equal(signed.length, 1)
})

t.test('a film title with four files and a synopsis of 1,500 characters takes about 4 KB', async (t) => {
  const title = parseTitle(SAMPLES[0]!.good['full']!)
  const draft = buildTitle({ ...title, manifest: title.manifest!, media: [...title.media, ...title.media], synopsis: 'x'.repeat(1500) }, T0)
  t.ok(eventBytes(draft) < 5000, `${eventBytes(draft)} bytes`)
})
