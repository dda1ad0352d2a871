// After a kill under the same kernel the next start compares only the blobs that were under way, and ends where a look at everything would have
// ended (stores/unsettled.ts, stores/same-kernel.ts). A difference planted elsewhere tells which of the two it was: only a full look finds it.

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { blake3 } from '@napi-rs/blake-hash'
import root from 'tap'
import { openDatabase } from '../../server/database.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { databasePath } from '../../server/marquee.ts'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { openFsStores } from '../../server/stores/open.ts'
import { buildOwner } from '../../server/stores/owners.ts'
import { kernelOf } from '../../server/stores/same-kernel.ts'
import { verify } from '../../server/stores/verify.ts'
import { dump, keysOf, nodeOf } from '../suites/node-of.ts'
import { StoppingFiles } from '../suites/stopping-files.ts'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, remove } from '../support/asking.ts'
import { newFolder } from '../support/both-stores.ts'
import { runMarquee, startCrashing } from '../support/children.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'
import type { Fault } from '../../server/stores/verify.ts'
import type { Node } from '../suites/node-of.ts'

const [ANNA, BEN, PLANTED] = ['a', 'b', 'e'].map((digit) => digit.repeat(64)) as [string, string, string]
const packed = seededBlob('under way, packed', 300_000)
const small = seededBlob('under way, small', 20_000)
const inline = seededBlob('under way, inline', 500)
const kept = seededBlob('kept', 40_000)

interface Place {
  dataDir: string
  bootIdFile: string
}

/** A folder whose server ran on a kernel of the test's, and holds `kept`. */
async function runOnce (t: Test): Promise<Place> {
  const folder = newFolder(t)
  const place = { dataDir: join(folder, 'data'), bootIdFile: join(folder, 'boot-id') }
  writeFileSync(place.bootIdFile, 'one\n')
  const { close, url } = await startMarquee(t, place)
  t.equal((await upload(url, new Signer(), kept)).status, 201)
  await close()
  return place
}

let first: Promise<Place> | null = null

/** The same for each who asks: a copy of the first, whose database is told that its server ran on these very files. */
async function newPlace (t: Test): Promise<Place> {
  const copied = (await (first ??= runOnce(root))).dataDir
  const folder = newFolder(t)
  const place = { dataDir: join(folder, 'data'), bootIdFile: join(folder, 'boot-id') }
  cpSync(copied, place.dataDir, { recursive: true })
  writeFileSync(place.bootIdFile, 'one\n')
  const path = databasePath(place.dataDir)
  const database = openDatabase(path)
  new Descriptors(database).setMark('kernel', kernelOf([path, join(place.dataDir, 'store')], place.bootIdFile))
  database.close()
  return place
}

/** An owner object without a row, of a blob that nothing is done with. */
function plant ({ dataDir }: Place): void {
  const path = join(dataDir, 'store', new Layout(false).owner(sha256Multihash(kept.sha256), PLANTED))
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, buildOwner({ sha256: kept.sha256, owner: PLANTED, type: 'text/plain', uploaded: 5, blake3: blake3(kept.bytes).toString('hex'), size: kept.bytes.length }))
}

/** What a server that starts there makes of it; it ends cleanly. */
async function start (t: Test, place: Place): Promise<{ rows: ReturnType<typeof dump>, keys: string[], faults: Fault[], owners: string[], full: boolean, noted: number }> {
  const { close, log, url } = await startMarquee(t, place)
  t.same(log.filter((line) => Number(line['level']) >= 50), [], 'the start complains of nothing')
  t.same(await hashed(await fetch(`${url}/${kept.sha256}`)), { status: 200, size: kept.bytes.length, sha256: kept.sha256 }, 'what was here before is here')
  await close()
  t.same(readdirSync(join(place.dataDir, 'store', 'drafts')), [], 'no draft is left')
  const database = openDatabase(join(place.dataDir, 'marquee.db'))
  const stores = await openFsStores(join(place.dataDir, 'store'))
  const descriptors = new Descriptors(database)
  const { faults } = await verify({ stores, descriptors, repair: false, foreignBlobs: false, now: Date.now() })
  const owners = [packed, small, inline].flatMap(({ sha256 }) => descriptors.ownersOf(sha256)).sort()
  const state = { rows: dump(database), keys: await keysOf(stores), faults, owners, full: descriptors.ownership(kept.sha256, PLANTED) !== null, noted: descriptors.unsettled.all().length }
  database.close()
  return state
}

