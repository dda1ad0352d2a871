// `marquee release …` as a publisher runs it: the built program, with mnemonics on file descriptors of their own or typed at a real terminal.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { runCommandLine } from '../../server/commands/run.ts'
import { NODE_FLAGS } from './node-flags.ts'
import { ROOT } from './source.ts'
import type { Writable } from 'node:stream'
import type { Test } from 'tap'

export const PROGRAM = [process.execPath, ...NODE_FLAGS, join(ROOT, 'dist/server/main.js')] as const

export interface Ran { code: number | null, out: string, err: string }

export interface Publisher {
  folder: string
  /** Runs `marquee release ARGS` in the folder; `secrets` are what file descriptors from 3 on say. */
  run: (args: string[], secrets?: string[], env?: Record<string, string>) => Promise<Ran>
  /** The same in this process, which is sooner; one folder at a time. `typed` is what is typed unseen, answer after answer; without it there is no terminal. */
  call: (args: string[], typed?: string[]) => Promise<Ran>
}

/** A publisher with a folder of its own, which goes with the test. */
export function publisherOf (t: Test): Publisher {
  const folder = mkdtempSync(join(tmpdir(), 'marquee-release-'))
  t.teardown(() => {
    process.chdir(ROOT)
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    folder,
    run: async (args, secrets = [], env = {}) => {
      const [program, ...first] = PROGRAM
      const child = spawn(program, [...first, 'release', ...args], { cwd: folder, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe', ...secrets.map(() => 'pipe' as const)] })
      for (const [i, secret] of secrets.entries()) {
        const pipe = child.stdio[3 + i] as Writable
        pipe.on('error', () => {}) // it may end before it reads
        pipe.end(secret)
      }
      const texts = { out: '', err: '' };
      (child.stdout as Readable).setEncoding('utf8').on('data', (text: string) => { texts.out += text });
      (child.stderr as Readable).setEncoding('utf8').on('data', (text: string) => { texts.err += text })
      const [code] = await once(child, 'close') as [number | null]
      return { code, ...texts }
    },
    call: async (args, typed) => {
      process.chdir(folder)
      const texts = { out: '', err: '' }
      const answers = [...typed ?? []]
      const code = await runCommandLine(['release', ...args], {
        pid: process.pid, traces: null, env: {}, progress: null, input: () => Readable.from([]), onStop: () => {}, onReload: () => {},
        out: (line) => { texts.out += `${line}\n` },
        err: (line) => { texts.err += `${line}\n` },
        askSecretly: async () => typed === undefined ? null : answers.shift() ?? ''
      })
      return { code, ...texts }
    }
  }
}

/** Python's own: a child on a terminal that is real; each line is typed when its question is seen. Tells what was shown, and whether it echoes again. */
const TYPIST = `
import json, os, pty, select, signal, sys, termios, time
program, steps = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, master = pty.fork()
if pid == 0:
    os.execv(program[0], program)
shown = b''
def read(until=None):
    global shown
    start = len(shown)
    end = time.time() + 30
    while time.time() < end:
        if select.select([master], [], [], 0.2)[0]:
            try: piece = os.read(master, 4096)
            except OSError: return
            if piece == b'': return
            shown += piece
        if until is not None and until in shown[start:]: return
for question, typed in steps:
    read(question.encode())
    os.write(master, typed.encode())
echoes = None
read()
try: echoes = bool(termios.tcgetattr(master)[3] & termios.ECHO)
except termios.error: pass
_, status = os.waitpid(pid, 0)
print(json.dumps({'code': os.waitstatus_to_exitcode(status), 'shown': shown.decode('utf8', 'replace'), 'echoes': echoes}))
`

/** Runs it on a real terminal. `python` is the interpreter's path. */
export async function typeAt (python: string, args: string[], steps: (readonly [question: string, typed: string])[]): Promise<{ code: number, shown: string, echoes: boolean | null }> {
  const child = spawn(python, ['-c', TYPIST, JSON.stringify([...PROGRAM, 'release', ...args]), JSON.stringify(steps)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { out += text })
  await once(child, 'close')
  return JSON.parse(out) as { code: number, shown: string, echoes: boolean | null }
}
