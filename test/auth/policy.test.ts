// Who may put what here: each rule by itself, the operator's list in its order, and that opaque bytes are never refused for being opaque (T9).

import t from 'tap'
import { configuredRule, keyRule, Policy, sizeRule, typeRule } from '../../server/auth/policy.ts'
import { Failure } from '../../server/errors.ts'
import { refusalOf } from '../support/judging.ts'
import type { ConfiguredRule, PolicySettings, Rule, UploadFacts } from '../../server/auth/policy.ts'

const KEY = 'ab'.repeat(32)
const OTHER = 'cd'.repeat(32)

const facts = (some: Partial<UploadFacts> = {}): UploadFacts => ({ pubkey: KEY, type: 'image/png', size: 100, ...some })
const verdict = (rule: Rule, some: Partial<UploadFacts>): string => rule(facts(some))?.code ?? 'none'

t.test('a blob may be as large as the limit and not a byte larger; an unknown size is not judged', t => {
  const rule = sizeRule(100)
  t.equal(verdict(rule, { size: 100 }), 'none')
  t.equal(verdict(rule, { size: 101 }), 'TOO_LARGE')
  t.equal(verdict(rule, { size: 0 }), 'none')
  t.equal(verdict(rule, { size: Infinity }), 'TOO_LARGE', 'more digits than a number holds')
  t.equal(verdict(rule, { size: null }), 'none')
  t.equal(rule(facts({ size: 101 }))?.status, 413)
  t.match(rule(facts({ size: 101 }))?.message, '100 bytes')
  t.end()
})

t.test('T9: a type must match the list, but octet-stream always passes, and so does what nobody has named yet', t => {
  const rule = typeRule(['image/*', 'video/mp4'])
  for (const type of ['image/png', 'image/svg+xml', 'video/mp4', 'application/octet-stream', 'application/octet-stream;charset=utf-8', null]) t.equal(verdict(rule, { type }), 'none', String(type))
  for (const type of ['video/webm', 'text/html', 'images/png', 'application/octet', 'text/plain;charset=utf-8']) t.equal(verdict(rule, { type }), 'TYPE_REFUSED', type)
  t.equal(verdict(typeRule(['*/*']), { type: 'x-any/thing' }), 'none')
  t.equal(verdict(typeRule([]), { type: 'application/octet-stream' }), 'none')
  t.equal(verdict(typeRule([]), { type: 'image/png' }), 'TYPE_REFUSED')
  t.equal(verdict(typeRule(['text/*']), { type: 'text/plain;charset=utf-8' }), 'none', 'A25: the essence is compared')
  t.equal(rule(facts({ type: 'text/html' }))?.status, 415)
  t.end()
})

t.test('A26: a form is refused with a clear reason, even where every type is taken', t => {
  const failure = typeRule(['*/*'])(facts({ type: 'multipart/form-data' }))
  t.equal(failure?.code, 'TYPE_REFUSED')
  t.match(failure?.message, 'send the bytes themselves')
  t.end()
})

t.test('with a list of keys only those may upload; without one any key, and nobody else judges an unnamed one', t => {
  t.equal(verdict(keyRule([]), {}), 'none')
  t.equal(verdict(keyRule([]), { pubkey: null }), 'none')
  t.equal(verdict(keyRule([KEY]), {}), 'none')
  t.equal(verdict(keyRule([KEY]), { pubkey: OTHER }), 'KEY_REFUSED')
  t.equal(verdict(keyRule([KEY]), { pubkey: null }), 'KEY_REFUSED')
  t.equal(keyRule([KEY])(facts({ pubkey: OTHER }))?.status, 403, '403 and not 401: another signature would not help')
  t.end()
})

t.test("of the operator's rules the first that matches key and type decides", t => {
  const rules: ConfiguredRule[] = [
    { pubkeys: [KEY], types: ['video/*'], maxSize: 1000 },
    { pubkeys: [KEY], maxSize: 500 },
    { types: ['video/*'], deny: 'no films here' },
    { pubkeys: [OTHER], deny: 'go away' },
    { maxSize: 50 }
  ]
  const rule = configuredRule(rules)
  t.equal(verdict(rule, { type: 'video/mp4', size: 1000 }), 'none', 'the first, though the third denies')
  t.equal(verdict(rule, { type: 'video/mp4', size: 1001 }), 'TOO_LARGE')
  t.equal(verdict(rule, { size: 501 }), 'TOO_LARGE', 'the second')
  t.equal(verdict(rule, { size: 500 }), 'none')
  t.equal(verdict(rule, { pubkey: OTHER, type: 'video/mp4', size: 1 }), 'TYPE_REFUSED', 'the third, not the fourth')
  t.match(rule(facts({ pubkey: OTHER, type: 'video/mp4' }))?.message, 'no films here')
  t.equal(verdict(rule, { pubkey: OTHER, size: 1 }), 'KEY_REFUSED')
  t.equal(verdict(rule, { pubkey: null, size: 50 }), 'none', 'the last is for everybody else')
  t.equal(verdict(rule, { pubkey: null, size: 51 }), 'TOO_LARGE')
  t.equal(verdict(rule, { size: null }), 'none', 'an unknown size is judged when it is known')
  t.equal(verdict(configuredRule([]), {}), 'none')
  t.end()
})

t.test('a rule about octet-stream is about what nobody has named, too', t => {
  const rule = configuredRule([{ types: ['application/octet-stream'], deny: 'say what it is' }])
  t.equal(verdict(rule, { type: null }), 'TYPE_REFUSED')
  t.equal(verdict(rule, { type: 'application/octet-stream' }), 'TYPE_REFUSED')
  t.equal(verdict(rule, { type: 'image/png' }), 'none')
  t.end()
})

const settings: PolicySettings = { maxBlobSize: 100, types: ['image/*'], uploadPubkeys: [KEY], policy: [{ types: ['image/gif'], deny: 'no gifs' }] }

t.test('§2.6: size comes before type, type before key, key before the rules of the operator', t => {
  const policy = new Policy(settings)
  const judge = (some: Partial<UploadFacts>): string => refusalOf(() => { policy.judge(facts(some)) })
  t.equal(judge({ size: 101, type: 'text/html', pubkey: OTHER }), 'TOO_LARGE')
  t.equal(judge({ type: 'text/html', pubkey: OTHER }), 'TYPE_REFUSED')
  t.equal(judge({ type: 'image/gif', pubkey: OTHER }), 'KEY_REFUSED')
  t.equal(judge({ type: 'image/gif' }), 'TYPE_REFUSED')
  t.equal(judge({}), 'none')
  t.end()
})

t.test('before anybody is identified only size and type are judged', t => {
  const policy = new Policy(settings)
  const judge = (some: Partial<UploadFacts>): string => refusalOf(() => { policy.judgeClaims(facts({ pubkey: null, ...some })) })
  t.equal(judge({ size: 101 }), 'TOO_LARGE')
  t.equal(judge({ type: 'text/html' }), 'TYPE_REFUSED')
  t.equal(judge({ type: 'image/gif' }), 'none')
  t.equal(judge({ size: null, type: null }), 'none')
  t.end()
})

t.test('the rules are pure: the same facts give the same answer and stay as they are', t => {
  const asked = Object.freeze(facts({ size: 101 }))
  const rule = sizeRule(100)
  t.strictSame([rule(asked)?.message, rule(asked)?.message], [rule(asked)?.message, rule(asked)?.message])
  t.ok(rule(asked) instanceof Failure)
  t.not(rule(asked), rule(asked), 'each refusal is its own')
  t.end()
})