/** Starts on what a kill left, under the same kernel and, on a copy, under another: both end the same, but for what was planted. */
async function compareStarts (t: Test, place: Place): Promise<string[]> {
  plant(place)
  const copy = { dataDir: `${place.dataDir}-copy`, bootIdFile: `${place.bootIdFile}-copy` }
  cpSync(place.dataDir, copy.dataDir, { recursive: true })
  writeFileSync(copy.bootIdFile, 'two\n')
  const quick = await start(t, place)
  const full = await start(t, copy)
  t.notOk(quick.full, 'under the same kernel not everything is looked at')
  t.ok(full.full, 'under another it is')
  t.same(quick.faults.map(({ kind, about }) => ({ kind, about })), [{ kind: 'row-missing', about: kept.sha256 }], 'verify finds what was planted alone')
  t.same(full.faults, [])
  t.same(quick.keys, full.keys, 'the same is in the store')
  const theirs = ({ pubkey }: { pubkey?: string }): boolean => pubkey !== PLANTED.toUpperCase()
  const unplanted = (rows: unknown[]): unknown[] => (rows as { pubkey?: string }[]).filter(theirs)
  t.same(unplanted(quick.rows.owners), unplanted(full.rows.owners), 'and in the rows')
  t.same(quick.rows.blobs.map((row) => (row as { sha256: string }).sha256), full.rows.blobs.map((row) => (row as { sha256: string }).sha256))
  t.same([quick.noted, full.noted], [0, 0], 'no note is left')
  rmSync(copy.dataDir, { recursive: true })
  return quick.owners
}

/** A server without its HTTP and without a journal, whose files stop where they are told. */
async function stoppable ({ dataDir }: Place): Promise<{ node: Node, files: StoppingFiles }> {
  const files = new StoppingFiles()
  const node = nodeOf(await openFsStores(join(dataDir, 'store'), files), { database: openDatabase(join(dataDir, 'marquee.db')) })
  node.descriptors.setMark('clean', null)
  return { node, files }
}

interface Work {
  name: string
  blob: typeof packed
  before: (node: Node) => Promise<unknown>
  work: (node: Node) => Promise<unknown>
  /** Owners before and after: each kill ends in one or the other. */
  owners: [string[], string[]]
}

function worksOn (blob: typeof packed, how: string): Work[] {
  const put = (owner: string) => (node: Node): Promise<unknown> => node.put(blob.bytes, { owner })
  const both = async (node: Node): Promise<void> => {
    await node.put(blob.bytes, { owner: ANNA })
    await node.put(blob.bytes, { owner: BEN })
  }
  const disown = (node: Node): Promise<unknown> => node.blobs.disown(blob.sha256, ANNA)
  return [
    { name: `an upload, ${how}`, blob, before: async () => {}, work: put(ANNA), owners: [[], [ANNA]] },
    { name: `a second owner, ${how}`, blob, before: put(ANNA), work: put(BEN), owners: [[ANNA], [ANNA, BEN]] },
    { name: `a delete by one of two, ${how}`, blob, before: both, work: disown, owners: [[ANNA, BEN], [BEN]] },
    { name: `a delete by the last owner, ${how}`, blob, before: put(ANNA), work: disown, owners: [[ANNA], []] }
  ]
}

for (const { name, before, work, owners } of [...worksOn(packed, 'packed'), ...worksOn(inline, 'inline')]) {
  await root.test(`a kill before any file call of ${name}: the start after it ends as a full comparison would`, async (t) => {
    const seen = new Set<string>()
    let calls = 0
    for (let ended = false; !ended; calls++) {
      const place = await newPlace(t)
      const { node, files } = await stoppable(place)
      await before(node)
      files.left = calls
      ended = await Promise.race([work(node).then(() => true), files.stopped.then(() => false)])
      await files.release()
      const after = (await compareStarts(t, place)).join()
      seen.add(after)
      if (ended) t.equal(after, owners[1].join(), 'what was done is done')
      else t.ok(owners.some((each) => each.join() === after), `after ${calls} calls: wholly done or not at all`, { after })
    }
    t.ok(calls > 3, `${calls} calls`)
    t.same(seen, new Set(owners.map((each) => each.join())), 'both happened')
  })
}

interface Killed {
  step: string
  doing: 'upload' | 'adopt' | 'delete one' | 'delete'
  /** Of whom the blob is then. */
  owners: string[]
}

/** Where small uploads share a log; each of these is a server that died of SIGKILL. */
const KILLED: readonly Killed[] = [
  { step: 'upload logged', doing: 'upload', owners: [ANNA] },
  { step: 'row written', doing: 'upload', owners: [ANNA] },
  { step: 'owner logged', doing: 'adopt', owners: [ANNA, BEN] },
  { step: 'owner put', doing: 'adopt', owners: [ANNA, BEN] },
  { step: 'row written', doing: 'adopt', owners: [ANNA, BEN] },
  { step: 'delete logged', doing: 'delete one', owners: [BEN] },
  { step: 'owner removed', doing: 'delete one', owners: [BEN] },
  { step: 'delete logged', doing: 'delete', owners: [] },
  { step: 'owner removed', doing: 'delete', owners: [] },
  { step: 'sha256 record removed', doing: 'delete', owners: [] },
  { step: 'BLAKE3 record removed', doing: 'delete', owners: [] },
  { step: 'pack removed', doing: 'delete', owners: [] }
]

