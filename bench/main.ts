// `npm run bench`: our own load scenarios, beside a yardstick in the same run (README.md). Exit codes: 0 all ran; 1 one could not; 2 the
// arguments are off.

import { appendFileSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Signer } from '../test/support/keys.ts'
import { removeFolder } from './parts.ts'
import { describeRun, markdown } from './report.ts'
import { boot } from './scenarios/boot.ts'
import { catalog } from './scenarios/catalog.ts'
import { cold } from './scenarios/cold.ts'
import { head } from './scenarios/head.ts'
import { million } from './scenarios/million.ts'
import { minio } from './scenarios/minio.ts'
import { missing } from './scenarios/missing.ts'
import { notModified } from './scenarios/not-modified.ts'
import { offload } from './scenarios/offload.ts'
import { putMemory } from './scenarios/put-memory.ts'
import { parseSize } from './stats.ts'
import type { Bench, Options, Row, Scenario } from './plan.ts'

const SCENARIOS: Readonly<Record<string, Scenario>> = { cold, 'not-modified': notModified, missing, head, million, boot, minio, offload, 'put-memory': putMemory, catalog }

const HELP = `npm run bench -- [SCENARIO…] [options]      scenarios: ${Object.keys(SCENARIOS).join(', ')}; all without a name

  --rounds N        rounds of each measurement (3)
  --seconds N       length of one read measurement (6)
  --count N         blobs of million and boot (1000000)
  --asked N         how many of them million asks for in turn, and catalog (1000)
  --cold N          blobs of 64 KiB that cold reads (50000)
  --minio-cold N    and minio (6000)
  --big SIZE        the big blob of minio and put-memory (1GiB)
  --huge SIZE       put-memory: a bigger one as well (none; 8GiB)
  --puts N          minio: small uploads a round (2000)
  --titles N        titles of catalog, with ten adverts each (100000)
  --segments N      of each of its films, one in 250 titles (5000)
  --taken N         adverts that it sends a round (8000)
  --rows A,B        minio: get-cold, get-big, put-big, put-small; catalog: parts of its rows' names (all)
  --keep DIR        keep the seeded data folders of million and boot there, and use what is there
  --drop            boot: empty the page cache before each start (root only)
  --env NAME=VALUE  more of the server's environment, again and again
  --md FILE         add the report to this file too

Environment: MARQUEE_DIST, the folder of another built server (holds server/main.js); TMPDIR, where data folders lie.`

const OPTIONS = {
  'rounds': { type: 'string', default: '3' }, 'seconds': { type: 'string', default: '6' }, 'count': { type: 'string', default: '1000000' },
  'asked': { type: 'string', default: '1000' }, 'cold': { type: 'string', default: '50000' }, 'minio-cold': { type: 'string', default: '6000' },
  'big': { type: 'string', default: '1GiB' }, 'huge': { type: 'string', default: '0' }, 'puts': { type: 'string', default: '2000' },
  'titles': { type: 'string', default: '100000' }, 'segments': { type: 'string', default: '5000' }, 'taken': { type: 'string', default: '8000' },
  'rows': { type: 'string', default: '' }, 'keep': { type: 'string' }, 'drop': { type: 'boolean', default: false },
  'env': { type: 'string', multiple: true, default: [] as string[] }, 'md': { type: 'string' }, 'help': { type: 'boolean', short: 'h', default: false }
} as const

function parse (argv: string[]): { names: string[], options: Options, md: string | undefined, help: boolean } {
  const { values, positionals } = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true })
  const whole = (name: 'rounds' | 'seconds' | 'count' | 'asked' | 'cold' | 'minio-cold' | 'puts' | 'titles' | 'segments' | 'taken'): number => {
    const number = Number(values[name])
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} takes a whole number above 0`)
    return number
  }
  for (const name of positionals) if (!Object.hasOwn(SCENARIOS, name)) throw new Error(`there is no scenario "${name}"`)
  const dist = resolve(process.env['MARQUEE_DIST'] ?? fileURLToPath(new URL('../', import.meta.url)))
  if (!existsSync(join(dist, 'server/main.js'))) throw new Error(`${dist} holds no server/main.js`)
  const options: Options = {
    rounds: whole('rounds'), seconds: whole('seconds'), count: whole('count'), asked: whole('asked'), cold: whole('cold'), minioCold: whole('minio-cold'),
    big: parseSize(values.big), huge: parseSize(values.huge), puts: whole('puts'),
    titles: whole('titles'), segments: whole('segments'), taken: whole('taken'), rows: values.rows.split(',').filter((name) => name !== ''),
    keep: values.keep === undefined ? null : resolve(values.keep), drop: values.drop, dist,
    env: Object.fromEntries(values.env.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]))
  }
  return { names: positionals.length > 0 ? positionals : Object.keys(SCENARIOS), options, md: values.md, help: values.help }
}

async function run (names: string[], options: Options, md: string | undefined): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), 'marquee-bench-'))
  process.once('exit', () => { removeFolder(work) })
  const bench: Bench = { options, work, signer: new Signer(), say: (line) => { process.stderr.write(`${line}\n`) } }
  if (options.keep !== null) mkdirSync(options.keep, { recursive: true })
  const started = describeRun()
  const rows: Row[] = []
  const failed: string[] = []
  for (const name of names) {
    bench.say(name)
    try {
      rows.push(...await SCENARIOS[name]!(bench))
    } catch (error) {
      // one that cannot run must not cost the others
      failed.push(`${name}: ${(error as Error).message}`)
      bench.say(`  failed: ${(error as Error).stack ?? String(error)}`)
    }
  }
  const text = markdown(`${names.join(', ')}: ${started}`, rows, failed)
  process.stdout.write(text)
  if (md !== undefined) appendFileSync(md, `${text}\n`)
  return failed.length === 0 ? 0 : 1
}

// so that programs started here are ended
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { process.exit(1) })
let parsed: ReturnType<typeof parse>
try {
  parsed = parse(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n\n${HELP}\n`)
  process.exit(2)
}
if (parsed.help) {
  process.stdout.write(`${HELP}\n`)
  process.exit(0)
}
process.exit(await run(parsed.names, parsed.options, parsed.md))
