// The Authorization header of BUD-11 §3: what it may look like, what is refused, and what the memory of verified headers must never do.

import t from 'tap'
import { oneTag, parseAuthorization, tagValues, TokenCache } from '../../server/auth/token.ts'
import { refusalOf, seeded } from '../support/judging.ts'
import { Signer } from '../support/keys.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Seeded } from '../support/judging.ts'

const signer = new Signer()
const event = signer.sign({ kind: 24242, created_at: 1_700_000_000, tags: [['t', 'upload'], ['expiration', '1700000600']], content: 'Üpload ÿ>>>???' })
const json = JSON.stringify(event)
const headerOf = (value: unknown): string => `Nostr ${Buffer.from(JSON.stringify(value)).toString('base64url')}`

t.test('H-1: base64 is taken url-safe or standard, padded or not', t => {
  // a length that is no multiple of three, so that padding is due, and bytes that give both special digits
  const padded = Buffer.from(`${json}${' '.repeat((4 - Buffer.byteLength(json) % 3) % 3)}`).toString('base64')
  t.match(padded, /\+|\//, 'the alphabets differ here')
  t.match(padded, /=$/, 'and so does the padding')
  const safe = padded.replaceAll('+', '-').replaceAll('/', '_')
  for (const text of [padded, padded.replace(/=+$/, ''), safe, safe.replace(/=+$/, '')]) {
    t.strictSame(parseAuthorization(`Nostr ${text}`), event, text.slice(-8))
  }
  t.end()
})

t.test('the name of the scheme is case-insensitive, and space around is no matter', t => {
  const text = headerOf(event).slice(6)
  for (const header of [`nostr ${text}`, `NOSTR ${text}`, `  Nostr   ${text}  `, `nOsTr\t${text}`]) t.strictSame(parseAuthorization(header), event)
  t.end()
})

t.test('no header, and any other scheme, is a missing token', t => {
  for (const header of [undefined, '', '   ', 'Bearer abc', 'Basic abc', 'Nostrx abc', headerOf(event).slice(6), headerOf(event).replace(' ', '')]) {
    t.equal(refusalOf(() => parseAuthorization(header)), 'TOKEN_MISSING', String(header).slice(0, 20))
  }
  t.end()
})

t.test('what is not base64 of a signed event in JSON is malformed', t => {
  const base64 = (text: string | Buffer): string => `Nostr ${Buffer.from(text).toString('base64url')}`
  const rows: [string, string][] = [
    ['nothing', 'Nostr'], ['space', 'Nostr   '], ['JSON itself', `Nostr ${json}`], ['padding alone', 'Nostr ==='], ['three =', `${headerOf(event)}===`],
    ['= inside', 'Nostr ab=cd'], ['two words', 'Nostr abcd efgh'], ['percent', 'Nostr ab%3D'], ['no UTF-8', base64(Buffer.from([0x22, 0xff, 0x22]))],
    ['an overlong sequence', base64(Buffer.from([0x22, 0xc0, 0xaf, 0x22]))], ['a cut event', base64(json.slice(0, -1))], ['two events', base64(json + json)],
    ['comments, as in the sample of BUD-11', base64(json.replace('{', '{ // hello\n'))], ['null', base64('null')], ['a number', base64('1')],
    ['a list', base64(`[${json}]`)], ['empty', base64('{}')]
  ]
  for (const [name, header] of rows) t.equal(refusalOf(() => parseAuthorization(header)), 'TOKEN_MALFORMED', name)
  t.end()
})

t.test('an event of the wrong shape (NIP-01) is malformed, field by field', t => {
  const wrong: Record<string, unknown[]> = {
    id: [undefined, null, 1, '', event.id.toUpperCase(), event.id.slice(1), `${event.id}0`, [event.id]],
    pubkey: [undefined, null, {}, 'npub1', event.pubkey.toUpperCase(), `${event.pubkey}\n`, event.pubkey.slice(2)],
    sig: [undefined, null, event.sig.slice(1), event.sig.toUpperCase().replace(/\d/g, 'A'), event.id],
    kind: [undefined, null, '24242', 24242.5, -1, 65536, [24242]],
    created_at: [undefined, null, '1700000000', 1.5, 2 ** 53, 1e300],
    tags: [undefined, null, {}, 'tags', ['t'], [['t', 1]], [['t', null]], [['t', ['upload']]], [null], [{ 0: 't' }]],
    content: [undefined, null, 1, {}, ['']]
  }
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      t.equal(refusalOf(() => parseAuthorization(headerOf({ ...event, [field]: value }))), 'TOKEN_MALFORMED', `${field}: ${JSON.stringify(value)}`)
    }
  }
  t.strictSame(parseAuthorization(headerOf({ ...event, tags: [], content: '' })).tags, [], 'no tags and no content are well formed')
  t.strictSame(parseAuthorization(headerOf({ ...event, tags: [[]] })).tags, [[]], 'an empty tag too')
  t.end()
})

