// The guard: both kinds of token at every endpoint of BUD-11's table, what hash they cover, and that a NIP-98 event changes something once.

import t from 'tap'
import { Guard } from '../../server/auth/guard.ts'
import { OurNames } from '../../server/auth/our-names.ts'
import { Replays } from '../../server/auth/replays.ts'
import { ENDPOINTS } from '../../server/buds/bud-11-authorization.ts'
import { refusalOf } from '../support/judging.ts'
import { Signer } from '../support/keys.ts'
import type { Demand, Token } from '../../server/auth/guard.ts'
import type { HttpTokenOptions, TokenOptions } from '../support/keys.ts'

const ORIGIN = 'https://cdn.example.com'
const NOW = 1_700_000_000
const HASH = 'ab'.repeat(32)
const OTHER = 'cd'.repeat(32)
const signer = new Signer()

interface Clocked { guard: Guard, clock: { now: number } }

function clocked (requireServerTag = false): Clocked {
  const clock = { now: NOW * 1000 }
  const names = new OurNames(ORIGIN, [])
  return { clock, guard: new Guard({ names: () => names, requireServerTag, now: () => clock.now }) }
}

const blossom = (verb: string, options: TokenOptions = {}): string => signer.token(verb, { createdAt: NOW - 1, expiration: String(NOW + 3600), ...options })
const http = (method: string, path: string, options: HttpTokenOptions = {}): string => signer.httpToken(method, `${ORIGIN}${path}`, { createdAt: NOW, ...options })
const identify = (guard: Guard, authorization: string | undefined, demand: Demand, method = 'PUT', path = '/upload'): Token =>
  guard.identify({ authorization, method, target: path }, demand)

t.test('a token tells who asks, and nobody is taken without one', t => {
  const { guard } = clocked()
  t.match(identify(guard, blossom('upload', { hashes: [HASH] }), ENDPOINTS.upload), { kind: 24242, pubkey: signer.pubkey, hashes: [HASH], payload: null })
  t.match(identify(guard, http('PUT', '/upload', { payload: HASH }), ENDPOINTS.upload), { kind: 27235, pubkey: signer.pubkey, hashes: [], payload: HASH })
  for (const [name, demand] of Object.entries(ENDPOINTS)) t.equal(refusalOf(() => identify(guard, undefined, demand)), 'TOKEN_MISSING', name)
  t.end()
})

t.test('11-9: the kind is 24242 or 27235, whatever else the event says', t => {
  const { guard } = clocked()
  for (const kind of [0, 1, 24241, 24243, 27236, 65535]) t.equal(refusalOf(() => identify(guard, blossom('upload', { hashes: [HASH], kind }), ENDPOINTS.upload)), 'TOKEN_KIND', String(kind))
  t.end()
})

t.test('11-12: at each endpoint only the token of its verb is taken', t => {
  const { guard } = clocked()
  for (const [name, demand] of Object.entries(ENDPOINTS)) {
    for (const verb of ['get', 'upload', 'list', 'delete', 'media']) {
      t.equal(refusalOf(() => identify(guard, blossom(verb, { hashes: [HASH] }), demand)), verb === demand.verb ? 'none' : 'TOKEN_VERB', `${verb} at ${name}`)
    }
  }
  t.end()
})

t.test('11-15: what is not signed by its key is refused last, after everything that is said in it', t => {
  const { guard } = clocked()
  const event = signer.sign({ kind: 24242, created_at: NOW, tags: [['t', 'upload'], ['expiration', String(NOW + 60)], ['x', HASH]], content: '' })
  const headerOf = (value: unknown): string => `Nostr ${Buffer.from(JSON.stringify(value)).toString('base64')}`
  t.equal(refusalOf(() => identify(guard, headerOf({ ...event, content: 'x' }), ENDPOINTS.upload)), 'TOKEN_SIGNATURE')
  t.equal(refusalOf(() => identify(guard, headerOf({ ...event, tags: [...event.tags, ['x', OTHER]] }), ENDPOINTS.upload)), 'TOKEN_SIGNATURE')
  t.equal(refusalOf(() => identify(guard, headerOf({ ...event, pubkey: OTHER }), ENDPOINTS.upload)), 'TOKEN_SIGNATURE')
  t.equal(refusalOf(() => identify(guard, headerOf({ ...event, tags: event.tags.slice(1) }), ENDPOINTS.upload)), 'TOKEN_VERB')
  t.end()
})

