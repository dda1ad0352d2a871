// NIP-01: an event's id is the hash of its serialisation, its signature is over the id. Ours against nostr-tools' two verifiers.

import { finalizeEvent, getPublicKey, verifyEvent as verifyPure } from 'nostr-tools/pure'
import { setNostrWasm, verifyEvent as verifyWasm } from 'nostr-tools/wasm'
import { initNostrWasm } from 'nostr-wasm'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { isEvent, isSigned, pubkeyOf, signEvent } from '../../server/auth/signature.ts'
import { seeded } from '../support/judging.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'

setNostrWasm(await initNostrWasm())

const SECRET = '67dea2ed018072d675f5415ecfaed7d2597555e202d85b3d65ea4e58d2d92ffa'
const secretBytes = Buffer.from(SECRET, 'hex')
/** Without the mark that nostr-tools leaves on what it has verified. */
const fresh = (event: SignedEvent): SignedEvent => JSON.parse(JSON.stringify(event)) as SignedEvent
const draftOf = (content: string, tags: string[][] = []): EventDraft => ({ kind: 24242, created_at: 1_700_000_000, tags, content })

/** What trips serialisers: escapes of JSON, of NIP-01, separators of JavaScript, signs beyond the first plane. */
const CONTENTS = [
  '', 'plain', '"quoted" \\back\\ /slash/', 'line\nreturn\rtab\tback\bfeed\f', '\u0000a\u0001\u000b\u001f\u007f\u0080', '\u2028 and \u2029',
  'Grüße, 映画, فيلم', '🎬🎞️ 👩‍👩‍👧', 'e\u0301 is not \u00e9', '</script><!--', '\ufeffbom', '{"json":[1,2]}', 'x'.repeat(70_000)
]

t.test('an event of nostr-tools verifies, whatever is written in it', t => {
  for (const [i, content] of CONTENTS.entries()) {
    const event = fresh(finalizeEvent(draftOf(content, [['note', content], ['t', 'upload']]), secretBytes))
    t.ok(isEvent(event) && isSigned(event), `content ${i}`)
  }
  t.end()
})

t.test('what we sign has the id nostr-tools gives it, and verifies in its pure and its wasm verifier', t => {
  t.equal(pubkeyOf(SECRET), getPublicKey(secretBytes))
  for (const [i, content] of CONTENTS.entries()) {
    const draft = draftOf(content, [['note', content]])
    const event = signEvent(draft, SECRET)
    t.equal(event.id, finalizeEvent({ ...draft }, secretBytes).id, `content ${i}`)
    t.ok(verifyPure(fresh(event)), 'pure')
    t.ok(verifyWasm(fresh(event)), 'wasm')
    t.ok(isSigned(event), 'ours')
  }
  t.end()
})

t.test('a changed event is refused, whichever field was changed', t => {
  const event = fresh(finalizeEvent(draftOf('before\u0000after', [['t', 'upload'], ['x', 'ab'.repeat(32)]]), secretBytes))
  const turned = (hex: string, at: number): string => hex.slice(0, at) + ((parseInt(hex[at]!, 16) + 1) % 16).toString(16) + hex.slice(at + 1)
  const changes: Partial<SignedEvent>[] = [
    { content: 'before\u0000After' }, { content: 'before' }, { created_at: event.created_at + 1 }, { kind: 24243 }, { tags: [] },
    { tags: [['t', 'delete'], ['x', 'ab'.repeat(32)]] }, { tags: [...event.tags, ['x', 'cd'.repeat(32)]] }, { tags: [['t', 'upload', 'x', 'ab'.repeat(32)]] },
    { pubkey: pubkeyOf('11'.repeat(32)) }, { id: turned(event.id, 63) }, { sig: turned(event.sig, 0) }, { sig: turned(event.sig, 127) },
    { sig: '00'.repeat(64) }, { pubkey: '00'.repeat(32) }, { pubkey: 'ff'.repeat(32) }
  ]
  t.ok(isSigned(event))
  for (const change of changes) t.notOk(isSigned({ ...event, ...change }), JSON.stringify(change).slice(0, 60))
  t.end()
})

t.test('what the native verifier cannot tell is refused by the one beside it, before that is loaded and after', async (t) => {
  const event = fresh(finalizeEvent(draftOf('numbers that nobody meets'), secretBytes))
  const untold = { ...event, sig: `${event.sig.slice(0, 64)}${'00'.repeat(32)}` }
  for (let i = 0; i < 200; i++) {
    if (isSigned(untold)) t.fail(`round ${i}`)
    await turn()
  }
  t.ok(isSigned(event))
})

t.test('a changed copy is refused even when the original carries the mark of having been verified', t => {
  const event = finalizeEvent(draftOf('mine'), secretBytes)
  t.ok(verifyPure({ ...event, content: 'evil' }), 'the trap is there: the mark survives the copy')
  t.notOk(isSigned({ ...event, content: 'evil' }))
  t.ok(isSigned(event))
  t.notOk(isSigned({ ...event, content: 'evil' }), 'nor once we have verified it ourselves')
  t.end()
})

t.test('50 random events: every signer satisfies every verifier, and no verifier is satisfied by another id', t => {
  const random = seeded(t)
  for (let i = 0; i < 50; i++) {
    const secret = random.hex()
    const text = (): string => Array.from({ length: random.below(20) }, () => random.pick(['a', 'ß', '"', '\\', '\n', '\u0007', '🎬', '\u2028', ' '])).join('')
    const draft = {
      kind: random.below(65536), created_at: random.below(2 ** 31), content: text(),
      tags: Array.from({ length: random.below(5) }, () => Array.from({ length: random.below(4) }, text))
    }
    const ours = signEvent(draft, secret)
    const theirs = fresh(finalizeEvent({ ...draft }, Buffer.from(secret, 'hex')))
    t.equal(ours.id, theirs.id)
    t.ok([fresh(ours), theirs].every((event) => isEvent(event) && isSigned(event) && verifyPure(fresh(event)) && verifyWasm(fresh(event))), `event ${i}`)
    const other = { ...ours, id: random.hex() }
    t.notOk(isSigned(fresh(other)) || verifyPure(fresh(other)) || verifyWasm(fresh(other)))
  }
  t.end()
})

t.test('signing changes nothing in what it is given, and refuses a key that is none', t => {
  const draft = draftOf('as it was', [['t', 'get']])
  const before = structuredClone(draft)
  signEvent(draft, SECRET)
  t.strictSame(draft, before)
  for (const secret of ['00'.repeat(32), 'ff'.repeat(32), '', 'abcd']) t.throws(() => signEvent(draft, secret), secret)
  t.end()
})
