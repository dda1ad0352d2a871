// SIGHUP, as an operator sends it to the running program.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { upload } from '../support/app.ts'
import { startServing } from '../support/command.ts'
import { onBothStores, newFolder } from '../support/both-stores.ts'
import { storeEnv } from '../support/children.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { RawClient } from '../support/raw-http.ts'

const owner = new Signer()

/** Parsed lines of the log, those that have come whole. */
function logged (out: string): Record<string, unknown>[] {
  return out.slice(0, out.lastIndexOf('\n') + 1).split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>)
}

await onBothStores(t, 'at SIGHUP what may change is in force, what may not is told, and a bad file changes nothing and says why', async (t, newPlace) => {
  const folder = newFolder(t)
  const file = join(folder, 'config.json')
  const token = join(folder, 'token')
  const write = (text: unknown): void => { writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text)) }
  write({})
  writeFileSync(token, 'one')
  const server = await startServing(t, { ...storeEnv(join(folder, 'data'), await newPlace()), METRICS_TOKEN_FILE: token, MAX_KEY_BYTES: '1MB' }, ['--config', file])
  const { url } = server
  let count = 0
  const put = async (size: number): Promise<number> => (await upload(url, owner, seededBlob(`hup ${count++}`, size))).status
  const metrics = async (bearer: string): Promise<number> => (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${bearer}` } })).status
  let seen = 0
  const reload = async (): Promise<Record<string, unknown>[]> => {
    server.kill('SIGHUP')
    for (;;) {
      const lines = logged(server.out()).filter(({ msg }) => /configuration/.test(String(msg)))
      if (lines.length > seen) {
        const from = seen
        seen = lines.length
        return lines.slice(from)
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  t.equal(await put(2000), 201)

  write({ maxBlobSize: 1000, host: '127.0.0.9', cacheSize: 5 })
  writeFileSync(token, 'two')
  t.match(await reload(), [{ level: 30, changed: ['maxBlobSize', 'metricsToken'] }])
  await server.prints(/"keys":\["host","cacheSize"\].*restart/)
  t.strictSame([await put(2000), await put(900)], [413, 201])
  t.strictSame([await metrics('one'), await metrics('two')], [401, 200])
  t.match(await (await fetch(`${url}/.well-known/marquee.json`)).json(), { limits: { blobBytes: 1000 } })

  const bad: [() => void, RegExp[]][] = [
    [() => { write({ maxBlobSize: 2000, list: 'nobody', typos: 1 }) }, [/^\/typos is not a known key/, /^\/list must be one of/]],
    [() => { write('{ "maxBlobSize": 2000') }, [/is not JSON/]],
    [() => { rmSync(file) }, [/cannot be read: ENOENT/]]
  ]
  for (const [spoil, problems] of bad) {
    spoil()
    const [line] = await reload()
    t.match(line, { level: 50, msg: /stays as it was/ })
    t.equal((line!['problems'] as string[]).length, problems.length)
    for (const [index, problem] of problems.entries()) t.match((line!['problems'] as string[])[index], problem)
    t.strictSame([await put(2000), await put(900)], [413, 201], 'nothing of it holds')
  }

  write({ maxBlobSize: 5000, logLevel: 'debug' })
  t.match(await reload(), [{ changed: ['maxBlobSize', 'logLevel'] }])
  t.equal(await put(2000), 201)
  await (await fetch(`${url}/${'ab'.repeat(32)}`)).text()
  await server.prints(/"level":20.*"path":"\/(ab){32}"/)
  for (let i = 0; i < 20; i++) server.kill('SIGHUP')
  t.equal(await put(900), 201)
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, signal: null })
})

t.test('an upload under way is not cut by a reload, and keeps the patience that it began with', async t => {
  const folder = newFolder(t)
  const file = join(folder, 'config.json')
  writeFileSync(file, '{}')
  const server = await startServing(t, { DATA_DIR: join(folder, 'data') }, ['--config', file])
  const blob = seededBlob('under way', 200_000)
  const slow = await RawClient.open(server.url)
  t.teardown(() => { slow.destroy() })
  slow.send(`PUT /upload HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nAuthorization: ${owner.token('upload', { hashes: [blob.sha256] })}\r\nContent-Length: ${blob.bytes.length}\r\n\r\n`)
  slow.send(blob.bytes.subarray(0, 100_000))
  const arriving = async (): Promise<boolean> => /^marquee_uploads_active 1$/m.test(await (await fetch(`${server.url}/metrics`)).text())
  while (!await arriving()) await new Promise((resolve) => setTimeout(resolve, 10))
  writeFileSync(file, JSON.stringify({ maxWaitingUploads: 0, idleTimeout: 1 }))
  server.kill('SIGHUP')
  await server.prints(/read again/)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  slow.send(blob.bytes.subarray(100_000))
  t.match(await slow.answer('PUT'), { status: 201 })
})
