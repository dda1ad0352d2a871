// `marquee rebuild --catalog` gives the same tables from the log alone; `marquee rebuild` gives the catalog back from the store alone, and keeps of the
// old database what no store can give back (design §1.3).

import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildCollection } from '../../server/catalog/kinds/collection.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { buildWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { openDatabase } from '../../server/database.ts'
import { tablesOf } from '../support/catalog-tables.ts'
import { startMarquee } from '../support/app.ts'
import { runCommand, runProgram } from '../support/command.ts'
import { smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import type { Test } from 'tap'
import type { Database } from '../../server/database.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const [ann, ben, node] = [new Signer(), new Signer(), new Signer()]
const RELAY = 'wss://relay.example'

interface Used { dataDir: string, env: Record<string, string>, tables: string, manifests: string, last: number }

const inDatabase = <T>(dataDir: string, work: (database: Database) => T): T => {
  const database = openDatabase(join(dataDir, 'marquee.db'))
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** What was read of manifests, without local numbers. */
const manifestsOf = (database: Database): string => JSON.stringify(database.prepare(`
  SELECT hex(m.sha256) AS manifest, hex(h.sha256) AS hash, position, role FROM manifests m JOIN manifest_hashes h ON h.manifest = m.id ORDER BY 1, 3`).all())

/** The data folder of a server with titles, a collection, adverts, withdrawals of both sorts and a snapshot; something waits for a relay. */
async function used (t: Test): Promise<Used> {
  const dataDir = t.testdir()
  const { url, marquee, close } = await startMarquee(t, { dataDir })
  const now = Math.floor(Date.now() / 1000)
  const publish = async (event: SignedEvent): Promise<void> => {
    const { status } = await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(event) })
    if (status !== 201) throw new Error(`publish: ${status}`)
  }
  const films = ['one', 'two', 'three', 'four'].map((name) => smallFilm(ann.pubkey, name))
  for (const film of films) {
    await uploadFilm(url, ann, film)
    await publish(ann.sign(film.title(now - 60)))
  }
  await publish(ann.sign(films[0]!.title(now, { title: 'The film one, again' })))
  await publish(ann.sign(buildWithdrawnTitle({ kind: 34235, d: 'two', title: 'two' }, 'rights', now)))
  await publish(ann.sign(buildWithdrawal({ addresses: [`34235:${ann.pubkey}:three`] }, now)))
  await publish(ben.sign(buildCollection({ d: 'best', title: 'The best', titles: [`34235:${ann.pubkey}:one`] }, now)))
  const { sha256, blake3 } = films[0]!.manifestBlob
  await publish(node.sign(buildProviderAdvert({ blake3, sha256, scope: 'manifest', coverage: { held: 5, listed: 5 }, servers: ['https://node7.example'] }, now)))
  const { catalog } = marquee
  const made = await catalog.makeSnapshot()
  catalog.outbox.queue(made!, [RELAY], Date.now())
  catalog.outbox.queue(made!, ['wss://other.example'], Date.now())
  catalog.outbox.refused(made!.id, 'wss://other.example', 'blocked: no', Date.now())
  const last = catalog.store.log.last
  await close()
  const [tables, manifests] = inDatabase(dataDir, (database) => {
    database.prepare(`INSERT INTO mirror_jobs (id, pubkey, wanted, state, have, of_all, bytes, faults, created_at, updated_at)
      VALUES ('job', zeroblob(32), '{}', 'running', 1, 2, 3, '[]', 4, 5)`).run()
    return [tablesOf(database), manifestsOf(database)]
  })
  return { dataDir, env: { DATA_DIR: dataDir }, tables, manifests, last }
}

t.test('rebuild --catalog folds the log into the very same tables, ids and with --signatures every signature checked', async t => {
  const { dataDir, env, tables, manifests, last } = await used(t)
  for (const [options, told] of [[[], 'ids checked'], [['--signatures'], 'ids and signatures checked']] as const) {
    inDatabase(dataDir, (database) => { database.exec("DELETE FROM titles; DELETE FROM adverts; UPDATE collections SET title = 'spoilt'") })
    t.match(await runProgram(t, ['rebuild', '--catalog', ...options], env), { code: 0, out: `rebuilt: the catalog from ${last} events, ${told}\n` })
    inDatabase(dataDir, (database) => {
      t.equal(tablesOf(database), tables)
      t.equal(manifestsOf(database), manifests, 'manifests are no fold over events')
      t.equal((database.prepare('SELECT count(*) AS n FROM outbox').get() as { n: number }).n, 2)
    })
  }
})

t.test('a damaged entry of the log is told by its place and left out, with 1; a wrong signature only where it is asked for', async t => {
  const { dataDir, env, last } = await used(t)
  inDatabase(dataDir, (database) => { database.exec(`UPDATE events SET raw = replace(raw, 'The best', 'The rest') WHERE kind = 30005; UPDATE events SET raw = json_set(raw, '$.sig', '${'0'.repeat(128)}') WHERE seq = 4`) })
  const { seq } = inDatabase(dataDir, (database) => database.prepare('SELECT seq FROM events WHERE kind = 30005').get() as { seq: number })
  const told = `damaged: entry ${seq} of the log is not the event it was: left out\n`
  const plain = await runCommand(t, ['rebuild', '--catalog'], env)
  t.match(plain, { code: 1, out: `rebuilt: the catalog from ${last - 1} events, ids checked\n` })
  t.ok(plain.err.endsWith(told))
  t.same(inDatabase(dataDir, (database) => [database.prepare('SELECT d FROM collections').all(), database.prepare("SELECT count(*) AS n FROM titles WHERE d = 'four'").get()]), [[], { n: 1 }])
  const signed = await runCommand(t, ['rebuild', '--catalog', '--signatures'], env)
  t.match(signed, { code: 1, out: `rebuilt: the catalog from ${last - 2} events, ids and signatures checked\n` })
  t.ok(signed.err.endsWith(`damaged: entry 4 of the log is not the event it was: left out\n${told}`))
})

