// Looking at other providers (server/catalog/prober.ts): HEAD, a range, and of a small blob all of it, one at a time and each server seldom. What was found
// decides who comes first.

import t from 'tap'
import { askOrigin } from '../../server/buds/asking-origin.ts'
import { parseHashName } from '../../server/catalog/hash-name.ts'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { Prober } from '../../server/catalog/prober.ts'
import { ProbeRows } from '../../server/catalog/rows/probe-rows.ts'
import { ProviderViews } from '../../server/catalog/views/provider-views.ts'
import { startMarquee, upload } from '../support/app.ts'
import { hashNamed } from '../support/catalog-histories.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { Provider } from '../support/provider.ts'
import type { AskProvider, ProberParts } from '../../server/catalog/prober.ts'

type Question = Parameters<AskProvider>[1]

/** A server that has these bytes, unless it is told to answer otherwise. */
function having (bytes: Buffer, wrong: Partial<Record<'head' | 'range' | 'whole', () => Partial<Awaited<ReturnType<AskProvider>>>>> = {}): AskProvider & { asked: [string, Question][] } {
  const asked: [string, Question][] = []
  const answer: AskProvider = async (url, question) => {
    asked.push([url.href, question])
    const { method, range, most } = question
    if (method === 'HEAD') return { length: bytes.length, range: null, bytes: Buffer.alloc(0), ...wrong.head?.() }
    if (range === null) return { length: bytes.length, range: null, bytes: bytes.subarray(0, most), ...wrong.whole?.() }
    const [first, last] = range
    return { length: last - first + 1, range: `bytes ${first}-${last}/${bytes.length}`, bytes: bytes.subarray(first, last + 1), ...wrong.range?.() }
  }
  return Object.assign(answer, { asked })
}

async function opened (root: string): Promise<{ provider: Provider, rows: ProbeRows, prober: (ask: AskProvider, parts?: Partial<ProberParts>) => Prober, claim: (who: string, servers: string[], blob?: { sha256: string, size?: number }) => void }> {
  const provider = await Provider.open(root)
  const { node } = provider
  const rows = new ProbeRows(node.database)
  return {
    provider, rows,
    prober: (ask, parts = {}) => new Prober({ rows, ask, blobs: node.blobs, pubkey: provider.key.pubkey, isOurs: (url) => url.hostname === 'blobs.example', onFault: (error) => { provider.faults.push(String(error)) }, now: node.now, ...parts }),
    claim: (who, servers, blob = { sha256: hashNamed('blob') }) => {
      provider.add(who === 'us' ? provider.key.pubkey : hashNamed(who), buildProviderAdvert({ blake3: hashNamed(`b3 ${who} ${blob.sha256}`), servers, ...blob }, provider.seconds))
    }
  }
}

/** The next look, wherever in the adverts the prober began. */
async function look (prober: Prober): ReturnType<Prober['probe']> {
  return await prober.probe() ?? prober.probe()
}

t.test('HEAD, then a range, then the hash of the whole where the blob is at most 1 MiB', async t => {
  const { prober, claim, provider } = await opened(t.testdir({}))
  const small = seededBlob('small', 5000)
  claim('ann', ['https://ann.example'], { sha256: small.sha256, size: 5000 })
  const ask = having(small.bytes)
  t.match(await look(prober(ask)), { server: 'https://ann.example', sha256: small.sha256, ok: true, words: '', at: provider.seconds })
  t.strictSame(ask.asked.map(([url, { method, range }]) => [url, method, range === null ? null : range[1] - range[0]]), [
    [`https://ann.example/${small.sha256}`, 'HEAD', null], [`https://ann.example/${small.sha256}`, 'GET', 1023], [`https://ann.example/${small.sha256}`, 'GET', null]
  ])

  const large = seededBlob('large', 1024 * 1024 + 1)
  claim('ben', ['https://ben.example'], { sha256: large.sha256 })
  const asked = having(large.bytes)
  const second = prober(asked)
  t.match(await look(second), { server: 'https://ben.example', ok: true })
  t.strictSame(asked.asked.map(([, { method, range }]) => method === 'HEAD' ? 'HEAD' : range === null ? 'whole' : 'range'), ['HEAD', 'range'])
})

t.test('each thing that a provider may do wrong is found, and kept in words', async t => {
  const { bytes, sha256 } = seededBlob('mine', 50_000)
  const flipped = Buffer.from(bytes)
  flipped[25_000]! ^= 1
  const fail = (words: string) => (): never => { throw new Error(words) }
  for (const [words, ask] of [
    [/answered 404/, having(bytes, { head: fail('the origin answered 404') })],
    [/not on the public internet/, having(bytes, { head: fail('inner is not on the public internet') })],
    [/it says 7 bytes, the advert 50000/, having(bytes, { head: () => ({ length: 7 }) })],
    [/another range than was asked for: none/, having(bytes, { range: () => ({ range: null }) })],
    [/another range/, having(bytes, { range: () => ({ range: 'bytes 0-9/50000' }) })],
    [/3 bytes of 1024/, having(bytes, { range: () => ({ bytes: bytes.subarray(0, 3) }) })],
    [/not those of the hash/, having(flipped)],
    [/not those of the hash/, having(bytes, { whole: () => ({ bytes: Buffer.concat([bytes, bytes]) }) })]
  ] as const) {
    const { prober, claim, provider } = await opened(t.testdir({}))
    claim('ann', ['https://ann.example'], { sha256, size: 50_000 })
    t.match(await look(prober(ask)), { ok: false, words })
    t.match(new ProviderViews(provider.node.database, () => false).of(parseHashName(sha256), provider.seconds), [{ probe: { ok: false } }])
  }
})

