// RFC 9110 §14 as sentences, and a fuzz against a slow version that only knows sets of bytes.

import t from 'tap'
import { parseRange } from '../../server/buds/range.ts'
import type { RangeAnswer } from '../../server/buds/range.ts'

const WHOLE: RangeAnswer = { kind: 'whole' }
const UNSATISFIABLE: RangeAnswer = { kind: 'unsatisfiable' }

function parts (...pairs: [number, number][]): RangeAnswer {
  return { kind: 'parts', parts: pairs.map(([start, end]) => ({ start, end })) }
}

function check (name: string, rows: [string | undefined, number, RangeAnswer][]): void {
  t.test(name, async t => {
    for (const [header, size, wanted] of rows) t.strictSame(parseRange(header, size), wanted, `${header} of ${size}`)
  })
}

check('no header asks for the whole blob', [[undefined, 1000, WHOLE], ['', 1000, WHOLE]])

check('a range within the blob is answered as asked', [
  ['bytes=0-499', 1000, parts([0, 499])],
  ['bytes=500-999', 1000, parts([500, 999])],
  ['bytes=0-0', 1000, parts([0, 0])],
  ['bytes=0-0', 1, parts([0, 0])],
  ['bytes=0007-0009', 1000, parts([7, 9])],
])

check('a last position past the end is clamped, an absent one means the end', [
  ['bytes=500-1000', 1000, parts([500, 999])],
  ['bytes=999-5000', 1000, parts([999, 999])],
  ['bytes=9-', 1000, parts([9, 999])],
  ['bytes=0-', 1000, parts([0, 999])],
])

check('a suffix gives the last bytes, and one longer than the blob gives all of it', [
  ['bytes=-1', 1000, parts([999, 999])],
  ['bytes=-1000', 1000, parts([0, 999])],
  ['bytes=-1001', 1000, parts([0, 999])],
])

check('a first position at or past the end, or a suffix of nothing, is unsatisfiable', [
  ['bytes=1000-', 1000, UNSATISFIABLE],
  ['bytes=1000-1000', 1000, UNSATISFIABLE],
  ['bytes=5000-6000', 1000, UNSATISFIABLE],
  ['bytes=-0', 1000, UNSATISFIABLE],
  ['bytes=-00', 1000, UNSATISFIABLE],
  ['bytes=1000-,-0', 1000, UNSATISFIABLE],
])

check('any byte range of an empty blob is unsatisfiable', [
  ['bytes=0-', 0, UNSATISFIABLE],
  ['bytes=0-0', 0, UNSATISFIABLE],
  ['bytes=-1', 0, UNSATISFIABLE],
  ['bytes=-0', 0, UNSATISFIABLE],
  ['bytes=0-9,-5', 0, UNSATISFIABLE],
  ['bytes=9-0', 0, WHOLE],
])

check('a range unit we do not know is ignored, and the unit is case-insensitive', [
  ['lines=0-1', 1000, WHOLE],
  ['xbytes=0-1', 1000, WHOLE],
  ['BYTES=0-1', 1000, parts([0, 1])],
  ['Bytes=0-1', 1000, parts([0, 1])],
])

check('what is not well formed is ignored as a whole', [
  'bytes', 'bytes=', 'bytes=,', 'bytes=-', 'bytes=--1', 'bytes=1', 'bytes=a-b', 'bytes=0x1-0x2', 'bytes=1-2-3', 'bytes=2-1', 'bytes=0-1,2-1',
  'bytes=0-1,x', 'bytes =0-1', 'bytes=0 -1', 'bytes=0- 1', 'bytes=+0-1', 'bytes=0-1;', 'bytes=0-1 2-3', 'bytes: 0-1', '0-1', '=0-1',
  ' bytes=0-1', 'bytes=1.0-2', 'bytes=1e1-20', 'bytes=٠-١', 'bytes=0-1, bytes=2-3', 'bytes=0-1\n', '\u00a0bytes=0-1',
].map(header => [header, 1000, WHOLE]))

