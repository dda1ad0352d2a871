// `marquee verify` and `marquee rebuild` over a real data folder: a clean one is told to be clean, a damaged one is told where, exit codes say
// which, and what can be mended without guessing is.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { runCommand, runProgram } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { listed } from '../support/asking.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'

const layout = new Layout(false)
const [alice, bob] = [new Signer(), new Signer()]
const inline = seededBlob('inline', 100)
const packed = seededBlob('packed', 50_000)
const shared = seededBlob('shared', 9_000)

interface Folder { dataDir: string, env: Record<string, string>, pack: (sha256: string) => string, record: (sha256: string) => string }

/** A server whose lists name the same place whatever port it has; where it listens. */
async function start (t: Test, dataDir: string): Promise<{ url: string, close: () => Promise<void> }> {
  const { marquee, close } = await startMarquee(t, { dataDir, env: { PUBLIC_URL: 'http://one.example' } })
  return { url: `http://127.0.0.1:${(marquee.app.server.address() as AddressInfo).port}`, close }
}

/** The data folder of a server that was used and ended. */
async function used (t: Test): Promise<Folder & { lists: BlobDescriptor[][] }> {
  const dataDir = t.testdir()
  const { url, close } = await start(t, dataDir)
  for (const [signer, blob, type] of [[alice, inline, 'text/plain'], [alice, packed, 'video/mp4'], [alice, shared, 'image/webp'], [bob, shared, 'image/png']] as const) {
    const { status } = await upload(url, signer, blob, { 'content-type': type })
    if (status > 201) throw new Error(`upload: ${status}`)
  }
  const lists = [await listed(url, alice), await listed(url, bob)]
  await close()
  const store = join(dataDir, 'store')
  return {
    dataDir, lists, env: { DATA_DIR: dataDir },
    pack: (sha256) => join(store, layout.pack(sha256Multihash(sha256))),
    record: (sha256) => join(store, layout.record(sha256Multihash(sha256)))
  }
}

function flipByte (path: string): void {
  const bytes = readFileSync(path)
  bytes[1000]! ^= 1
  writeFileSync(path, bytes)
}

/** The JSON lines of `verify --json`. */
const linesOf = (out: string): Record<string, unknown>[] => out.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)

t.test('a store in order is told to be, with 0, and with plain progress where there is no terminal', async t => {
  const { env } = await used(t)
  const { code, out, err } = await runProgram(t, ['verify'], env)
  t.equal(code, 0)
  t.equal(out, '2 packs (59000 bytes hashed), 6 index records, 4 owners: all is well\n')
  t.match(err, /^verify: 1 packs, \d+ MB hashed\n/)
  t.notMatch(out + err, /[\r\x1b]/, 'no escapes of a terminal')
  const json = await runCommand(t, ['verify', '--json'], env)
  t.equal(json.code, 0)
  t.strictSame(linesOf(json.out), [{ packs: 2, bytes: 59_000, records: 6, owners: 4, faults: 0, left: 0 }])
})

t.test('an empty folder is in order', async t => {
  t.match(await runCommand(t, ['verify'], { DATA_DIR: join(t.testdir(), 'new') }), { code: 0, out: /^0 packs/ })
})

t.test('a byte that flipped in a pack is pack-damaged, with 1, and repair does not touch what somebody owns', async t => {
  const { env, pack } = await used(t)
  flipByte(pack(packed.sha256))
  const key = /([a-z0-9]+)\.car$/.exec(pack(packed.sha256))![1]!
  for (const args of [['verify'], ['verify', '--repair'], ['verify']]) {
    const { code, out } = await runCommand(t, args, env)
    t.equal(code, 1, args.join(' '))
    t.match(out, new RegExp(`^FAULT +pack-damaged +${key}: `, 'm'))
    t.notMatch(out, 'mended  pack-damaged')
  }
  t.ok(existsSync(pack(packed.sha256)))
  const lines = linesOf((await runCommand(t, ['verify', '--json'], env)).out)
  t.match(lines.find(({ kind }) => kind === 'pack-damaged'), { about: key, repaired: false })
  const counts = lines.at(-1) as { faults: number, left: number }
  t.ok(counts.faults === lines.length - 1 && counts.left === counts.faults)
})