t.test('a token of kind 24242 is good until it expires, as often as it comes, and not a second longer', t => {
  const { guard, clock } = clocked()
  const header = blossom('delete', { hashes: [HASH] })
  for (let i = 0; i < 3; i++) t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete)), 'none')
  clock.now = (NOW + 3599) * 1000 + 999
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete)), 'none')
  clock.now = (NOW + 3600) * 1000
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete)), 'TOKEN_EXPIRED', 'though its header is remembered as well signed')
  t.end()
})

const hashed = Object.entries(ENDPOINTS).filter(([, { hash }]) => hash !== 'none')

t.test('11-14: upload, media, mirror and delete want an x tag, and one of them must be the hash at hand', t => {
  const { guard } = clocked()
  const verdict = (demand: Demand, hashes: string[], sha256: string): string =>
    refusalOf(() => { guard.cover(identify(guard, blossom(demand.verb, { hashes }), demand), demand, sha256) })
  for (const [name, demand] of hashed) {
    t.equal(verdict(demand, [HASH], HASH), 'none', `${name}: its hash`)
    t.equal(verdict(demand, [OTHER, HASH], HASH), 'none', `${name}: one of several`)
    t.equal(verdict(demand, [HASH.toUpperCase()], HASH), 'none', `${name}: A4, in upper case`)
    t.equal(verdict(demand, [OTHER], HASH), 'TOKEN_HASH', `${name}: another hash`)
    t.equal(verdict(demand, [''], HASH), 'TOKEN_HASH', `${name}: an empty one`)
    t.equal(verdict(demand, [], HASH), demand.hashRequired ? 'TOKEN_HASH' : 'none', `${name}: none`)
  }
  t.strictSame(hashed.filter(([, { hashRequired }]) => !hashRequired).map(([name]) => name), ['get', 'head'], 'only reads go without')
  t.end()
})

t.test('11-14: without any x tag an upload is refused before a hash is known', t => {
  const { guard } = clocked()
  for (const name of ['upload', 'uploadPreflight', 'mirror', 'media', 'mediaPreflight', 'delete'] as const) {
    t.equal(refusalOf(() => identify(guard, blossom(ENDPOINTS[name].verb), ENDPOINTS[name])), 'TOKEN_HASH', name)
  }
  t.end()
})

t.test('a list token needs no x tag, and one that is there is ignored', t => {
  const { guard } = clocked()
  for (const hashes of [[], [OTHER]]) t.equal(refusalOf(() => identify(guard, blossom('list', { hashes }), ENDPOINTS.list)), 'none')
  t.end()
})

t.test('where the URL does not name the blob, a NIP-98 token carries payload', t => {
  for (const [name, demand] of Object.entries(ENDPOINTS)) {
    const { guard } = clocked()
    const needed = ['upload', 'uploadPreflight', 'media', 'mediaPreflight', 'mirror'].includes(name)
    t.equal(refusalOf(() => identify(guard, http('PUT', '/upload'), demand)), needed ? 'TOKEN_PAYLOAD' : 'none', `${name} without`)
    t.equal(refusalOf(() => identify(guard, http('PUT', '/upload', { payload: HASH }), demand)), 'none', `${name} with one`)
  }
  t.end()
})

t.test('payload must be the sha256 of the blob on upload and media; the path names it elsewhere', t => {
  const { guard } = clocked()
  for (const name of ['upload', 'uploadPreflight', 'media', 'mediaPreflight'] as const) {
    const token: Token = { kind: 27235, id: '', pubkey: signer.pubkey, hashes: [], payload: HASH, createdAt: 0 }
    t.equal(refusalOf(() => { guard.cover(token, ENDPOINTS[name], HASH) }), 'none', name)
    t.equal(refusalOf(() => { guard.cover(token, ENDPOINTS[name], OTHER) }), 'TOKEN_PAYLOAD', name)
    t.equal(refusalOf(() => { guard.cover({ ...token, payload: null }, ENDPOINTS[name], HASH) }), 'TOKEN_PAYLOAD', name)
  }
  const bound = identify(guard, http('DELETE', `/${HASH}`), ENDPOINTS.delete, 'DELETE', `/${HASH}`)
  t.equal(refusalOf(() => { guard.cover(bound, ENDPOINTS.delete, HASH) }), 'none')
  t.end()
})

t.test('a NIP-98 token is bound to URL and method, so it does nothing elsewhere', t => {
  const { guard } = clocked()
  const header = http('DELETE', `/${HASH}`)
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete, 'DELETE', `/${OTHER}`)), 'TOKEN_URL')
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.get, 'GET', `/${HASH}`)), 'TOKEN_METHOD')
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete, 'DELETE', `/${HASH}`)), 'none')
  t.end()
})

