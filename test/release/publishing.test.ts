// The commands of every day: make, sign and verify, as a publisher and a node run them, some as processes of their own; and what a node keeps between two.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { buildReleaseSet } from '../../server/release/release-set.ts'
import { countValid } from '../../server/release/signatures.ts'
import { parseState } from '../../server/release/state.ts'
import { readV1 } from '../../server/release/v1.ts'
import { publisherOf } from '../support/release-command.ts'
import { APP, CHANNEL, DAY, RELEASE_KEY, ROOT, SECOND_RELEASE_KEY, STRANGER_KEY, TIMESTAMP_KEY, blake3Of, bundleOf, didOf, eventsOf, manifestOf, pointerOf, requestOf, sha256Of } from '../support/release-chain.ts'
import type { AddressInfo } from 'node:net'
import type { Changes } from '../support/release-chain.ts'
import type { Ran } from '../support/release-command.ts'

const now = Math.floor(Date.now() / 1000)
const MAKE = ['make', '--app', APP, '--channel', CHANNEL, '--version', '1.8.0', '--sequence', '42', '--server', 'https://origin.example/', '--server', 'https://second.example', '--out', 'release']
const VERIFY = ['--root', ROOT.publicKey, '--json']

/** Documents that are good now, as a set. */
function setNow (changes: Changes = {}): Buffer {
  const request = requestOf({
    ...changes,
    bundle: (each) => { Object.assign(each, { issued_at: now - 60, expires_at: now + 30 * DAY }); changes.bundle?.(each) },
    pointer: (each) => { Object.assign(each, { issued_at: now - 60, expires_at: now + DAY }); changes.pointer?.(each) }
  })
  return buildReleaseSet({ app: APP, channel: CHANNEL, bundle: request.bundle, older: [], pointer: request.pointer, manifest: request.manifest, events: eventsOf(request) })
}

const verdictIn = ({ out }: Ran): unknown[] => {
  const { verdict, checks } = JSON.parse(out) as { verdict: string, checks: { result: string, code?: string }[] }
  return [verdict, checks.find(({ result }) => result === 'failed')?.code ?? null]
}

function folderWithKeys (t: Parameters<typeof publisherOf>[0]): ReturnType<typeof publisherOf> & { at: (name: string) => string } {
  const publisher = publisherOf(t)
  const at = (name: string): string => join(publisher.folder, name)
  for (const [name, seed] of [['release', RELEASE_KEY], ['second', SECOND_RELEASE_KEY], ['stranger', STRANGER_KEY], ['timestamp', TIMESTAMP_KEY]] as const) writeFileSync(at(`${name}.key`), `${seed.toString('hex')}\n`, { mode: 0o600 })
  return { ...publisher, at }
}

t.test('make measures the files; sign adds signatures up to the threshold; what is signed is what was made', async (t) => {
  const { run, at } = folderWithKeys(t)
  const [bin, site] = [Buffer.alloc(3_000_001, 'x'), Buffer.from('<html>')]
  writeFileSync(at('archipelago:1'), bin)
  writeFileSync(at('site.tar.gz'), site)
  const { code, out, err } = await run([...MAKE, '--component', 'archipelago:linux-x86_64:archipelago:1', '--component', 'frontend:linux-x86_64:site.tar.gz', '--changelog', 'a', '--changelog', 'b',
    '--rollback-floor', '38', '--min-sequence', '30', '--probe', 'archipelago:health'])
  t.strictSame([code, err], [0, ''])
  t.match(out, '2 files')
  const unsigned = parseReleaseManifest(readFileSync(at('release/manifest.json')))
  t.match(unsigned, {
    app: APP, channel: CHANNEL, version: '1.8.0', sequence: 42, min_sequence_to_upgrade_from: 30, rollback_floor: 38, changelog: ['a', 'b'], release_date: new Date().toISOString().slice(0, 10),
    servers: ['https://origin.example', 'https://second.example'], signatures: [],
    components: [
      { name: 'archipelago', platform: 'linux-x86_64', sha256: sha256Of(bin), blake3: blake3Of(bin), size_bytes: 3_000_001, download_url: `https://origin.example/${sha256Of(bin)}`, urls: [`https://second.example/${sha256Of(bin)}`], m: 'application/octet-stream', post_apply_probe: 'health' },
      { name: 'frontend', sha256: sha256Of(site), m: 'application/gzip' }
    ]
  })
  t.strictSame(JSON.parse(readFileSync(at('release/files.json'), 'utf8')), { schema: 'marquee.release-files/1', files: { [sha256Of(bin)]: at('archipelago:1'), [sha256Of(site)]: at('site.tar.gz') } })
  writeFileSync(at('trust.json'), bundleOf((each) => { each.roles.release.threshold = 2 }))
  const first = await run(['sign', 'release', '--key', 'release.key', '--trust', 'trust.json'])
  t.match(first, { code: 1, out: /1 of 2 .*needs more/ })
  t.match(await run(['sign', 'release', '--key', 'release.key', '--trust', 'trust.json']), { code: 1, out: /1 of 2/ }, 'the same key again counts once')
  t.match(await run(['sign', 'release/manifest.json', '--key', 'second.key', '--trust', 'trust.json', '--v1', 'v1']), { code: 0, out: /2 of 2/ })
  const { signatures, ...signed } = parseReleaseManifest(readFileSync(at('release/manifest.json')))
  t.strictSame({ ...signed, signatures: [] }, unsigned)
  t.equal(countValid({ ...signed, signatures }, [didOf(RELEASE_KEY), didOf(SECOND_RELEASE_KEY)]), 2)
  t.match(readV1(readFileSync(at('v1/linux-x86_64/manifest.json'))), { signer: didOf(SECOND_RELEASE_KEY), manifest: { version: '1.8.0', components: [{}, {}] } })
})