t.test('a record that is gone is told with 1, mended by repair with 0, and then all is well', async t => {
  const { env, record } = await used(t)
  const before = readFileSync(record(packed.sha256))
  rmSync(record(packed.sha256))
  t.match(await runCommand(t, ['verify'], env), { code: 1, out: new RegExp(`^FAULT +record-missing +${packed.sha256}`, 'm') })
  t.match(await runCommand(t, ['verify', '--repair'], env), { code: 0, out: new RegExp(`^mended +record-missing +${packed.sha256}`, 'm') })
  t.match(await runCommand(t, ['verify'], env), { code: 0, out: /all is well/ })
  t.ok(readFileSync(record(packed.sha256)).equals(before), 'byte for byte as it was')
})

t.test('a pack that is gone is told with 1 and stays told', async t => {
  const { env, pack } = await used(t)
  rmSync(pack(shared.sha256))
  t.match(await runCommand(t, ['verify'], env), { code: 1, out: new RegExp(`record-without-bytes +${shared.sha256}`) })
  t.match(await runCommand(t, ['verify', '--repair'], env), { code: 1 })
})

t.test('rows that are gone are mended from the store', async t => {
  const { env, dataDir, lists } = await used(t)
  for (const part of ['', '-wal', '-shm']) rmSync(join(dataDir, `marquee.db${part}`), { force: true })
  t.match(await runCommand(t, ['verify'], env), { code: 0 }, 'without a database the store is looked at alone')
  t.match(await runCommand(t, ['rebuild'], env), { code: 0, out: 'rebuilt: 3 blobs of 59100 bytes, 4 owners (4 read, 0 index records written again)\n' })
  t.match(await runCommand(t, ['verify'], env), { code: 0, out: /all is well/ })
  const { url } = await start(t, dataDir)
  t.strictSame([await listed(url, alice), await listed(url, bob)], lists, 'owners, types and times are those from before')
})

t.test('rebuild sets the old database aside and, done twice, gives the same again', async t => {
  const { env, dataDir, lists } = await used(t)
  for (let round = 1; round <= 2; round++) {
    t.match(await runCommand(t, ['rebuild'], env), { code: 0, out: /^rebuilt: 3 blobs/ })
    t.ok(existsSync(join(dataDir, 'marquee.db.old')))
    t.notOk(existsSync(join(dataDir, 'marquee.db.new')))
  }
  const { url } = await start(t, dataDir)
  t.strictSame([await listed(url, alice), await listed(url, bob)], lists)
})

t.test('rebuild writes a record that is gone again, and tells with 1 what has neither record nor pack', async t => {
  const { env, record, pack } = await used(t)
  rmSync(record(packed.sha256))
  t.match(await runCommand(t, ['rebuild'], env), { code: 0, out: /1 index records written again/ })
  rmSync(record(shared.sha256))
  rmSync(pack(shared.sha256))
  const { code, out, err } = await runCommand(t, ['rebuild'], env)
  t.equal(code, 1)
  t.match(out, /^rebuilt: 2 blobs/)
  t.match(err, new RegExp(`^lost: .*${shared.sha256}`, 'm'))
})

t.test('rebuild that breaks off leaves the database as it was', async t => {
  const { env, dataDir, lists } = await used(t)
  const owners = join(dataDir, 'store', 'owners')
  renameSync(owners, `${owners}-away`)
  writeFileSync(owners, 'no folder')
  const { code, err } = await runCommand(t, ['rebuild'], env)
  t.equal(code, 1)
  t.match(err, /^marquee: .*owners/m)
  rmSync(owners)
  renameSync(`${owners}-away`, owners)
  const { url } = await start(t, dataDir)
  t.strictSame([await listed(url, alice), await listed(url, bob)], lists)
})

t.test('a database that cannot be read is told by verify, with 1, and the store stays as it was', async t => {
  const { env, dataDir } = await used(t)
  for (const part of ['-wal', '-shm']) rmSync(join(dataDir, `marquee.db${part}`), { force: true })
  writeFileSync(join(dataDir, 'marquee.db'), Buffer.alloc(10_000, 'spoilt '))
  t.match(await runCommand(t, ['verify', '--repair'], env), { code: 1, err: /marquee\.db is damaged/ })
})