t.test('98-8: a NIP-98 event changes something once in its window, and reads as often as it likes', t => {
  const { guard, clock } = clocked()
  const reads = http('GET', `/${HASH}`)
  for (let i = 0; i < 3; i++) t.equal(refusalOf(() => identify(guard, reads, ENDPOINTS.get, 'GET', `/${HASH}`)), 'none')
  const verdict = (header: string): string => refusalOf(() => identify(guard, header, ENDPOINTS.delete, 'DELETE', `/${HASH}`))
  // from the fastest clock there may be: good from now on for 120 seconds
  const fast = http('DELETE', `/${HASH}`, { createdAt: NOW + 60 })
  t.equal(verdict(fast), 'none')
  t.equal(verdict(fast), 'TOKEN_REPLAYED')
  t.equal(verdict(`Nostr ${Buffer.from(fast.slice(6), 'base64').toString('base64')}`), 'TOKEN_REPLAYED', 'in another encoding it is the same event')
  for (let second = 0; second <= 120; second += 20) {
    clock.now = (NOW + second) * 1000 + 999
    t.equal(verdict(fast), 'TOKEN_REPLAYED', `after ${second} seconds`)
  }
  clock.now = (NOW + 121) * 1000
  t.equal(verdict(fast), 'TOKEN_STALE', 'when it is forgotten it is too old')
  t.end()
})

t.test('a token that was refused for another reason is not spent', t => {
  const { guard } = clocked()
  const header = http('DELETE', `/${HASH}`)
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete, 'DELETE', '/')), 'TOKEN_URL')
  const event = JSON.parse(Buffer.from(header.slice(6), 'base64').toString()) as { sig: string }
  const forged = `Nostr ${Buffer.from(JSON.stringify({ ...event, sig: '00'.repeat(64) })).toString('base64')}`
  t.equal(refusalOf(() => identify(guard, forged, ENDPOINTS.delete, 'DELETE', `/${HASH}`)), 'TOKEN_SIGNATURE', 'nor can a forger spend it')
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.delete, 'DELETE', `/${HASH}`)), 'none')
  t.end()
})

t.test('the memory of replays forgets nothing within the window, however many come, and keeps nothing after it', t => {
  const replays = new Replays()
  t.ok(replays.spend('first', 0, 121_000))
  for (let i = 0; i < 200_000; i++) replays.spend(`id ${i}`, 1000 + i % 10, 122_000 + i % 10)
  t.notOk(replays.spend('first', 120_999, 250_000), '200,000 others do not wash it out')
  t.equal(replays.size, 200_001)
  t.ok(replays.spend('last', 200_000, 321_000))
  t.equal(replays.size, 1)
  t.ok(replays.spend('first', 200_001, 321_001))
  t.end()
})

t.test('11-16: where the operator wants it, delete needs a server tag, and only delete', t => {
  const { guard } = clocked(true)
  t.equal(refusalOf(() => identify(guard, blossom('delete', { hashes: [HASH] }), ENDPOINTS.delete)), 'TOKEN_SERVER')
  t.equal(refusalOf(() => identify(guard, blossom('delete', { hashes: [HASH], servers: [''] }), ENDPOINTS.delete)), 'TOKEN_SERVER')
  t.equal(refusalOf(() => identify(guard, blossom('delete', { hashes: [HASH], servers: ['cdn.example.com'] }), ENDPOINTS.delete)), 'none')
  for (const name of ['get', 'upload', 'list', 'mirror'] as const) {
    t.equal(refusalOf(() => identify(guard, blossom(ENDPOINTS[name].verb, { hashes: [HASH] }), ENDPOINTS[name])), 'none', name)
  }
  t.equal(refusalOf(() => identify(guard, http('DELETE', `/${HASH}`), ENDPOINTS.delete, 'DELETE', `/${HASH}`)), 'none', 'NIP-98 names the server by its URL')
  t.end()
})

t.test('T5: the names are asked for anew each time, and the Host header has no say', t => {
  const clock = NOW * 1000
  let names = new OurNames('http://127.0.0.1:3000', [])
  const guard = new Guard({ names: () => names, requireServerTag: false, now: () => clock })
  const header = blossom('list', { servers: ['127.0.0.1:4000'] })
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.list)), 'TOKEN_SERVER')
  names = new OurNames('http://127.0.0.1:4000', [])
  t.equal(refusalOf(() => identify(guard, header, ENDPOINTS.list)), 'none')
  t.equal(guard.names.publicUrl, 'http://127.0.0.1:4000')
  t.end()
})
