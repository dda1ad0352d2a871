// GET by wrk, with one thread: on two cores the server needs the other. wrk cannot do HEAD, it waits for a body (load/heads.ts), and reads
// 8 KiB at a time, too slow for big answers (load/drain.ts).

import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { part } from '../parts.ts'
import type { Bench } from '../plan.ts'

export interface Load {
  requests: number
  /** As they came over the wire: wrk counts heads too. */
  bytes: number
  seconds: number
  /** Milliseconds. */
  p50: number
  p99: number
}

/** Asks for the paths of a file one after the other, from one of them on, over and over. */
const MANY = `
local requests, at = {}, 0
function init(args)
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path) end
  at = tonumber(args[2])
end
function request()
  at = at % #requests + 1
  return requests[at]
end
`

const TELL = `
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('BENCH {"requests":%d,"bytes":%.0f,"us":%d,"broken":%d,"refused":%d,"p50":%.1f,"p99":%.1f}\\n',
    summary.requests, summary.bytes, summary.duration, e.connect + e.read + e.write + e.timeout, e.status, latency:percentile(50), latency:percentile(99)))
end
`

export interface WrkRequest {
  /** The server's URL without a path. */
  url: string
  /** Paths, asked for one after the other. */
  paths: readonly string[]
  connections: number
  headers?: Readonly<Record<string, string>>
  /** Bytes of every body, where they are many beside the head. */
  bodyBytes?: number
  /** Every answer has a status above 399. */
  missing?: boolean
}

interface Told { requests: number, bytes: number, us: number, broken: number, refused: number, p50: number, p99: number }

/** Rejects when an answer was not as said. */
export async function wrk (bench: Bench, { url, paths, connections, headers = {}, bodyBytes, missing = false }: WrkRequest): Promise<Load> {
  const { seconds } = bench.options
  const folder = mkdtempSync(join(bench.work, 'wrk-'))
  const [script, list] = [join(folder, 'load.lua'), join(folder, 'paths')]
  writeFileSync(script, paths.length === 1 ? TELL : MANY + TELL)
  writeFileSync(list, `${paths.join('\n')}\n`)
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '60s', '-s', script]
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`)
  const begin = Math.floor(Math.random() * paths.length)
  args.push(`${url}${paths[0] ?? '/'}`, '--', list, String(begin))

  const child = spawn(part('wrk'), args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: (seconds + 60) * 1000 })
  let output = ''
  for await (const text of child.stdout.setEncoding('utf8')) output += text as string
  const line = /^BENCH (.*)$/m.exec(output)?.[1]
  if (line === undefined) throw new Error(`wrk gave no result: ${output}`)
  const { requests, bytes, us, broken, refused, p50, p99 } = JSON.parse(line) as Told
  if (requests === 0 || broken > 0) throw new Error(`${url}: ${requests} answers, ${broken} broken off`)
  if (refused !== (missing ? requests : 0)) throw new Error(`${url}: ${refused} of ${requests} answers had a status above 399`)
  if (bodyBytes !== undefined && Math.abs(bytes / requests / bodyBytes - 1) > 0.1) {
    throw new Error(`${url}: ${Math.round(bytes / requests)} bytes an answer, wanted ${bodyBytes}`)
  }
  return { requests, bytes, seconds: us / 1e6, p50: p50 / 1e3, p99: p99 / 1e3 }
}
