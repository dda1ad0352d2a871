// The command line as an operator has it, with both its streams apart and its exit code: the built program as a process of its own, or, where
// nothing of a process is asked, the same words within the test's, which saves it half a second.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { runCommandLine } from '../../server/commands/run.ts'
import { NODE_FLAGS, plainNode } from './node-flags.ts'
import { ROOT } from './source.ts'
import type { Test } from 'tap'

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

export interface Started {
  pid: number
  out: () => string
  err: () => string
  /** Resolves when this stands in what it printed; rejects when it ends without. */
  prints: (pattern: RegExp) => Promise<RegExpExecArray>
  kill: (signal: NodeJS.Signals) => void
  ended: Promise<Ended>
}

/** Starts `marquee ARGS` with nothing of this machine's environment; it does not outlive the test. */
export function startCommand (t: Test, args: string[], env: Record<string, string> = {}): Started {
  const texts = { out: '', err: '' }
  let look = (): void => {}
  const child = spawn(...plainNode([...NODE_FLAGS, join(ROOT, 'dist/server/main.js'), ...args], env), {
    cwd: tmpdir(), env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  const hear = (stream: 'out' | 'err') => (text: string): void => {
    texts[stream] += text
    look()
  }
  child.stdout.setEncoding('utf8').on('data', hear('out'))
  child.stderr.setEncoding('utf8').on('data', hear('err'))
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...texts }) as Ended)
  const kill = (): void => { child.kill('SIGKILL') }
  process.setMaxListeners(100) // one for each program of a test
  process.once('exit', kill)
  t.teardown(async () => {
    process.removeListener('exit', kill)
    kill()
    await ended
  })
  return {
    pid: child.pid!, out: () => texts.out, err: () => texts.err, kill: (signal) => { child.kill(signal) }, ended,
    prints: (pattern) => new Promise((resolve, reject) => {
      look = () => {
        const found = pattern.exec(texts.out + texts.err)
        if (found !== null) resolve(found)
      }
      look()
      void ended.then(() => { reject(new Error(`it ended without ${String(pattern)}:\n${texts.out}${texts.err}`)) })
    })
  }
}

/** Runs `marquee ARGS` to its end, as a process: what is checked besides is that it does end, and nothing keeps it. */
export function runProgram (t: Test, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return startCommand(t, args, env).ended
}

/** Runs `marquee ARGS` to its end in this process; not for a `serve` that starts, which logs to the process's own output. */
export async function runCommand (_t: Test, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const texts = { out: '', err: '' }
  const code = await runCommandLine(args, {
    pid: process.pid, traces: null, env, progress: null,
    out: (line) => { texts.out += `${line}\n` },
    err: (line) => { texts.err += `${line}\n` },
    input: () => Readable.from([]), askSecretly: async () => null,
    onStop: () => {}, onReload: () => {}
  })
  return { code, signal: null, ...texts }
}

/** `marquee serve` when it listens. */
export async function startServing (t: Test, env: Record<string, string>, args: string[] = []): Promise<Started & { url: string }> {
  const started = startCommand(t, ['serve', ...args], { PORT: '0', ...env })
  const [, url] = await started.prints(/listens on\s+(http\S+)\n/)
  return { ...started, url: url! }
}