t.test('make goes on from the manifest before: versions, floor and sequence', async (t) => {
  const { call: run, at } = folderWithKeys(t)
  writeFileSync(at('bin'), 'new')
  writeFileSync(at('before.json'), manifestOf((each) => { each.sequence = 41; each.version = '1.7.99'; for (const component of each.components) component.new_version = '1.7.99' }))
  const make = [...MAKE, '--component', 'archipelago:linux-x86_64:bin', '--previous', 'before.json']
  t.equal((await run(make)).code, 0)
  t.match(parseReleaseManifest(readFileSync(at('release/manifest.json'))), { rollback_floor: 38, min_sequence_to_upgrade_from: 30, components: [{ current_version: '1.7.99', new_version: '1.8.0' }] })
  t.match(await run(make.map((each) => each === '42' ? '41' : each)), { code: 2, err: /must be above 41/ })
  t.match(await run(make.map((each) => each === CHANNEL ? 'nightly' : each)), { code: 2, err: /--previous is of/ })
})

t.test('make refuses an unknown platform, a file that is not there, a floor above the release, and a release of nothing', async (t) => {
  const { call: run, at } = folderWithKeys(t)
  writeFileSync(at('bin'), 'x')
  const cases: [string[], object][] = [
    [['--component', 'a:linux-x86:bin'], { code: 2, err: /no platform/ }], [['--component', 'a:linux-x86_64:none'], { code: 1, err: /ENOENT/ }], [['--component', 'bin'], { code: 2, err: /NAME:/ }],
    [['--component', 'a:linux-x86_64:bin', '--rollback-floor', '43'], { code: 1, err: /MANIFEST_INVALID/ }], [[], { code: 1, err: /MANIFEST_INVALID.*|no files/ }],
    [['--component', 'a:linux-x86_64:bin', '--sequence', '1e3'], { code: 2, err: /whole number/ }]
  ]
  await Promise.all(cases.map(async ([args, expected]) => { t.match(await run([...MAKE, ...args]), expected, args.join(' ')) }))
})

t.test('sign refuses a trust bundle, a document that was changed after it was signed, and a key that others can read', async (t) => {
  const { call: run, at } = folderWithKeys(t)
  writeFileSync(at('bundle.json'), bundleOf())
  writeFileSync(at('changed.json'), manifestOf().toString().replace('1.8.0', '1.8.1'))
  writeFileSync(at('good.json'), manifestOf())
  writeFileSync(at('pretty.json'), JSON.stringify(JSON.parse(manifestOf().toString()), null, 1))
  writeFileSync(at('open.key'), `${RELEASE_KEY.toString('hex')}\n`)
  chmodSync(at('open.key'), 0o640) // whatever the umask takes
  const cases: [string[], object][] = [
    [['bundle.json', '--key', 'release.key'], { code: 1, err: /signed by the root alone/ }], [['changed.json', '--key', 'release.key'], { code: 1, err: /SIGNATURE_WRONG/ }],
    [['pretty.json', '--key', 'release.key'], { code: 1, err: /NOT_CANONICAL/ }], [['good.json', '--key', 'open.key'], { code: 1, err: /chmod 600/ }], [['good.json'], { code: 2, err: /--key FILE is missing/ }]
  ]
  await Promise.all(cases.map(async ([args, expected]) => { t.match(await run(['sign', ...args]), expected, args.join(' ')) }))
  t.strictSame(readFileSync(at('good.json')), manifestOf(), 'it is as it was')
})

t.test('sign signs a latest pointer', async (t) => {
  const { call: run, at } = folderWithKeys(t)
  writeFileSync(at('pointer.json'), pointerOf(manifestOf(), undefined, []))
  t.equal((await run(['sign', 'pointer.json', '--key', 'timestamp.key'])).code, 0)
  t.strictSame(readFileSync(at('pointer.json')), pointerOf(manifestOf()))
})

