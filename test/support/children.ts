// Programs of ours as processes of their own: servers that may be killed or measured, and the command line as an operator runs it. None
// outlives its test.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { blake3 } from '@napi-rs/blake-hash'
import { NODE_FLAGS, plainNode } from './node-flags.ts'
import type { Test } from 'tap'
import type { Minio } from './minio.ts'

/** dist/, where tests run. */
const DIST = fileURLToPath(new URL('../../', import.meta.url))
const MAIN = `${DIST}server/main.js`
const CRASHING = `${DIST}test/support/crashing-server.js`

/** A store for `startMarquee` and for child processes: a bucket, or null for folders. */
export type StorePlace = { minio: Minio, bucket: string } | null

/** The environment of design.md §6 for a data folder and its store. */
export function storeEnv (dataDir: string, place: StorePlace): Record<string, string> {
  const env = { DATA_DIR: dataDir, PORT: '0' }
  if (place === null) return env
  const { endpoint, accessKey, secretKey } = place.minio
  return { ...env, STORE: 'minio', MINIO_ENDPOINT: endpoint, MINIO_ACCESS_KEY: accessKey, MINIO_SECRET_KEY: secretKey, MINIO_BUCKET: place.bucket }
}

export interface Child {
  url: string
  pid: number
  /** Resolves with the signal it died of, or null, when it is gone. */
  gone: Promise<NodeJS.Signals | null>
  /** What it exited with; null before, and when a signal ended it. */
  code: () => number | null
  kill: (signal: NodeJS.Signals) => Promise<NodeJS.Signals | null>
  /** What it printed so far. */
  output: () => string
}

function launch (t: Test, program: string, args: string[], env: Record<string, string>, flags: string[] = []): { child: ChildProcess, output: () => string } {
  let output = ''
  const child = spawn(...plainNode([...NODE_FLAGS, ...flags, program, ...args], env), {
    // nothing of the machine's own: a NODE_KEY or PUBLIC_URL set there must not reach it
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => { output += text })
  const end = (): void => { child.kill('SIGKILL') }
  process.once('exit', end)
  t.teardown(async () => {
    process.removeListener('exit', end)
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    end()
    await gone
  })
  return { child, output: () => output }
}

async function listening ({ child, output }: ReturnType<typeof launch>): Promise<Child> {
  const gone = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null)
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = /listens on\s+(http\S+)\s/.exec(output())?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    void gone.then(() => { reject(new Error(`it ended before it listened:\n${output()}`)) })
  })
  return {
    url, pid: child.pid!, gone, output, code: () => child.exitCode,
    kill: (signal) => {
      child.kill(signal)
      return gone
    }
  }
}

/** `marquee serve`, the real program. */
export function startServer (t: Test, env: Record<string, string>, flags: string[] = [], args: string[] = []): Promise<Child> {
  return listening(launch(t, MAIN, ['serve', ...args], { LOG_LEVEL: 'warn', ...env }, flags))
}

/** A server that kills itself right after `step` of what is done with this blob (crashing-server.ts has the steps). */
export function startCrashing (t: Test, env: Record<string, string>, step: string, { bytes, sha256 }: { bytes: Buffer, sha256: string }): Promise<Child> {
  return listening(launch(t, CRASHING, [step, sha256, blake3(bytes).toString('hex')], env))
}

/** `marquee COMMAND`, run to its end as a process of its own. */
export async function runMarquee (t: Test, args: string[], env: Record<string, string>): Promise<{ code: number | null, output: string }> {
  const { child, output } = launch(t, MAIN, args, env)
  const [code] = await once(child, 'close') as [number | null]
  return { code, output: output() }
}
