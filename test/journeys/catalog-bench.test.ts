// The load scenario of the catalog in small: it seeds, rebuilds, asks and publishes, and every answer is what it should be. How quick that is, is for
// `npm run bench` (bench/RESULTS.md).

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { plainNode } from '../support/node-flags.ts'
import { ROOT } from '../support/source.ts'

t.test('the scenario catalog runs over a small catalog: all its rows are there, and none failed', async t => {
  const args = ['catalog', '--titles', '300', '--segments', '20', '--taken', '64', '--asked', '20', '--rounds', '1']
  const child = spawn(...plainNode([join(ROOT, 'dist/bench/main.js'), ...args], {}), { env: { PATH: process.env['PATH'], TMPDIR: t.testdir() }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGTERM') })
  const texts = { out: '', err: '' }
  for (const [name, stream] of [['out', child.stdout], ['err', child.stderr]] as const) stream.setEncoding('utf8').on('data', (text: string) => { texts[name] += text })
  const [code] = await once(child, 'close') as [number | null]
  t.equal(code, 0, texts.err)
  for (const row of [
    'rebuild --catalog of 3300 events', 'rebuild --catalog --signatures of 110 events', 'providers of a segment, inherited', 'providers of a blob', 'by-hash of a segment', 'search, a rare word',
    'search, two words', 'search, the commonest word', 'search, one letter', 'titles, first page', 'titles of a common topic', 'from the middle', 'adverts taken, signatures checked'
  ]) t.ok(texts.out.split('\n').some((line) => line.startsWith('| ') && line.includes(row)), row)
  t.notMatch(texts.out, /failed/)
})