for (const { step, doing, owners } of KILLED) {
  await root.test(`kill -9 after '${step}' of a blob in the log (${doing}): the start after it ends as a full comparison would`, async (t) => {
    const place = await newPlace(t)
    const [anna, ben] = [new Signer(), new Signer()]
    const server = await startCrashing(t, { DATA_DIR: place.dataDir, PORT: '0', BOOT_ID_FILE: place.bootIdFile, ARMED: 'later' }, step, small)
    const put = async (signer: Signer): Promise<void> => { t.ok([200, 201].includes((await upload(server.url, signer, small)).status)) }
    if (doing !== 'upload') await put(anna)
    if (doing === 'delete one') await put(ben)
    process.kill(server.pid, 'SIGUSR2')
    while (!server.output().includes('armed')) await sleep(5)
    await t.rejects(doing === 'upload' ? upload(server.url, anna, small) : doing === 'adopt' ? upload(server.url, ben, small) : remove(server.url, anna, small.sha256))
    t.equal(await server.gone, 'SIGKILL')
    t.ok(existsSync(join(place.dataDir, 'store', 'journal', '1.log')), 'the log is there')
    const names: Record<string, string> = { [anna.pubkey]: ANNA, [ben.pubkey]: BEN }
    t.same((await compareStarts(t, place)).map((owner) => names[owner]).sort(), owners)
  })
}

/** A folder whose server was killed when nothing was under way. */
async function killedAtRest (t: Test): Promise<Place> {
  const place = await newPlace(t)
  const { node } = await stoppable(place)
  node.database.close()
  plant(place)
  return place
}

await root.test('everything is compared where no kernel tells, where another ran, and for a copy of the folder', async (t) => {
  for (const [why, change] of [
    ['another boot id', ({ bootIdFile }: Place) => { writeFileSync(bootIdFile, 'two\n') }],
    ['an empty boot id', ({ bootIdFile }: Place) => { writeFileSync(bootIdFile, '\n') }],
    ['no boot id', ({ bootIdFile }: Place) => { rmSync(bootIdFile) }],
    ['a database that another kernel used last', ({ dataDir }: Place) => {
      const database = openDatabase(join(dataDir, 'marquee.db'))
      new Descriptors(database).setMark('kernel', 'two')
      database.close()
    }],
    ['a database of before there was such a mark', ({ dataDir }: Place) => {
      const database = openDatabase(join(dataDir, 'marquee.db'))
      new Descriptors(database).setMark('kernel', null)
      database.close()
    }],
    ['a copied database', ({ dataDir }: Place) => {
      cpSync(join(dataDir, 'marquee.db'), join(dataDir, 'copy.db'))
      rmSync(join(dataDir, 'marquee.db'))
      cpSync(join(dataDir, 'copy.db'), join(dataDir, 'marquee.db'))
    }],
    ['a copied store', ({ dataDir }: Place) => {
      cpSync(join(dataDir, 'store'), join(dataDir, 'copy'), { recursive: true })
      rmSync(join(dataDir, 'store'), { recursive: true })
      cpSync(join(dataDir, 'copy'), join(dataDir, 'store'), { recursive: true })
    }]
  ] as const) {
    const place = await killedAtRest(t)
    change(place)
    const { full, faults } = await start(t, place)
    t.ok(full, why)
    t.same(faults, [])
  }
  t.notOk((await start(t, await killedAtRest(t))).full, 'and not after a kill alone')
})

await root.test('a start that was killed before it had compared everything is followed by one that does', async (t) => {
  const place = await killedAtRest(t)
  writeFileSync(place.bootIdFile, 'two\n')
  const broken = await openFsStores(join(place.dataDir, 'store'))
  await t.rejects(startMarquee(t, { ...place, stores: { ...broken, names: () => { throw new Error('killed here') } } }), /killed here/)
  const database = openDatabase(join(place.dataDir, 'marquee.db'))
  new Descriptors(database).removeOwner(kept.sha256, PLANTED, 1) // it had come so far
  database.close()
  t.ok((await start(t, place)).full)
})

await root.test('foreign tools in the store: everything is compared after a kill', async (t) => {
  const place = await killedAtRest(t)
  const { close, marquee } = await startMarquee(t, { ...place, env: { FOREIGN_BLOBS: 'on' } })
  t.not(marquee.descriptors.ownership(kept.sha256, PLANTED), null)
  await close()
})

await root.test('what a log held is compared also where `marquee verify` replayed it before the server started again', async (t) => {
  const place = await newPlace(t)
  const signer = new Signer()
  const env = { DATA_DIR: place.dataDir, PORT: '0', BOOT_ID_FILE: place.bootIdFile, ARMED: 'later' }
  const server = await startCrashing(t, env, 'upload logged', small)
  process.kill(server.pid, 'SIGUSR2')
  while (!server.output().includes('armed')) await sleep(5)
  await t.rejects(upload(server.url, signer, small))
  await server.gone
  const verified = await runMarquee(t, ['verify'], { DATA_DIR: place.dataDir })
  t.match(verified.output, /row-missing/)
  t.same(readdirSync(join(place.dataDir, 'store', 'journal')), [], 'the log is gone')
  const { owners, faults } = await start(t, place)
  t.same(owners, [signer.pubkey])
  t.same(faults, [])
})
