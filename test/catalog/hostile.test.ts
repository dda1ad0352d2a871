// Whatever an event says, it is read or refused with a code: nothing else is thrown, and nothing read is of another type than it says.

import t from 'tap'
import { ADVERT_CAPS, judgeEvent } from '../../server/catalog/accept.ts'
import { foldCatalog } from '../../server/catalog/fold.ts'
import { parseManifest } from '../../server/catalog/manifest.ts'
import { versionOf } from '../../server/catalog/versions.ts'
import { seeded } from '../support/judging.ts'
import { faultOf } from './faults.ts'
import { B3, CREATOR, SAMPLES, SHA, T0, eventOf } from './samples.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { AcceptFacts } from '../../server/catalog/accept.ts'

const ROUNDS = 6000
const WORDS = [
  '', ' ', '0', '-1', '1e9', '9'.repeat(30), 'NaN', '__proto__', 'constructor', 'null', '\u0000', '\ud800', 'ü'.repeat(300), SHA, B3, SHA.toUpperCase(), `34235:${CREATOR}:x`, `34235:${CREATOR}`,
  'https://', 'https://[::1', 'https://a.example/ b', 'http://%zz', 'wss://', 'url', 'url x', 'x ', '{"v":1}', '[]', '{', 'withdrawn', 'd', 'x', 'expiration', 'manifest', 'published', 'true'
]

t.test('a sample in which anything was changed is read or refused with a code', async (t) => {
  const { below, pick } = seeded(t)
  const all = SAMPLES.flatMap(({ good }) => Object.values(good))
  const facts: AcceptFacts = {
    now: T0, verify: () => true, mayAuthor: () => true, standing: (event) => { versionOf(event); return 'new' }, refuseOlder: true,
    advertsBeside: () => ({ ofAuthor: 0, fresherOfHash: 0 }), caps: ADVERT_CAPS
  }
  const seen = new Map<string, number>()
  const kept: SignedEvent[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const { kind, content, created_at: createdAt, tags } = structuredClone(pick(all))
    const draft = { kind, content, created_at: createdAt, tags }
    for (let changes = 1 + below(3); changes > 0; changes--) {
      const tag = tags.length === 0 ? [] : pick(tags)
      ;[
        () => { tag[below(tag.length + 1)] = pick(WORDS) },
        () => { tag.length = below(tag.length + 1) },
        () => { tags.push([pick(WORDS), pick(WORDS), pick(WORDS)]) },
        () => { tags.splice(below(tags.length + 1), 1) },
        () => { draft.content = pick(WORDS) },
        () => { draft.created_at = pick([0, -1, T0, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]) },
        () => { draft.kind = pick(all).kind }
      ][below(7)]!()
    }
    const event = eventOf(draft)
    const code = faultOf(() => kept.push(judgeEvent(event, facts).event))
    seen.set(code, (seen.get(code) ?? 0) + 1)
  }
  t.comment(JSON.stringify([...seen]))
  for (const code of ['none', 'TAG_MISSING', 'TAG_INVALID', 'TAG_REPEATED', 'TAGS_DISAGREE', 'CONTENT_INVALID', 'KIND_UNKNOWN', 'EVENT_FUTURE', 'ADVERT_STALE']) t.ok(seen.has(code), code)
  t.strictSame(foldCatalog(kept, T0).unreadable, [], 'what was taken can be folded')
})

t.test('bytes that are no manifest are refused with a code', async (t) => {
  const { below } = seeded(t)
  for (let i = 0; i < 300; i++) t.match(faultOf(() => parseManifest(Buffer.from(Array.from({ length: below(40) }, () => below(256))))), 'MANIFEST_INVALID')
})
