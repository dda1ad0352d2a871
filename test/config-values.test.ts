// Configuration, design §6: which values are taken and what they become.
import t from 'tap'
import { parseSize } from '../server/config-values.ts'
import { loadConfig } from '../server/config.ts'
import { fromEnv, NPUB, NSEC, OTHER, problemsOf, PUBKEY, SECRET, writeConfig } from './support/config.ts'

t.test('sizes are whole bytes, decimal or binary units, and safe integers', async t => {
  for (const [text, bytes] of [
    ['0', 0], ['17', 17], [17, 17], ['17B', 17], ['1KB', 1000], ['1kb', 1000], ['1KiB', 1024], ['512MiB', 2 ** 29],
    ['10GB', 1e10], ['10 GiB', 10 * 2 ** 30], ['2TB', 2e12], ['1TiB', 2 ** 40], ['9007199254740991', 2 ** 53 - 1],
  ] as const) t.equal(parseSize(text), bytes, String(text))
  for (const bad of [
    '', '-1', -1, '1.5GiB', 1.5, '10G', '10iB', '1PiB', 'GiB', '1e3', '0x10', ' 1', '1  KB', '1KB1', 'Infinity', NaN, Infinity,
    2 ** 53, 1e21, '9007199254740992', '8192TiB', null, true, ['1'],
  ]) t.equal(parseSize(bad), undefined, String(bad))
  for (const text of ['0', '10G', '99999TiB']) {
    t.match(problemsOf({ MAX_BLOB_SIZE: text }), [/^\/maxBlobSize must be a size of at least 1 byte.*\(env MAX_BLOB_SIZE\)$/], text)
  }
  t.equal(loadConfig({ file: writeConfig(t, { inlineLimit: 65536 }), env: {} }).inlineLimit, 65536)
  const minio = { STORE: 'minio', MINIO_ENDPOINT: 'http://127.0.0.1:9000', MINIO_ACCESS_KEY: 'a', MINIO_SECRET_KEY: 'b' }
  t.equal(fromEnv(minio).inlineLimit, 16384, 'more in a bucket')
  t.equal(loadConfig({ file: writeConfig(t, { inlineLimit: 4096 }), env: minio }).inlineLimit, 4096, 'unless it is set')
  t.match(problemsOf({}, writeConfig(t, { inlineLimit: '65KiB' })), [/^\/inlineLimit must be a size of at most 65536 bytes/])
})

t.test('timeouts are seconds above 0 that a timer can wait, kept as milliseconds', async t => {
  for (const [text, milliseconds] of [['30', 30_000], ['30s', 30_000], ['0.25', 250], ['2147483', 2_147_483_000]] as const) {
    t.equal(fromEnv({ IDLE_TIMEOUT: text }).idleTimeout, milliseconds, text)
  }
  const file = writeConfig(t, { idleTimeout: 5, shutdownTimeout: '2.5s' })
  t.match(loadConfig({ file, env: {} }), { idleTimeout: 5000, shutdownTimeout: 2500 })
  for (const text of ['0', '-1', '0.0001', '30ms', 's', '2147484', '1e2']) {
    t.match(problemsOf({ IDLE_TIMEOUT: text }), [/^\/idleTimeout must be seconds above 0/], text)
  }
  t.match(problemsOf({}, writeConfig(t, { shutdownTimeout: null })), [/^\/shutdownTimeout must be seconds above 0/])
})

t.test('keys are kept as hex: npub for public ones, nsec for the secret one, never the other way round', async t => {
  t.equal(fromEnv({ NODE_KEY: NSEC }).nodeKey, SECRET)
  const { uploadPubkeys } = fromEnv({ UPLOAD_PUBKEYS: `${NPUB},${PUBKEY.toUpperCase()},${OTHER}` })
  t.strictSame(uploadPubkeys, [PUBKEY, OTHER], 'one key in two spellings is one')
  const curveOrder = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'
  for (const bad of [NPUB, '0'.repeat(64), curveOrder, SECRET.slice(1), `${NSEC.slice(0, -1)}q`]) {
    t.match(problemsOf({ NODE_KEY: bad }), ['/nodeKey must be a secret key: nsec or 64 hex digits (env NODE_KEY)'])
  }
  for (const bad of [NSEC, PUBKEY.slice(1), 'npub1', 'x']) {
    const problems = problemsOf({ ADMIN_PUBKEYS: `${OTHER},${bad}` })
    t.strictSame(problems, ['/adminPubkeys/1 must be a public key: npub or 64 hex digits (env ADMIN_PUBKEYS)'])
  }
  t.match(problemsOf({ RELEASE_ROOT: NPUB }), ['/releaseRoot/0 must be 64 hex digits (env RELEASE_ROOT)'])
})

