import t from 'tap'
import { buildBlossomUri, parseBlossomUri, serverUrls } from '../../server/buds/bud-10-uri.ts'

const HASH = 'b1674191a88ec5cdd733e4240a81803105dc412d6c6708d53ab94fc248f4f553'
const AUTHOR = 'ec4425ff5e9446080d2f70440188e3ca5d6da8713db7bdeef73d0ed54d9093f0'
const OTHER = '781208004e09102d7da3b7345e64fd193cd1bc3fce8fdae6008d77f9cabcd036'
const BARE = { sha256: HASH, extension: 'pdf', servers: [], authors: [], size: null }
const REFUSED = { code: 'URL_INVALID', status: 400 }

t.test('10-1: a URI is blossom:<sha256>.<ext> with optional parameters', async t => {
  t.strictSame(parseBlossomUri(`blossom:${HASH}.pdf`), BARE)
  t.strictSame(parseBlossomUri(`blossom:${HASH}.pdf?`), BARE)
  t.strictSame(parseBlossomUri(`blossom:${HASH}.tar.gz?sz=1#part`), { ...BARE, extension: 'tar.gz', size: 1 })
})

t.test('10-3, 10-8: as and xs are collected in order, sz is read', async t => {
  const uri = `blossom:${HASH}.pdf?xs=cdn.satellite.earth&as=${AUTHOR}&xs=https://blossom.primal.net&sz=184292&as=${OTHER}&dn=name`
  t.strictSame(parseBlossomUri(uri), {
    sha256: HASH, extension: 'pdf', servers: ['cdn.satellite.earth', 'https://blossom.primal.net'], authors: [AUTHOR, OTHER], size: 184292,
  })
})

t.test('10-8: scheme, hash and extension are checked', async t => {
  for (const text of [
    '', HASH, `${HASH}.pdf`, `blob:${HASH}.pdf`, `https://a.example/${HASH}.pdf`, `blossom://${HASH}.pdf`, ` blossom:${HASH}.pdf`,
    'blossom:', 'blossom:.pdf', `blossom:${HASH.slice(1)}.pdf`, `blossom:${HASH}0.pdf`, `blossom:g${HASH.slice(1)}.pdf`,
    `blossom:${HASH}`, `blossom:${HASH}.`, `blossom:${HASH}?xs=a.example`, `blossom:${HASH}.?xs=a.example`, `blossom:${HASH}?xs=a.b`,
    `blossom:${HASH}.p/df`, `blossom:${HASH}..pdf`, `blossom:${HASH}.${'a'.repeat(33)}`, `blossom:${HASH}.pdf\n`,
  ]) t.throws(() => parseBlossomUri(text), REFUSED, text)
})

t.test('an uppercase scheme, hash or pubkey is taken and lowercased', async t => {
  t.strictSame(parseBlossomUri(`BLOSSOM:${HASH.toUpperCase()}.PDF?as=${AUTHOR.toUpperCase()}`), { ...BARE, extension: 'PDF', authors: [AUTHOR] })
})

t.test('10-6: sz is one positive integer', async t => {
  for (const sz of ['0', '-1', '1.5', '1e3', 'abc', '', ' 1', '0x10', '9007199254740992', '1&sz=2']) {
    t.throws(() => parseBlossomUri(`blossom:${HASH}.pdf?sz=${sz}`), REFUSED, sz)
  }
  t.equal(parseBlossomUri(`blossom:${HASH}.pdf?sz=9007199254740991&sz=9007199254740991`).size, Number.MAX_SAFE_INTEGER)
})

t.test('hints that name no server or no pubkey are skipped, repeated ones are kept once', async t => {
  const uri = `blossom:${HASH}.pdf?xs=&xs=ftp://a.example&xs=a%20b&xs=a.example&xs=a.example&as=npub1xyz&as=&as=${AUTHOR}&as=${AUTHOR}`
  t.strictSame(parseBlossomUri(uri), { ...BARE, servers: ['a.example'], authors: [AUTHOR] })
})

t.test('10-4, 10-5: a bare host means https and then http, a scheme means that one, always at the root', async t => {
  t.strictSame(serverUrls('cdn.example.com'), ['https://cdn.example.com', 'http://cdn.example.com'])
  t.strictSame(serverUrls('CDN.example.com:8443'), ['https://cdn.example.com:8443', 'http://cdn.example.com:8443'])
  t.strictSame(serverUrls('127.0.0.1:3000'), ['https://127.0.0.1:3000', 'http://127.0.0.1:3000'])
  t.strictSame(serverUrls('[::1]:3000'), ['https://[::1]:3000', 'http://[::1]:3000'])
  t.strictSame(serverUrls('localhost/'), ['https://localhost', 'http://localhost'])
  t.strictSame(serverUrls('https://cdn.example.com/some/path'), ['https://cdn.example.com'])
  t.strictSame(serverUrls('HTTP://cdn.example.com'), ['http://cdn.example.com'])
  for (const xs of ['', ' ', '/', 'https://', 'http:///a', 'ftp://a.example', 'wss://a.example', 'javascript:alert(1)', 'a b', 'https://a b']) {
    t.strictSame(serverUrls(xs), [], xs)
  }
})

t.test('10-2, 10-10: a built URI always has hash and extension, an unknown extension becomes .bin', async t => {
  t.equal(buildBlossomUri({ sha256: HASH }), `blossom:${HASH}.bin`)
  t.equal(buildBlossomUri({ sha256: HASH, extension: '' }), `blossom:${HASH}.bin`)
  t.equal(buildBlossomUri({ sha256: HASH.toUpperCase(), extension: 'mp4' }), `blossom:${HASH}.mp4`)
})

t.test('10-11: a built URI carries servers, authors and size in plain reading', async t => {
  const servers = ['cdn.satellite.earth', 'http://localhost:3000']
  const parts = { ...BARE, servers, authors: [AUTHOR], size: 184292 }
  t.equal(buildBlossomUri(parts), `blossom:${HASH}.pdf?xs=cdn.satellite.earth&xs=http://localhost:3000&as=${AUTHOR}&sz=184292`)
})

t.test('what is built is read back the same', async t => {
  for (const parts of [
    { ...BARE },
    { ...BARE, servers: ['https://a.example', '[::1]:3000', 'https://a.example/x?y=1&z=2#3'], authors: [OTHER, AUTHOR], size: 1 },
  ]) t.strictSame(parseBlossomUri(buildBlossomUri(parts)), parts)
})

t.test('the size of an empty blob cannot be said and is left out', async t => {
  t.equal(buildBlossomUri({ sha256: HASH, size: 0 }), `blossom:${HASH}.bin`)
})

t.test('a URI with a wrong part is not built', async t => {
  for (const part of [
    { sha256: HASH.slice(1) }, { extension: 'a/b' }, { extension: '.pdf' }, { servers: ['ftp://a.example'] }, { servers: [''] },
    { authors: ['npub1xyz'] }, { size: -1 }, { size: 1.5 }, { size: Number.NaN }, { size: 2 ** 53 },
  ]) t.throws(() => buildBlossomUri({ sha256: HASH, ...part }), REFUSED, JSON.stringify(part))
})
