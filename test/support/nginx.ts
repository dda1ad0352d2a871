// A real nginx before a server of a test, from the very file that docs/nginx.md hands out: only its addresses, folders and secret are put in.
// It listens on loopback, and ends with the test, even when the test process is killed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { freePort } from './program.ts'
import { findOnPath, requirePart } from './parts.ts'
import { ROOT } from './source.ts'

const READY_WITHIN_MS = 60_000

export interface Nginx {
  url: string
  /** What stands in its error log. */
  errors: () => string
}

export interface NginxOptions {
  /** The URL of the server behind it. */
  before: string
  packs: string
  secret: string
}

/** Starts nginx for `t`; null when it is not to be had, which `requirePart` has then said on `t`. */
export async function startNginx (t: Test, { before, packs, secret }: NginxOptions): Promise<Nginx | null> {
  const binary = requirePart(t, 'nginx')
  if (binary === null) return null
  const home = mkdtempSync(join(tmpdir(), 'marquee-nginx-'))
  const port = await freePort()
  const args = configureNginx(home, port, 2, { before, packs, secret })
  const errors = (): string => readFileSync(join(home, 'error.log'), 'utf8')
  // a test process that is killed runs no exit listener; SIGTERM, since a master that is killed leaves its workers behind
  const setpriv = findOnPath('setpriv')
  const [command, all] = setpriv === null ? [binary, args] : [setpriv, ['--pdeathsig', 'TERM', binary, ...args]]
  const child = spawn(command, all, { stdio: 'ignore' })
  const gone = once(child, 'close')
  const end = (): void => { child.kill('SIGTERM') }
  process.once('exit', end)
  t.teardown(async () => {
    process.removeListener('exit', end)
    end()
    await gone
    if (!t.passing()) process.stderr.write(`--- nginx's error log (the test failed) ---\n${errors()}--- end of it ---\n`)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  })
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + READY_WITHIN_MS
  while (await fetch(`${url}/healthz`).then(({ ok }) => !ok, () => true)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`nginx did not serve:\n${errors()}`)
    await sleep(20)
  }
  return { url, errors }
}

/** Writes the configuration into the folder `home`; the arguments that start nginx with it, on a port of loopback. */
export function configureNginx (home: string, port: number, workers: number, { before, packs, secret }: NginxOptions): string[] {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${home}/tmp/${name};`).join('\n')
  mkdirSync(join(home, 'tmp'), { recursive: true })
  writeFileSync(join(home, 'marquee.conf'), filledIn(readFileSync(join(ROOT, 'docs/nginx.example.conf'), 'utf8'), {
    'server 127.0.0.1:3000;': `server ${new URL(before).host};`, 'listen 80;': `listen 127.0.0.1:${port};`,
    '/var/lib/marquee/store/pack/': `${packs}/`, '/var/cache/nginx/marquee': `${home}/cache`, 'change-me-change-me': secret
  }))
  // as root its workers must be root too, to read a folder that only root reads
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(join(home, 'nginx.conf'), `daemon off; ${user} worker_processes ${workers}; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 1024; }
http { keepalive_requests 100000000; ${temp}
include ${home}/marquee.conf; }
`)
  return ['-p', home, '-e', join(home, 'error.log'), '-c', join(home, 'nginx.conf')]
}

/** Each text must stand in the file once: so the file and this stay together. */
function filledIn (text: string, replaced: Record<string, string>): string {
  for (const [from, to] of Object.entries(replaced)) {
    if (text.split(from).length !== 2) throw new Error(`docs/nginx.example.conf does not say ${from} once`)
    text = text.replace(from, () => to)
  }
  return text
}
