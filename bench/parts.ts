// Programs that a run starts: found or told plainly, on ports of loopback that were free, and never outliving the run.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { findOnPath } from '../test/support/parts.ts'
import type { ChildProcess, SpawnOptions } from 'node:child_process'

const GET: Readonly<Record<string, string>> = {
  nginx: 'apt-get install nginx-light',
  wrk: 'apt-get install wrk',
  minio: 'bash scripts/real-parts.sh, then `npm run bench`'
}

/** The program's path. Throws Error that says where to get it. */
export function part (name: string): string {
  const path = findOnPath(name)
  if (path === null) throw new Error(`${name} is not on PATH: ${GET[name] ?? 'install it'}`)
  return path
}

export interface Program {
  child: ChildProcess
  pid: number
  /** Ends it and waits until it is gone; SIGKILL follows after `patience` milliseconds. Its exit code, null after a signal. */
  stop: (signal?: NodeJS.Signals, patience?: number) => Promise<number | null>
}

/** `atExit`: the signal it gets when the run itself ends early. */
export function startProgram (path: string, args: string[], options: SpawnOptions, atExit: NodeJS.Signals = 'SIGKILL'): Program {
  const child = spawn(path, args, options)
  const end = (): void => { child.kill(atExit) }
  process.prependOnceListener('exit', end) // before the run's folder is removed
  const gone = once(child, 'exit').then(([code]) => code as number | null)
  gone.catch(() => {})
  void gone.finally(() => { process.removeListener('exit', end) }).catch(() => {})
  return {
    child,
    pid: child.pid ?? 0,
    stop: async (signal = 'SIGTERM', patience = 30_000) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      child.kill(signal)
      const insist = setTimeout(() => { child.kill('SIGKILL') }, patience)
      try {
        return await gone
      } finally {
        clearTimeout(insist)
      }
    }
  }
}

/** On a connection of its own, closed again: a server that is to stop has nobody to wait for. */
function probe (url: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false, headers: { connection: 'close' } }, (answer) => {
      answer.resume().on('end', () => { resolve(answer) }).on('error', reject)
    }).on('error', reject)
  })
}

/** Asks until `url` answers as `good` says; how many milliseconds since the call. Rejects when the program ends first, or after `within` milliseconds. */
export async function untilAnswering (
  { child }: Program, name: string, url: string, good: (answer: http.IncomingMessage) => boolean, within = 30_000
): Promise<number> {
  const started = performance.now()
  let fault: Error | null = null
  child.once('error', (error) => { fault = error })
  while (performance.now() - started < within) {
    if (fault !== null) throw fault
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode} before it answered`)
    try {
      if (good(await probe(url))) return performance.now() - started
    } catch {
      // not listening yet
    }
    await sleep(5)
  }
  throw new Error(`${name} did not answer within ${within} ms`)
}

/** Everything written so far is on the disk: the next measurement does not pay for the last one's bytes. */
export function settleDisk (path: string): void {
  spawnSync('sync', ['-f', path])
}

/** Millions of files: rm is quicker than Node at that. */
export function removeFolder (path: string): void {
  spawnSync('rm', ['-rf', '--', path], { stdio: 'inherit' })
}