t.test('huge headers are read or refused like any other', t => {
  const many = signer.sign({ kind: 24242, created_at: 1, tags: Array.from({ length: 20_000 }, (_, i) => ['x', i.toString(16).padStart(64, '0')]), content: '' })
  t.equal(tagValues(parseAuthorization(headerOf(many)), 'x').length, 20_000)
  t.equal(refusalOf(() => parseAuthorization(`Nostr ${'A'.repeat(3_000_000)}`)), 'TOKEN_MALFORMED')
  t.equal(refusalOf(() => parseAuthorization(`Nostr ${'= '.repeat(300_000)}`)), 'TOKEN_MALFORMED')
  t.equal(refusalOf(() => parseAuthorization(`Nostr${' '.repeat(300_000)}x y`)), 'TOKEN_MALFORMED')
  t.equal(refusalOf(() => parseAuthorization(`Nostr ${Buffer.from('['.repeat(100_000)).toString('base64')}`)), 'TOKEN_MALFORMED', 'deep nesting')
  t.end()
})

t.test('A8: a tag may stand twice with one value, not with two', t => {
  const tagged = (...tags: string[][]): SignedEvent => ({ ...event, tags })
  t.equal(oneTag(tagged(['t', 'get'], ['t', 'get']), 't', 'TOKEN_VERB'), 'get')
  t.equal(refusalOf(() => oneTag(tagged(['t', 'get'], ['t', 'list']), 't', 'TOKEN_VERB')), 'TOKEN_VERB')
  t.equal(oneTag(tagged(['t'], ['x', 'get']), 't', 'TOKEN_VERB'), null, 'a tag without a value is none')
  t.end()
})

/** The header as a slow reader sees it: 'missing', 'malformed', or the event as JSON. */
function slowly (header: string): string {
  const chars = [...header]
  const isSpace = (char: string | undefined): boolean => char !== undefined && char.trim() === ''
  while (isSpace(chars[0])) chars.shift()
  while (isSpace(chars.at(-1))) chars.pop()
  let scheme = ''
  while (chars.length > 0 && !isSpace(chars[0])) scheme += chars.shift()
  if (scheme.toLowerCase() !== 'nostr') return 'missing'
  while (isSpace(chars[0])) chars.shift()
  for (let i = 0; i < 2; i++) if (chars.at(-1) === '=') chars.pop()
  if (chars.length === 0) return 'malformed'
  let bits = ''
  for (const char of chars) {
    const value = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.indexOf(char === '-' ? '+' : char === '_' ? '/' : char)
    if (value < 0) return 'malformed'
    bits += value.toString(2).padStart(6, '0')
  }
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)))
  const text = bytes.toString()
  if (!Buffer.from(text).equals(bytes)) return 'malformed'
  try {
    const value = JSON.parse(text) as Record<string, unknown>
    const hex = (field: string, length: number): boolean => {
      const found = value[field]
      return typeof found === 'string' && found.length === length && [...found].every((digit) => '0123456789abcdef'.includes(digit))
    }
    const whole = (field: string): boolean => typeof value[field] === 'number' && Number.isSafeInteger(value[field])
    const tags = value['tags']
    const good = hex('id', 64) && hex('pubkey', 64) && hex('sig', 128) && whole('kind') && (value['kind'] as number) >= 0 && (value['kind'] as number) < 65536 &&
      whole('created_at') && typeof value['content'] === 'string' && Array.isArray(tags) &&
      tags.every((tag: unknown) => Array.isArray(tag) && tag.every((each: unknown) => typeof each === 'string'))
    return good ? JSON.stringify(value) : 'malformed'
  } catch {
    return 'malformed'
  }
}

