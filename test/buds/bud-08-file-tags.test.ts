import t from 'tap'
import { buildFileTags } from '../../server/buds/bud-08-file-tags.ts'

const HASH = 'b1674191a88ec5cdd733e4240a81803105dc412d6c6708d53ab94fc248f4f553'

t.test('nip94 is an array of key and value pairs, all strings, taken from the descriptor', async t => {
  const url = `https://cdn.example.com/${HASH}.pdf`
  t.strictSame(buildFileTags({ url, sha256: HASH, size: 184292, type: 'application/pdf' }),
    [['url', url], ['m', 'application/pdf'], ['x', HASH], ['size', '184292']])
})

t.test('a size is written in plain digits, however large', async t => {
  for (const [size, text] of [[0, '0'], [2 ** 40, '1099511627776'], [Number.MAX_SAFE_INTEGER, '9007199254740991']] as const) {
    t.strictSame(buildFileTags({ url: 'u', sha256: HASH, size, type: 'a/b' }).at(-1), ['size', text])
  }
})

t.test('the media type is lowercase, its parameters are left alone', async t => {
  t.strictSame(buildFileTags({ url: 'u', sha256: HASH, size: 1, type: 'Text/Plain; charset=UTF-8' })[1], ['m', 'text/plain; charset=UTF-8'])
})