check('white space around commas and empty list elements do not matter', [
  ['bytes=0-0 , 500-500', 1000, parts([0, 0], [500, 500])],
  ['bytes=0-0\t,\t500-500', 1000, parts([0, 0], [500, 500])],
  ['bytes=,,0-0,, ,500-500,', 1000, parts([0, 0], [500, 500])],
  ['bytes=, 0-0 ', 1000, parts([0, 0])],
])

check('several ranges keep the order asked for, without those that lie outside', [
  ['bytes=0-0,-1', 1000, parts([0, 0], [999, 999])],
  ['bytes=-1,0-0', 1000, parts([999, 999], [0, 0])],
  ['bytes=500-600,2000-,0-9', 1000, parts([500, 600], [0, 9])],
  ['bytes=2000-,0-9', 1000, parts([0, 9])],
])

check('ranges that overlap, touch or lie less than 80 bytes apart are merged in ascending order', [
  ['bytes=0-99,50-149', 1000, parts([0, 149])],
  ['bytes=100-199,0-99', 1000, parts([0, 199])],
  ['bytes=0-9,89-99', 1000, parts([0, 99])],
  ['bytes=0-9,90-99', 1000, parts([0, 9], [90, 99])],
  ['bytes=0-999,10-20', 1000, parts([0, 999])],
  ['bytes=0-,0-,-1000', 1000, parts([0, 999])],
  ['bytes=900-999,300-400,0-9,350-500', 1000, parts([0, 9], [300, 500], [900, 999])],
])

check('positions beyond 2^53 are compared and clamped without rounding', [
  ['bytes=0-9007199254740993', 1000, parts([0, 999])],
  [`bytes=0-${'9'.repeat(400)}`, 1000, parts([0, 999])],
  [`bytes=-${'9'.repeat(400)}`, 1000, parts([0, 999])],
  [`bytes=${'9'.repeat(400)}-`, 1000, UNSATISFIABLE],
  ['bytes=9007199254740993-9007199254740993', 1000, UNSATISFIABLE],
  ['bytes=9007199254740993-9007199254740992', 1000, WHOLE],
  ['bytes=9007199254740990-', Number.MAX_SAFE_INTEGER, parts([9007199254740990, 9007199254740990])],
])

function spread (count: number): string {
  return `bytes=${Array.from({ length: count }, (_, i) => `${i * 1000}-${i * 1000}`).join()}`
}

t.test('at most 50 ranges are answered, those outside the blob counted too', async t => {
  const fifty = parseRange(spread(50), 1e6)
  t.equal(fifty.kind === 'parts' && fifty.parts.length, 50)
  t.strictSame(parseRange(spread(51), 1e6), WHOLE)
  t.strictSame(parseRange(spread(51), 1), WHOLE)
  t.strictSame(parseRange(`${spread(50)}${','.repeat(200)}`, 1), parts([0, 0]), 'empty elements are not counted')
})

check('a header longer than 4 KiB is ignored', [
  [`bytes=0-${'1'.repeat(4088)}`, 1000, parts([0, 999])],
  [`bytes=0-${'1'.repeat(4089)}`, 1000, WHOLE],
])

// The slow version: which bytes does each range name, one byte at a time?

function digits (text: string): boolean {
  return text !== '' && [...text].every(char => '0123456789'.includes(char))
}

function isLess (a: string, b: string): boolean {
  const width = Math.max(a.length, b.length)
  return a.padStart(width, '0') < b.padStart(width, '0')
}

/** The bytes one range names, or null when it is not well formed. */
function bytesOf (spec: string, size: number): Set<number> | null {
  const dash = spec.indexOf('-')
  if (dash === -1) return null
  const first = spec.slice(0, dash)
  const last = spec.slice(dash + 1)
  const bytes = new Set<number>()
  if (first === '') {
    if (!digits(last)) return null
    for (let i = 0; i < size; i++) if (size - i <= Number(last)) bytes.add(i)
    return bytes
  }
  if (!digits(first) || (last !== '' && (!digits(last) || isLess(last, first)))) return null
  for (let i = 0; i < size; i++) if (i >= Number(first) && (last === '' || i <= Number(last))) bytes.add(i)
  return bytes
}

