// What the creator's page is made of, run by Node: public keys as people write them, hashing piece by piece, and the events of a title, which the
// catalog's own parser and the command line's builders agree with.

import { createHash, randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { npubEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { completeTitle } from '../../backstage/film/title-of.ts'
import { buildWithdrawnTitle, parseTitle } from '../../server/catalog/kinds/title.ts'
import { parseWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { smallFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import { ROOT } from '../support/source.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'

async function load<Module> (name: string): Promise<Module> {
  return await import(pathToFileURL(`${ROOT}web/${name}`).href) as Module
}

const { npubOf, pubkeyIn } = await load<{ npubOf: (pubkey: string) => string, pubkeyIn: (text: string) => string | null }>('shared/npub.js')
const { Sha256, hexOf } = await load<{ Sha256: new () => { update: (bytes: Uint8Array) => void, digest: () => Uint8Array }, hexOf: (bytes: Uint8Array) => string }>('shared/sha256.js')
const { edited, withdrawn, deletion, completed } = await load<{
  edited: (event: SignedEvent, text: { title: string, summary: string, topics: string[], poster: string | null }, now: number) => EventDraft
  withdrawn: (event: SignedEvent, reason: string, now: number) => EventDraft
  deletion: (before: SignedEvent, gone: SignedEvent, reason: string) => EventDraft
  completed: (film: { event: Omit<EventDraft, 'created_at'>, encrypted: boolean }, place: { origin: string, before: SignedEvent | null }, now: number) => EventDraft
}>('backstage/title-event.js')

const creator = new Signer()
const NOW = 1_795_000_000

t.test('public keys are read and written as nostr-tools does; a letter that is wrong is noticed, whichever it is', async t => {
  for (let count = 0; count < 100; count++) {
    const hex = randomBytes(32).toString('hex')
    const npub = npubEncode(hex)
    t.equal(npubOf(hex), npub)
    for (const text of [hex, hex.toUpperCase(), npub, npub.toUpperCase(), ` nostr:${npub}\n`]) t.equal(pubkeyIn(text), hex, text)
    const at = 5 + count % 58
    t.equal(pubkeyIn(npub.slice(0, at) + (npub[at] === 'q' ? 'p' : 'q') + npub.slice(at + 1)), null)
  }
  for (const text of ['', 'npub1', 'nsec1'.padEnd(63, 'q'), 'a'.repeat(63), `${npubEncode('ab'.repeat(32)).slice(0, -1)}Q`, 'npub1'.padEnd(63, 'b')]) t.equal(pubkeyIn(text), null, text)
})

t.test('a hash is the same however its bytes come in pieces', async t => {
  for (let length = 0; length < 400; length += 7) {
    const bytes = randomBytes(length)
    const hash = new Sha256()
    for (let at = 0; at < length;) {
      const next = at + 1 + randomBytes(1)[0]! % 130
      hash.update(bytes.subarray(at, next))
      at = next
    }
    t.equal(hexOf(hash.digest()), createHash('sha256').update(bytes).digest('hex'), `${length} bytes`)
  }
})

t.test('an edited title says what was asked for, is later than the one before, and leaves alone what it does not know', async t => {
  const film = smallFilm(creator.pubkey, 'film', 1)
  const before = creator.sign({ ...film.title(NOW, { title: 'One', topics: ['a', 'b'] }), tags: [...film.title(NOW, { title: 'One', topics: ['a', 'b'] }).tags, ['odd', '1'], ['odd', '2']] })
  const text = { title: 'Two', summary: 'New.', topics: ['c'], poster: null }
  for (const [now, then] of [[NOW + 50, NOW + 50], [NOW, NOW + 1], [NOW - 500, NOW + 1]] as const) t.equal(edited(before, text, now).created_at, then)
  const next = creator.sign(edited(before, text, NOW + 9))
  t.match(parseTitle(next), { ...parseTitle(before), title: 'Two', alt: 'Film: Two', synopsis: 'New.', topics: ['c'] })
  t.strictSame(next.tags.filter(([name]) => name === 'odd'), [['odd', '1'], ['odd', '2']])
  t.strictSame(next.tags.map(([name]) => name), before.tags.map(([name]) => name).filter((name, at, all) => name !== 't' || all.indexOf('t') === at), 'in the order in which they were')
  const own = creator.sign({ ...before, tags: before.tags.map((tag) => tag[0] === 'alt' ? ['alt', 'In my words'] : tag) })
  t.equal(parseTitle(creator.sign(edited(own, text, NOW))).alt, 'In my words')
})

t.test('a title is taken back as on the command line, and its deletion names all versions before', async t => {
  const before = creator.sign(smallFilm(creator.pubkey, 'film', 1).title(NOW, { title: 'One' })) as SignedEvent
  const gone = creator.sign(withdrawn(before, 'a better cut', NOW + 60)) as SignedEvent
  t.same(withdrawn(before, 'a better cut', NOW + 60), buildWithdrawnTitle(parseTitle(before), 'a better cut', NOW + 60))
  const draft = deletion(before, gone, 'a better cut')
  t.match(parseWithdrawal(creator.sign(draft) as SignedEvent), { ids: [before.id], addresses: [`34235:${creator.pubkey}:film`], kinds: [34235], reason: 'a better cut' })
  t.ok(draft.created_at >= before.created_at && draft.created_at < gone.created_at)
})

t.test('the title of a build is the one that the command line makes for the same server', async t => {
  const name = `${'ab'.repeat(32)}.m3u8`
  const event = { kind: 34235, content: 'Rain.', tags: [['d', 'film'], ['title', 'One'], ['imeta', `url ${name}`, 'm application/vnd.apple.mpegurl', `image ${'cd'.repeat(32)}.jpg`, 'dim 2x2']] }
  const origin = 'https://cdn.example.com'
  for (const encrypted of [true, false]) {
    const made = completed({ event, encrypted }, { origin, before: null }, NOW)
    t.same(made, completeTitle({ event, encrypted }, { servers: [origin], access: encrypted ? `${origin}/keys` : null, createdAt: NOW, publishedAt: NOW }))
  }
  const before = creator.sign({ kind: 34235, created_at: NOW + 5, content: '', tags: [['d', 'film'], ['published_at', '77']] }) as SignedEvent
  const again = completed({ event, encrypted: false }, { origin, before }, NOW)
  t.match([again.created_at, again.tags.find(([tag]) => tag === 'published_at')], [NOW + 6, ['published_at', '77']])
})
