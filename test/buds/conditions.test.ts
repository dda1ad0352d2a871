// RFC 9110 §13 as sentences.

import t from 'tap'
import { evaluateConditions, parseHttpDate } from '../../server/buds/conditions.ts'

const ETAG = '"b1674191a88ec5cdd733e4240a81803105dc412d6c6708d53ab94fc248f4f553"'
const MODIFIED = 784111777
const EXACT = 'Sun, 06 Nov 1994 08:49:37 GMT'
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT'
const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT'

const SEND = { outcome: 'proceed', range: true }
const SEND_WHOLE = { outcome: 'proceed', range: false }
const NOT_MODIFIED = { outcome: 'not-modified', range: false }
const FAILED = { outcome: 'precondition-failed', range: false }

type Headers = Record<string, string | string[] | undefined>

function check (name: string, rows: [Headers, object][]): void {
  t.test(name, async t => {
    for (const [headers, wanted] of rows) {
      t.strictSame(evaluateConditions(headers, { etag: ETAG, lastModified: MODIFIED }), wanted, JSON.stringify(headers))
    }
  })
}

check('without a condition the blob is sent, ranged if asked', [[{}, SEND], [{ range: 'bytes=0-1', 'if-match': undefined }, SEND]])

check('If-Match holds when a tag of the list is the same under strong comparison', [
  [{ 'if-match': ETAG }, SEND],
  [{ 'if-match': `"x", ${ETAG}` }, SEND],
  [{ 'if-match': `,"a,b" ,,\t${ETAG},` }, SEND],
  [{ 'if-match': ['"x"', ETAG] }, SEND],
  [{ 'if-match': '*' }, SEND],
  [{ 'if-match': '"x"' }, FAILED],
  [{ 'if-match': '' }, FAILED],
  [{ 'if-match': `W/${ETAG}` }, FAILED],
  [{ 'if-match': `W/"x", W/${ETAG}` }, FAILED],
  [{ 'if-match': ETAG.toUpperCase() }, FAILED],
])

check('If-Unmodified-Since holds when the blob is not younger, and is ignored beside If-Match', [
  [{ 'if-unmodified-since': EXACT }, SEND],
  [{ 'if-unmodified-since': LATER }, SEND],
  [{ 'if-unmodified-since': EARLIER }, FAILED],
  [{ 'if-unmodified-since': EARLIER, 'if-match': ETAG }, SEND],
  [{ 'if-unmodified-since': LATER, 'if-match': '"x"' }, FAILED],
])

check('If-None-Match answers 304 when a tag of the list is the same under weak comparison', [
  [{ 'if-none-match': ETAG }, NOT_MODIFIED],
  [{ 'if-none-match': `W/${ETAG}` }, NOT_MODIFIED],
  [{ 'if-none-match': `"x", "", W/"y" , W/${ETAG}` }, NOT_MODIFIED],
  [{ 'if-none-match': '*' }, NOT_MODIFIED],
  [{ 'if-none-match': ' * ' }, NOT_MODIFIED],
  [{ 'if-none-match': '"x", W/"y"' }, SEND],
  [{ 'if-none-match': '' }, SEND],
])

check('a list of tags that is not well formed names no tag', [
  [{ 'if-none-match': ETAG.slice(1, -1) }, SEND],
  [{ 'if-none-match': `${ETAG} "x"` }, SEND],
  [{ 'if-none-match': `${ETAG}, x` }, SEND],
  [{ 'if-none-match': `${ETAG}, *` }, SEND],
  [{ 'if-none-match': `w/${ETAG}` }, SEND],
  [{ 'if-none-match': `W/ ${ETAG}` }, SEND],
  [{ 'if-match': `${ETAG}, "` }, FAILED],
])

check('If-Modified-Since answers 304 when the blob is not younger, and is ignored beside If-None-Match', [
  [{ 'if-modified-since': EXACT }, NOT_MODIFIED],
  [{ 'if-modified-since': LATER }, NOT_MODIFIED],
  [{ 'if-modified-since': EARLIER }, SEND],
  [{ 'if-modified-since': LATER, 'if-none-match': '"x"' }, SEND],
  [{ 'if-modified-since': EARLIER, 'if-none-match': ETAG }, NOT_MODIFIED],
])

