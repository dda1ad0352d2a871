// BUD-11, rule by rule: what a kind 24242 token must say. Signature and `x` against the hash at hand are tested in guard.test.ts.

import t from 'tap'
import { checkBlossomToken } from '../../server/auth/blossom-token.ts'
import { OurNames } from '../../server/auth/our-names.ts'
import { refusalOf } from '../support/judging.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const NOW = 1_700_000_000
const HASH = 'ab'.repeat(32)
const OTHER = 'cd'.repeat(32)
const names = new OurNames('https://cdn.example.com', [])

interface Said { createdAt?: number, tags?: string[][], verb?: string | null, expiration?: string | null, content?: string }

function eventOf ({ createdAt = NOW - 10, tags = [], verb = 'upload', expiration = String(NOW + 600), content = '' }: Said): SignedEvent {
  const all = [...(verb === null ? [] : [['t', verb]]), ...(expiration === null ? [] : [['expiration', expiration]]), ...tags]
  return { id: '', pubkey: '', sig: '', kind: 24242, created_at: createdAt, tags: all, content }
}

const judge = (said: Said, requireServer = false, verb = 'upload'): string =>
  refusalOf(() => checkBlossomToken(eventOf(said), { verb, names, now: NOW, requireServer }))

function check (sentence: string, rows: [Said, string][]): void {
  t.test(sentence, t => {
    for (const [said, wanted] of rows) t.equal(judge(said), wanted, JSON.stringify(said))
    t.end()
  })
}

check('11-2: content is for people: a token without any is as good', [[{}, 'none'], [{ content: '' }, 'none'], [{ content: 'Upload bitcoin.pdf' }, 'none']])

check('11-10, A6, H-11: created_at lies in the past, now, or at most 60 seconds ahead', [
  [{ createdAt: NOW - 1 }, 'none'], [{ createdAt: NOW }, 'none'], [{ createdAt: NOW + 60 }, 'none'], [{ createdAt: NOW + 61 }, 'TOKEN_FUTURE'],
  [{ createdAt: NOW * 1000 }, 'TOKEN_FUTURE']
])

check('H-11: there is no maximum age: expiration alone bounds the life of a token', [
  [{ createdAt: NOW - 3600 }, 'none'], [{ createdAt: NOW - 10 * 365 * 86400 }, 'none'], [{ createdAt: 0 }, 'none'], [{ createdAt: 1, expiration: '999999999999' }, 'none']
])

check('11-3, 11-11: an expiration must exist and lie in the future', [
  [{ expiration: null }, 'TOKEN_EXPIRATION'], [{ expiration: String(NOW + 1) }, 'none'], [{ expiration: String(NOW) }, 'TOKEN_EXPIRED'],
  [{ expiration: String(NOW - 1) }, 'TOKEN_EXPIRED'], [{ expiration: '0' }, 'TOKEN_EXPIRED']
])

check('H-10: an expiration that is no plain number of seconds does not count as never', [
  '', ' ', 'abc', 'never', 'Infinity', 'NaN', '1e12', '-1', '+1800000000', '1800000000.5', ' 1800000000', '1800000000 ', '0x7fffffff', '1800000000s', '1800000000\n',
  '1'.repeat(13), '１８００００００００', 'null'
].map((expiration) => [{ expiration }, 'TOKEN_EXPIRATION']))

check('A8: two expirations that differ are refused, the same one twice is not', [
  [{ tags: [['expiration', String(NOW + 600)]] }, 'none'], [{ tags: [['expiration', String(NOW + 601)]] }, 'TOKEN_EXPIRATION'],
  [{ tags: [['expiration', '1']] }, 'TOKEN_EXPIRATION'], [{ tags: [['expiration']] }, 'none'], [{ expiration: null, tags: [['expiration']] }, 'TOKEN_EXPIRATION']
])

check('11-4, 11-12: t is the verb of the endpoint, exactly', [
  [{ verb: 'upload' }, 'none'], [{ verb: 'get' }, 'TOKEN_VERB'], [{ verb: 'delete' }, 'TOKEN_VERB'], [{ verb: 'media' }, 'TOKEN_VERB'], [{ verb: 'Upload' }, 'TOKEN_VERB'],
  [{ verb: 'UPLOAD' }, 'TOKEN_VERB'], [{ verb: ' upload' }, 'TOKEN_VERB'], [{ verb: 'uploads' }, 'TOKEN_VERB'], [{ verb: '' }, 'TOKEN_VERB'], [{ verb: null }, 'TOKEN_VERB'],
  [{ verb: null, tags: [['T', 'upload']] }, 'TOKEN_VERB'], [{ verb: null, tags: [['t']] }, 'TOKEN_VERB'], [{ verb: null, tags: [['t', 'upload', 'delete']] }, 'none']
])

check('A8: two verbs are refused though one fits, the same one twice is not', [
  [{ tags: [['t', 'upload']] }, 'none'], [{ tags: [['t', 'delete']] }, 'TOKEN_VERB'], [{ verb: 'delete', tags: [['t', 'upload']] }, 'TOKEN_VERB']
])

check('11-7, 11-13: without a server tag a token is good everywhere; with server tags, our own domain must be among them', [
  [{ tags: [] }, 'none'], [{ tags: [['server', 'cdn.example.com']] }, 'none'], [{ tags: [['server', 'evil.com']] }, 'TOKEN_SERVER'],
  [{ tags: [['server', 'evil.com'], ['server', 'cdn.example.com']] }, 'none'], [{ tags: [['server', 'a.com'], ['server', 'b.com']] }, 'TOKEN_SERVER'],
  [{ tags: [['server', 'a.com', 'cdn.example.com']] }, 'TOKEN_SERVER']
])

check('T5: an empty server tag, as the SDK makes of localhost:3000, says nothing; beside another it does not help', [
  [{ tags: [['server', '']] }, 'none'], [{ tags: [['server', '  ']] }, 'none'], [{ tags: [['server']] }, 'none'],
  [{ tags: [['server', ''], ['server', 'evil.com']] }, 'TOKEN_SERVER'], [{ tags: [['server', ''], ['server', 'cdn.example.com']] }, 'none']
])

t.test('11-16: a server tag may be demanded, and then an empty one is none', t => {
  t.equal(judge({}, true), 'TOKEN_SERVER')
  t.equal(judge({ tags: [['server', '']] }, true), 'TOKEN_SERVER')
  t.equal(judge({ tags: [['server', 'cdn.example.com']] }, true), 'none')
  t.end()
})

t.test('11-5, A4: the x tags are given back, all of them, in lower case', t => {
  const hashesOf = (...tags: string[][]): string[] => checkBlossomToken(eventOf({ tags }), { verb: 'upload', names, now: NOW, requireServer: false })
  t.strictSame(hashesOf(), [])
  t.strictSame(hashesOf(['x', HASH]), [HASH])
  t.strictSame(hashesOf(['x', HASH.toUpperCase()], ['x', OTHER], ['x'], ['X', '00'.repeat(32)]), [HASH, OTHER])
  t.strictSame(hashesOf(['x', HASH, OTHER]), [HASH], 'only the value of the tag')
  t.end()
})

t.test('every verb of BUD-11 is taken where it is asked for, and nowhere else', t => {
  const verbs = ['get', 'upload', 'list', 'delete', 'media']
  for (const said of verbs) {
    for (const asked of verbs) t.equal(judge({ verb: said }, false, asked), said === asked ? 'none' : 'TOKEN_VERB', `${said} for ${asked}`)
  }
  t.end()
})
