// What a new configuration changes while the server runs: what is marked `live`, all of it or nothing; the rest is told and waits.

import t from 'tap'
import { ConfigError } from '../server/errors.ts'
import { FIELDS, valueAt } from '../server/config-fields.ts'
import { Settings } from '../server/settings.ts'
import { fromEnv, OTHER, PUBKEY, writeConfig } from './support/config.ts'
import { loadConfig } from '../server/config.ts'
import { startMarquee, upload } from './support/app.ts'
import { onBothStores } from './support/both-stores.ts'
import { Signer, seededBlob } from './support/keys.ts'
import type { Config } from '../server/config.ts'

/** Another good value for every key of the table. */
const OTHERS: Readonly<Record<string, unknown>> = {
  'host': '::1', 'port': 1, 'publicUrl': 'https://a.example', 'aliases': ['b.example'], 'dataDir': '/elsewhere', 'store': 'minio', 'minio.endpoint': 'http://127.0.0.1:1',
  'minio.accessKey': 'a', 'minio.secretKey': 's', 'minio.bucket': 'other', 'minio.region': 'r', 'relays': ['wss://r.example'], 'nodeKey': '1'.padStart(64, '0'), 'releaseRoot': [OTHER],
  'timestampKey': 'k', 'list': 'off', 'types': ['image/*'], 'policy': [{ deny: 'no' }], 'logLevel': 'warn', 'trustedProxies': ['10.0.0.1'], 'metricsToken': 'm', 'offload.mode': 'redirect',
  'offload.prefix': '/p/', 'offload.secret': 'x'.repeat(16), 'offload.endpoint': 'http://127.0.0.1:2'
}

/** Where a key of OTHERS is not found: by what its default looks like. */
function otherOf (key: string, now: unknown): unknown {
  if (key in OTHERS) return OTHERS[key]
  if (key.endsWith('Pubkeys')) return [PUBKEY]
  return typeof now === 'boolean' ? !now : typeof now === 'number' ? 77 : 5
}

function withKey (key: string, value: unknown): Config {
  const config = structuredClone(fromEnv({})) as unknown as Record<string, unknown>
  const names = key.split('.')
  const branch = names.length === 1 ? config : config[names[0]!] as Record<string, unknown>
  branch[names.at(-1)!] = value
  return config as unknown as Config
}

t.test('each key that is live takes effect, and each that is not is told and stays', async t => {
  for (const { key, live } of FIELDS) {
    const before = fromEnv({})
    const settings = new Settings(before)
    const told: (readonly string[])[] = []
    settings.follow((config, changed) => {
      t.equal(config, settings.current)
      told.push(changed)
    })
    const value = otherOf(key, valueAt(before, key))
    const given = key === 'publicUrl' ? { publicUrlGiven: true } : {}
    const taken = settings.take({ ...withKey(key, value), ...given })
    t.strictSame(taken, live === true ? { changed: [key], waiting: [] } : { changed: [], waiting: [key] }, key)
    t.strictSame(valueAt(settings.current, key), live === true ? value : valueAt(before, key), key)
    t.strictSame(told, [taken.changed])
  }
})

t.test('what waits for a restart does not hold up the rest, and a return to what was is no change', async t => {
  const settings = new Settings(fromEnv({}))
  t.strictSame(settings.take(fromEnv({ HOST: '0.0.0.0', MAX_BLOB_SIZE: '5', STORE: 'minio', MINIO_ENDPOINT: 'http://a', MINIO_ACCESS_KEY: 'a', MINIO_SECRET_KEY: 'b' })), {
    changed: ['maxBlobSize'], waiting: ['host', 'store', 'minio.endpoint', 'minio.accessKey', 'minio.secretKey', 'inlineLimit']
  })
  t.match(settings.current, { host: '127.0.0.1', store: 'fs', maxBlobSize: 5 })
  t.strictSame(settings.take(fromEnv({ MAX_BLOB_SIZE: '5' })), { changed: [], waiting: [] })
})

t.test('READ_PUBKEYS does not come into force beside an offload that stays: nginx would ask nobody for a token', async t => {
  const settings = new Settings(fromEnv({ OFFLOAD: 'x-accel', OFFLOAD_SECRET: 'x'.repeat(16) }))
  const before = settings.current
  settings.follow(() => { t.fail('nobody is told') })
  t.throws(() => settings.take(fromEnv({ READ_PUBKEYS: PUBKEY, MAX_BLOB_SIZE: '5' })), new ConfigError(['/readPubkeys may name who may read only when /offload/mode is off, and that needs a restart']))
  t.equal(settings.current, before)
})

