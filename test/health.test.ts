// /healthz: the process answers. /readyz: database and store really answer now; what does not is named, with 503 and X-Reason.

import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import t from 'tap'
import { openDatabase } from '../server/database.ts'
import { StoreError } from '../server/errors.ts'
import { health } from '../server/health.ts'
import { Descriptors } from '../server/stores/descriptors.ts'
import { openMemoryStores } from '../server/stores/open.ts'
import { startMarquee } from './support/app.ts'
import type { Test } from 'tap'
import type { Stores } from '../server/stores/open.ts'

async function asked (url: string): Promise<{ status: number, reason: string | null, retry: string | null, cors: string | null, body: unknown }> {
  const { status, headers, ...answer } = await fetch(url).then(async (response) => ({ status: response.status, headers: response.headers, body: await response.json() }))
  return { status, reason: headers.get('x-reason'), retry: headers.get('retry-after'), cors: headers.get('access-control-allow-origin'), body: answer.body }
}

const READY = { status: 200, reason: null, body: { status: 'ready', database: 'ok', store: 'ok' } }

t.test('a whole server is alive and ready', async t => {
  const { url } = await startMarquee(t)
  t.match(await asked(`${url}/healthz`), { status: 200, cors: '*', body: { status: 'ok' } })
  t.match(await asked(`${url}/readyz`), { ...READY, cors: '*' })
})

/** A server whose store answers as `prove` does at the moment. */
async function withStore (t: Test): Promise<{ url: string, become: (prove: Stores['prove']) => void }> {
  let now: Stores['prove'] = async () => {}
  const { url } = await startMarquee(t, { stores: { ...openMemoryStores(), prove: () => now() } })
  return { url, become: (prove) => { now = prove } }
}

t.test('a store that fails makes the server alive but not ready, and the reason names the store', async t => {
  const { url, become } = await withStore(t)
  t.match(await asked(`${url}/readyz`), READY)
  become(async () => { throw new StoreError('s3', 'get', 'secret-bucket/state/ready', new Error('no route to 10.1.2.3')) })
  const answer = await asked(`${url}/readyz`)
  t.match(answer, { status: 503, reason: 'not ready: store', retry: /^\d+$/, cors: '*', body: { status: 'not ready', database: 'ok', store: 'failed' } })
  t.notMatch(JSON.stringify(answer), /secret-bucket|10\.1\.2\.3/, 'strangers are told which part, not where it lies')
  t.match(await asked(`${url}/healthz`), { status: 200 })
  become(async () => {})
  t.match(await asked(`${url}/readyz`), READY, 'and ready again when it answers again')
})

t.test('a store that hangs is a store that fails', async t => {
  const { url, become } = await withStore(t)
  let hung: () => void = () => {}
  become(() => new Promise((resolve) => { hung = resolve }))
  t.match(await asked(`${url}/readyz`), { status: 503, reason: 'not ready: store', body: { database: 'ok', store: 'failed' } })
  hung()
  become(async () => {})
  t.match(await asked(`${url}/readyz`), READY)
})

t.test('folders that cannot be read are told as the store', async t => {
  const { url, dataDir } = await startMarquee(t)
  t.match(await asked(`${url}/readyz`), READY)
  rmSync(join(dataDir, 'store', 'state'), { recursive: true, force: true })
  writeFileSync(join(dataDir, 'store', 'state'), 'no folder')
  t.match(await asked(`${url}/readyz`), { status: 503, reason: 'not ready: store' })
})

t.test('a database that does not answer is named, beside the store where both fail', async t => {
  const database = openDatabase(join(t.testdir(), 'marquee.db'))
  const descriptors = new Descriptors(database)
  let store = (): void => {}
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(health, { checks: { database: () => { descriptors.prove() }, store: () => { store() } } })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.match(await asked(`${url}/readyz`), READY)
  database.close()
  t.match(await asked(`${url}/readyz`), { status: 503, reason: 'not ready: database', body: { status: 'not ready', database: 'failed', store: 'ok' } })
  store = () => { throw new Error('gone too') }
  t.match(await asked(`${url}/readyz`), { status: 503, reason: 'not ready: database, store' })
  t.match(await asked(`${url}/healthz`), { status: 200 })
})

t.test('a store whose folder is gone, as an unmounted disk leaves it, is not ready; HEAD is answered like GET', async (t) => {
  const { url, dataDir } = await startMarquee(t)
  for (const path of ['/', '/healthz', '/readyz']) t.equal((await fetch(`${url}${path}`, { method: 'HEAD' })).status, 200)
  renameSync(join(dataDir, 'store'), join(dataDir, 'unmounted'))
  const response = await fetch(`${url}/readyz`)
  t.equal(response.status, 503)
  t.equal(response.headers.get('x-reason'), 'not ready: store')
  t.equal(response.headers.get('cache-control'), 'no-store')
  renameSync(join(dataDir, 'unmounted'), join(dataDir, 'store'))
  t.equal((await fetch(`${url}/readyz`)).status, 200)
})
