// The next version of a title: what changes, and that nothing else does.

import t from 'tap'
import { editTitle } from '../../backstage/title/title-edit.ts'

const A = 'https://a.example'
const B = 'https://b.example'
const C = 'https://c.example'
const [x, y, z] = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string]

const before = {
  kind: 34235,
  content: 'about it',
  tags: [
    ['d', 'film'], ['title', 'Old'], ['alt', 'Film: Old'], ['t', 'one'], ['unheard', 'of', 'this'], ['t', 'two'],
    ['imeta', `url ${A}/${x}.m3u8`, `x ${x}`, `image ${A}/${y}.jpg`, `image ${B}/${y}.jpg`, 'm application/x-mpegURL', `fallback ${B}/${x}.m3u8`, 'fallback https://elsewhere.example/x.m3u8'],
    ['imeta', 'url https://elsewhere.example/trailer.mp4', 'm video/mp4'],
    ['manifest', x, y, '10', 'application/vnd.indeehub.film+json'], ['x', x, 'manifest'], ['x', y, 'aggregate'],
    ['access', 'nip98', `${A}/keys`], ['server', A], ['server', B], ['status', 'published'], ['sealed', 'opaque']
  ]
}

const tag = (tags: string[][], name: string): string[][] => tags.filter(([each]) => each === name)

t.test('without a change it is the same, but for its time', async t => {
  t.same(editTitle(before, {}, 7), { ...before, created_at: 7, tags: before.tags.map((each) => each[0] === 'imeta' && each[1]!.startsWith(`url ${A}`)
    ? ['imeta', `url ${A}/${x}.m3u8`, `fallback ${B}/${x}.m3u8`, `x ${x}`, `image ${A}/${y}.jpg`, `image ${B}/${y}.jpg`, 'm application/x-mpegURL', 'fallback https://elsewhere.example/x.m3u8']
    : each) })
  t.same(editTitle(editTitle(before, {}, 7), {}, 7), editTitle(before, {}, 7))
})

t.test('text and topics change, in their places, and alt follows the title', async t => {
  const { content, tags } = editTitle(before, { title: 'New', summary: 'more', topics: ['three'] }, 7)
  t.equal(content, 'more')
  t.same(tags.slice(0, 5), [['d', 'film'], ['title', 'New'], ['alt', 'Film: New'], ['t', 'three'], ['unheard', 'of', 'this']])
  t.same(tag(editTitle(before, { topics: [] }, 7).tags, 't'), [])
  t.same(tag(editTitle({ ...before, tags: [['title', 'Old'], ['alt', 'my own']] }, { title: 'New' }, 7).tags, 'alt'), [['alt', 'my own']])
})

t.test('other servers are named wherever the film\'s own were, and what lies elsewhere stays', async t => {
  const { tags } = editTitle(before, { servers: [C, A] }, 7)
  t.same(tag(tags, 'server'), [['server', C], ['server', A]])
  t.same(tag(tags, 'imeta'), [
    ['imeta', `url ${C}/${x}.m3u8`, `fallback ${A}/${x}.m3u8`, `x ${x}`, `image ${C}/${y}.jpg`, `image ${A}/${y}.jpg`, 'm application/x-mpegURL', 'fallback https://elsewhere.example/x.m3u8'],
    ['imeta', 'url https://elsewhere.example/trailer.mp4', 'm video/mp4']
  ])
})

t.test('a poster comes with the manifest that names it, and the keys have a new place', async t => {
  const { tags } = editTitle(before, { poster: `${z}.png`, manifest: { sha256: z, blake3: x, size: 12 }, access: `${B}/keys` }, 7)
  t.match(tag(tags, 'imeta')[0], ['imeta', /^url/, /^fallback/, /^x /, `image ${A}/${z}.png`, `image ${B}/${z}.png`])
  t.same(tag(tags, 'manifest'), [['manifest', z, x, '12', 'application/vnd.indeehub.film+json']])
  t.same(tag(tags, 'x'), [['x', z, 'manifest'], ['x', y, 'aggregate']])
  t.same(tag(tags, 'access'), [['access', 'nip98', `${B}/keys`]])
})
