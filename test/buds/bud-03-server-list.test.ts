import t from 'tap'
import { buildServerList, lastHashIn, parseServerList } from '../../server/buds/bud-03-server-list.ts'

const HASH = 'b1674191a88ec5cdd733e4240a81803105dc412d6c6708d53ab94fc248f4f553'
const PUBKEY = 'ec4425ff5e9446080d2f70440188e3ca5d6da8713db7bdeef73d0ed54d9093f0'

function list (...urls: string[]): { kind: number, tags: string[][] } {
  return { kind: 10063, tags: urls.map(url => ['server', url]) }
}

t.test('the servers of a kind 10063 event come in the order of its tags', async t => {
  t.strictSame(parseServerList(list('https://cdn.self.hosted', 'https://cdn.satellite.earth', 'http://127.0.0.1:3000')),
    ['https://cdn.self.hosted', 'https://cdn.satellite.earth', 'http://127.0.0.1:3000'])
})

t.test('a server is its origin, named once, at its first place', async t => {
  t.strictSame(parseServerList(list('https://B.example/', 'https://a.example:443/path?x#y', 'HTTPS://b.example', 'http://a.example')),
    ['https://b.example', 'https://a.example', 'http://a.example'])
})

t.test('only server tags with a full http or https URL are read', async t => {
  const event = list('a.example', 'ftp://a.example', 'wss://a.example', 'https://', 'https:a.example', '', 'https://good.example')
  event.tags.push(['server'], [], ['r', 'https://other.example'], ['Server', 'https://other.example'])
  t.strictSame(parseServerList(event), ['https://good.example'])
})

t.test('an event of another kind lists no server', async t => {
  t.strictSame(parseServerList({ ...list('https://a.example'), kind: 10002 }), [])
})

t.test('a list is built as BUD-03 writes it, and read back the same', async t => {
  const event = buildServerList(['https://b.example/', 'https://a.example', 'https://b.example'], 1708774162)
  const tags = [['server', 'https://b.example'], ['server', 'https://a.example']]
  t.strictSame(event, { kind: 10063, created_at: 1708774162, tags, content: '' })
  t.strictSame(parseServerList(event), ['https://b.example', 'https://a.example'])
})

t.test('a list has at least one server tag with a full http or https URL', async t => {
  t.throws(() => buildServerList([], 1), { code: 'URL_INVALID' })
  t.throws(() => buildServerList(['https://a.example', 'b.example'], 1), { code: 'URL_INVALID' })
})

t.test('the last run of 64 hex digits of a URL is its hash', async t => {
  for (const url of [
    `https://blossom.example.com/${HASH}.pdf`,
    `https://cdn.example.com/${HASH}`,
    `https://cdn.example.com/user/${PUBKEY}/media/${HASH}.pdf`,
    `http://media.example.com/documents/b1/67/${HASH}.pdf`,
    `https://cdn.example.com/${HASH.toUpperCase()}.pdf`,
    `https://cdn.example.com/blob?hash=${HASH}&n=1`,
  ]) t.equal(lastHashIn(url), HASH, url)
})

t.test('fewer or more than 64 hex digits in a row are no hash', async t => {
  for (const path of ['', HASH.slice(1), `${HASH}0`, `${HASH}${HASH}`]) t.equal(lastHashIn(`https://a.example/${path}`), null, path)
  t.equal(lastHashIn(''), null)
  t.equal(lastHashIn(`https://a.example/${HASH}/${PUBKEY}0`), HASH)
})
