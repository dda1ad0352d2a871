// docs/events.md against the code: kinds, schemas, budgets, codes.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { ADVERT_CAPS, FUTURE_TOLERANCE } from '../../server/catalog/accept.ts'
import { OUR_BUDGET, TAKEN_BUDGET } from '../../server/catalog/budget.ts'
import { CATALOG_KINDS } from '../../server/catalog/catalog-event.ts'
import { CATALOG_FAULTS } from '../../server/catalog/faults.ts'
import { CARRIED_BYTES } from '../../server/catalog/kinds/application-data.ts'
import { SCHEMAS } from '../../server/catalog/schemas/published.ts'
import { ROOT } from '../support/source.ts'

const docs = readFileSync(`${ROOT}docs/events.md`, 'utf8')

t.test('every kind that is kept has its row, and no other', async (t) => {
  const rows = [...docs.matchAll(/^\| (\d+) \| .*\.json` \|$/gm)].map(([, kind]) => Number(kind))
  t.strictSame(rows.sort((a, b) => a - b), [...CATALOG_KINDS])
})

t.test('every schema is named', async (t) => {
  for (const file of Object.keys(SCHEMAS)) t.ok(docs.includes(`\`${file}\``), file)
})

t.test('budgets and caps are those of the code', async (t) => {
  t.ok(docs.includes(`| signed by us | ${OUR_BUDGET.bytes} bytes | ${OUR_BUDGET.tags} | ${OUR_BUDGET.element} bytes |`))
  t.ok(docs.includes(`| taken from others | ${TAKEN_BUDGET.bytes} bytes | ${TAKEN_BUDGET.tags} | ${TAKEN_BUDGET.element} bytes |`))
  t.ok(docs.includes(`${FUTURE_TOLERANCE} seconds ahead. A key has at most ${ADVERT_CAPS.perAuthor} adverts, a hash ${ADVERT_CAPS.perHash}`))
  t.ok(docs.includes(`At most ${CARRIED_BYTES / 1024} KiB of content`))
})

t.test('every fault has its row with code, status and sentence', async (t) => {
  const rows = [...docs.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (.*) \|$/gm)].map(([, code, status, sentence]) => [code, Number(status), sentence])
  t.strictSame(rows, Object.entries(CATALOG_FAULTS).map(([code, [status, sentence]]) => [code, status, sentence]))
})
