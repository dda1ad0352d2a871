// Numbers of a measurement: percentiles, medians with their spread, sizes in and out of text. Pure.

export function percentile (sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))] ?? NaN
}

/** The middle and the slow end of some times. */
export function summarise (times: readonly number[]): { p50: number, p99: number } {
  const sorted = [...times].sort((a, b) => a - b)
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }
}

export function median (values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A number with about three digits that count. */
export function digits (value: number): string {
  if (!Number.isFinite(value)) return 'n/a'
  if (value === 0) return '0'
  const size = Math.abs(value)
  return size >= 1000 ? value.toFixed(0) : size >= 100 ? value.toFixed(1) : size >= 1 ? value.toFixed(2) : value.toPrecision(3)
}

/** `median [lowest..highest]`, or the one value there is. */
export function spread (values: readonly number[]): string {
  const good = values.filter(Number.isFinite)
  if (good.length === 0) return ''
  if (good.length === 1) return digits(good[0]!)
  return `${digits(median(good))} [${digits(Math.min(...good))}..${digits(Math.max(...good))}]`
}

const UNITS: Readonly<Record<string, number>> = { '': 1, 'kib': 2 ** 10, 'mib': 2 ** 20, 'gib': 2 ** 30 }

/** `1GiB`, `64KiB` or a number of bytes. Throws Error on anything else. */
export function parseSize (text: string): number {
  const [, number, unit] = /^(\d+)\s*([a-z]*)$/.exec(text.trim().toLowerCase()) ?? []
  const factor = UNITS[unit ?? '-']
  if (number === undefined || factor === undefined) throw new Error(`not a size: ${text}`)
  return Number(number) * factor
}

export function formatSize (bytes: number): string {
  const units = [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']] as const
  const [factor, name] = units.find(([each]) => bytes >= each) ?? [1, 'bytes']
  return `${bytes % factor === 0 ? bytes / factor : digits(bytes / factor)} ${name}`
}
