// The yardstick: an nginx of our own on loopback that serves the same bytes as static files, with one worker since the server has one thread.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../test/support/program.ts'
import { part, startProgram, untilAnswering } from './parts.ts'
import type { Program } from './parts.ts'
import type { Bench } from './plan.ts'

export interface Nginx extends Program {
  url: string
  /** What lies in this folder is served. */
  root: string
}

function configuration (dir: string, port: number): string {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${dir}/tmp/${name};`).join('\n')
  return `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s;
  default_type application/octet-stream;
  client_max_body_size 0;
${temp}
  server {
    listen 127.0.0.1:${port} backlog=511;
    root ${dir}/root;
    location / { dav_methods PUT DELETE; }
  }
}
`
}

/** Rejects when nginx is not to be had, or has no DAV module. */
export async function startNginx (bench: Bench): Promise<Nginx> {
  const binary = part('nginx')
  const port = await freePort()
  const dir = join(bench.work, `nginx-${port}`)
  mkdirSync(join(dir, 'tmp'), { recursive: true })
  mkdirSync(join(dir, 'root'))
  writeFileSync(join(dir, 'nginx.conf'), configuration(dir, port))
  // as root its workers must be root too, to read a folder that only root reads
  const user = process.getuid?.() === 0 ? ['-g', 'user root;'] : []
  const program = startProgram(binary, ['-p', dir, '-c', join(dir, 'nginx.conf'), ...user], { stdio: ['ignore', 'ignore', 'inherit'] }, 'SIGTERM') // SIGKILL would leave its worker behind
  const url = `http://127.0.0.1:${port}`
  await untilAnswering(program, 'nginx', url, () => true)
  return { ...program, url, root: join(dir, 'root') }
}
