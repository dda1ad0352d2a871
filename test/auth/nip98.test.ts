// NIP-98, 98-1 to 98-9 as blossom.md §10.1 numbers them. 98-1 and 98-9 need the whole way through the guard.

import t from 'tap'
import { Guard } from '../../server/auth/guard.ts'
import { checkHttpToken } from '../../server/auth/nip98.ts'
import { OurNames } from '../../server/auth/our-names.ts'
import { FAILURES } from '../../server/errors.ts'
import { refusalOf } from '../support/judging.ts'
import { Signer } from '../support/keys.ts'

const NOW = 1_700_000_000
const HASH = 'ab'.repeat(32)
const names = new OurNames('https://cdn.example.com', ['http://10.0.0.5:3000', 'bare.example.com'])
const signer = new Signer()
const URL_HERE = 'https://cdn.example.com/list/abc?limit=10'

interface Said { createdAt?: number, url?: string | null, method?: string | null, tags?: string[][], target?: string, asked?: string }

function payloadOf ({ createdAt = NOW, url = URL_HERE, method = 'GET', tags = [], target = '/list/abc?limit=10', asked = 'GET' }: Said): string | null {
  const all = [...(url === null ? [] : [['u', url]]), ...(method === null ? [] : [['method', method]]), ...tags]
  return checkHttpToken({ id: '', pubkey: '', sig: '', kind: 27235, created_at: createdAt, tags: all, content: '' }, { method: asked, target, names, now: NOW })
}

function check (sentence: string, rows: [Said, string][]): void {
  t.test(sentence, t => {
    for (const [said, wanted] of rows) t.equal(refusalOf(() => payloadOf(said)), wanted, JSON.stringify(said))
    t.end()
  })
}

check('98-2: created_at lies within 60 seconds to both sides', [
  [{ createdAt: NOW - 60 }, 'none'], [{ createdAt: NOW + 60 }, 'none'], [{ createdAt: NOW - 61 }, 'TOKEN_STALE'], [{ createdAt: NOW + 61 }, 'TOKEN_STALE'],
  [{ createdAt: 0 }, 'TOKEN_STALE'], [{ createdAt: -NOW }, 'TOKEN_STALE'], [{ createdAt: NOW * 1000 }, 'TOKEN_STALE']
])

check('98-3: u is the absolute URL of the request, exactly, query included', [
  [{}, 'none'], [{ url: 'http://10.0.0.5:3000/list/abc?limit=10' }, 'none'], [{ url: null }, 'TOKEN_URL'], [{ url: '' }, 'TOKEN_URL'],
  [{ url: '/list/abc?limit=10' }, 'TOKEN_URL'], [{ url: 'https://cdn.example.com/list/abc' }, 'TOKEN_URL'], [{ url: `${URL_HERE}0` }, 'TOKEN_URL'],
  [{ url: `${URL_HERE}&x` }, 'TOKEN_URL'], [{ url: `${URL_HERE}#top` }, 'TOKEN_URL'], [{ url: 'http://cdn.example.com/list/abc?limit=10' }, 'TOKEN_URL'],
  [{ url: 'https://evil.com/list/abc?limit=10' }, 'TOKEN_URL'], [{ url: 'https://cdn.example.com//list/abc?limit=10' }, 'TOKEN_URL'],
  [{ url: 'https://cdn.example.com:443/list/abc?limit=10' }, 'TOKEN_URL'], [{ url: 'https://bare.example.com/list/abc?limit=10' }, 'TOKEN_URL'],
  [{ url: 'https://cdn.example.com/', target: '/' }, 'none'], [{ url: 'https://cdn.example.com', target: '/' }, 'TOKEN_URL'],
  [{ url: 'https://cdn.example.com/a%2fb', target: '/a%2fb' }, 'none'], [{ url: 'https://cdn.example.com/a%2Fb', target: '/a%2fb' }, 'TOKEN_URL'],
  [{ tags: [['u', 'https://cdn.example.com/other']] }, 'TOKEN_URL'], [{ tags: [['u', URL_HERE]] }, 'none']
])

check('98-4: method is that of the request, and HEAD is not GET', [
  [{ method: 'GET' }, 'none'], [{ method: 'get' }, 'none'], [{ method: 'HEAD' }, 'TOKEN_METHOD'], [{ asked: 'HEAD' }, 'TOKEN_METHOD'], [{ method: 'HEAD', asked: 'HEAD' }, 'none'],
  [{ method: null }, 'TOKEN_METHOD'], [{ method: '' }, 'TOKEN_METHOD'], [{ method: 'GET ' }, 'TOKEN_METHOD'], [{ method: 'PUT', asked: 'DELETE' }, 'TOKEN_METHOD'],
  [{ tags: [['method', 'DELETE']] }, 'TOKEN_METHOD']
])

t.test('98-5: payload is the sha256 of the body in hex; what is none is refused', t => {
  t.equal(payloadOf({}), null)
  t.equal(payloadOf({ tags: [['payload', HASH]] }), HASH)
  t.equal(payloadOf({ tags: [['payload', HASH.toUpperCase()]] }), HASH)
  for (const payload of ['', 'abc', `${HASH}0`, HASH.slice(2), `0x${HASH.slice(2)}`, `${HASH}\n`]) {
    t.equal(refusalOf(() => payloadOf({ tags: [['payload', payload]] })), 'TOKEN_PAYLOAD', JSON.stringify(payload))
  }
  t.equal(refusalOf(() => payloadOf({ tags: [['payload', HASH], ['payload', 'cd'.repeat(32)]] })), 'TOKEN_PAYLOAD', 'two that differ')
  t.end()
})

const guard = new Guard({ names: () => names, requireServerTag: false, now: () => NOW * 1000 })
const DEMAND = { verb: 'list', hash: 'none', hashRequired: false, changes: false, payload: 'none' } as const
const ask = (authorization: string): string =>
  refusalOf(() => guard.identify({ authorization, method: 'GET', target: '/list/abc?limit=10' }, DEMAND))
const tags = [['u', URL_HERE], ['method', 'GET']]

t.test('98-1: the kind is 27235; what such an event says does nothing under another kind', t => {
  t.equal(ask(signer.header({ kind: 27235, created_at: NOW, tags, content: '' })), 'none')
  t.equal(ask(signer.header({ kind: 27235, created_at: NOW, tags, content: 'said aloud' })), 'none', 'content SHOULD be empty, and need not')
  for (const kind of [1, 22242, 27234, 27236]) t.equal(ask(signer.header({ kind, created_at: NOW, tags, content: '' })), 'TOKEN_KIND', String(kind))
  t.equal(ask(signer.header({ kind: 24242, created_at: NOW, tags, content: '' })), 'TOKEN_EXPIRATION')
  t.end()
})

t.test('98-9: id and signature hold', t => {
  const event = signer.sign({ kind: 27235, created_at: NOW, tags, content: '' })
  const headerOf = (value: unknown): string => `Nostr ${Buffer.from(JSON.stringify(value)).toString('base64')}`
  t.equal(ask(headerOf(event)), 'none')
  t.equal(ask(headerOf({ ...event, content: 'x' })), 'TOKEN_SIGNATURE')
  t.equal(ask(headerOf({ ...event, pubkey: new Signer().pubkey })), 'TOKEN_SIGNATURE')
  t.end()
})

t.test('98-7, H-3: every fault of a token is 401', t => {
  const codes = Object.entries(FAILURES).filter(([code]) => code.startsWith('TOKEN_'))
  t.ok(codes.length >= 10)
  for (const [code, [status]] of codes) t.equal(status, 401, code)
  t.end()
})
