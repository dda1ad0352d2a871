// Configuration, design §6: what is read from where, and that every problem is told at once without its value.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { FIELDS, putAt, valueAt } from '../server/config-fields.ts'
import { loadConfig, starConfig } from '../server/config.ts'
import { fromEnv, NPUB, OTHER, problemsOf, PUBKEY, SECRET, writeConfig } from './support/config.ts'

const ROOT = resolve(import.meta.dirname, '../..')

t.test('without a file and environment every setting has its default', async t => {
  t.strictSame(fromEnv({}), {
    host: '127.0.0.1', port: 3000, publicUrl: 'http://127.0.0.1:3000', publicUrlGiven: false, aliases: [],
    dataDir: resolve('data'), store: 'fs',
    minio: { endpoint: null, accessKey: null, secretKey: null, bucket: 'marquee', region: 'us-east-1' },
    relays: [], nodeKey: null, uploadPubkeys: [], readPubkeys: [], adminPubkeys: [], titlePubkeys: [], releaseRoot: [], timestampKey: null,
    maxBlobSize: 64 * 2 ** 30, maxKeyBytes: null, maxKeyBlobs: null, maxStoreBytes: null, maxStoreBlobs: null,
    diskReserve: null, maxUploads: 64, maxWaitingUploads: 1024, inlineLimit: 4096, cacheSize: 64 * 2 ** 20, scrubRate: 8 * 2 ** 20, scrubEvery: 604_800_000, mirrors: [], probeProviders: false, mirrorAllowPrivate: false, fillMisses: false, rateLimit: true, trustedProxies: [],
    rates: { keyChanges: 1200, addressChanges: 1200, addressAsks: 6000, failedTokens: 120, addressFilmKeys: 600, keyFilmKeys: 120 }, maxTitleKeys: 64, maxCreatorKeys: 20_000, logLevel: 'info',
    idleTimeout: 30_000, shutdownTimeout: 30_000, workers: 1, metricsToken: null,
    offload: { mode: 'off', prefix: '/_marquee/packs/', secret: null, endpoint: null },
    media: { enabled: true, maxSize: 2 * 2 ** 30, maxPixels: 1e8, maxSide: 2560, format: 'webp', jobs: 2, waiting: 16, time: 120_000, memory: 2 ** 30, ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' },
    foreignBlobs: false, allowListOnly: false, anonymousUploads: false, list: 'owner', requireServerTag: false, types: ['*/*'], policy: [], retention: [],
  })
})

t.test('the environment wins over the file, the file over the defaults, key by key', async t => {
  const file = writeConfig(t, { port: 4000, host: '0.0.0.0', minio: { bucket: 'from-file', region: 'eu-1' } })
  const config = loadConfig({ file, env: { PORT: '5000', MINIO_BUCKET: 'from-env' } })
  t.match(config, { port: 5000, host: '0.0.0.0', minio: { bucket: 'from-env', region: 'eu-1', endpoint: null }, workers: 1 })
})

t.test('every environment name reaches its key, and so does NAME_FILE', async t => {
  const cases: Record<string, [text: string, expected: unknown]> = {
    HOST: ['::1', '::1'], PORT: ['0', 0], PUBLIC_URL: ['https://Blobs.Example/', 'https://blobs.example'],
    DATA_DIR: ['/srv/x/../d', '/srv/d'], STORE: ['fs', 'fs'], MINIO_ENDPOINT: ['http://10.0.0.1:9000/', 'http://10.0.0.1:9000'],
    MINIO_ACCESS_KEY: ['a', 'a'], MINIO_SECRET_KEY: ['s', 's'], MINIO_BUCKET: ['films.one', 'films.one'], MINIO_REGION: ['eu-1', 'eu-1'],
    RELAYS: ['wss://Relay.Example, ws://127.0.0.1:7777/x/,', ['wss://relay.example/', 'ws://127.0.0.1:7777/x']],
    NODE_KEY: [SECRET.toUpperCase(), SECRET], UPLOAD_PUBKEYS: [`${NPUB},${OTHER}`, [PUBKEY, OTHER]], READ_PUBKEYS: [NPUB, [PUBKEY]], ADMIN_PUBKEYS: [NPUB, [PUBKEY]],
    TITLE_PUBKEYS: [`${PUBKEY}, ${NPUB}`, [PUBKEY]], RELEASE_ROOT: [OTHER.toUpperCase(), [OTHER]], TIMESTAMP_KEY: ['k', 'k'],
    MAX_BLOB_SIZE: ['10GiB', 10 * 2 ** 30], MAX_KEY_BYTES: ['1GB', 1e9], MAX_KEY_BLOBS: ['0', 0], MAX_TITLE_KEYS: ['7', 7], MAX_CREATOR_KEYS: ['9', 9], MAX_STORE_BYTES: ['0', 0],
    MAX_STORE_BLOBS: ['7', 7], MAX_UPLOADS: ['3', 3], MAX_WAITING_UPLOADS: ['0', 0], DISK_RESERVE: ['5MiB', 5 * 2 ** 20], PROBE_PROVIDERS: ['on', true], MIRROR_ALLOW_PRIVATE: ['True', true], FILL_MISSES: ['on', true], RATE_LIMIT: ['off', false],
    TRUSTED_PROXIES: ['10.1.2.3/8, ::1, ::ffff:192.0.2.1', ['10.1.2.3/8', '::1', '192.0.2.1']],
    LOG_LEVEL: ['silent', 'silent'], IDLE_TIMEOUT: ['1.5', 1500], WORKERS: ['4', 4], METRICS_TOKEN: ['m', 'm'], CACHE_SIZE: ['0', 0], SCRUB_RATE: ['1MiB', 2 ** 20], SCRUB_EVERY: ['60', 60_000], MIRRORS: ['https://a.example/,http://b.example:81', ['https://a.example', 'http://b.example:81']],
    MEDIA: ['off', false], MEDIA_MAX_SIZE: ['1GiB', 2 ** 30], FOREIGN_BLOBS: ['on', true], OFFLOAD: ['off', 'off'], OFFLOAD_PREFIX: ['/a/b.c/', '/a/b.c/'], OFFLOAD_SECRET: ['0123456789abcdef', '0123456789abcdef'],
    OFFLOAD_ENDPOINT: ['https://S3.example/', 'https://s3.example'],
  }
  t.strictSame(Object.keys(cases).sort(), FIELDS.flatMap(({ env }) => env ?? []).sort(), 'all names are tried')
  for (const [name, [text, expected]] of Object.entries(cases)) {
    const key = FIELDS.find(({ env }) => env === name)?.key ?? ''
    t.strictSame(valueAt(fromEnv({ [name]: text }), key), expected, name)
    t.strictSame(valueAt(fromEnv({ [`${name}_FILE`]: writeConfig(t, `\n${text} \n`) }), key), expected, `${name}_FILE`)
  }
})

t.test('an empty or blank variable counts as unset', async t => {
  const env = Object.fromEntries(FIELDS.flatMap(({ env }) => env === undefined ? [] : [[env, ''], [`${env}_FILE`, '  ']]))
  t.strictSame(fromEnv(env), fromEnv({}))
  t.equal(fromEnv({ NODE_KEY: '', NODE_KEY_FILE: writeConfig(t, SECRET) }).nodeKey, SECRET)
})

t.test('NAME and NAME_FILE together, a missing file and an empty one are problems', async t => {
  const empty = writeConfig(t, ' \n')
  const missing = join(ROOT, 'no-such-file')
  const env = { NODE_KEY: SECRET, NODE_KEY_FILE: empty, MINIO_SECRET_KEY_FILE: missing, METRICS_TOKEN_FILE: empty, STORE: 'minio' }
  t.strictSame(problemsOf(env), [
    `/minio/secretKey cannot be read: ${missing}: ENOENT (env MINIO_SECRET_KEY_FILE)`,
    '/nodeKey is given twice (env NODE_KEY and env NODE_KEY_FILE)',
    `/metricsToken is an empty file: ${empty} (env METRICS_TOKEN_FILE)`,
    '/minio/endpoint must be set, in the file or by env MINIO_ENDPOINT, as /store is minio (env STORE)',
    '/minio/accessKey must be set, in the file or by env MINIO_ACCESS_KEY, as /store is minio (env STORE)',
  ])
})

t.test('all problems are told at once, each with its place and its source', async t => {
  const file = writeConfig(t, {
    bukcet: 1,
    publicUrlGiven: true,
    minio: { bucket: 5, bukcet: 'x', endpoint: 'http://h/path' },
    port: '80',
    types: [],
    policy: [{ colour: 1, maxSize: -1 }, {}, { pubkeys: ['x'] }],
  })
  const env = { PORT: '70000', LOG_LEVEL: 'loud', RELAYS: 'wss://a.example,http://b', RATE_LIMIT: 'maybe' }
  t.strictSame([...problemsOf(env, file)].sort(), [
    `/bukcet is not a known key (file ${file})`,
    '/logLevel must be one of trace, debug, info, warn, error, fatal, silent (env LOG_LEVEL)',
    `/minio/bucket must be string (file ${file})`,
    `/minio/bukcet is not a known key (file ${file})`,
    `/minio/endpoint must be an http or https URL without a path (file ${file})`,
    `/policy/0/colour is not a known key (file ${file})`,
    `/policy/0/maxSize must be a size in bytes, or like 512MiB or 10GB (file ${file})`,
    `/policy/1 must NOT have fewer than 1 properties (file ${file})`,
    `/policy/2/pubkeys/0 must be a public key: npub or 64 hex digits (file ${file})`,
    '/port must be <= 65535 (env PORT)',
    `/port must be integer (file ${file})`,
    `/publicUrlGiven is not a known key (file ${file})`,
    '/rateLimit must be boolean (env RATE_LIMIT)',
    '/relays/1 must be a ws or wss URL (env RELAYS)',
    `/types must NOT have fewer than 1 items (file ${file})`,
  ])
  t.strictSame(problemsOf({}, writeConfig(t, '{ "__proto__": { "port": 1 } }')), [`/__proto__ is not a known key (file ${file})`])
  t.strictSame(problemsOf({}, writeConfig(t, '[]')), [`/ must be object (file ${file})`])
  t.strictSame(problemsOf({ MINIO_BUCKET: 'good-one' }, writeConfig(t, { minio: 'x' })), [`/minio must be object (file ${file})`])
})

t.test('a named file that is missing or not JSON is an error, told with the other problems and without quoting the file', async t => {
  const missing = join(t.testdir(), 'none.json')
  t.strictSame(problemsOf({ PORT: 'x' }, missing), [
    `the configuration file cannot be read: ENOENT (file ${missing})`, '/port must be integer (env PORT)',
  ])
  t.match(problemsOf({}, writeConfig(t, '{ "port": 1 "host": 2 }')), [/^the configuration file is not JSON, at position 12 \(file /])
  for (const text of [`{ "nodeKey": ${SECRET.replace('7', 'x')} }`, `{ "nodeKey": "${SECRET}" "a": 1 }`, '']) {
    const problems = problemsOf({}, writeConfig(t, text))
    t.match(problems, [/^the configuration file is not JSON/])
    t.notMatch(problems.join(), '7777')
  }
})

t.test('the store minio needs its endpoint and both keys', async t => {
  const file = writeConfig(t, { store: 'minio', minio: { endpoint: 'http://127.0.0.1:9000', accessKey: 'a' } })
  t.strictSame(problemsOf({}, file), [
    `/minio/secretKey must be set, in the file or by env MINIO_SECRET_KEY, as /store is minio (file ${file})`,
  ])
  t.match(loadConfig({ file, env: { MINIO_SECRET_KEY: 's' } }), { store: 'minio', minio: { secretKey: 's', accessKey: 'a' } })
  t.equal(loadConfig({ file, env: { STORE: 'fs' } }).store, 'fs')
})

t.test('offload by X-Accel goes with folders and a secret, offload by redirects with a bucket; anything else is refused', async t => {
  const bucket = { STORE: 'minio', MINIO_ENDPOINT: 'http://h', MINIO_ACCESS_KEY: 'a', MINIO_SECRET_KEY: 's' }
  const secret = '0123456789abcdef'
  t.strictSame(problemsOf({ OFFLOAD: 'x-accel' }), [
    '/offload/secret must be set, in the file or by env OFFLOAD_SECRET, as /offload/mode is x-accel (env OFFLOAD)',
  ])
  t.strictSame(problemsOf({ ...bucket, OFFLOAD: 'x-accel', OFFLOAD_SECRET: secret }), [
    '/offload/mode may be x-accel only where /store is fs (env OFFLOAD)',
  ])
  t.strictSame(problemsOf({}, writeConfig(t, { offload: { mode: 'redirect' } })).map(problem => problem.replace(/\(file .*/, '')), [
    '/offload/mode may be redirect only where /store is minio ',
  ])
  t.strictSame(problemsOf({ OFFLOAD: 'x-accel', OFFLOAD_SECRET: secret, READ_PUBKEYS: PUBKEY }), [
    '/offload/mode must be off where /readPubkeys names who may read (env OFFLOAD)',
  ])
  t.match(fromEnv({ OFFLOAD: 'x-accel', OFFLOAD_SECRET: secret }).offload, { mode: 'x-accel', secret })
  t.match(fromEnv({ ...bucket, OFFLOAD: 'redirect' }).offload, { mode: 'redirect', secret: null })
  for (const OFFLOAD_SECRET of ['short', 'with a blank in it', `${secret}\u00e9`]) t.match(problemsOf({ OFFLOAD_SECRET }), [/^\/offload\/secret must match/])
  for (const OFFLOAD_PREFIX of ['/packs', 'packs/', '/', '/a//', '/../', '/a b/', '/a%2f/']) {
    t.match(problemsOf({ OFFLOAD_PREFIX }), [/^\/offload\/prefix must match/], OFFLOAD_PREFIX)
  }
})

t.test('the configuration is frozen through and through, and one load does not touch the next', async t => {
  const config = loadConfig({ file: writeConfig(t, { policy: [{ types: ['a/b'] }] }), env: { UPLOAD_PUBKEYS: PUBKEY } })
  const parts = [config, config.minio, config.uploadPubkeys, config.policy, config.policy[0], config.policy[0]?.types, config.types]
  t.strictSame(parts.map(part => part !== undefined && Object.isFrozen(part)), parts.map(() => true))
  t.strictSame(fromEnv({}).uploadPubkeys, [])
})

t.test('the starred configuration shows everything but the secrets', async t => {
  const config = fromEnv({
    MINIO_ACCESS_KEY: 'hush-1', MINIO_SECRET_KEY: 'hush-2', NODE_KEY: SECRET, TIMESTAMP_KEY: 'hush-3', METRICS_TOKEN: 'hush-4',
    OFFLOAD_SECRET: 'hush-5-is-long-enough',
  })
  const shown = starConfig(config)
  t.notMatch(JSON.stringify(shown), /hush|c0ffee/)
  const expected: Record<string, unknown> = { ...config, minio: { ...config.minio }, rates: { ...config.rates }, offload: { ...config.offload } }
  for (const key of ['minio.accessKey', 'minio.secretKey', 'nodeKey', 'timestampKey', 'metricsToken', 'offload.secret']) putAt(expected, key, '***')
  t.strictSame(shown, expected)
  t.equal(config.nodeKey, SECRET, 'the configuration itself is left alone')
  t.strictSame(starConfig(fromEnv({})), fromEnv({}), 'what is not set is not starred')
})

t.test('no problem repeats a value', async t => {
  const env = Object.fromEntries(FIELDS.flatMap(({ env }) => env === undefined ? [] : [[env, 'hush hush\u0001']]))
  const problems = problemsOf(env)
  t.ok(problems.length >= 18, `${problems.length} problems`)
  t.notMatch(problems.join('\n'), 'hush')
})

t.test('config.example.json and docs/config.md name every key, and the example is the defaults', async t => {
  const file = join(ROOT, 'config.example.json')
  const defaults: Record<string, unknown> = {}
  for (const { key, fallback } of FIELDS) putAt(defaults, key, fallback)
  t.strictSame(JSON.parse(readFileSync(file, 'utf8')), defaults)
  t.strictSame(loadConfig({ file, env: {} }), fromEnv({}))

  const page = readFileSync(join(ROOT, 'docs/config.md'), 'utf8')
  const rows = page.split('\n').filter(line => line.startsWith('| `')).map(line => line.split(' | '))
  const documented = rows.map(([key = '', env]) => ({
    key: /`(.+)`/.exec(key)?.[1], env: env === '–' ? undefined : env?.replaceAll('`', ''), secret: key.includes('†'), live: key.includes('⟳'),
  }))
  t.strictSame(documented, FIELDS.map(({ key, env, secret, live }) => ({ key, env, secret: secret === true, live: live === true })))
  for (const [index, { key, fallback }] of FIELDS.entries()) {
    const text = typeof fallback === 'string' ? fallback : JSON.stringify(fallback)
    t.ok(rows[index]?.[2]?.includes(text), `the default of ${key}`)
  }
})