t.test('the public URL is an http(s) origin, made of host and port unless it is given', async t => {
  t.match(fromEnv({ HOST: '::', PORT: '8080' }), { publicUrl: 'http://[::]:8080', publicUrlGiven: false })
  t.match(fromEnv({ HOST: 'fe80::1%eth0' }), { host: 'fe80::1%eth0', publicUrl: 'http://[fe80::1]:3000' })
  t.match(fromEnv({ HOST: 'localhost', PORT: '80' }), { publicUrl: 'http://localhost' })
  t.match(fromEnv({ PUBLIC_URL: 'HTTPS://CDN.Example:443/' }), { publicUrl: 'https://cdn.example', publicUrlGiven: true })
  for (const bad of [
    'cdn.example', 'ftp://cdn.example', 'http://cdn.example/a', 'http://cdn.example/?', 'http://cdn.example/#', 'http://u:p@cdn.example',
    'http://', 'http:cdn',
  ]) {
    t.strictSame(problemsOf({ PUBLIC_URL: bad }), ['/publicUrl must be an http or https URL without a path (env PUBLIC_URL)'], bad)
  }
  for (const bad of ['[::1]', 'a b', 'a/b', '999.1.1.1', 'h:80']) {
    t.strictSame(problemsOf({ HOST: bad }), ['/host must be an IP address or a host name (env HOST)'], bad)
  }
})

t.test('aliases are URLs or domains, relays are ws or wss URLs without a user', async t => {
  const aliases = ['https://A.example/', 'B.example', 'c.example:8080', '[::1]:3000', 'b.EXAMPLE']
  const config = loadConfig({ file: writeConfig(t, { aliases }), env: {} })
  t.strictSame(config.aliases, ['https://a.example', 'b.example', 'c.example:8080', '[::1]:3000'])
  for (const bad of ['a.example/x', 'u@a.example', 'wss://a.example', 'https://a.example/x', 'a b', '', 'a:99999', 7]) {
    const problems = problemsOf({}, writeConfig(t, { aliases: [bad] }))
    t.match(problems, [/^\/aliases\/0 must be a domain, or an http or https URL without a path/], String(bad))
  }
  for (const bad of ['relay.example', 'https://relay.example', 'wss://', 'wss://u:p@relay.example', 'wss://relay.example/#a']) {
    t.strictSame(problemsOf({ RELAYS: bad }), ['/relays/0 must be a ws or wss URL (env RELAYS)'], bad)
  }
})

t.test('media types are patterns, and policy rules are read like the rest', async t => {
  const file = writeConfig(t, {
    types: ['Image/*', 'application/vnd.x+json'],
    policy: [{ pubkeys: [NPUB], types: ['VIDEO/mp4'], maxSize: '2GiB', deny: 'too large for you' }, { deny: 'closed' }],
  })
  t.match(loadConfig({ file, env: {} }), {
    types: ['image/*', 'application/vnd.x+json'],
    policy: [{ pubkeys: [PUBKEY], types: ['video/mp4'], maxSize: 2 ** 31, deny: 'too large for you' }, { deny: 'closed' }],
  })
  for (const bad of ['*', 'image', '*/png', 'image/', 'image/png; q=1', 'image/p*', 5]) {
    t.match(problemsOf({}, writeConfig(t, { types: [bad] })), [/^\/types\/0 must be a media type like/], String(bad))
    t.match(problemsOf({}, writeConfig(t, { policy: [{ types: [bad] }] })), [/^\/policy\/0\/types\/0 must be a media type like/], String(bad))
  }
  t.match(problemsOf({}, writeConfig(t, { policy: [{ deny: '' }, { deny: true }, { pubkeys: [] }, 'deny'] })), [
    /^\/policy\/0\/deny /, /^\/policy\/1\/deny /, /^\/policy\/2\/pubkeys /, /^\/policy\/3 must be object/,
  ])
})

t.test('retention rules take times in days, hours, minutes and seconds, and every bad one is told', async t => {
  const rules = [
    { types: ['Video/*'], pubkeys: [NPUB], minSize: '1GiB', keep: '30d', keepUnread: '12h' }, { keep: '90m' }, { keep: 45, keepUnread: '45s' }, { keep: '0.5d' }, { keep: '36500d' }, { types: ['a/b'] }
  ]
  t.strictSame(loadConfig({ file: writeConfig(t, { retention: rules }), env: {} }).retention, [
    { types: ['video/*'], pubkeys: [PUBKEY], minSize: 2 ** 30, keep: 30 * 86_400, keepUnread: 12 * 3600 }, { keep: 5400 }, { keep: 45, keepUnread: 45 }, { keep: 43_200 },
    { keep: 36_500 * 86_400 }, { types: ['a/b'] }
  ])
  for (const bad of ['0', 0, '0d', '-1d', '30 days', 'd', '', '36501d', '1w', '1e3', null, true, [30], '0.001s']) {
    for (const key of ['keep', 'keepUnread']) {
      t.match(problemsOf({}, writeConfig(t, { retention: [{ keep: 1 }, { [key]: bad }] })), [new RegExp(`^/retention/1/${key} must be a time above 0 and up to 36500d`)], JSON.stringify(bad))
    }
  }
  t.match(problemsOf({}, writeConfig(t, { retention: [{}, { types: [] }, { pubkeys: [] }, { pubkeys: ['x'] }, { minSize: 'big' }, { keep: 1, colour: 2 }, 'keep'] })), [
    /^\/retention\/0 must NOT have fewer than 1/, /^\/retention\/1\/types /, /^\/retention\/2\/pubkeys /, /^\/retention\/3\/pubkeys\/0 /, /^\/retention\/4\/minSize /, /^\/retention\/5\/colour is not a known key/,
    /^\/retention\/6 must be object/
  ])
  t.match(problemsOf({}, writeConfig(t, { retention: { keep: 1 } })), [/^\/retention must be array/])
})
