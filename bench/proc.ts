// What /proc says of a process and its children: CPU time and the most memory it ever had. Linux only.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

/** sysconf(_SC_CLK_TCK) on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export interface Usage {
  /** Seconds of CPU, user and system, of the process and its children. */
  cpu: number
  /** Bytes; of the process among them that had most. */
  peakRss: number
}

function read (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it ended meanwhile
  }
}

/** Fields of /proc/PID/stat from the third on: the name before them may hold blanks. */
function statOf (pid: number): string[] | null {
  const text = read(`/proc/${pid}/stat`)
  return text === '' ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** A process and all below it. */
function tree (root: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null
    if (stat === null) continue
    const parent = Number(stat[1])
    children.set(parent, [...children.get(parent) ?? [], Number(name)])
  }
  const found: number[] = []
  const rest = [root]
  for (let pid = rest.pop(); pid !== undefined; pid = rest.pop()) {
    found.push(pid)
    rest.push(...children.get(pid) ?? [])
  }
  return found
}

export function cpuSeconds (root: number): number {
  const ticks = tree(root).map(statOf).reduce((sum, stat) => sum + (stat === null ? 0 : Number(stat[11]) + Number(stat[12])), 0)
  return ticks / TICKS_PER_SECOND
}

/** Bytes of the process that had most, since it began or its peak was reset. */
export function peakRss (root: number): number {
  return Math.max(...tree(root).map((pid) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024))
}

/** The next peak counts from what the processes hold now. */
export function resetPeak (root: number): void {
  for (const pid of tree(root)) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5')
    } catch {
      // not ours to reset: the peak then covers its whole life
    }
  }
}

/** Does the work and tells what a server used meanwhile. */
export async function observe<T> (pid: number, work: () => Promise<T>): Promise<{ result: T, usage: Usage }> {
  resetPeak(pid)
  const before = cpuSeconds(pid)
  const result = await work()
  return { result, usage: { cpu: cpuSeconds(pid) - before, peakRss: peakRss(pid) } }
}
