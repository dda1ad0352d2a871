// A real program that serves on a port of loopback for a test: started, stopped, killed and started again on the same port. Promise: its log is
// printed when the test fails, and it ends with the test, even when the test process is killed. minio.ts and nostr-relay.ts are made of it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findOnPath } from './parts.ts'
import type { ChildProcess } from 'node:child_process'
import type { Test } from 'tap'

const LOG_LIMIT = 200_000

export interface ProgramOptions {
  /** As it stands in messages. */
  name: string
  binary: string
  /** Its arguments and whole environment: nothing of ours must reach it by accident. Called before each start. */
  start: (place: { home: string, port: number }) => { args: string[], env: NodeJS.ProcessEnv }
  /** Whether it serves on that port. */
  isReady: (port: number) => Promise<boolean>
  /** Milliseconds. */
  readyWithin: number
  /** What ends it kindly; SIGKILL follows after `stopWithin` milliseconds. */
  stopSignal: NodeJS.Signals
  stopWithin: number
  /** What ends it with the test. */
  endSignal: NodeJS.Signals
}

export interface Program {
  /** The same through every stop and start. */
  port: number
  /** Ends it and waits until it is gone. */
  stop (signal?: NodeJS.Signals): Promise<void>
  /** Sends it a signal that does not end it: SIGSTOP makes it hang, SIGCONT wakes it. */
  signal (signal: NodeJS.Signals): void
  /** Starts it again on the same port and folder; resolves when it serves. */
  start (): Promise<void>
  /** What it has printed so far, the last 200,000 characters at most. */
  logs (): string
}

export async function startProgram (t: Test, options: ProgramOptions): Promise<Program> {
  const { name, binary, isReady, readyWithin, stopSignal, stopWithin, endSignal } = options
  const home = mkdtempSync(join(tmpdir(), `marquee-${name}-`))
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
    if (child !== null) throw new Error(`${name} is already running`)
    const { args, env } = options.start({ home, port })
    // a test process that is killed runs no exit listener; where setpriv is there, the kernel then ends the program with it
    const setpriv = findOnPath('setpriv')
    const [command, all] = setpriv === null ? [binary, args] : [setpriv, ['--pdeathsig', 'KILL', binary, ...args]]
    const started = spawn(command, all, { cwd: home, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } })
    child = started
    started.stdout.setEncoding('utf8').on('data', keep)
    started.stderr.setEncoding('utf8').on('data', keep)
    started.once('error', error => keep(`${error.message}\n`))
    started.once('close', (code, signal) => {
      keep(`[${name} ended: ${signal ?? `code ${code}`}]\n`)
      if (child === started) child = null
    })
    const deadline = Date.now() + readyWithin
    while (!await isReady(port) || child !== started) {
      if (child !== started) throw new Error(`${name} ended before it served:\n${log}`)
      if (Date.now() > deadline) throw new Error(`${name} did not serve within ${readyWithin} ms:\n${log}`)
      await sleep(20)
    }
  }

  const stop = async (signal: NodeJS.Signals = stopSignal): Promise<void> => {
    const ending = child
    if (ending === null) return
    const gone = once(ending, 'close')
    ending.kill(signal)
    const insist = setTimeout(() => ending.kill('SIGKILL'), stopWithin)
    await gone
    clearTimeout(insist)
  }

  t.teardown(async () => {
    await stop(endSignal)
    process.removeListener('exit', killAtExit)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    if (!t.passing()) process.stderr.write(`--- ${name}'s log (the test failed) ---\n${log}--- end of ${name}'s log ---\n`)
  })

  // another process may take the free port first: only the first start may move to another one
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
  return { port, stop, signal: (signal) => { child?.kill(signal) }, start, logs: () => log }
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
