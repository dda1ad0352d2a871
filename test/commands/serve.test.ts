// `marquee serve` as an operator has it: what it says, how it ends, who may have the folder, and what never stands in its log.

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { upload } from '../support/app.ts'
import { runCommand, runProgram, startServing } from '../support/command.ts'
import { writeConfig, NSEC, SECRET } from '../support/config.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { RawClient } from '../support/raw-http.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

const signer = new Signer()

/** The head of a PUT of this blob. */
function headOf (url: string, blob: { bytes: Buffer, sha256: string }): string {
  return `PUT /upload HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: ${signer.token('upload', { hashes: [blob.sha256] })}\r\nContent-Length: ${blob.bytes.length}\r\nX-SHA-256: ${blob.sha256}\r\n\r\n`
}

/** Sends half of a blob and waits until the server has taken some of it. */
async function halfSent (t: Test, url: string, dataDir: string, blob: { bytes: Buffer, sha256: string }): Promise<RawClient> {
  const client = await RawClient.open(url)
  t.teardown(() => { client.destroy() })
  client.send(headOf(url, blob))
  client.send(blob.bytes.subarray(0, blob.bytes.length / 2))
  while (readdirSync(join(dataDir, 'store', 'drafts')).length === 0) await sleep(5)
  return client
}

t.test('on an empty folder it makes what it needs and says what it is, where it listens, its key, its data, and one line to try', async t => {
  const dataDir = join(t.testdir(), 'made', 'here')
  const server = await startServing(t, { DATA_DIR: dataDir })
  await server.prints(/try it.*\n/)
  const npub = /npub1\w{58}/.exec(server.err())?.[0]
  t.match(server.err(), /^marquee \d+\.\d+\.\d+: .*Blossom/m)
  t.match(server.err(), new RegExp(`listens on +${server.url}\\n`))
  t.match(server.err(), new RegExp(`data +${dataDir}\\n`))
  t.ok(existsSync(join(dataDir, 'node.key')))
  const line = /try it +curl (\S+)/.exec(server.err())?.[1]
  t.equal((await fetch(line!)).status, 200, 'the line works')
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, signal: null })
  t.equal((await runCommand(t, ['key'], { DATA_DIR: dataDir })).out, `${npub}\n`, 'and the key is the one that `marquee key` prints')
})

t.test('SIGTERM and SIGINT end it with 0, and started again it serves the same data under the same key', async t => {
  const dataDir = t.testdir()
  const blobs = [seededBlob('small', 100), seededBlob('large', 300_000), seededBlob('empty', 0)]
  const abouts: unknown[] = []
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = await startServing(t, { DATA_DIR: dataDir })
    if (abouts.length === 0) for (const blob of blobs) t.equal((await upload(server.url, signer, blob)).status, 201)
    for (const { sha256, bytes } of blobs) t.ok(Buffer.from(await (await fetch(`${server.url}/${sha256}`)).arrayBuffer()).equals(bytes))
    abouts.push((await (await fetch(server.url)).json() as { pubkey: string }).pubkey)
    server.kill(signal)
    t.match(await server.ended, { code: 0, signal: null }, signal)
    t.notOk(existsSync(join(dataDir, 'holder.json')))
  }
  t.equal(new Set(abouts).size, 1)
})

/** Resolves when nobody listens there any more. */
async function refusing (url: string): Promise<void> {
  for (;;) {
    try {
      (await RawClient.open(url)).destroy()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ECONNREFUSED') return
      if (code !== 'ECONNRESET') throw error // it was waiting to be accepted in the moment the port closed
    }
  }
}

// should it wait for anything but the transfer, it waits for ten minutes, and the test is over before
const PATIENT = { shutdownTimeout: '600s' }

t.test('told to stop it takes no more, lets the transfer under way end, and ends with 0', async t => {
  const dataDir = t.testdir()
  const server = await startServing(t, { DATA_DIR: dataDir }, ['--config', writeConfig(t, PATIENT)])
  const idle = await fetch(server.url) // its connection is kept alive
  await idle.text()
  const blob = seededBlob('under way', 8_000_000)
  const client = await halfSent(t, server.url, dataDir, blob)
  server.kill('SIGTERM')
  await server.prints(/stopping/)
  await refusing(server.url)
  client.send(blob.bytes.subarray(blob.bytes.length / 2))
  t.equal((await client.answer('PUT'))?.status, 201)
  t.match(await server.ended, { code: 0, signal: null }, 'though the connection could live on')
  const again = await startServing(t, { DATA_DIR: dataDir })
  t.ok(Buffer.from(await (await fetch(`${again.url}/${blob.sha256}`)).arrayBuffer()).equals(blob.bytes), 'what was acknowledged is there')
})

t.test('a transfer that stands still is cut when the time is up, and the end is 0 all the same', async t => {
  const dataDir = t.testdir()
  const server = await startServing(t, { DATA_DIR: dataDir, IDLE_TIMEOUT: '600' }, ['--config', writeConfig(t, { shutdownTimeout: 0.2 })])
  const client = await halfSent(t, server.url, dataDir, seededBlob('stalled', 8_000_000))
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, signal: null })
  t.equal(await client.answer('PUT'), null, 'nothing was acknowledged')
})

t.test('a second server on the folder is refused with 1 and told who has it; verify and rebuild too', async t => {
  const dataDir = t.testdir()
  const server = await startServing(t, { DATA_DIR: dataDir })
  for (const command of ['serve', 'verify', 'rebuild']) {
    const { code, out, err } = await (command === 'serve' ? runProgram : runCommand)(t, [command], { DATA_DIR: dataDir, PORT: '0' })
    t.strictSame([code, out], [1, ''], command)
    t.match(err, `in use by marquee serve (process ${server.pid}, since `)
  }
  t.equal((await fetch(`${server.url}/readyz`)).status, 200, 'which does not notice')
  server.kill('SIGKILL')
  await server.ended
  const next = await startServing(t, { DATA_DIR: dataDir })
  t.equal((await fetch(`${next.url}/readyz`)).status, 200, 'the dead hold nothing')
})

