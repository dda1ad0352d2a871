// A real nostr-rs-relay for a test, with relay-config/nostr-rs-relay.toml as it is shipped but for the places: its own port, folder and admission
// service, on loopback only.

import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { requirePart } from './parts.ts'
import { startProgram } from './program.ts'
import { ROOT } from './source.ts'
import type { Test } from 'tap'

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
  const program = await startProgram(t, {
    name: 'nostr-rs-relay', binary, readyWithin: 60_000, isReady: listens,
    stopSignal: 'SIGINT', stopWithin: 5000, // it waits for its connections to end
    endSignal: 'SIGKILL',
    start: ({ home, port }) => {
      mkdirSync(join(home, 'db'), { recursive: true })
      const text = shippedToml(['address = "127.0.0.1"', `port = ${port}`, ...(policy === null ? [] : [`event_admission_server = "${policy}"`]), ...lines])
      writeFileSync(join(home, 'config.toml'), policy === null ? text.replace(/^event_admission_server = .*$/m, '') : text)
      return { args: ['--config', join(home, 'config.toml'), '--db', join(home, 'db')], env: { RUST_LOG: 'warn,nostr_rs_relay=info' } }
    }
  })
  const { port, stop, start, logs } = program
  return { make: 'nostr-rs-relay', url: `ws://127.0.0.1:${port}`, stop, start, logs }
}

async function listens (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const open = await once(socket, 'connect').then(() => true, () => false)
  socket.destroy()
  return open
}