await onBothStores(t, 'policy, limits, lists of keys and what they are told by change for a server that runs, and back', async (t, newPlace) => {
  const place = await newPlace()
  const server = await startMarquee(t, { minio: place })
  const { url, marquee: { settings } } = server
  const first = settings.current
  /** As the file would say it, over what the server was started with. */
  const take = (file: Record<string, unknown>): void => {
    const minio = place === null ? {} : { minio: { ...first.minio } }
    settings.take(loadConfig({ file: writeConfig(t, { store: first.store, dataDir: first.dataDir, port: 0, ...minio, ...file }), env: {} }))
  }
  const [owner, other] = [new Signer(), new Signer()]
  let count = 0
  const put = async (signer = owner, headers: Record<string, string> = {}, size = 100): Promise<number> => (await upload(url, signer, seededBlob(`reload ${count++}`, size), headers)).status
  const blob = seededBlob('kept', 20_000)
  t.equal((await upload(url, owner, blob)).status, 201)
  const get = async (signer?: Signer): Promise<number> =>
    (await fetch(`${url}/${blob.sha256}`, { headers: signer === undefined ? {} : { authorization: signer.token('get') } })).status
  const terms = async (): Promise<unknown> => (await fetch(`${url}/.well-known/marquee.json`)).json()
  for (let i = 0; i < 3; i++) t.equal(await get(), 200)

  take({ maxBlobSize: 50, types: ['image/*'], policy: [{ pubkeys: [other.pubkey], deny: 'not you' }] })
  t.equal(await put(), 413)
  t.equal(await put(owner, { 'content-type': 'text/plain' }, 10), 415)
  t.equal(await put(other, {}, 10), 403)
  t.equal(await put(owner, {}, 10), 201)
  t.match(await terms(), { limits: { blobBytes: 50 }, uploads: { types: ['image/*'], rules: [{ keys: 'some', deny: 'not you' }] } })

  take({ uploadPubkeys: [other.pubkey], readPubkeys: [owner.pubkey], adminPubkeys: [other.pubkey], list: 'public', metricsToken: 'm' })
  t.equal(await put(), 403)
  t.equal(await put(other), 201)
  t.strictSame([await get(), await get(other), await get(owner)], [401, 403, 200], 'a blob in memory too')
  t.equal((await fetch(`${url}/list/${owner.pubkey}`)).status, 200)
  t.equal((await fetch(`${url}/admin/blocked`, { headers: { authorization: other.httpToken('GET', `${url}/admin/blocked`) } })).status, 200)
  t.equal((await fetch(`${url}/metrics`)).status, 401)
  t.match(await terms(), { uploads: { keys: 'some' }, reads: { token: true }, lists: 'public' })

  take({ anonymousUploads: true, maxKeyBlobs: 1, allowListOnly: true, requireServerTag: true, aliases: ['https://alias.example'] })
  t.equal(await get(), 404, 'not on the list of what is allowed')
  t.equal((await fetch(`${url}/admin/blocked`, { headers: { authorization: other.httpToken('GET', `${url}/admin/blocked`) } })).status, 403)
  t.equal((await fetch(`${url}/${blob.sha256}`, { method: 'DELETE', headers: { authorization: owner.token('delete', { hashes: [blob.sha256] }) } })).status, 401)
  const alias = `https://alias.example/list/${owner.pubkey}`
  t.equal((await fetch(`${url}/list/${owner.pubkey}`, { headers: { authorization: owner.httpToken('GET', alias) } })).status, 200, 'an alias')
  take({ anonymousUploads: true, maxKeyBlobs: 2 })
  t.equal((await fetch(`${url}/upload`, { method: 'PUT', body: 'nobody' })).status, 201)
  t.equal(await put(owner), 413, 'two are here')

  take({ trustedProxies: ['127.0.0.1'], rates: { addressChanges: 1 } })
  const from = { 'x-forwarded-for': '192.0.2.7' }
  t.strictSame([await put(owner, from), await put(owner, from)], [201, 429])
  take({ trustedProxies: ['127.0.0.1'], rates: { addressChanges: 1 }, maxBlobSize: 1000 })
  t.equal(await put(owner, from), 429, 'a limit that stays goes on counting')
  take({ trustedProxies: ['127.0.0.1'], rateLimit: false })
  t.strictSame([await put(owner, from), await put(owner, from)], [201, 201])
  if (place === null) {
    take({ diskReserve: '900TiB' })
    t.equal(await put(), 507)
  }

  take({})
  t.equal(await put(owner, { 'content-type': 'text/plain' }), 201)
  t.equal(await get(), 200)
  t.equal((await fetch(`${url}/metrics`)).status, 200)
  t.equal((await fetch(`${url}/list/${owner.pubkey}`)).status, 401)
  t.match(await terms(), { limits: { blobBytes: first.maxBlobSize }, uploads: { keys: 'any', rules: [] }, reads: { token: false }, lists: 'owner' })
})
