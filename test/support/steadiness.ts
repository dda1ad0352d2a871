// Does a figure stay flat over time? Samples of a server process by interval, and the slope of their line. The judging is pure; the samples
// come from /proc and /metrics.

import { readFileSync, readdirSync } from 'node:fs'
import { sampleOf, scrape } from './metrics.ts'

export interface Moment {
  /** Bytes. */
  rss: number
  heap: number
  external: number
  files: number
}

/** What a process has now. */
export async function lookAt (pid: number, url: string): Promise<Moment> {
  const scraped = await scrape(url)
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return {
    rss: Number(kib) * 1024,
    heap: sampleOf(scraped, 'nodejs_heap_size_used_bytes') ?? NaN,
    external: sampleOf(scraped, 'nodejs_external_memory_bytes') ?? NaN,
    files: readdirSync(`/proc/${pid}/fd`).length
  }
}

/** The least of each: rubbish that was not collected yet, and connections of a moment, are no leak. */
export function leastOf (moments: readonly Moment[]): Moment {
  const least = (of: (moment: Moment) => number): number => Math.min(...moments.map(of))
  return { rss: least(({ rss }) => rss), heap: least(({ heap }) => heap), external: least(({ external }) => external), files: least(({ files }) => files) }
}

function middle (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? NaN : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

/**
 * How much a series grows from its first to its last value by the middle of the slopes between all pairs (Theil and Sen): a few bad intervals,
 * as another program's work makes them, do not bend it. `from` is the middle value.
 */
export function growthOf (series: readonly number[]): { from: number, growth: number } {
  const slopes: number[] = []
  for (let right = 1; right < series.length; right++) {
    for (let left = 0; left < right; left++) slopes.push((series[right]! - series[left]!) / (right - left))
  }
  return { from: middle(series), growth: slopes.length === 0 ? 0 : middle(slopes) * (series.length - 1) }
}
