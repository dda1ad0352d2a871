// The seal and the sessions by themselves: what is bound to what, and that nothing else opens.

import t from 'tap'
import { Seal } from '../../server/keys/sealing.ts'
import { SESSION_SECONDS, Sessions } from '../../server/keys/sessions.ts'
import { parseTitleName } from '../../server/keys/title-name.ts'

const [NODE, OTHER] = ['a1'.repeat(32), 'b2'.repeat(32)]
const [ID, PUBKEY] = ['0123456789abcdef', 'cd'.repeat(32)]
const TITLE = `34235:${PUBKEY}:film`
const key = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

t.test('a key opens under the seal of the same node key, for its id and title alone', async t => {
  const sealed = new Seal(NODE).close(ID, TITLE, key)
  const seal = new Seal(NODE)
  t.strictSame(seal.open(ID, TITLE, sealed), key)
  t.equal(new Seal(OTHER).open(ID, TITLE, sealed), 'elsewhere')
  t.equal(seal.open('fedcba9876543210', TITLE, sealed), 'damaged')
  t.equal(seal.open(ID, `${TITLE}2`, sealed), 'damaged')
  t.equal(new Seal(OTHER).open(ID, TITLE, { ...sealed, by: new Seal(OTHER).close(ID, TITLE, key).by }), 'damaged', 'whatever it says of itself')
  t.not(new Seal(NODE).close(ID, TITLE, key).sealed, sealed.sealed, 'no two of them are the same')
})

t.test('a sealed key with any bit turned, or cut, or longer, is damaged', async t => {
  const seal = new Seal(NODE)
  const { sealed, by } = seal.close(ID, TITLE, key)
  const bytes = Buffer.from(sealed, 'base64')
  t.equal(bytes.length, 12 + 16 + 16)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = Buffer.from(bytes)
    turned[bit >> 3]! ^= 1 << (bit & 7)
    if (seal.open(ID, TITLE, { sealed: turned.toString('base64'), by }) !== 'damaged') t.fail(`bit ${bit}`)
  }
  for (const some of [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(0)]) t.equal(seal.open(ID, TITLE, { sealed: some.toString('base64'), by }), 'damaged')
})

t.test('a session says its title, its public key and its end, and no other spelling of it is one', async t => {
  const [sessions, title, now] = [new Sessions(NODE), parseTitleName(TITLE), 1_795_000_000]
  const { token, expires } = sessions.open(title, PUBKEY, now)
  t.equal(expires, now + SESSION_SECONDS)
  t.match(token, /^[A-Za-z0-9_-]{136}$/, 'as a URL takes it')
  t.strictSame(new Sessions(NODE).read(token, now + SESSION_SECONDS - 1), { title: title.hash, pubkey: PUBKEY, expires }, 'another node')
  t.throws(() => sessions.read(token, expires), { code: 'KEY_SESSION', message: /over/ })
  t.throws(() => new Sessions(OTHER).read(token, now), { code: 'KEY_SESSION' })
  for (let at = 0; at < token.length; at++) {
    const turned = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
    t.throws(() => sessions.read(turned, now), { code: 'KEY_SESSION' }, `character ${at}`)
  }
  for (const text of ['', token.slice(1), `${token}=`, ` ${token}`, token.replaceAll('_', '/').replaceAll('-', '+').concat('=')]) t.throws(() => sessions.read(text, now), { code: 'KEY_SESSION' })
})
