// One program on a stranger's file, bounded: time, memory, size of what it writes, no network where the machine lets us take it away, nothing of our
// environment, and a process group of its own that dies as a whole: when its time is over, and when this server does, kill -9 included, since a
// shell beside it waits for the end of a pipe that only we hold. What works on any Linux: sh's `ulimit` (`-d` is the memory that is really written
// to, since Linux 4.7; `-v` alone would count what V8 reserves and never uses), `nice`, and `unshare` of util-linux.

import { execFile, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

export interface Bounds {
  /** Milliseconds. */
  time: number
  /** Bytes. */
  memory: number
  /** Bytes of any one file that it writes. */
  fileSize: number
}

export interface BoundedRun {
  program: string
  args: readonly string[]
  /** Where it runs, and where it may leave what it makes. */
  folder: string
  bounds: Bounds
  /** What stands before the program: see `findIsolation`. */
  isolation: readonly string[]
  /** Kills it; the run then rejects with the signal's reason. */
  signal?: AbortSignal
}

export interface Ended {
  /** Null where the group was killed; above 128 where a signal ended the program: 128 and the signal's number. */
  code: number | null
  /** It was killed since its time was over. */
  late: boolean
  /** What it wrote, the first 256 KiB of each. */
  out: string
  err: string
}

const SEARCHED = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
// a lower limit that holds already stays; threads of glibc reserve memory of their own each unless told otherwise
export const BARE_ENV = { PATH: SEARCHED, LC_ALL: 'C', MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '2', VIPS_CONCURRENCY: '2' }
const RUN = 'lower () { (ulimit "$1" "$2") 2>/dev/null && ulimit "$1" "$2"; }; lower -c 0; lower -d "$1"; lower -v "$2"; lower -f "$3"; lower -t "$4"; shift 4; ' +
  '"$@" </dev/null 3<&- & program=$!; { read -r _; kill -KILL 0; } <&3 & exec 3<&-; wait "$program"'
/** Address space besides the memory: libraries, and what V8 reserves and does not use. */
const RESERVED_KIB = 3 * 1024 * 1024
const MOST_OUTPUT = 256 * 1024
const PROBE_MS = 5000

/** The ways to start a program without a network, the strictest first; `-r` is for who is not root. */
const ISOLATIONS: readonly (readonly string[])[] = [['unshare', '-n', '--'], ['unshare', '-r', '-n', '--']]

/** The first way that works on this machine; none of them in most containers, where it is empty. */
export async function findIsolation (): Promise<readonly string[]> {
  for (const way of ISOLATIONS) {
    if (await works(way[0]!, [...way.slice(1), 'true'])) return way
  }
  return []
}

/** Does the program end well with these arguments? */
export function works (program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(program, args, { env: BARE_ENV, timeout: PROBE_MS, killSignal: 'SIGKILL' }, (error) => { resolve(error === null) })
  })
}

/** Runs it to its end, however that comes. Rejects only with the signal's reason, or when there is no `sh`. */
export function runBounded ({ program, args, folder, bounds, isolation, signal }: BoundedRun): Promise<Ended> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const memory = Math.ceil(bounds.memory / 1024)
    const seconds = Math.ceil(bounds.time / 1000)
    // two cores' worth of work at most; `-f` counts in 512 bytes (POSIX)
    const limits = [memory, memory + RESERVED_KIB, Math.ceil(bounds.fileSize / 512), seconds * 2].map(String)
    const child = spawn('sh', ['-c', RUN, 'sh', ...limits, ...isolation, 'nice', '-n', '10', program, ...args], {
      cwd: folder, env: BARE_ENV, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe']
    })
    let late = false
    const leash = child.stdio[3] as Writable
    leash.on('error', () => {}) // it has just ended
    const kill = (): void => { leash.destroy() }
    const timer = setTimeout(() => {
      late = true
      kill()
    }, bounds.time)
    signal?.addEventListener('abort', kill, { once: true })
    const [out, err] = [collect(child.stdout!), collect(child.stderr!)]
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
    }
    child.once('error', (error) => {
      settle()
      reject(error)
    })
    // whatever it started goes with it, and what is left of the group holds the pipes: closed, they say that nobody is left
    child.once('exit', kill)
    child.once('close', (code) => {
      settle()
      if (signal?.aborted === true) reject(signal.reason as Error)
      else resolve({ code, late, out: out(), err: err() })
    })
  })
}

function collect (stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    if (size < MOST_OUTPUT) chunks.push(chunk.subarray(0, MOST_OUTPUT - size))
    size += chunk.length
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