check('a date that is not well formed, or several of them, is ignored', [
  [{ 'if-modified-since': 'yesterday' }, SEND],
  [{ 'if-modified-since': '1994-11-07T00:00:00Z' }, SEND],
  [{ 'if-modified-since': String(MODIFIED + 1) }, SEND],
  [{ 'if-modified-since': [LATER, LATER] }, SEND],
  [{ 'if-unmodified-since': 'Sun, 06 Nov 1994 08:49:36 CET' }, SEND],
  [{ 'if-unmodified-since': '' }, SEND],
])

check('a failed If-Match or If-Unmodified-Since comes before a 304', [
  [{ 'if-match': '"x"', 'if-none-match': ETAG }, FAILED],
  [{ 'if-unmodified-since': EARLIER, 'if-modified-since': LATER }, FAILED],
  [{ 'if-match': ETAG, 'if-none-match': ETAG }, NOT_MODIFIED],
  [{ 'if-unmodified-since': LATER, 'if-modified-since': EARLIER }, SEND],
])

check('If-Range lets the range be used only for the same strong tag or exactly the same date', [
  [{ range: 'bytes=0-1', 'if-range': ETAG }, SEND],
  [{ range: 'bytes=0-1', 'if-range': EXACT }, SEND],
  [{ range: 'bytes=0-1', 'if-range': `W/${ETAG}` }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': '"x"' }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': EARLIER }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': LATER }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': `${ETAG}, "x"` }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': '*' }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': '' }, SEND_WHOLE],
  [{ range: 'bytes=0-1', 'if-range': ETAG, 'if-none-match': ETAG }, NOT_MODIFIED],
])

t.test('a date with a fraction of a second is compared as the header shows it', async t => {
  const blob = { etag: ETAG, lastModified: MODIFIED + 0.9 }
  t.strictSame(evaluateConditions({ 'if-modified-since': EXACT }, blob), NOT_MODIFIED)
  t.strictSame(evaluateConditions({ 'if-unmodified-since': EXACT }, blob), SEND)
  t.strictSame(evaluateConditions({ 'if-range': EXACT }, blob), SEND)
})

t.test('a recipient accepts all three forms of an HTTP-date', async t => {
  for (const text of [EXACT, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', 'Sun Nov 06 08:49:37 1994']) {
    t.equal(parseHttpDate(text, MODIFIED), MODIFIED, text)
  }
  for (const seconds of [0, 951782400, 1e9, 1709208000, 253402300799]) {
    t.equal(parseHttpDate(new Date(seconds * 1000).toUTCString(), 0), seconds, 'what JavaScript writes is read back')
  }
  t.equal(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', 0), 1483228800, 'a leap second')
})

t.test('a two-digit year more than 50 years ahead is the past year with those digits', async t => {
  const now = Date.UTC(2026, 0, 1) / 1000
  t.equal(parseHttpDate('Wednesday, 01-Jan-76 00:00:00 GMT', now), Date.UTC(2076, 0, 1) / 1000)
  t.equal(parseHttpDate('Saturday, 01-Jan-77 00:00:00 GMT', now), Date.UTC(1977, 0, 1) / 1000)
  t.equal(parseHttpDate('Saturday, 01-Jan-00 00:00:00 GMT', now), Date.UTC(2000, 0, 1) / 1000)
})

t.test('what is no HTTP-date is null', async t => {
  for (const text of [
    '', 'Sun, 31 Feb 2026 00:00:00 GMT', 'Wed, 29 Feb 2023 00:00:00 GMT', 'Sun, 00 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT', 'Sun, 06 Nov 1994 08:49:61 GMT', 'sun, 06 nov 1994 08:49:37 gmt', 'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 UTC', `${EXACT} `, 'Sun Nov 6 08:49:37 1994', '06 Nov 1994 08:49:37 GMT',
  ]) t.equal(parseHttpDate(text, MODIFIED), null, text)
})
