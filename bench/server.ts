// The server under test: the built program in a process of its own, on a data folder that the caller names, in its default configuration
// unless the run says otherwise. What it prints goes into a file, as an operator's log would.

import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../test/support/program.ts'
import { NODE_FLAGS } from '../test/support/node-flags.ts'
import { startProgram, untilAnswering } from './parts.ts'
import type { Program } from './parts.ts'
import type { Bench } from './plan.ts'

export interface Server extends Program {
  url: string
  dataDir: string
  /** From its start until GET /readyz said 200. */
  readyMs: number
}

/** A big data folder after a kill may take its time. */
const READY_WITHIN_MS = 900_000

/** Rejects with the end of its log when it does not come up. */
export async function startServer (bench: Bench, dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<Server> {
  mkdirSync(dataDir, { recursive: true })
  const port = await freePort()
  const log = join(bench.work, `server-${port}.log`)
  const output = openSync(log, 'a')
  const program = startProgram(process.execPath, [...NODE_FLAGS, join(bench.options.dist, 'server/main.js'), 'serve'], {
    // nothing of the machine's own: a NODE_KEY or PUBLIC_URL set there must not reach it
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DATA_DIR: dataDir, PORT: String(port), ...env, ...bench.options.env },
    stdio: ['ignore', output, output]
  })
  closeSync(output)
  const url = `http://127.0.0.1:${port}`
  try {
    const readyMs = await untilAnswering(program, 'marquee', `${url}/readyz`, ({ statusCode }) => statusCode === 200, READY_WITHIN_MS)
    return { ...program, url, dataDir, readyMs }
  } catch (error) {
    await program.stop('SIGKILL')
    throw new Error(`${(error as Error).message}:\n${readFileSync(log, 'utf8').slice(-2000)}`, { cause: error })
  }
}
