// The report as Markdown: date and machine, then a table of medians with their spread; the ratio is taken round by round.

import { readFileSync } from 'node:fs'
import { availableParallelism, loadavg, release, totalmem } from 'node:os'
import { digits, formatSize, median, spread } from './stats.ts'
import type { Measured, Row } from './plan.ts'

/** Says where and when; call it before the work, for the load. */
export function describeRun (): string {
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown'
  return `${new Date().toISOString()}; ${availableParallelism()} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, ` +
    `Node ${process.version}, load ${digits(loadavg()[0] ?? NaN)} at the start`
}

export function markdown (run: string, rows: readonly Row[], failed: readonly string[]): string {
  const lines = [run, '']
  if (rows.length > 0) {
    lines.push(
      '| what | unit | marquee: median [min..max] | against | its figure | ratio | to reach | p50 / p99 ms | CPU (and of what it is held against) | peak RSS |',
      '|---|---|---|---|---|---|---|---|---|---|',
      ...rows.map(lineOf), '',
      ...rows.flatMap(({ name, notes }) => [...new Set(notes)].map((note) => `- ${name}: ${note}`))
    )
  }
  lines.push(...failed.map((each) => `- failed: ${each}`))
  return `${lines.join('\n').trimEnd()}\n`
}

function lineOf ({ name, unit, against, reach, rounds }: Row): string {
  const ours = rounds.map(({ server }) => server)
  const theirs = rounds.flatMap(({ yardstick }) => yardstick ?? [])
  const ratios = rounds.flatMap(({ server, yardstick }) => yardstick === undefined ? [] : server.value / yardstick.value)
  const all = (sides: readonly Measured[], key: keyof Measured): number[] => sides.flatMap((side) => side[key] ?? [])
  const middle = (sides: readonly Measured[], key: keyof Measured): string => all(sides, key).length === 0 ? '' : digits(median(all(sides, key)))
  const cpu = middle(ours, 'cpu') === '' ? '' : `${middle(ours, 'cpu')} ${unit === 'MB/s' ? 's/GB' : 'ms/req'}${middle(theirs, 'cpu') === '' ? '' : ` (${middle(theirs, 'cpu')})`}`
  const peaks = all(ours, 'peakRss')
  const cells = [
    name, unit, spread(all(ours, 'value')), against, spread(all(theirs, 'value')), spread(ratios), reach,
    middle(ours, 'p50') === '' ? '' : `${middle(ours, 'p50')} / ${middle(ours, 'p99')}`, cpu, peaks.length === 0 ? '' : formatSize(Math.max(...peaks))
  ]
  return `| ${cells.join(' | ')} |`
}
