// A real MinIO server for a test: its own port, folder and credentials, on loopback only. Promise: it calls nobody outside,
// its log is printed when the test fails, and it ends with the test, even when the test process is killed.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'minio'
import root from 'tap'
import type { Test } from 'tap'
import { findOnPath, requirePart } from './parts.ts'

const READY_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 10_000
const LOG_LIMIT = 200_000

/** A running (or, after `stop`, resting) MinIO server. */
export interface Minio {
  /** `http://127.0.0.1:port`, the same through every stop and start. */
  endpoint: string
  accessKey: string
  secretKey: string
  region: 'us-east-1'
  /** Creates an empty bucket with a name of its own and returns the name. */
  newBucket (): Promise<string>
  /** Ends the process with `signal` (SIGTERM; SIGKILL follows when it lingers) and waits until it is gone. */
  stop (signal?: NodeJS.Signals): Promise<void>
  /** Sends it a signal that does not end it: SIGSTOP makes it hang, SIGCONT wakes it. */
  signal (signal: NodeJS.Signals): void
  /** Starts it again on the same port and folder; resolves when it serves. */
  start (): Promise<void>
  /** What it has printed so far, the last 200,000 characters at most. */
  logs (): string
}

/** Starts MinIO for `t`; null when it is not to be had, which `requirePart` has then said on `t`. */
export async function startMinio (t: Test): Promise<Minio | null> {
  const binary = requirePart(t, 'minio')
  if (binary === null) return null

  const home = mkdtempSync(join(tmpdir(), 'marquee-minio-'))
  const accessKey = `key${randomBytes(8).toString('hex')}`
  const secretKey = randomBytes(20).toString('hex')
  let port = await freePort()
  let child: ChildProcess | null = null
  let log = ''

  const killAtExit = (): void => {
    child?.kill('SIGKILL')
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
  process.once('exit', killAtExit)

  const keep = (text: string): void => { log = (log + text).slice(-LOG_LIMIT) }

  const start = async (): Promise<void> => {
    if (child !== null) throw new Error('minio is already running')
    const started = spawnMinio(binary, home, port, accessKey, secretKey)
    child = started
    started.stdout?.setEncoding('utf8').on('data', keep)
    started.stderr?.setEncoding('utf8').on('data', keep)
    started.once('error', error => keep(`${error.message}\n`))
    started.once('close', (code, signal) => {
      keep(`[minio ended: ${signal ?? `code ${code}`}]\n`)
      if (child === started) child = null
    })
    await untilServing(`http://127.0.0.1:${port}`, () => child === started, () => log)
  }

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const ending = child
    if (ending === null) return
    const gone = once(ending, 'close')
    ending.kill(signal)
    const insist = setTimeout(() => ending.kill('SIGKILL'), STOP_WITHIN_MS)
    await gone
    clearTimeout(insist)
  }

  t.teardown(async () => {
    await stop()
    process.removeListener('exit', killAtExit)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    if (!t.passing()) process.stderr.write(`--- minio's log (the test failed) ---\n${log}--- end of minio's log ---\n`)
  })

  // Another process may take the free port before MinIO does: only the first start may move to another one.
  for (let attempt = 1; ; attempt++) {
    try {
      await start()
      break
    } catch (error) {
      await stop('SIGKILL')
      if (attempt === 3) throw error
      port = await freePort()
    }
  }

  const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    region: 'us-east-1',
    newBucket: async () => {
      const name = `marquee-${randomBytes(8).toString('hex')}`
      await client.makeBucket(name, 'us-east-1')
      return name
    },
    stop,
    signal: (signal) => { child?.kill(signal) },
    start,
    logs: () => log
  }
}

let shared: Promise<Minio | null> | null = null

/** One MinIO for all tests of a file that leave it running and take a bucket of their own each: started for the first who asks, ended with the file. */
export function sharedMinio (): Promise<Minio | null> {
  return shared ??= startMinio(root)
}

function spawnMinio (binary: string, home: string, port: number, accessKey: string, secretKey: string): ChildProcess {
  const data = join(home, 'data')
  mkdirSync(data, { recursive: true })
  const args = ['server', data, '--address', `127.0.0.1:${port}`, '--console-address', '127.0.0.1:0']
  // A test process that is killed runs no exit listener; where setpriv is there, the kernel then ends MinIO with it.
  const setpriv = findOnPath('setpriv')
  const [command, all] = setpriv === null ? [binary, args] : [setpriv, ['--pdeathsig', 'KILL', binary, ...args]]
  return spawn(command, all, {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing of our own environment: a MINIO_* or proxy variable of the machine must not reach it. HOME is where it looks for certificates.
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_REGION_NAME: 'us-east-1',
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      MINIO_CALLHOME_ENABLE: 'off'
    }
  })
}

async function untilServing (endpoint: string, isRunning: () => boolean, log: () => string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    if (!isRunning()) throw new Error(`minio ended before it served:\n${log()}`)
    try {
      const answer = await fetch(`${endpoint}/minio/health/live`, { signal: AbortSignal.timeout(2_000) })
      await answer.arrayBuffer()
      // It answers 200 with this header while its storage is not yet up, and every S3 call would be refused.
      if (answer.ok && answer.headers.get('x-minio-server-status') !== 'offline' && isRunning()) return
    } catch {
      // Not listening yet.
    }
    await sleep(50)
  }
  throw new Error(`minio did not serve within ${READY_WITHIN_MS} ms:\n${log()}`)
}

/** A TCP port on 127.0.0.1 that was free a moment ago. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
