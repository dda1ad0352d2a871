// A creator at the command line, in this process: a key in a file, `marquee film …` run to its end, and a server whose requests are counted.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { nsecEncode } from 'nostr-tools/nip19'
import { film } from '../../backstage/film/commands.ts'
import { startMarquee } from './app.ts'
import { newFolder } from './folder.ts'
import { Signer } from './keys.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { StandaloneCommand, Terminal } from '../../server/commands/terminal.ts'
import type { Running, RunningOptions } from './app.ts'

export interface Ran {
  code: number
  out: string[]
  err: string[]
}

export interface Creator {
  signer: Signer
  /** A file with the nsec. */
  key: string
  /** Runs `marquee film ARGS --key FILE`. */
  film: (...args: string[]) => Promise<Ran>
}

export function creator (t: Test): Creator {
  const signer = new Signer()
  const key = join(newFolder(t), 'nsec')
  writeFileSync(key, nsecEncode(signer.secret), { mode: 0o600 })
  return { signer, key, film: (...args) => runFilm([...args, '--key', key]) }
}

/** Runs `marquee film ARGS` in this process, with nothing of its environment but PATH. */
export async function runFilm ([name, ...rest]: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const command = await film.commands[name!]!() as StandaloneCommand
  const { values, positionals: words } = parseArgs({ args: rest, allowPositionals: command.words === true, strict: true, options: command.options })
  const [out, err]: [string[], string[]] = [[], []]
  const terminal = {
    pid: 1, traces: null, env: { PATH: process.env['PATH'], ...env }, out: (line: string) => { out.push(line) }, err: (line: string) => { err.push(line) },
    input: () => { throw new Error('nothing is piped in') }, progress: null, onStop: () => {}, onReload: () => {}
  } as unknown as Terminal
  const code = await command.run({ values, words, terminal })
  return { code, out, err }
}

export interface Counted {
  method: string
  path: string
  /** Its X-SHA-256; '' without. */
  sha256: string
  /** 0 while it is not answered. */
  status: number
}

export interface CountedServer {
  /** Where creators come; the server's PUBLIC_URL. */
  url: string
  running: () => Running
  requests: Counted[]
  /** How often each blob was stored anew, by sha256. */
  stored: () => Map<string, number>
  /** Called with each request before it is passed on. */
  onRequest: (request: Counted) => void
  /** JSON that is said instead of what the server says; null for nothing. */
  replace: (path: string) => string | null
  /** Ends the server, and starts it again on the same folder. */
  restart: () => Promise<void>
}

/** A server behind a proxy that counts. */
export async function startCounted (t: Test, { env = {}, ...options }: RunningOptions = {}): Promise<CountedServer> {
  const requests: Counted[] = []
  const agent = new http.Agent({ keepAlive: true })
  const proxy = http.createServer((request, response) => {
    const counted = { method: request.method!, path: request.url!, sha256: String(request.headers['x-sha-256'] ?? ''), status: 0 }
    requests.push(counted)
    server.onRequest(counted)
    const instead = server.replace(counted.path)
    if (instead !== null) return void response.writeHead(200, { 'content-type': 'application/json' }).end(instead)
    const cut = (): void => { request.socket.destroy() }
    const onward = http.request({ host: '127.0.0.1', port, method: counted.method, path: counted.path, headers: request.headers, agent }, (answer) => {
      counted.status = answer.statusCode!
      response.writeHead(answer.statusCode!, answer.rawHeaders)
      answer.on('error', cut).pipe(response)
    })
    onward.on('error', cut)
    request.on('error', () => { onward.destroy() })
    response.on('error', () => {}).on('close', () => { if (!request.complete) onward.destroy() })
    request.pipe(onward)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  t.teardown(() => {
    proxy.closeAllConnections()
    proxy.close()
    agent.destroy()
  })
  let port = 0
  const start = async (dataDir?: string): Promise<Running> => {
    const started = await startMarquee(t, { ...options, ...(dataDir === undefined ? {} : { dataDir }), env: { PUBLIC_URL: url, MIRROR_ALLOW_PRIVATE: 'true', ...env } })
    port = (started.marquee.app.server.address() as AddressInfo).port // another after each restart: the one before may be somebody's by then
    return started
  }
  let running = await start()
  const server: CountedServer = {
    url,
    requests,
    running: () => running,
    stored: () => {
      const counts = new Map<string, number>()
      for (const { method, path, sha256, status } of requests) {
        if (method === 'PUT' && path === '/upload' && (status === 200 || status === 201)) counts.set(sha256, (counts.get(sha256) ?? 0) + 1)
      }
      return counts
    },
    onRequest: () => {},
    replace: () => null,
    restart: async () => {
      const { dataDir } = running
      await running.close()
      running = await start(dataDir)
    }
  }
  return server
}
