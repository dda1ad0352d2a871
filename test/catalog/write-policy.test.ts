// Who may write what to a relay of ours: the rules once (relay-config/README.md), whatever relay asks.

import { readFileSync } from 'node:fs'
import { npubEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { CATALOG_KINDS } from '../../server/catalog/catalog-event.ts'
import { SNAPSHOT_NAME, TRUST_BUNDLE_NAME, latestPointerName } from '../../server/catalog/kinds/application-data.ts'
import { WritePolicy } from '../../server/catalog/write-policy.ts'
import { parseWriteRules } from '../../server/catalog/write-rules.ts'
import { ConfigError } from '../../server/errors.ts'
import { ROOT } from '../support/source.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const NOW = 1_800_000_000
const [CREATOR, RELEASER, SERVER, STRANGER, OTHER] = ['c1', 'e1', '5e', '99', '77'].map((byte) => byte.repeat(32)) as [string, string, string, string, string]
const FILE = { creators: [CREATOR], releaseKeys: [RELEASER], servers: [npubEncode(SERVER)] }

const policyOf = (more: object = {}): WritePolicy => new WritePolicy(parseWriteRules(JSON.stringify({ ...FILE, ...more }), 'policy.json'))

/** A policy asks neither for the id nor for the signature: the relay has checked both. */
const event = (pubkey: string, kind: number, tags: string[][] = [], more: Partial<SignedEvent> = {}): SignedEvent =>
  ({ id: '1d'.repeat(32), pubkey, sig: '51'.repeat(64), kind, created_at: NOW, tags, content: '', ...more })

const wordsOf = (policy: WritePolicy, each: unknown, now = NOW): string => {
  const decision = policy.judge(each, now)
  return decision.accepted ? 'yes' : decision.words
}

/** Which of the keys may write it. */
const writers = (kind: number, tags: string[][] = []): string[] =>
  [CREATOR, RELEASER, SERVER, STRANGER].filter((pubkey) => wordsOf(policyOf(), event(pubkey, kind, tags)) === 'yes')

t.test('titles and collections come from named creators alone', async t => {
  for (const kind of [34235, 34236, 30005]) t.same(writers(kind, [['d', 'a']]), [CREATOR], String(kind))
  t.equal(wordsOf(policyOf(), event(STRANGER, 34235)), 'blocked: events of kind 34235 are not taken from this key')
})

t.test('applications, releases, artifacts, trust bundles and pointers come from release keys alone', async t => {
  for (const kind of [32267, 30063, 3063]) t.same(writers(kind, [['d', 'a']]), [RELEASER], String(kind))
  for (const d of [TRUST_BUNDLE_NAME, latestPointerName('a', 'stable')]) t.same(writers(30078, [['d', d]]), [RELEASER], d)
})

t.test('snapshots come from named servers alone, lists of servers and relays from everybody who is named', async t => {
  t.same(writers(30078, [['d', SNAPSHOT_NAME]]), [SERVER])
  for (const kind of [10002, 10063]) t.same(writers(kind), [CREATOR, RELEASER, SERVER], String(kind))
})

t.test('adverts come from anybody, and so do withdrawals of what one may write oneself', async t => {
  const anybody = [CREATOR, RELEASER, SERVER, STRANGER]
  t.same(writers(30081, [['d', 'ab'.repeat(32)]]), anybody)
  t.same(writers(5, [['e', 'ab'.repeat(32)], ['k', '30081']]), anybody)
  t.same(writers(5, [['e', 'ab'.repeat(32)]]), anybody)
  t.same(writers(5, [['k', '34235']]), [CREATOR])
  t.same(writers(5, [['k', '30063']]), [RELEASER])
  t.same(writers(5, [['k', '30078']]), [RELEASER, SERVER])
  t.same(writers(5, [['k', '1']]), [])
  t.same(writers(5, [['k', 'x']]), [])
  t.same(writers(5, [['a', `34235:${CREATOR}:film`]]), [CREATOR])
  t.same(writers(5, [['a', `30081:${STRANGER}:${'ab'.repeat(32)}`]]), [STRANGER])
  t.same(writers(5, [['a', `30078:${SERVER}:${SNAPSHOT_NAME}`]]), [SERVER])
  t.same(writers(5, [['a', `30078:${SERVER}:${TRUST_BUNDLE_NAME}`]]), [], 'which a server may not write')
  t.equal(wordsOf(policyOf(), event(CREATOR, 5, [['a', `34235:${OTHER}:film`]])), 'blocked: a key takes back its own events only')
  t.match(wordsOf(policyOf(), event(CREATOR, 5, [['a', 'film']])), /^blocked:/)
})

t.test('every other kind is refused, from whomever it is', async t => {
  for (const kind of [0, 1, 3, 4, 7, 1063, 22242, 30023, 65535]) t.same(writers(kind), [], String(kind))
  t.same(writers(30078, [['d', 'settings of some application']]), [])
  t.equal(wordsOf(policyOf(), event(CREATOR, 1)), 'blocked: events of kind 1 are not kept here')
})

t.test('what is no event is refused', async t => {
  for (const each of [null, 7, 'x', [], {}, { ...event(CREATOR, 34235), tags: [[1]] }, { ...event(CREATOR, 34235), kind: 70000 }, { ...event(CREATOR, 34235), created_at: 2 ** 60 }]) {
    t.equal(wordsOf(policyOf(), each), 'invalid: this is no signed Nostr event')
  }
})

t.test('an event stays in the budget: its bytes, its tags, the bytes of each element', async t => {
  const policy = policyOf({ budget: { bytes: 2000, tags: 3, element: 100 } })
  t.equal(wordsOf(policy, event(CREATOR, 34235, [['d', 'a'], ['t', 'b'], ['t', 'ü'.repeat(50)]])), 'yes')
  t.match(wordsOf(policy, event(CREATOR, 34235, Array.from({ length: 4 }, () => ['t', 'a']))), /^invalid: .*tags/)
  t.match(wordsOf(policy, event(CREATOR, 34235, [['t', 'ü'.repeat(51)]])), /^invalid: .*100 bytes/)
  t.match(wordsOf(policy, event(CREATOR, 34235, [], { content: 'x'.repeat(2000) })), /^invalid: .*2000 bytes/)
  t.equal(wordsOf(policyOf(), event(CREATOR, 34235, [], { content: 'x'.repeat(60_000) })), 'yes', 'strfry takes as much')
  t.match(wordsOf(policyOf(), event(CREATOR, 34235, [], { content: 'x'.repeat(65_536) })), /^invalid:/)
})

t.test('created_at lies in a window, which is narrower for adverts, and what has expired is refused', async t => {
  const at = (createdAt: number, kind = 34235, tags: string[][] = []): string => wordsOf(policyOf(), event(CREATOR, kind, tags, { created_at: createdAt }))
  t.equal(at(NOW + 900), 'yes')
  t.match(at(NOW + 901), /^invalid: .*future/)
  t.equal(at(NOW - 94_608_000), 'yes')
  t.match(at(NOW - 94_608_001), /^invalid: .*past/)
  t.equal(at(NOW - 72 * 3600, 30081), 'yes')
  t.match(at(NOW - 72 * 3600 - 1, 30081), /^invalid: .*259200 s in the past/)
  t.equal(at(NOW, 34235, [['expiration', String(NOW + 1)]]), 'yes')
  t.equal(at(NOW, 34235, [['expiration', String(NOW)]]), 'invalid: the event has expired')
  t.equal(at(NOW, 5, [['e', 'ab'.repeat(32)], ['expiration', String(NOW)]]), 'yes', 'a withdrawal is for ever')
})

t.test('a stranger has so many adverts an hour, and all strangers together have so many; who is named is not counted', async t => {
  const policy = policyOf({ strangers: { perKeyPerHour: 60, perHour: 100 } })
  const advert = (pubkey: string, now = NOW): string => wordsOf(policy, event(pubkey, 30081, [], { created_at: now }), now)
  for (let i = 0; i < 60; i++) t.equal(advert(STRANGER), 'yes')
  t.equal(advert(STRANGER), 'rate-limited: 60 adverts an hour are taken from one key')
  t.match(wordsOf(policy, event(STRANGER, 5, [['e', 'ab'.repeat(32)]])), /^rate-limited:/, 'withdrawals count too')
  t.match(wordsOf(policy, event(STRANGER, 1)), /^blocked:/, 'and who is refused anyway is told why')
  for (let i = 0; i < 40; i++) t.equal(advert(OTHER), 'yes')
  t.equal(advert(OTHER), 'rate-limited: 100 adverts an hour are taken from all who are not named here')
  for (let i = 0; i < 200; i++) t.equal(advert(SERVER), 'yes')
  t.equal(advert(STRANGER, NOW + 60), 'yes', 'one comes back in a minute')
  t.match(advert(STRANGER, NOW + 60), /^rate-limited:/)
})

t.test('the policy file is checked by its schema, and every fault is told at once', async t => {
  const problems = (text: string): readonly string[] => {
    try {
      parseWriteRules(text, 'p.json')
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.problems
      throw error
    }
  }
  t.match(problems('{'), [/^p\.json: it is not JSON/])
  t.match(problems('[]'), [/must be object/])
  t.match(problems('{}'), [/creators/])
  t.match(problems('{"creators":[],"writers":[]}'), [/writers/])
  t.same(problems('{"creators":[7],"strangers":{"perHour":0},"futureSeconds":"1"}').map((each) => each.split(':')[1]), [' /creators/0', ' /strangers/perHour', ' /futureSeconds'])
  t.same(problems('{"creators":["ab"],"servers":["npub1x"]}'), ['p.json: /creators/0: a key is 64 hex digits or npub1…', 'p.json: /servers/0: a key is 64 hex digits or npub1…'])
  t.same(problems('{"creators":[]}'), [])
})

t.test('policy.example.json is a good one, and says what is in force without it', async t => {
  const example = parseWriteRules(readFileSync(`${ROOT}relay-config/policy.example.json`, 'utf8'), 'example')
  t.equal(example.creators.size, 1)
  t.strictSame({ ...example, creators: 0 }, { ...parseWriteRules('{"creators":[]}', 'least'), creators: 0 })
})

t.test('every kind that the catalog keeps may be written by somebody', async t => {
  for (const kind of CATALOG_KINDS) t.ok(writers(kind, [['d', TRUST_BUNDLE_NAME]]).length > 0, String(kind))
})
