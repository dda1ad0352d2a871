// BUD-11's table said again in the words of the spec, so that a slip in one of them shows.

import t from 'tap'
import { ENDPOINTS } from '../../server/buds/bud-11-authorization.ts'
import type { Endpoint } from '../../server/buds/bud-11-authorization.ts'

function namesWhere (condition: (endpoint: Endpoint) => boolean): string[] {
  return Object.entries(ENDPOINTS).filter(([, endpoint]) => condition(endpoint)).map(([name]) => name).sort()
}

t.test('the t tag fits the endpoint: retrieval is get, mirror is upload, media has a verb of its own', async t => {
  t.strictSame(namesWhere(({ verb }) => verb === 'get'), ['get', 'head'])
  t.strictSame(namesWhere(({ verb }) => verb === 'upload'), ['mirror', 'upload', 'uploadPreflight'])
  t.strictSame(namesWhere(({ verb }) => verb === 'media'), ['media', 'mediaPreflight'])
  t.strictSame(namesWhere(({ verb }) => verb === 'list'), ['list'])
  t.strictSame(namesWhere(({ verb }) => verb === 'delete'), ['delete'])
})

t.test('the x tag is compared with the path, X-SHA-256 or the bytes that arrive, and with nothing on list', async t => {
  t.strictSame(namesWhere(({ hash }) => hash === 'path'), ['delete', 'get', 'head'])
  t.strictSame(namesWhere(({ hash }) => hash === 'x-sha-256'), ['media', 'mediaPreflight', 'upload', 'uploadPreflight'])
  t.strictSame(namesWhere(({ hash }) => hash === 'body'), ['mirror'])
  t.strictSame(namesWhere(({ hash }) => hash === 'none'), ['list'])
})

t.test('an x tag is required for upload, media, mirror and delete, and on the preflights of the first two', async t => {
  t.strictSame(namesWhere(({ hashRequired }) => hashRequired), ['delete', 'media', 'mediaPreflight', 'mirror', 'upload', 'uploadPreflight'])
})

t.test('a hash is only required where there is one to compare with', async t => {
  t.strictSame(namesWhere(({ hash, hashRequired }) => hash === 'none' && hashRequired), [])
})

t.test('a replayed NIP-98 token is refused on the calls that change anything, and on no other', async t => {
  t.strictSame(namesWhere(({ changes }) => changes), ['delete', 'media', 'mirror', 'upload'])
})

t.test('a NIP-98 token must carry a payload where a blob is meant that the URL does not name', async t => {
  t.strictSame(namesWhere(({ payload }) => payload === 'blob'), ['media', 'mediaPreflight', 'upload', 'uploadPreflight'])
  t.strictSame(namesWhere(({ payload }) => payload === 'json'), ['mirror'])
  t.strictSame(namesWhere(({ payload }) => payload !== 'none'), namesWhere(({ hash }) => hash === 'x-sha-256' || hash === 'body'))
})

t.test('a preflight asks for the same token as the call it announces, and changes nothing', async t => {
  t.strictSame(ENDPOINTS.uploadPreflight, { ...ENDPOINTS.upload, changes: false })
  t.strictSame(ENDPOINTS.mediaPreflight, { ...ENDPOINTS.media, changes: false })
  t.strictSame(ENDPOINTS.head, ENDPOINTS.get)
})