t.test('verify keeps the highest it has seen: after a reinstall with the state kept, an older release is refused', async (t) => {
  const { run, at } = folderWithKeys(t)
  writeFileSync(at('new.json'), setNow())
  writeFileSync(at('old.json'), setNow({ manifest: (each) => { Object.assign(each, { sequence: 37, version: '1.0.0', rollback_floor: 0, min_sequence_to_upgrade_from: 0 }) } }))
  const verify = (file: string, ...more: string[]): Promise<Ran> => run(['verify', file, ...VERIFY, '--state', 'state/state.json', ...more])
  t.strictSame(verdictIn(await verify('old.json')), ['install', null], 'nothing was seen yet')
  t.strictSame(verdictIn(await verify('new.json', '--installed', '37')), ['install', null])
  t.match(parseState(readFileSync(at('state/state.json'))), { trust: { [ROOT.publicKey]: { version: 7 } }, channels: { [`${APP}/${CHANNEL}`]: { sequence: 42, rollback_floor: 38 } } })
  t.equal(statSync(at('state/state.json')).mode & 0o777, 0o600)
  const refused = await verify('old.json')
  t.equal(refused.code, 1)
  t.strictSame(verdictIn(refused), ['refused', 'POINTER_OLDER'])
  t.strictSame(verdictIn(await verify('new.json', '--installed', '42')), ['stay', null])
  t.strictSame(verdictIn(await verify('new.json', '--installed', '42', '--repair')), ['install', null])
  t.strictSame(verdictIn(await verify('new.json', '--channel', 'nightly')), ['refused', 'CHANNEL_OTHER'])
  writeFileSync(at('state/state.json'), '{"schema":"marquee.release-state/1"')
  const broken = await verify('new.json')
  t.match(broken, { code: 1, out: '', err: /STATE_INVALID/ }, 'what cannot be read is never taken for nothing')
  t.equal(readFileSync(at('state/state.json'), 'utf8'), '{"schema":"marquee.release-state/1"', 'and is not written over')
})

t.test('verify says of each check whether it passed, in words', async (t) => {
  const { call: run, at } = folderWithKeys(t)
  writeFileSync(at('set.json'), setNow())
  const good = await run(['verify', 'set.json', '--root', ROOT.publicKey, '--installed', '41'])
  t.equal(good.code, 0)
  t.match(good.out, /^passed {3}bundle\.root$/m)
  t.match(good.out, /1\.8\.0 \(sequence 42\): it may be installed\n$/)
  writeFileSync(at('expired.json'), setNow({ pointer: (each) => { Object.assign(each, { issued_at: now - 2 * DAY, expires_at: now - DAY }) } }))
  const stale = await run(['verify', 'expired.json', '--root', ROOT.publicKey])
  t.equal(stale.code, 1)
  t.match(stale.out, /^failed {3}pointer\.fresh: .*\n[^]*stale: nothing new is installed, what runs runs on\n$/m)
  t.match(await run(['verify', 'set.json']), { code: 2, err: /--root HEX/ })
  t.match(await run(['verify', 'set.json', '--root', ROOT.publicKey, '--repair', '--rollback']), { code: 2, err: /one of/ })
})

t.test('verify looks at files that have arrived, and at a folder of documents', async (t) => {
  const { call: run, at } = folderWithKeys(t)
  const file = Buffer.alloc(5000, 'archipelago linux-x86_64 ')
  writeFileSync(at('arrived'), file)
  writeFileSync(at('other'), Buffer.concat([file, Buffer.from('x')]))
  const set = JSON.parse(setNow().toString()) as { bundle: string, pointer: string, manifest: string }
  mkdirSync(at('folder'))
  for (const [name, text] of [['trust-bundle.json', set.bundle], ['latest-pointer.json', set.pointer], ['manifest.json', set.manifest]] as const) writeFileSync(at(`folder/${name}`), text)
  t.strictSame(verdictIn(await run(['verify', 'folder', ...VERIFY, '--file', 'arrived'])), ['install', null])
  t.strictSame(verdictIn(await run(['verify', 'folder', ...VERIFY, '--file', 'other'])), ['refused', 'ARTIFACT_WRONG'])
})

t.test('verify reads an answer over HTTP for what its URL asks, and no more of it than a set may have', async (t) => {
  const { call: run } = folderWithKeys(t)
  let sent = 0
  const server = createServer((request, response) => {
    if (request.url!.startsWith('/catalog')) return void response.end(setNow())
    if (request.url === '/gone') return void response.writeHead(503).end()
    const piece = Buffer.alloc(1024 * 1024, 0x20)
    const more = (): void => { while (!response.destroyed && sent++ < 10_000) if (!response.write(piece)) return void response.once('drain', more) }
    more()
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.strictSame(verdictIn(await run(['verify', `${url}/catalog/releases/latest?app=${APP}&channel=${CHANNEL}`, ...VERIFY])), ['install', null])
  t.strictSame(verdictIn(await run(['verify', `${url}/catalog/releases/latest?app=org.example.other&channel=${CHANNEL}`, ...VERIFY])), ['refused', 'APP_OTHER'], 'another application than was asked for')
  t.match(await run(['verify', `${url}/endless`, ...VERIFY]), { code: 1, err: /DOCUMENT_TOO_LARGE/ })
  t.ok(sent < 100, `${sent} MiB were sent`)
  t.match(await run(['verify', `${url}/gone`, ...VERIFY]), { code: 1, err: /503/ })
})
