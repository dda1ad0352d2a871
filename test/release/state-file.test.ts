// The file in which a node keeps what it has seen: verifications at once lose nothing of each other, and a file that cannot be read is told by its name.

import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keepState, readState } from '../../backstage/release/state-file.ts'
import { emptyState } from '../../server/release/state.ts'

t.test('what several verifications learn at once is all kept', async t => {
  const path = join(t.testdir({}), 'deep', 'state')
  const of = (sequence: number) => ({ sequence, signed: 'ab'.repeat(32), rollback_floor: 0, installed: null })
  await Promise.all(Array.from({ length: 8 }, (_, i) => keepState(path, { ...emptyState(), channels: { [`app/c${i}`]: of(i + 1), 'app/all': of(i + 1) } })))
  const { channels } = await readState(path)
  t.same(Object.keys(channels).length, 9)
  t.equal(channels['app/all']?.sequence, 8)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(join(path, '..')), ['state'])
})

t.test('a state that cannot be read is no empty one, and its file is named', async t => {
  const path = join(t.testdir({}), 'state')
  for (const text of ['', '{', '{}', '{"schema":"marquee.release-state/1","trust":{},"channels":{"a/b":{"sequence":-1}}}']) {
    writeFileSync(path, text)
    await t.rejects(readState(path), { code: 'STATE_INVALID', message: path })
    await t.rejects(keepState(path, emptyState()), { code: 'STATE_INVALID' })
  }
})
