// What a scenario is given and what it hands back, and how a server and its yardstick take turns.

import { digits } from './stats.ts'
import type { Signer } from '../test/support/keys.ts'
import type { Usage } from './proc.ts'

export interface Options {
  /** Rounds of every measurement. */
  rounds: number
  /** Of one read measurement. */
  seconds: number
  /** Blobs of `million` and `boot`. */
  count: number
  /** Blobs that `million` asks for in turn. */
  asked: number
  /** Blobs of 64 KiB that `cold` reads, and `minio`. */
  cold: number
  minioCold: number
  /** Bytes of the big blob; of the huge one of `put-memory`, 0 for none. */
  big: number
  huge: number
  /** Small uploads a round. */
  puts: number
  /** Titles of `catalog`, segments of each of its films, adverts sent a round. */
  titles: number
  segments: number
  taken: number
  /** Parts of a scenario; empty for all. */
  rows: readonly string[]
  /** A folder where seeded data folders stay between runs. */
  keep: string | null
  /** Empty the page cache before each boot. */
  drop: boolean
  /** More of the server's environment. */
  env: Readonly<Record<string, string>>
  /** The folder of the built server: holds server/main.js. */
  dist: string
}

export interface Bench {
  options: Options
  /** A folder of this run, removed at its end. */
  work: string
  /** Who uploads. */
  signer: Signer
  /** Tells what is going on. */
  say: (line: string) => void
}

export type Unit = 'req/s' | 'MB/s' | 'ms' | 's' | '/s'

/** One side's part of one round. */
export interface Measured {
  /** In the row's unit. */
  value: number
  /** Milliseconds. */
  p50?: number
  p99?: number
  /** Milliseconds a request, or seconds a GB where the row counts MB/s. */
  cpu?: number
  /** Bytes. */
  peakRss?: number
}

export interface Round {
  server: Measured
  yardstick?: Measured
}

export interface Row {
  name: string
  unit: Unit
  /** What issue 4 asks for. */
  reach: string
  /** What the server is held against; '' for nothing. */
  against: string
  rounds: Round[]
  notes: string[]
}

export type Scenario = (bench: Bench) => Promise<Row[]>

/** Server and yardstick one after the other, changing places every round. */
export async function inTurn (bench: Bench, row: Omit<Row, 'rounds' | 'notes'>, server: () => Promise<Measured>, yardstick?: () => Promise<Measured>): Promise<Row> {
  const done: Row = { ...row, rounds: [], notes: [] }
  for (let i = 0; i < bench.options.rounds; i++) {
    let held: Measured | undefined
    if (i % 2 === 1) held = await yardstick?.()
    const measured = await server()
    if (i % 2 === 0) held = await yardstick?.()
    done.rounds.push(held === undefined ? { server: measured } : { server: measured, yardstick: held })
    bench.say(`  ${row.name}: ${digits(measured.value)} ${row.unit}${held === undefined ? '' : `, ${row.against} ${digits(held.value)}`}`)
  }
  return done
}

/** What a read load gave, as one side of a round. */
export function readMeasured (unit: 'req/s' | 'MB/s', load: { requests: number, bytes: number, seconds: number, p50: number, p99: number }, usage: Usage): Measured {
  return {
    value: unit === 'req/s' ? load.requests / load.seconds : load.bytes / load.seconds / 1e6,
    p50: load.p50,
    p99: load.p99,
    cpu: unit === 'req/s' ? usage.cpu * 1e3 / load.requests : usage.cpu / (load.bytes / 1e9),
    peakRss: usage.peakRss
  }
}
