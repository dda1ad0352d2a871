// `marquee relays`: each relay's state, since when, failures, words; what waits, is done and was refused; how far it was read. Asked of the running server,
// and of its tables when none runs.

import Fastify from 'fastify'
import { join } from 'node:path'
import t from 'tap'
import { admin } from '../../server/admin.ts'
import { Guard } from '../../server/auth/guard.ts'
import { OurNames } from '../../server/auth/our-names.ts'
import { ClientAddresses } from '../../server/auth/client-address.ts'
import { RateLimits } from '../../server/auth/rate-limits.ts'
import { openDatabase } from '../../server/database.ts'
import { refuse } from '../../server/refusal.ts'
import { runCommand, runProgram, startServing } from '../support/command.ts'
import { Signer } from '../support/keys.ts'
import { freePort } from '../support/program.ts'
import { AWAY, GOOD, LEFT, fillOutbox, relayReportOf } from '../support/relay-report.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { AdminParts } from '../../server/admin.ts'
import type { RelayLine } from '../../server/catalog/relay-report.ts'
import type { Database } from '../../server/database.ts'

const key = new Signer()

/** The operator's door of a server whose relays are those of the report. */
async function startAdmin (t: Test, database: Database): Promise<string> {
  const app = Fastify()
  const rates = new RateLimits({ addresses: new ClientAddresses([]), rates: null, now: Date.now })
  let url = ''
  const guard = new Guard({ names: () => new OurNames(url, []), requireServerTag: false, rates })
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply))
  await app.register(admin, { guard, rates, keeper: key.pubkey, settings: { current: { adminPubkeys: [], idleTimeout: 1000 } }, relays: relayReportOf(database), now: Date.now } as unknown as AdminParts)
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return url
}

const linesIn = (out: string): RelayLine[] => out.trimEnd().split('\n').map((line) => JSON.parse(line) as RelayLine)

t.test('a running server tells of each relay: state, since when, failures, words; what waits, is done, was refused; how far following has come', async t => {
  const database = openDatabase(':memory:')
  fillOutbox(database)
  const url = await startAdmin(t, database)
  const env = { DATA_DIR: t.testdir({}), PORT: new URL(url).port, NODE_KEY: Buffer.from(key.secret).toString('hex') }
  const json = await runProgram(t, ['relays', '--json'], env)
  t.match(json, { code: 0, err: '' })
  t.match(linesIn(json.out), [
    {
      url: GOOD, configured: true, link: { state: 'open', failures: 0, words: '' }, outbox: { waiting: 1, done: 1, refused: 1 }, refusals: [{ kind: 30081, words: /^blocked: / }],
      following: { caughtUp: true, came: 100, taken: 80, faults: { EVENT_KNOWN: 12 }, strays: 2 }, read: [{ topic: 'adverts', readTo: 0 }, { topic: 'catalog', under: null }]
    },
    { url: AWAY, link: { state: 'waiting', failures: 3, words: /ECONNREFUSED/ }, outbox: { waiting: 3, done: 0, oldest: 1_800_000_000_000 }, refusals: [], following: { caughtUp: false } },
    { url: LEFT, configured: false, link: null, outbox: { waiting: 1 } }
  ])
  const { out } = await runCommand(t, ['relays'], env)
  for (const text of [
    `${GOOD}  open since 2027-01-15T08:00:00.000Z`, '1 waiting since 2027-01-15T08:00:00.000Z, 1 done in the last week, 1 refused', 'refused kind 30081 ', ': blocked: ?[31mnot you here',
    'caught up, 100 events came, 80 taken; not taken: 12 EVENT_KNOWN, 5 SIGNATURE_WRONG, 3 KIND_UNKNOWN', '2 events that were not asked for',
    'read of adverts: nothing to its end yet, going on down from 2027-01-15T07:00:00.000Z', 'read of catalog: up to 2027-01-15T08:00:00.000Z',
    `${AWAY}  waiting since`, 'failed 3 times in a row', 'last trouble: connect ECONNREFUSED 127.0.0.1:1', `${LEFT}  no longer configured`
  ]) t.ok(out.includes(text), text)
  t.notMatch(out, /\x1b/, 'a relay does not write to the operator\'s terminal')

  const stranger = { ...env, NODE_KEY: '11'.repeat(32) }
  t.match(await runCommand(t, ['relays'], stranger), { code: 1, out: '', err: /the server refused: 403/ })
})

t.test('without a server its tables are read: what waits, what was refused, how far it was read', async t => {
  const env = { DATA_DIR: t.testdir({}), PORT: String(await freePort()), RELAYS: `${GOOD},${AWAY}` }
  const before = await runCommand(t, ['relays'], env)
  t.match(before, { code: 0, err: '' })
  t.match(before.out, `${GOOD}  no server runs\n  told: 0 waiting, 0 done in the last week, 0 refused\n`, 'also before there are any')
  const database = openDatabase(join(env.DATA_DIR, 'marquee.db'))
  fillOutbox(database)
  database.close()
  const { out } = await runCommand(t, ['relays', '--json'], env)
  t.match(linesIn(out), [
    { url: GOOD, configured: true, link: null, following: null, outbox: { waiting: 1, done: 1, refused: 1 }, refusals: [{ kind: 30081 }], read: [{ topic: 'adverts' }, { topic: 'catalog' }] },
    { url: AWAY, outbox: { waiting: 3 } }, { url: LEFT, configured: false }
  ])
  t.match(await runCommand(t, ['relays'], { ...env, RELAYS: '' }), { code: 0, out: new RegExp(`${LEFT}  no longer configured`) })
})

t.test('no relays at all is said, of a server and without one', async t => {
  const env = { DATA_DIR: t.testdir({}), PORT: String(await freePort()) }
  const none = { code: 0, out: '', err: 'no relays: see the setting `relays`\n' }
  t.match(await runCommand(t, ['relays'], env), none)
  const server = await startServing(t, env)
  t.match(await runCommand(t, ['relays'], env), none)
  server.kill('SIGTERM')
  await server.ended
})
