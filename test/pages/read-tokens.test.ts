// Servers that let some keys alone read, as the player meets them: who is asked to sign, for whom, how often, and where the token goes. Its modules, run by Node.

import { createHash, randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { checkBlossomToken } from '../../server/auth/blossom-token.ts'
import { OurNames } from '../../server/auth/our-names.ts'
import { parseAuthorization } from '../../server/auth/token.ts'
import { Signer } from '../support/keys.ts'
import { ROOT } from '../support/source.ts'

async function load<Module> (name: string): Promise<Module> {
  return await import(pathToFileURL(`${ROOT}web/${name}`).href) as Module
}

interface Blob { sha256: string, name: string, size: number }
interface ReadTokens { begin: () => void, of: (origin: string) => string | null, sign: (origin: string) => Promise<string> }
interface Extension { signEvent: (draft: Parameters<Signer['sign']>[0]) => Promise<object> }
type Ask = (url: string, init: { headers?: Record<string, string>, redirect?: string }) => Promise<Response>
const { ReadTokens } = await load<{ ReadTokens: new (origins: string[], parts: { find: () => Promise<Extension | null>, now?: () => number, tell?: (what: string, origin: string) => void }) => ReadTokens }>('watch/read-tokens.js')
const { Sources } = await load<{
  Sources: new (origins: string[], parts: { fetch: Ask, now?: () => number, patience: number[], tokens: ReadTokens }) => { take: (blob: Blob, options?: { signal: AbortSignal }) => Promise<{ from: string }> }
}>('watch/sources.js')

const viewer = new Signer()
const BYTES = randomBytes(3000)
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const BLOB: Blob = { sha256: SHA256, name: `${SHA256}.ts`, size: BYTES.length }
const [ONE, TWO, HEARSAY] = ['https://one.test', 'https://two.test:8443', 'https://hearsay.test'] as const

interface Stand {
  tokens: ReadTokens
  take: (signal?: AbortSignal) => Promise<{ from: string }>
  /** Who was asked, and whether with a token. */
  asked: string[]
  /** Origins whose token was asked for. */
  signed: string[]
  /** Unix seconds. */
  clock: { now: number }
  gated: Set<string>
  open: Set<string>
  /** Keys that are let in; null: nobody's signature is taken. */
  readers: Set<string> | null
  extension: Extension | null
  /** A header that is not taken. */
  refuse: string | null
}

/** ONE and TWO, which the title names, and HEARSAY. Each checks tokens as our server does. */
function stand (): Stand {
  const clock = { now: 1_900_000_000 }
  const made: Stand = {
    asked: [], signed: [], clock, gated: new Set([ONE]), open: new Set(), readers: new Set([viewer.pubkey]), extension: { signEvent: async (draft) => viewer.sign(draft) }, refuse: null,
    tokens: new ReadTokens([ONE, TWO], { find: async () => made.extension, now: () => clock.now, tell: (what, origin) => { if (what === 'signing') made.signed.push(origin) } }),
    take: (signal) => sources.take(BLOB, signal === undefined ? undefined : { signal })
  }
  const sources = new Sources([ONE, TWO, HEARSAY], {
    patience: [1000, 1000], now: () => clock.now * 1000, tokens: made.tokens,
    fetch: async (url, { headers: { authorization } = {} }) => {
      const { origin } = new URL(url)
      made.asked.push(`${origin}${authorization === undefined ? '' : ' signed'}`)
      if (made.open.has(origin)) return new Response(BYTES)
      if (!made.gated.has(origin)) return new Response('', { status: 404 })
      const no = (status: number, reason: string): Response => new Response('', { status, headers: { 'x-reason': reason } })
      try {
        const event = parseAuthorization(authorization)
        checkBlossomToken(event, { verb: 'get', names: new OurNames(origin, []), now: clock.now, requireServer: true })
        return made.readers === null || authorization === made.refuse ? no(401, 'not like this') : made.readers.has(event.pubkey) ? new Response(BYTES) : no(403, 'this key may not')
      } catch (error) {
        return no(401, (error as Error).message)
      }
    }
  })
  return made
}

/** What the viewer is told when they are not let in; null for another failure. */
async function refusalOf (taking: Promise<unknown>): Promise<string | null> {
  return taking.then(() => { throw new Error('it was let in') }, (error: { refused: string | null }) => error.refused)
}

t.test('one signature opens all blobs of a server for an hour, and nothing at any other; then it is renewed', async t => {
  const { tokens, take, asked, signed, clock, gated } = stand()
  tokens.begin()
  await Promise.all([take(), take(), take()])
  t.strictSame(signed, [ONE], 'many at once are one question')
  await take()
  t.equal(asked.at(-1), `${ONE} signed`)
  t.notOk(asked.some((each) => each.includes(`${TWO} signed`) || each.includes(`${HEARSAY} signed`)))
  const event = parseAuthorization(tokens.of(ONE)!)
  t.match([event.kind, event.tags], [24242, [['t', 'get'], ['server', 'one.test'], ['server', ONE], ['expiration', String(clock.now + 3600)]]])
  for (const other of [TWO, HEARSAY, 'https://two.test']) {
    t.throws(() => checkBlossomToken(event, { verb: 'get', names: new OurNames(other, []), now: clock.now, requireServer: false }), { code: 'TOKEN_SERVER' })
  }
  for (const verb of ['upload', 'delete', 'list', 'media']) t.throws(() => checkBlossomToken(event, { verb, names: new OurNames(ONE, []), now: clock.now, requireServer: false }), { code: 'TOKEN_VERB' })
  t.notMatch(tokens.of(ONE), /[+/=_-]/, 'it is the same in every form of base64')

  clock.now += 3600
  t.equal(tokens.of(ONE), null, 'what has ended is not sent')
  t.equal((await take()).from, ONE)
  t.strictSame(signed, [ONE, ONE])
  gated.delete(ONE)
  gated.add(TWO)
  t.equal((await take()).from, TWO)
  t.strictSame(signed, [ONE, ONE, TWO])
  const [, second] = parseAuthorization(tokens.of(TWO)!).tags
  t.strictSame(second, ['server', 'two.test:8443'])
})

t.test('nobody signs for what another server gives to everybody, nor before they want to watch, nor for a server that the title does not name', async t => {
  const shared = stand()
  shared.tokens.begin()
  shared.open.add(TWO)
  t.equal((await shared.take()).from, TWO)
  t.strictSame(shared.signed, [])

  const early = stand()
  await t.rejects(early.take(), { message: /one\.test lets some keys alone read/ })
  t.strictSame(early.signed, [])
  early.tokens.begin()
  t.equal((await early.take()).from, ONE)

  const heard = stand()
  heard.tokens.begin()
  heard.gated.clear()
  heard.gated.add(HEARSAY)
  t.equal(await refusalOf(heard.take()), null)
  await t.rejects(heard.take(), { message: /hearsay\.test: answered 401/ })
  t.strictSame(heard.signed, [])
  await t.rejects(heard.tokens.sign(HEARSAY), { message: /nobody signs/ })
})

t.test('who has no extension, does not sign, or is not let in reads so; nobody is asked again before they try again', async t => {
  const without = stand()
  without.extension = null
  without.tokens.begin()
  t.match(await refusalOf(without.take()), /one\.test lets some keys alone read\. .*Install a signer extension/)

  const declining = stand()
  declining.gated.add(TWO)
  let asked = 0
  declining.extension = { signEvent: async () => { asked++; throw new Error('rejected by user') } }
  declining.tokens.begin()
  for (let i = 0; i < 3; i++) t.match(await refusalOf(declining.take()), /Your extension did not sign for one\.test/)
  t.equal(asked, 1, 'one no is meant for the other server, too')
  declining.extension = { signEvent: async (draft) => viewer.sign(draft) }
  declining.tokens.begin()
  t.equal((await declining.take()).from, ONE)

  const stranger = stand()
  stranger.readers = new Set()
  stranger.tokens.begin()
  for (let i = 0; i < 3; i++) t.match(await refusalOf(stranger.take()), /Your key may not read from one\.test: its operator has not let it in \(this key may not\)/)
  t.equal(stranger.signed.length, 1)
  stranger.readers = new Set([viewer.pubkey])
  t.equal((await stranger.take()).from, ONE, 'let in meanwhile, the same token is good')

  const refusing = stand()
  refusing.readers = null
  refusing.tokens.begin()
  for (let i = 0; i < 3; i++) t.match(await refusalOf(refusing.take()), /one\.test did not take your signature: not like this/)
  t.equal(refusing.signed.length, 1, 'a server that takes no signature does not get one after another')
})

t.test('an old token that a server no longer takes is signed anew; a fresh one is not', async t => {
  const made = stand()
  const { tokens, take, signed, clock } = made
  tokens.begin()
  await take()
  clock.now += 1000
  const before = tokens.of(ONE)
  made.refuse = before
  t.equal((await take()).from, ONE)
  t.not(tokens.of(ONE), before)
  made.refuse = tokens.of(ONE)
  t.match(await refusalOf(take()), /did not take your signature/)
  t.strictSame(signed, [ONE, ONE])
})

t.test('whoever leaves while the extension asks is not kept, and what was signed serves the next part', async t => {
  const made = stand()
  let sign = (): void => {}
  made.extension = { signEvent: (draft) => new Promise((resolve) => { sign = () => { resolve(viewer.sign(draft)) } }) }
  made.tokens.begin()
  const quit = new AbortController()
  const taking = made.take(quit.signal)
  while (made.signed.length === 0) await new Promise((resolve) => { setImmediate(resolve) })
  quit.abort()
  await t.rejects(taking, { name: 'AbortError' })
  const next = made.take()
  await new Promise((resolve) => { setImmediate(resolve) })
  sign()
  t.equal((await next).from, ONE)
  t.equal(made.signed.length, 1)
})

t.test('nobody is asked over and over: by a server that takes each token for a while, by many that a title names', async t => {
  const made = stand()
  made.tokens.begin()
  for (let i = 0; i < 12; i++) {
    await made.take().catch(() => {})
    made.clock.now += 301
    made.refuse = made.tokens.of(ONE)
  }
  t.equal(made.signed.length, 3)
  t.match(await refusalOf(made.take()), /did not take your signature/)
  made.tokens.begin()
  t.equal((await made.take()).from, ONE, 'who tries again may be asked again')

  const crowd = Array.from({ length: 30 }, (_, i) => `https://s${i}.test`)
  let asked = 0
  const tokens = new ReadTokens(crowd, { find: async () => ({ signEvent: async (draft) => { asked++; return viewer.sign(draft) } }) })
  const sources = new Sources(crowd, { patience: [1000, 1000], tokens, fetch: async () => new Response('', { status: 401 }) })
  tokens.begin()
  for (let i = 0; i < 3; i++) t.match(await refusalOf(sources.take(BLOB)), /s0\.test did not take your signature/)
  t.equal(asked, 4)
})
