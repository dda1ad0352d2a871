// A real nostr-rs-relay for a test, with relay-config/nostr-rs-relay.toml as it is shipped but for the places: its own port, folder and admission
// service, on loopback only. Promise: its log is printed when the test fails, and it ends with the test, even when the test process is killed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './minio.ts'
import { findOnPath, requirePart } from './parts.ts'
import { ROOT } from './source.ts'
import type { ChildProcess } from 'node:child_process'
import type { Test } from 'tap'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 5000
const LOG_LIMIT = 200_000

export const SHIPPED_TOML = `${ROOT}relay-config/nostr-rs-relay.toml`

/** A relay of any make, running or, after `stop`, resting. */
export interface TestRelay {
  make: 'nostr-rs-relay' | '@nostr-relay'
  /** `ws://127.0.0.1:port`, the same through every stop and start. */
  url: string
  /** Ends it with `signal` and waits until it is gone. */
  stop (signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and folder; resolves when it answers. */
  start (): Promise<void>
  /** What it has printed so far, the last 200,000 characters at most. */
  logs (): string
}

export interface NostrRelayOptions {
  /** `http://host:port` of an admission service; null: none, and the allow list alone decides. */
  policy?: string | null
  /** Other lines instead of shipped ones, as `reject_future_seconds = 5`. */
  lines?: readonly string[]
}

/** The shipped file with these lines in the place of those of the same keys. Throws when there is none. */
export function shippedToml (lines: readonly string[]): string {
  return lines.reduce((text, line) => {
    const key = line.replace(/ =.*/s, '')
    const there = new RegExp(`^${key} = .*$`, 'm')
    if (!there.test(text)) throw new Error(`the shipped file has no ${key}`)
    return text.replace(there, line)
  }, readFileSync(SHIPPED_TOML, 'utf8'))
}

/** Starts nostr-rs-relay for `t`; null when it is not to be had, which `requirePart` has then said on `t`. */
export async function startNostrRelay (t: Test, { policy = null, lines = [] }: NostrRelayOptions = {}): Promise<TestRelay | null> {
  const binary = requirePart(t, 'nostr-rs-relay')
  if (binary === null) return null
  const home = mkdtempSync(join(tmpdir(), 'marquee-relay-'))
  mkdirSync(join(home, 'db'))
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
    if (child !== null) throw new Error('the relay is already running')
    const text = shippedToml(['address = "127.0.0.1"', `port = ${port}`, ...(policy === null ? [] : [`event_admission_server = "${policy}"`]), ...lines])
    writeFileSync(join(home, 'config.toml'), policy === null ? text.replace(/^event_admission_server = .*$/m, '') : text)
    const args = ['--config', join(home, 'config.toml'), '--db', join(home, 'db')]
    // a test process that is killed runs no exit listener; where setpriv is there, the kernel then ends the relay with it
    const setpriv = findOnPath('setpriv')
    const [command, all] = setpriv === null ? [binary, args] : [setpriv, ['--pdeathsig', 'KILL', binary, ...args]]
    const started = spawn(command, all, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], RUST_LOG: 'warn,nostr_rs_relay=info' } })
    child = started
    started.stdout.setEncoding('utf8').on('data', keep)
    started.stderr.setEncoding('utf8').on('data', keep)
    started.once('error', error => keep(`${error.message}\n`))
    started.once('close', (code, signal) => {
      keep(`[the relay ended: ${signal ?? `code ${code}`}]\n`)
      if (child === started) child = null
    })
    await untilListening(port, () => child === started, () => log)
  }

  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => {
    const ending = child
    if (ending === null) return
    const gone = once(ending, 'close')
    ending.kill(signal)
    // it waits for its connections to end
    const insist = setTimeout(() => ending.kill('SIGKILL'), STOP_WITHIN_MS)
    await gone
    clearTimeout(insist)
  }

  t.teardown(async () => {
    await stop('SIGKILL')
    process.removeListener('exit', killAtExit)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    if (!t.passing()) process.stderr.write(`--- nostr-rs-relay's log (the test failed) ---\n${log}--- end of nostr-rs-relay's log ---\n`)
  })

  // another process may take the free port before the relay does: only the first start may move to another one
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
  return { make: 'nostr-rs-relay', url: `ws://127.0.0.1:${port}`, stop, start, logs: () => log }
}

async function untilListening (port: number, isRunning: () => boolean, log: () => string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    if (!isRunning()) throw new Error(`the relay ended before it listened:\n${log()}`)
    const socket = connect(port, '127.0.0.1')
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => { resolve(true) })
      socket.once('error', () => { resolve(false) })
    })
    socket.destroy()
    if (isOpen && isRunning()) return
    await sleep(20)
  }
  throw new Error(`the relay did not listen within ${READY_WITHIN_MS} ms:\n${log()}`)
}