t.test('rebuild --catalog refuses a folder that a server holds, one without a database, and --signatures alone', async t => {
  const { dataDir } = await startMarquee(t)
  t.match(await runCommand(t, ['rebuild', '--catalog'], { DATA_DIR: dataDir }), { code: 1, err: /in use by marquee serve/ })
  t.match(await runCommand(t, ['rebuild', '--catalog'], { DATA_DIR: t.testdir() }), { code: 1, err: /there is no .*marquee\.db: `marquee rebuild` makes it/ })
  t.match(await runCommand(t, ['rebuild', '--signatures'], { DATA_DIR: t.testdir() }), { code: 2, err: /--signatures goes with --catalog/ })
})

t.test('rebuild gives titles, collections, authors, manifests and the adverts of the snapshot back from the store alone', async t => {
  const { dataDir, env, tables, manifests, last } = await used(t)
  for (const name of readdirSync(dataDir)) if (name.startsWith('marquee.db')) rmSync(join(dataDir, name))
  const { code, out, err } = await runCommand(t, ['rebuild'], env)
  t.equal(code, 0, err)
  // the title that was taken back is an event more where it is met before what took it back
  t.match(out, /the catalog: [89] events that lay in the store, 1 of the newest snapshot, 2 manifests\n/)
  inDatabase(dataDir, (database) => {
    t.equal(tablesOf(database), tables)
    // those of the two that stand; a server forgets what no title names as well
    const standing = new Set((database.prepare('SELECT hex(manifest) AS manifest FROM titles WHERE manifest IS NOT NULL').all() as { manifest: string }[]).map(({ manifest }) => manifest))
    t.equal(standing.size, 2)
    t.same(JSON.parse(manifestsOf(database)), (JSON.parse(manifests) as { manifest: string }[]).filter(({ manifest }) => standing.has(manifest)))
    const authors = (database.prepare('SELECT pubkey FROM authors').all() as { pubkey: Buffer }[]).map(({ pubkey }) => pubkey.toString('hex'))
    for (const { pubkey } of [ann, ben]) t.ok(authors.includes(pubkey))
  })
  const { url, marquee } = await startMarquee(t, { dataDir })
  const list = await (await fetch(`${url}/catalog/titles`)).json() as { titles: { title: string, status: string }[] }
  t.same(list.titles.map(({ title, status }) => [title, status]).sort(), [['The film four', 'published'], ['The film one, again', 'published']])
  t.ok(marquee.catalog.store.log.last >= last - 1, 'places go on from those of the snapshot')
})

t.test('what waits in the outbox, mirror jobs and the count of places survive a rebuild, as far as the old database can be read', async t => {
  const { dataDir, env, tables, last } = await used(t)
  const { code, out, err } = await runCommand(t, ['rebuild'], env)
  t.equal(code, 0, err)
  t.match(out, /carried over: 2 of the outbox, 1 mirror jobs, \d authors/)
  inDatabase(dataDir, (database) => {
    t.equal(tablesOf(database), tables)
    t.match(database.prepare('SELECT relay, state, words FROM outbox ORDER BY relay').all(), [{ relay: 'wss://other.example', state: 'refused', words: 'blocked: no' }, { relay: RELAY, state: 'waiting' }])
    t.match(database.prepare('SELECT id, state, bytes FROM mirror_jobs').all(), [{ id: 'job', state: 'running', bytes: 3 }])
    t.ok((database.prepare('SELECT min(seq) AS seq FROM events').get() as { seq: number }).seq > last, 'who followed by place misses nothing')
  })
  writeFileSync(join(dataDir, 'marquee.db'), 'This is no database. '.repeat(1000))
  const spoilt = await runCommand(t, ['rebuild'], env)
  t.match(spoilt, { code: 0, err: /what waited in the outbox of the old database could not all be read: file is not a database/ })
  t.equal(inDatabase(dataDir, tablesOf), tables)
})

t.test('a kept event that is damaged in the store is told and left out, with 1; the rest comes back', async t => {
  const { dataDir, env } = await used(t)
  const events = join(dataDir, 'store/state/events')
  // but for the snapshot's own event, without which there is no snapshot
  const [half, other] = readdirSync(events).sort().filter((name) => !readFileSync(join(events, name), 'utf8').includes('"kind":30078'))
  writeFileSync(join(events, half!), '{"id":')
  writeFileSync(join(events, other!), '{"kind":1}')
  rmSync(join(dataDir, 'marquee.db'))
  const { code, err } = await runCommand(t, ['rebuild'], env)
  t.equal(code, 1)
  for (const name of [half!, other!]) t.ok(err.includes(`damaged: state/events/${name} is not the event it was: left out\n`))
  t.ok((inDatabase(dataDir, (database) => database.prepare('SELECT count(*) AS n FROM events').get()) as { n: number }).n >= 7)
})
