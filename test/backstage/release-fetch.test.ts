// `marquee release fetch`: what was learnt is kept before anything is fetched, a download that was killed goes on where it was, an image is laid out again,
// and a catalog that says anything it likes costs no more than its answer.

import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { newFolder } from '../support/both-stores.ts'
import { runInside } from '../support/command-inside.ts'
import { APP, CHANNEL, PINNED, bundleNow, operator, pointerEvent, releaseEvents, releaseNow, trustEvent } from '../support/live-release.ts'
import { fileNamed, sha256Of } from '../support/release-chain.ts'
import { PROGRAM } from '../support/release-command.ts'
import { hold } from '../../backstage/hold.ts'
import { fetchRelease } from '../../backstage/release/fetch.ts'
import { PartFile } from '../../backstage/release/part-file.ts'
import { nameOfBytes } from '../../server/release/manifest-v2.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { LiveRelease } from '../support/live-release.ts'

async function announced (t: Test, release: LiveRelease): Promise<string> {
  const { url } = await startMarquee(t, { env: { RELEASE_ROOT: PINNED, RATE_LIMIT: 'off' } })
  await upload(url, operator, { bytes: release.manifest, sha256: sha256Hex(release.manifest) })
  for (const event of [trustEvent(bundleNow()), ...releaseEvents(release.manifest), pointerEvent(release.pointer)]) {
    t.equal((await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(event) })).status, 201)
  }
  return url
}

const asked = (folder: string, url: string, ...more: string[]): string[] => [
  '--app', APP, '--channel', CHANNEL, '--root', PINNED, '--state', join(folder, 'state'), '--out', join(folder, 'out'), '--server', url, '--patience', '1', '--json', ...more
]

interface Told { verdict: string, files: { path: string, from: string[], resumed: number }[] }

t.test('a download that was killed goes on where it was', async t => {
  const SIZE = 600_000
  let slow = true
  let bytes: Buffer = Buffer.alloc(0)
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    ranges.push(request.headers.range)
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': SIZE - from, ...(from > 0 ? { 'content-range': `bytes ${from}-${SIZE - 1}/${SIZE}` } : {}) })
    if (slow) response.write(bytes.subarray(0, SIZE / 2)) // and then nothing
    else response.end(bytes.subarray(from))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const release = releaseNow(42, { origin, size: SIZE })
  const [file] = release.files
  bytes = file!.bytes
  const url = await announced(t, release)
  const folder = newFolder(t)
  const args = asked(folder, url, '--platform', 'linux-x86_64')
  const [program, ...first] = PROGRAM
  const child = spawn(program, [...first, 'release', 'fetch', ...args], { stdio: 'ignore', env: { PATH: process.env['PATH'] ?? '' } })
  const part = PartFile.pathOf(join(folder, 'out', 'archipelago'), { ...file!, size: SIZE })
  for (let i = 0; i < 1000 && !(existsSync(part) && statSync(part).size === SIZE / 2); i++) await new Promise((resolve) => { setTimeout(resolve, 20) })
  t.ok(existsSync(join(folder, 'state')), 'what was learnt is kept by then')
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.notOk(existsSync(join(folder, 'out', 'archipelago')), 'half a file has not its name')
  slow = false
  const { code, out, err } = await runInside(fetchRelease, args)
  t.equal(code, 0, err)
  t.match(JSON.parse(out) as Told, { verdict: 'install', files: [{ from: [origin], resumed: SIZE / 2 }] })
  t.same(ranges, [undefined, `bytes=${SIZE / 2}-`])
  t.ok(readFileSync(join(folder, 'out', 'archipelago')).equals(bytes))
  t.match(JSON.parse((await runInside(fetchRelease, args)).out), { files: [{ from: [] }] }, 'and once more nothing is fetched')
})

t.test('an image is laid out again from its blobs, each checked', async t => {
  const files = new Map(['index', 'manifest', 'config', 'layer'].map((role) => [role, fileNamed(`image ${role}`, 900)]))
  const { url: origin } = await startMarquee(t)
  for (const bytes of files.values()) t.equal((await upload(origin, operator, { bytes, sha256: sha256Of(bytes) })).status, 201)
  const release = releaseNow(42, {
    manifest: (manifest) => {
      manifest.servers = [origin]
      manifest.images = [{
        name: 'app', artifacts: [...files].map(([role, bytes]) => { const { sha256, blake3, size } = nameOfBytes(bytes); return { role: role as 'layer', sha256, blake3, size_bytes: size, m: 'application/json' } })
      }]
    }
  })
  const url = await announced(t, release)
  const folder = newFolder(t)
  const { code, err } = await runInside(fetchRelease, asked(folder, url, '--image', 'app'))
  t.equal(code, 0, err)
  t.same(JSON.parse(readFileSync(join(folder, 'out', 'app', 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' })
  t.ok(readFileSync(join(folder, 'out', 'app', 'index.json')).equals(files.get('index')!))
  for (const role of ['manifest', 'config', 'layer']) t.ok(readFileSync(join(folder, 'out', 'app', 'blobs', 'sha256', sha256Of(files.get(role)!))).equals(files.get(role)!), role)
})

t.test('a file that nobody has is told with who said what, and a state that cannot be read is never taken for an empty one', async t => {
  const url = await announced(t, releaseNow(42))
  const folder = newFolder(t)
  const args = asked(folder, url, '--platform', 'linux-x86_64')
  const none = await runInside(fetchRelease, args)
  t.match([none.code, JSON.parse(none.out)], [1, { verdict: 'install', files: [] }])
  t.match(none.err, /could not be had.*answered 404/)
  t.equal((await runInside(fetchRelease, asked(folder, url, '--platform', 'linux-riscv64'))).code, 2)
  writeFileSync(join(folder, 'state'), '{}')
  t.match(await runInside(fetchRelease, args), { code: 1, err: /STATE_INVALID/ })
  const stranger = createServer((_request, response) => { response.end('{"schema":"marquee.release-set/1"') })
  stranger.listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  t.teardown(() => { stranger.close() })
  const other = newFolder(t)
  const lost = await runInside(fetchRelease, asked(other, `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`, '--platform', 'linux-x86_64'))
  t.match([lost.code, JSON.parse(lost.out)], [1, { verdict: 'stale', faults: [{ code: 'BUNDLE_MISSING' }, { code: 'POINTER_MISSING' }] }], 'no news is told as such')
})

t.test('two fetches at once do not write one file: the second is told', async t => {
  const folder = newFolder(t)
  const out = join(folder, 'out')
  mkdirSync(out)
  const letGo = await hold('fetch', realpathSync(out))
  t.ok(letGo)
  const { code, err } = await runInside(fetchRelease, asked(folder, 'http://127.0.0.1:1', '--platform', 'linux-x86_64'))
  t.equal(code, 1)
  t.match(err, 'another fetch is at work')
  letGo?.()
})