/** Runs of neighbouring bytes, ascending. */
function runsOf (bytes: Set<number>, size: number): [number, number][] {
  const runs: [number, number][] = []
  for (let i = 0; i < size; i++) {
    if (!bytes.has(i)) continue
    const run = runs.at(-1)
    if (run !== undefined && run[1] === i - 1) run[1] = i
    else runs.push([i, i])
  }
  return runs
}

function slowAnswer (header: string, size: number): RangeAnswer {
  if (header.length > 4096 || header.slice(0, 6).toLowerCase() !== 'bytes=') return WHOLE
  const specs = header.slice(6).split(',').map(spec => spec.trim()).filter(spec => spec !== '')
  const sets = specs.map(spec => bytesOf(spec, size))
  if (specs.length === 0 || specs.length > 50 || sets.includes(null)) return WHOLE
  const named = sets.filter(set => set !== null && set.size > 0) as Set<number>[]
  if (named.length === 0) return UNSATISFIABLE
  const all = new Set(named.flatMap(set => [...set]))
  const runs = runsOf(all, size)
  runs.forEach(([start], i) => {
    const before = runs[i - 1]
    if (before !== undefined && start - before[1] - 1 < 80) for (let gap = before[1]; gap < start; gap++) all.add(gap)
  })
  const filled = runsOf(all, size)
  return parts(...(filled.length === named.length ? named.map((set): [number, number] => [Math.min(...set), Math.max(...set)]) : filled))
}

/** Mulberry32. */
function generator (seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return Math.floor(((x ^ (x >>> 14)) >>> 0) / 4294967296 * below)
  }
}

function randomHeader (below: (n: number) => number, size: number): string {
  const pick = <T>(...choices: T[]): T => choices[below(choices.length)] as T
  const position = (): string => pick(
    () => String(below(size + 1)), () => String(below(size + 1)), () => String(below(size + 1)), () => String(size), () => String(size - 1),
    () => '0', () => String(below(5 * size + 5)), () => `00${below(size + 1)}`, () => `${9007199254740990n + BigInt(below(6))}`,
    () => '9'.repeat(1 + below(40)),
  )()
  const near = (): string => { const first = below(size + 1); return `${first}-${first + below(90)}` }
  const broken = (): string => below(12) === 0 ? pick('', '-', 'x', '1', '1-2-3', '0 -1', '-1-') : near()
  const pair = (): string => `${position()}-${position()}`
  const spec = (): string => pick(near, near, near, near, () => `-${position()}`, () => `${position()}-`, pair, broken)()
  const count = below(40) === 0 ? 45 + below(10) : pick(1, 1, 2, 2, 3, 4, 7)
  const set = Array.from({ length: count }, spec).join(pick(',', ',', ', ', ' ,\t', ',,'))
  const header = `${pick('bytes', 'bytes', 'bytes', 'bytes', 'Bytes', below(5) === 0 ? 'items' : 'bytes')}=${set}`
  if (below(10) !== 0) return header
  const at = below(header.length + 1)
  return header.slice(0, at) + pick('', '-', ',', ' ', '0', '9', 'x', '=', '\t') + header.slice(at + below(2))
}

t.test('24,000 random headers are answered as the slow version answers them', async t => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const below = generator(seed)
  const seen = { whole: 0, unsatisfiable: 0, single: 0, ordered: 0, reordered: 0 }
  let agreed = 0
  for (let i = 0; i < 24_000; i++) {
    const size = below(10) === 0 ? below(3) : below(600)
    const header = randomHeader(below, size)
    const answer = parseRange(header, size)
    const wanted = slowAnswer(header, size)
    if (JSON.stringify(answer) === JSON.stringify(wanted)) agreed++
    else t.strictSame(answer, wanted, `seed ${seed}, number ${i}: ${header} of ${size}`)
    if (answer.kind !== 'parts') seen[answer.kind]++
    else if (answer.parts.length === 1) seen.single++
    else seen[answer.parts.every(({ start }, i) => i === 0 || start > (answer.parts[i - 1]?.end ?? 0)) ? 'ordered' : 'reordered']++
  }
  t.equal(agreed, 24_000)
  t.comment(seen)
  for (const [kind, count] of Object.entries(seen)) t.ok(count > 200, `the headers reach the kind ${kind}: ${count}`)
})