t.test('a range of what we have ourselves is compared with it', async t => {
  const { prober, claim, provider } = await opened(t.testdir({}))
  const { bytes, sha256 } = seededBlob('ours too', 2 * 1024 * 1024)
  await provider.put(bytes)
  claim('ann', ['https://ann.example'], { sha256 })
  claim('ben', ['https://ben.example'], { sha256 })
  const lying = Buffer.alloc(bytes.length, 7)
  const found = await prober(async (url, question) => having(url.hostname === 'ann.example' ? bytes : lying)(url, question), { pause: 1 })
  const both = [await look(found), await look(found)].sort((a, b) => a!.server < b!.server ? -1 : 1)
  t.match(both, [{ server: 'https://ann.example', ok: true }, { server: 'https://ben.example', ok: false, words: /not ours/ }])
})

t.test('one at a time, each server at most every half hour, our own never; every claim has its turn', async t => {
  const { prober, claim, provider, rows } = await opened(t.testdir({}))
  for (let i = 0; i < 120; i++) claim(`same ${i}`, ['https://same.example'], { sha256: hashNamed(`blob ${i}`) })
  for (let i = 0; i < 5; i++) claim(`other ${i}`, [`https://other${i}.example`])
  claim('ours', ['https://blobs.example'])
  claim('us', ['https://elsewhere.example'])
  const seen: string[] = []
  let [running, most] = [0, 0]
  const one = prober(async (url) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => { setImmediate(resolve) })
    running--
    seen.push(url.hostname)
    throw new Error('the origin answered 404')
  })
  for (let i = 0; i < 20; i++) await Promise.all([one.probe(), one.probe(), one.probe()])
  t.equal(most, 1)
  t.strictSame(seen.sort(), ['other0', 'other1', 'other2', 'other3', 'other4', 'same'].map((name) => `${name}.example`))
  provider.node.pass(29 * 60_000)
  for (let i = 0; i < 20; i++) t.equal(await one.probe(), null)
  provider.node.pass(60_000)
  for (let i = 0; i < 20; i++) await one.probe()
  t.equal(seen.length, 12)

  for (let i = 0; i < 40; i++) rows.put({ server: 'https://same.example', sha256: hashNamed(`kept ${i}`), at: provider.seconds + i, ok: true, ms: 1, words: '' })
  const count = (): number => provider.node.database.prepare<[], { count: number }>('SELECT count(*) AS count FROM probes').get()!.count
  t.equal(count(), 25, 'twenty of a server are kept')
  provider.node.pass(8 * 24 * 3600_000)
  await one.probe()
  t.equal(count(), 0, 'and none for more than a week')
})

t.test('a real server is found good, and comes first', async t => {
  const { url } = await startMarquee(t)
  const blob = seededBlob('really there', 70_000)
  await upload(url, new Signer(), blob)
  const { prober, claim, provider } = await opened(t.testdir({}))
  claim('ann', ['http://127.0.0.1:1'], { sha256: blob.sha256, size: 70_000 })
  claim('ben', [url], { sha256: blob.sha256, size: 70_000 })
  const guarded = prober((target, question) => askOrigin(target, question, { allowPrivate: false }))
  t.match([await look(guarded), await look(guarded)], [{ ok: false, words: /not on the public internet/ }, { ok: false, words: /not on the public internet/ }])
  provider.node.pass(3600_000)
  const open = prober((target, question) => askOrigin(target, question, { allowPrivate: true }))
  const found = [await look(open), await look(open)]
  t.match(found.find((each) => each?.server === url), { ok: true, words: '' })
  t.match(found.find((each) => each?.server !== url), { ok: false, words: /ECONNREFUSED/ })
  t.match(new ProviderViews(provider.node.database, () => false).of(parseHashName(blob.sha256), provider.seconds).map(({ servers }) => servers), [[url], ['http://127.0.0.1:1']])
})

t.test('a fault of our own store is not theirs, and nothing runs on after close', async t => {
  const { prober, claim, provider } = await opened(t.testdir({}))
  const { bytes, sha256 } = seededBlob('ours', 9000)
  const { blob } = await provider.node.put(bytes)
  claim('ann', ['https://ann.example'], { sha256 })
  const broken = prober(having(bytes), { blobs: { known: () => blob, read: async () => { throw new Error('EIO') } } })
  t.match(await look(broken), { ok: true })
  t.match(provider.faults, [/EIO/])
  const ask = having(bytes)
  const running = prober(ask, { pause: 1 })
  running.start()
  await running.close()
  await new Promise((resolve) => { setTimeout(resolve, 20) })
  t.strictSame(ask.asked, [])
})
