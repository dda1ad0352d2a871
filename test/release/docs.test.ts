// docs/releases-node.md and docs/releases-publisher.md against the code: checks, codes, limits and commands.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { release } from '../../backstage/release/commands.ts'
import { CHECKS } from '../../server/release/checks.ts'
import { RELEASE_FAULTS } from '../../server/release/faults.ts'
import { POINTER_LIMIT } from '../../server/release/latest-pointer.ts'
import { RELEASE_MANIFEST_LIMIT } from '../../server/release/manifest-v2.ts'
import { BUNDLE_LIMIT } from '../../server/release/trust-bundle.ts'
import { CLOCK_TOLERANCE, OLDER_LIMIT } from '../../server/release/verify-trust.ts'
import { SCENARIOS } from '../support/release-attacks.ts'
import { ROOT } from '../support/source.ts'

const node = readFileSync(`${ROOT}docs/releases-node.md`, 'utf8')
const publisher = readFileSync(`${ROOT}docs/releases-publisher.md`, 'utf8')
const rows = new Map([...node.matchAll(/^\| `([a-z.]+)` \| .* \| (.*) \|$/gm)].map(([, check, codes]) => [check!, codes!]))

t.test('every check has its row, in order', async (t) => {
  t.strictSame([...rows.keys()], [...CHECKS])
})

t.test('a check fails with the codes of its row, as every attack shows', async (t) => {
  const ofDocuments = /Those of documents: (.*)\./.exec(node)![1]!
  for (const { name, fails } of SCENARIOS) {
    if (fails === null) continue
    const [check, code] = fails
    const row = rows.get(check)!.replace('those of documents', ofDocuments).replace('as `pointer.signature`', rows.get('pointer.signature')!)
    t.ok(row.includes(`\`${code}\``), `${name}: ${check} ${code}`)
  }
})

t.test('every code that a row names is one', async (t) => {
  for (const [, code] of node.matchAll(/`([A-Z]+_[A-Z_]+)`/g)) t.ok(code! in RELEASE_FAULTS, code!)
})

t.test('limits and tolerances are those of the code', async (t) => {
  t.match(node, `At most ${BUNDLE_LIMIT / 1024} KiB, ${POINTER_LIMIT / 1024} KiB and ${RELEASE_MANIFEST_LIMIT / 1024 / 1024} MiB`)
  t.match(node, `at most ${CLOCK_TOLERANCE} s ahead`)
  t.match(node, `at most ${OLDER_LIMIT}, oldest first`)
})

t.test('every command of a publisher is told of, with options that it has', async (t) => {
  for (const name of ['root', 'key', 'trust', 'make', 'sign', 'verify', 'revoke', 'rotate']) {
    const { options, help } = await release.commands[name]!()
    t.ok(publisher.includes(`marquee release ${name}`), name)
    t.match(help, new RegExp(`^marquee release ${name} `))
    for (const option of Object.keys(options)) t.ok(help.includes(`--${option}`), `${name} --${option}`)
  }
})