function mutated (random: Seeded): string {
  const { below, pick } = random
  let value: unknown = event
  if (below(3) === 0) {
    const field = pick(['id', 'pubkey', 'sig', 'kind', 'created_at', 'tags', 'content', 'more'])
    value = { ...event, [field]: pick<unknown>([null, '', 0, 7, 1.5, -1, 65535, 65536, 'f'.repeat(64), 'a'.repeat(128), [], [['x']], [['x', 1]], ['x'], {}, event.id, event.sig]) }
  }
  const encoded = Buffer.from(`${JSON.stringify(value)}${' '.repeat(below(4))}`).toString(pick(['base64', 'base64url']))
  let header = `${pick(['Nostr ', 'nostr ', 'NOSTR  ', 'Nostr\t'])}${pick([encoded, encoded.replace(/=+$/, ''), `${encoded}${'='.repeat(below(4))}`])}`
  for (let i = below(3); i > 0; i--) {
    const at = pick([below(8), below(header.length + 1), header.length - below(4)])
    const added = pick(['', 'A', '=', '-', '_', '+', '/', ' ', '.', '\u00e9', '\u00a0', 'QUJD', header.slice(0, below(12))])
    header = header.slice(0, at) + added + header.slice(at + below(3))
  }
  return header
}

t.test('20,000 mutated headers are judged as a slow and obvious reader judges them', t => {
  const random = seeded(t)
  const seen: Record<string, number> = { missing: 0, malformed: 0, event: 0 }
  for (let i = 0; i < 20_000; i++) {
    const header = mutated(random)
    const wanted = slowly(header)
    let found = ''
    const code = refusalOf(() => { found = JSON.stringify(parseAuthorization(header)) })
    if (code !== 'none') found = code === 'TOKEN_MISSING' ? 'missing' : code === 'TOKEN_MALFORMED' ? 'malformed' : code
    seen[wanted.startsWith('{') ? 'event' : wanted]!++
    if (found === wanted) continue
    t.equal(found, wanted, `header ${i}: ${encodeURIComponent(header)}`)
    break
  }
  t.ok(Object.values(seen).every((count) => count > 500), `each verdict was reached often: ${JSON.stringify(seen)}`)
  t.end()
})

/** The same id, key and signature over other words. */
const forged = headerOf({ ...event, tags: [['t', 'delete'], ['expiration', '1700000600']] })
const good = headerOf(event)

t.test('11-15: a forged header is never remembered as good, whichever comes first', t => {
  for (const order of [[good, forged, forged, good], [forged, forged, good, forged]]) {
    const cache = new TokenCache()
    for (const header of order) t.equal(refusalOf(() => { cache.open(header).prove() }), header === good ? 'none' : 'TOKEN_SIGNATURE')
  }
  t.end()
})

t.test('a header that comes again is verified once', t => {
  const cache = new TokenCache()
  const first = cache.open(good)
  t.equal(refusalOf(first.prove), 'none')
  // whoever verified this event again would find it forged
  first.event.sig = '00'.repeat(64)
  t.equal(refusalOf(cache.open(good).prove), 'none')
  t.equal(refusalOf(new TokenCache().open(good).prove), 'none', 'the header itself is good all the while')
  t.end()
})

t.test('the same event in another encoding is another header, verified by itself', t => {
  const cache = new TokenCache()
  cache.open(good).prove()
  const other = `Nostr ${Buffer.from(JSON.stringify({ ...event, sig: '00'.repeat(64) })).toString('base64')}`
  t.equal(refusalOf(cache.open(other).prove), 'TOKEN_SIGNATURE')
  t.end()
})

t.test('what is remembered is bounded: the oldest headers go first, and one that is too large is never kept', t => {
  const headers = Array.from({ length: 40 }, (_, i) => headerOf(signer.sign({ kind: 24242, created_at: i, tags: [], content: '' })))
  const cache = new TokenCache(headers[0]!.length * 10)
  const events = headers.map((header) => {
    const { event, prove } = cache.open(header)
    prove()
    prove() // again does not count again
    return event
  })
  const kept = headers.filter((header, i) => cache.open(header).event === events[i])
  t.strictSame(kept, headers.slice(-kept.length), 'the newest')
  t.ok(kept.length >= 9 && kept.length <= 10, `${kept.length} of them`)
  const small = new TokenCache(good.length * 7)
  small.open(good).prove()
  t.not(small.open(good).event, small.open(good).event)
  t.end()
})
