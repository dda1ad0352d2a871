// The catalog in SQLite (design §1.4): the same events in any order and however often end in the same tables, `rebuild` gives them again from the log, and
// what the tables say is what the pure fold says.

import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { CatalogStore } from '../../server/catalog/catalog-store.ts'
import { parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { foldCatalog } from '../../server/catalog/fold.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildTitle } from '../../server/catalog/kinds/title.ts'
import { buildWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { tablesOf } from '../support/catalog-tables.ts'
import { diceOf, hashNamed, randomHistory, shuffled, unsigned } from '../support/catalog-histories.ts'
import type { Database } from '../../server/database.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const NOW = 1_700_000_100

function storeOf (events: readonly SignedEvent[], together: number): { database: Database, store: CatalogStore } {
  const database = openDatabase(':memory:')
  const store = new CatalogStore(database)
  for (let i = 0; i < events.length; i += together) store.addAll(events.slice(i, i + together).map(parseCatalogEvent))
  return { database, store }
}

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

t.test(`any order of arrival, with duplicates, ends in the same tables (SEED=${seed})`, async t => {
  const dice = diceOf(seed)
  for (let round = 0; round < 60; round++) {
    const history = randomHistory(dice, 40)
    const first = storeOf(history, 1)
    const tables = tablesOf(first.database)
    for (let again = 0; again < 3; again++) {
      const other = storeOf(shuffled(dice, history), 1 + dice(7))
      if (tablesOf(other.database) !== tables) {
        t.equal(tablesOf(other.database), tables, `round ${round}`)
        return
      }
      other.database.close()
    }
    first.store.rebuild(null)
    if (tablesOf(first.database) !== tables) {
      t.equal(tablesOf(first.database), tables, `rebuilt, round ${round}`)
      return
    }
    const fold = foldCatalog(history, NOW)
    const said = (sql: string): string[] => (first.database.prepare(sql).all() as { event: Buffer }[]).map(({ event }) => event.toString('hex'))
    const same = [
      [said("SELECT event FROM titles WHERE status = 'published'"), fold.titles.map(({ event }) => event.id)],
      [said("SELECT event FROM collections WHERE status = 'published'"), fold.collections.map(({ event }) => event.id)],
      [said(`SELECT event FROM adverts WHERE expires_at > ${NOW}`), fold.adverts.map(({ event }) => event.id)],
      [said('SELECT event FROM lists'), fold.servers.map(({ event }) => event.id)],
      [said("SELECT event FROM titles WHERE status = 'withdrawn' UNION SELECT event FROM collections WHERE status = 'withdrawn'"), fold.withdrawn.map(({ id }) => id)]
    ]
    for (const [rows, pure] of same) if (rows!.sort().join() !== pure!.sort().join()) t.same(rows, pure, `as the pure fold, round ${round}`)
    first.database.close()
  }
  t.pass('60 histories, each in four orders and rebuilt')
})

const key = hashNamed('key')
const title = (d: string, createdAt: number, name = d): SignedEvent =>
  unsigned(key, buildTitle({ d, title: name, manifest: { sha256: hashNamed('m'), blake3: hashNamed('b'), size: 1 } }, createdAt))

t.test('an event that is here already is no second entry', async t => {
  const { store } = storeOf([], 1)
  const parsed = parseCatalogEvent(title('x', 1))
  t.equal(store.add(parsed), 1)
  t.equal(store.add(parsed), null)
  t.equal(store.standing(parsed.event), 'known')
  t.equal(store.log.last, 1)
})

t.test('how an event stands: new, older, taken back', async t => {
  const { store } = storeOf([title('x', 10)], 1)
  t.equal(store.standing(title('x', 11)), 'new')
  t.equal(store.standing(title('x', 9)), 'older')
  t.equal(store.standing(title('y', 9)), 'new')
  store.add(parseCatalogEvent(unsigned(key, buildWithdrawal({ addresses: [`34235:${key}:x`] }, 20))))
  t.equal(store.standing(title('x', 15)), 'deleted')
  t.equal(store.standing(title('x', 21)), 'new')
})

t.test('a listener hears what was added, once it is in the tables', async t => {
  const { store, database } = storeOf([], 1)
  const heard: unknown[] = []
  const stop = store.onAdded((events) => { heard.push(events.map(({ seq, parsed }) => [seq, parsed.event.id, database.inTransaction])) })
  const [a, b] = [title('a', 1), title('b', 1)]
  store.addAll([a, b, a].map(parseCatalogEvent))
  t.same(heard, [[[1, a.id, false], [2, b.id, false]]])
  stop()
  store.add(parseCatalogEvent(title('c', 1)))
  t.equal(heard.length, 1)
})

t.test('rebuild leaves out what is not what it was, and says which', async t => {
  const { store, database } = storeOf([title('a', 1), title('b', 1), title('b', 2)], 1)
  database.prepare("UPDATE events SET raw = replace(raw, '\"b\"', '\"q\"') WHERE seq = 3").run()
  database.prepare("UPDATE events SET raw = '{' WHERE seq = 1").run()
  t.same(store.rebuild(null), { events: 1, damaged: [1, 3] })
  t.same(database.prepare('SELECT d, created_at FROM titles').all(), [{ d: 'b', created_at: 1 }])
})

t.test('rebuild leaves out an entry whose row says other things than its event', async t => {
  for (const change of ["kind = 34236", "pubkey = zeroblob(32)", "d = 'q'", 'created_at = 7', 'id = zeroblob(32)']) {
    const { store, database } = storeOf([title('a', 1), title('b', 1)], 1)
    database.prepare(`UPDATE events SET ${change} WHERE seq = 1`).run()
    t.same(store.rebuild(null), { events: 1, damaged: [1] }, change)
    t.same(database.prepare('SELECT d FROM titles').all(), [{ d: 'b' }], change)
  }
})

t.test('rebuild checks signatures where it is told to', async t => {
  const { store } = storeOf([title('a', 1), title('b', 1)], 1)
  t.same(store.rebuild(({ tags }) => tags[0]![1] === 'a'), { events: 1, damaged: [2] })
})

t.test('an advert over its time is let go of, from the tables and from the log; places are never used again', async t => {
  const advert = (name: string, at: number): SignedEvent => unsigned(key, buildProviderAdvert({ blake3: hashNamed(name), servers: ['https://a.example'] }, at))
  const { store, database } = storeOf([advert('old', 1000), advert('new', 1000 + 60 * 3600)], 1)
  t.equal(store.sweep(1000 + 49 * 3600), 1, 'after 48 hours the row')
  t.equal(store.sweep(1000 + 73 * 3600), 1, 'after 72 the entry')
  t.equal(store.sweep(1000 + 73 * 3600), 0)
  t.equal(database.prepare('SELECT count(*) AS n FROM events').get() && store.log.last, 2)
  t.equal(store.add(parseCatalogEvent(advert('next', 1000 + 60 * 3600))), 3)
})
