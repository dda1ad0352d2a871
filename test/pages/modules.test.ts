// The pages' own modules, run by Node: hashing without WebCrypto, the order in which servers are asked, and what of a title is taken for an address.

import { createHash, randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { ROOT } from '../support/source.ts'

/** They are plain JavaScript, which the compiler does not look at. */
async function load<Module> (name: string): Promise<Module> {
  return await import(pathToFileURL(`${ROOT}web/${name}`).href) as Module
}

interface Blob { sha256: string, name: string, size: number }
type Ask = (url: string, init: { signal: AbortSignal }) => Promise<Response>
interface Sources {
  take: (blob: Blob, options?: { signal?: AbortSignal, onBytes?: (loaded: number) => void }) => Promise<{ bytes: Uint8Array, from: string }>
  report: { origin: string, delivered: number, changed: number, failing: boolean }[]
}
const { Sources, NotToBeHad } = await load<{
  Sources: new (origins: string[], parts: { fetch: Ask, now: () => number, patience: number[], tell?: (server: string, kind: string) => void }) => Sources
  NotToBeHad: new () => Error & { changed: boolean, reasons: { server: string, reason: string }[] }
}>('watch/sources.js')

const BYTES = randomBytes(5000)
const BLOB: Blob = { sha256: createHash('sha256').update(BYTES).digest('hex'), name: `${createHash('sha256').update(BYTES).digest('hex')}.ts`, size: BYTES.length }
const [ONE, TWO, THREE] = ['https://one.test', 'https://two.test', 'https://three.test'] as const

/** Nobody whom a test does not want to be slow is: this process may stand still for a while. */
const PATIENT = [60_000, 60_000]

/** Sources over servers that answer as the table says; a number is a status, null never answers. */
function sourcesOf (answers: Record<string, (() => Response | Promise<Response>) | number | null>, patience = PATIENT): { sources: Sources, asked: string[], clock: { now: number }, told: string[] } {
  const [asked, told, clock] = [[] as string[], [] as string[], { now: 0 }]
  const sources = new Sources(Object.keys(answers), {
    fetch: async (url, { signal }) => {
      const { origin, pathname } = new URL(url)
      t.equal(pathname, `/${BLOB.name}`)
      asked.push(origin)
      const answer = answers[origin]!
      const aborted = new Promise<never>((_resolve, reject) => { signal.addEventListener('abort', () => { reject(new Error('aborted')) }) })
      aborted.catch(() => { /* nobody waits for it where the answer was quicker */ })
      if (answer === null) return await aborted
      return typeof answer === 'number' ? new Response('no', { status: answer }) : await Promise.race([answer(), aborted])
    },
    now: () => clock.now, patience, tell: (server, kind) => told.push(`${server} ${kind}`)
  })
  return { sources, asked, clock, told }
}
const right = (): Response => new Response(BYTES)

t.test('sha256 without WebCrypto is sha256: around every length of a block, and of much', async t => {
  const { sha256, sha256Hex, hexOf } = await load<{ sha256: (bytes: Uint8Array) => Uint8Array, sha256Hex: (bytes: Uint8Array) => Promise<string>, hexOf: (bytes: Uint8Array) => string }>('shared/sha256.js')
  for (const length of [...Array(200).keys(), 1_000_003]) {
    const bytes = randomBytes(length + 3).subarray(3)
    const expected = createHash('sha256').update(bytes).digest('hex')
    if (hexOf(sha256(bytes)) !== expected) t.fail(`${length} bytes`)
  }
  t.equal(hexOf(sha256(new Uint8Array())), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  t.equal(await sha256Hex(BYTES), BLOB.sha256)
})

t.test('the first server is asked first, and as long as it delivers nobody else', async t => {
  const { sources, asked } = sourcesOf({ [ONE]: right, [TWO]: right })
  for (let i = 0; i < 3; i++) t.match(await sources.take(BLOB), { from: ONE, bytes: new Uint8Array(BYTES) })
  t.strictSame(asked, [ONE, ONE, ONE])
})

t.test('one that fails is passed over, rests, and comes again; the rest doubles', async t => {
  const { sources, asked, clock, told } = sourcesOf({ [ONE]: 500, [TWO]: right })
  for (const [now, expected] of [[0, [ONE, TWO]], [9_999, [TWO]], [10_001, [ONE, TWO]], [29_000, [TWO]], [30_100, [ONE, TWO]]] as const) {
    asked.length = 0
    clock.now = now
    t.equal((await sources.take(BLOB)).from, TWO)
    t.strictSame(asked, expected, `at ${now}`)
  }
  t.strictSame(told, [`${ONE} failed`, `${ONE} failed`, `${ONE} failed`])
  t.match(sources.report, [{ origin: ONE, failing: true, delivered: 0 }, { origin: TWO, failing: false, delivered: 5 }])
})

t.test('one that lacks a blob is asked for the next; one that lacked three rests', async t => {
  const { sources, asked } = sourcesOf({ [ONE]: 404, [TWO]: right })
  for (let i = 0; i < 4; i++) await sources.take(BLOB)
  t.strictSame(asked, [ONE, TWO, ONE, TWO, ONE, TWO, TWO])
})

t.test('other bytes, more bytes than there are, or fewer, are not taken', async t => {
  const flipped = Buffer.from(BYTES)
  flipped[99]! ^= 1
  let sent = 0
  const endless = (): Response => new Response(new ReadableStream({
    pull (controller) {
      sent += 1000
      controller.enqueue(new Uint8Array(1000))
    }
  }))
  for (const [answer, kind] of [[() => new Response(flipped), 'changed'], [endless, 'changed'], [() => new Response(BYTES.subarray(1)), 'failed']] as const) {
    const { sources, told, asked } = sourcesOf({ [ONE]: answer, [TWO]: right })
    t.equal((await sources.take(BLOB)).from, TWO)
    t.strictSame(told, [`${ONE} ${kind}`])
    t.equal((await sources.take(BLOB)).from, TWO)
    t.equal(asked.filter((each) => each === ONE).length, 1)
  }
  t.ok(sent < 20_000, `${sent} bytes of an endless answer`)
  const { sources } = sourcesOf({ [ONE]: () => new Response(flipped), [TWO]: 404 })
  const error = await sources.take(BLOB).then(() => null, (reason: InstanceType<typeof NotToBeHad>) => reason)
  t.match(error, { changed: true, reasons: [{ server: ONE, reason: /other bytes/ }, { server: TWO, reason: /not there/ }] })
})

t.test('who is slow is passed over, and asked once more, with more patience, when nobody else has it', async t => {
  let answers = 0
  const late = async (): Promise<Response> => {
    if (answers++ === 0) await new Promise(() => {})
    return right()
  }
  const slow = sourcesOf({ [ONE]: late, [TWO]: 404, [THREE]: 500 }, [1000, 60_000])
  t.equal((await slow.sources.take(BLOB)).from, ONE)
  t.strictSame(slow.asked, [ONE, TWO, THREE, ONE], 'those that said no are not asked twice')
  const hanging = sourcesOf({ [ONE]: null, [TWO]: right }, [1000, 60_000])
  t.equal((await hanging.sources.take(BLOB)).from, TWO)
  const none = sourcesOf({ [ONE]: null }, [30, 60])
  await t.rejects(none.sources.take(BLOB), { message: /^https:\/\/one\.test: it did not answer in time$/ })
  await t.rejects(sourcesOf({}).sources.take(BLOB), { message: /no server is known/ })
})

t.test('what is no longer wanted ends at once, and no server is blamed for it', async t => {
  const { sources, asked, told } = sourcesOf({ [ONE]: null, [TWO]: right })
  const quit = new AbortController()
  const taking = sources.take(BLOB, { signal: quit.signal })
  setTimeout(() => { quit.abort() }, 5)
  await t.rejects(taking, { name: 'AbortError' })
  t.strictSame([asked, told], [[ONE], []])
})

t.test('of a title only http(s) URLs that end in a hash are taken for a poster, and what is here first', async t => {
  const { postersOf, originOf } = await load<{ postersOf: (title: { event: { tags: string[][] } }) => string[], originOf: (text: unknown) => string | null }>('shared/catalog.js')
  const hash = 'ab'.repeat(32)
  const good = `https://a.test/${hash}.jpg`
  const tags = [good, `javascript:alert(1)//${hash}.jpg`, `data:image/png,/${hash}`, `https://user:word@b.test/${hash}.png`, 'https://c.test/spy.gif', `https://d.test/x?/${hash}.jpg`, '', '//e.test/x']
    .map((url) => ['imeta', 'url x', `image ${url}`])
  t.strictSame(postersOf({ event: { tags } }), [`/${hash}.jpg`, good])
  t.strictSame(['https://a.test/x', 'HTTP://A.test:80', 'ftp://a.test', 'file:///x', 'a.test', null].map(originOf), ['https://a.test', 'http://a.test', null, null, null, null])
})

t.test('the reader signs for a key room alone, whatever address a title gives its keys', async t => {
  const { keysAt } = await load<{ keysAt: (access: { scheme: string, url: string } | null) => string | null }>('watch/film.js')
  const at = (url: string, scheme = 'nip98'): string | null => keysAt({ scheme, url })
  t.strictSame([keysAt(null), at('https://a.test/keys'), at('https://A.test:443/keys/'), at('http://127.0.0.1:3000/keys')], [null, 'https://a.test/keys', 'https://a.test/keys', 'http://127.0.0.1:3000/keys'])
  for (const url of [
    'https://a.test/catalog/mirrors?x=', 'https://a.test/catalog/mirrors#/keys', 'https://a.test/catalog/mirrors?/keys', 'https://a.test/keys/../catalog/mirrors', 'https://a.test/catalog%2Fkeys',
    'https://a.test/admin/blocked', 'https://a.test/keysx', 'https://me:secret@a.test/keys', 'ftp://a.test/keys', 'javascript:alert(1)//keys', '/keys'
  ]) t.throws(() => at(url), { message: /where its keys are/ }, url)
  t.throws(() => at('https://a.test/keys', 'cashu'), { message: /where its keys are/ })
})

t.test('two requests signed in one second are two events, each good once', async t => {
  const { httpToken } = await load<{ httpToken: (signer: object, method: string, url: string, body?: string) => Promise<string> }>('shared/nip98.js')
  const signer = { signEvent: async (draft: object) => draft }
  const [one, two] = await Promise.all([1, 2].map(async () => JSON.parse(Buffer.from((await httpToken(signer, 'POST', 'https://a.test/keys/session', '{"ä":1}')).slice(6), 'base64').toString()) as { content: string, tags: string[][] }))
  t.not(one!.content, two!.content)
  t.strictSame(one!.tags, [['u', 'https://a.test/keys/session'], ['method', 'POST'], ['payload', createHash('sha256').update('{"ä":1}').digest('hex')]])
})

t.test('one session opens all keys of a film, asked for at once or later; one that ended is opened anew, and a refusal is not asked for again', async t => {
  const { Keys } = await load<{ Keys: new (film: { keysAt: string, coordinate: string }, tell: (what: string) => void) => { get: (id: string) => Promise<Uint8Array> } }>('watch/keys.js')
  let [signed, opened, letIn, valid] = [0, 0, true, '']
  const answer = async (url: string, { headers = {} as Record<string, string>, method = 'GET' } = {}): Promise<Response> => {
    if (method === 'POST') {
      t.equal(url, 'https://keys.test/keys/session')
      t.match(headers['authorization'], /^Nostr /)
      if (!letIn) return new Response('{"code":"KEY_NOT_GRANTED"}', { status: 403, headers: { 'x-reason': 'this key was not let in' } })
      valid = `token ${++opened}`
      return Response.json({ token: valid, expires: 0 })
    }
    return headers['authorization'] === `Bearer ${valid}` ? new Response(new Uint8Array(16)) : new Response('{}', { status: 401 })
  }
  const before = globalThis.fetch
  Object.assign(globalThis, { fetch: answer, window: { nostr: { signEvent: async (draft: object) => { signed++; return draft } } } })
  t.teardown(() => { Object.assign(globalThis, { fetch: before, window: undefined }) })
  const keys = new Keys({ keysAt: 'https://keys.test/keys/', coordinate: '34235:x:y' }, () => {})
  await Promise.all(['0'.repeat(16), '1'.repeat(16), '2'.repeat(16)].map((id) => keys.get(id)))
  t.strictSame([signed, opened], [1, 1])
  await keys.get('3'.repeat(16))
  t.equal(signed, 1)
  valid = 'another server process'
  t.equal((await keys.get('4'.repeat(16))).length, 16)
  t.strictSame([signed, opened], [2, 2])
  valid = 'ended'
  letIn = false
  await t.rejects(keys.get('5'.repeat(16)), { message: /its creator has not let it in \(this key was not let in\)/ })
  t.equal(signed, 3)
})
