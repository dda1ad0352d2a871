// docs/api.md says everything a client may be told.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { CATALOG_FAULTS } from '../../server/catalog/faults.ts'
import { FAILURES } from '../../server/errors.ts'
import { oneLine } from '../../server/errors.ts'

const page = readFileSync('docs/api.md', 'utf8')
const ALL = { ...FAILURES, ...CATALOG_FAULTS }

t.test('every code that a refusal can carry is in docs/api.md with its status and sentence, and no other', async t => {
  const rows = [...page.matchAll(/^\| (\d{3}) \| `([A-Z_]+)` \| (.+) \|$/gm)].map(([, status, code,
    sentence]) => `${code} ${status} ${sentence}`)
  t.equal(Object.keys(ALL).length, Object.keys(FAILURES).length + Object.keys(CATALOG_FAULTS).length, 'no code means two things')
  t.strictSame(rows.sort(), Object.entries(ALL).map(([code, [status, sentence]]) => `${code} ${status} ${sentence}`).sort())
})

t.test('H-15 every sentence is one line of printable ASCII as it stands', async t => {
  for (const [, sentence] of Object.values(ALL)) t.equal(oneLine(sentence), sentence)
  t.equal(oneLine('naïve\r\nSet-Cookie: x\u{1f600}'), 'na?ve?Set-Cookie: x?')
  t.equal(oneLine('x'.repeat(5000)).length, 300)
})