t.test('a port that is taken is told, with 1, and the folder is let go', async t => {
  const dataDir = t.testdir()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => { other.close() })
  const { port } = other.address() as AddressInfo
  const { code, err } = await runProgram(t, ['serve'], { DATA_DIR: dataDir, PORT: String(port) })
  t.equal(code, 1)
  t.match(err, `127.0.0.1:${port}`)
  t.match(err, 'in use')
  t.equal((await runCommand(t, ['verify'], { DATA_DIR: dataDir })).code, 0)
})

t.test('a data folder that cannot be made is told, with 1', async t => {
  const dataDir = join(t.testdir({ file: 'in the way' }), 'file', 'data')
  const { code, err } = await runProgram(t, ['serve'], { DATA_DIR: dataDir, PORT: '0' })
  t.equal(code, 1)
  t.match(err, dataDir)
  t.notMatch(err, /\n +at /, 'in a sentence, not a stack')
})

t.test('NODE_KEY_FILE gives the key, and neither it nor any token ever stands in the output', async t => {
  const dataDir = t.testdir({ secret: `${NSEC}\n` })
  const server = await startServing(t, { DATA_DIR: dataDir, NODE_KEY_FILE: join(dataDir, 'secret'), LOG_LEVEL: 'trace', METRICS_TOKEN: 'a-metrics-token' })
  t.equal((await (await fetch(server.url)).json() as { pubkey: string }).pubkey, new Signer(Buffer.from(SECRET, 'hex')).pubkey)
  const blob = seededBlob('logged', 100)
  const said: string[] = []
  const ask = async (path: string, method: string, authorization: string, body?: Buffer): Promise<number> => {
    said.push(authorization)
    return (await fetch(`${server.url}${path}`, { method, headers: { authorization }, ...(body === undefined ? {} : { body: new Uint8Array(body) }) })).status
  }
  t.equal(await ask('/upload', 'PUT', signer.token('upload', { hashes: [blob.sha256] }), blob.bytes), 201)
  t.equal(await ask('/upload', 'PUT', signer.token('delete', { hashes: [blob.sha256] }), blob.bytes), 401)
  t.equal(await ask(`/${blob.sha256}`, 'GET', signer.token('get')), 200)
  t.equal(await ask(`/${blob.sha256}`, 'GET', 'Nostr a-broken-token-of-somebody'), 200)
  t.equal(await ask(`/list/${signer.pubkey}`, 'GET', signer.httpToken('GET', `${server.url}/list/${signer.pubkey}`)), 200)
  t.equal(await ask('/admin/reports', 'GET', signer.httpToken('GET', `${server.url}/admin/reports`)), 403)
  t.equal(await ask('/mirror', 'PUT', signer.token('upload', { hashes: [blob.sha256] }), Buffer.from('{"url":"http://127.0.0.1:1/x"}')), 403)
  t.equal(await ask(`/${blob.sha256}`, 'DELETE', signer.token('delete', { hashes: [blob.sha256] })), 204)
  server.kill('SIGTERM')
  const { out, err } = await server.ended
  t.match(out, /"path":"\/upload"/, 'there is a log')
  for (const authorization of said) t.notOk((out + err).includes(authorization.slice(6)), authorization.slice(0, 30))
  for (const secret of [NSEC, SECRET, 'a-metrics-token']) t.notOk((out + err).includes(secret))
  t.notOk(existsSync(join(dataDir, 'node.key')))
})

t.test('behind a public URL it says both where it listens and what it is known as', async t => {
  const server = await startServing(t, { DATA_DIR: t.testdir(), PUBLIC_URL: 'https://cdn.example.com/' })
  await server.prints(/try it.*\n/)
  t.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.match(server.err(), /known as +https:\/\/cdn\.example\.com\n/)
  t.equal((await (await fetch(server.url)).json() as { url: string }).url, 'https://cdn.example.com')
})

t.test('more workers than are built is a configuration that is off: 2', async t => {
  const { code, err } = await runCommand(t, ['serve'], { DATA_DIR: t.testdir(), WORKERS: '2', PORT: '0' })
  t.equal(code, 2)
  t.match(err, /^config: \/workers/)
})

t.test('a spoilt database is told with the way out, and rebuild is that way', async t => {
  const dataDir = t.testdir()
  const env = { DATA_DIR: dataDir, PORT: '0' }
  const blob = seededBlob('kept', 50_000)
  const server = await startServing(t, env)
  t.equal((await upload(server.url, signer, blob, { 'content-type': 'image/webp' })).status, 201)
  server.kill('SIGTERM')
  await server.ended
  writeFileSync(join(dataDir, 'marquee.db'), Buffer.alloc(20_000, 'spoilt '))
  const { code, err } = await runProgram(t, ['serve'], env)
  t.equal(code, 1)
  t.match(err, /marquee\.db is damaged.*marquee rebuild/)
  t.match(await runCommand(t, ['rebuild'], env), { code: 0, out: /^rebuilt: 1 blobs of 50000 bytes, 1 owners/ })
  t.ok(existsSync(join(dataDir, 'marquee.db.old')), 'the spoilt one is set aside')
  const again = await startServing(t, env)
  const answer = await fetch(`${again.url}/${blob.sha256}`)
  t.equal(answer.headers.get('content-type'), 'image/webp')
  t.ok(Buffer.from(await answer.arrayBuffer()).equals(blob.bytes))
})
