// What is deleted, blocked or restricted is no longer advertised at once: the relay hears of it long before the advertiser's next round, a minute later.

import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import { operate } from '../support/operator.ts'
import { freePort } from '../support/program.ts'
import { startScriptedRelay } from '../support/scripted-relay.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

/** Milliseconds: half of the time between two rounds. */
const PATIENCE = 30_000

async function until (isSo: () => Promise<boolean> | boolean): Promise<boolean> {
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    if (await isSo()) return true
    await new Promise((resolve) => { setTimeout(resolve, 20) })
  }
  return false
}

t.test('a deletion, a block and a restriction are told to the relay without waiting for the next round', async t => {
  const creator = new Signer()
  const told: SignedEvent[] = []
  const relay = await startScriptedRelay(t, (say, [word, first]) => {
    if (word === 'REQ') say('EOSE', first)
    if (word !== 'EVENT') return
    told.push(first as SignedEvent)
    say('OK', (first as SignedEvent).id, true, '')
  })
  const port = await freePort()
  const server = await startMarquee(t, { env: { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, RELAYS: relay.url, TITLE_PUBKEYS: creator.pubkey } })
  const { marquee, url } = server
  /** BLAKE3 hashes whose newest advert names a server. */
  const advertised = (): Set<string> => {
    const newest = new Map<string, SignedEvent>()
    for (const event of told.filter(({ kind }) => kind === 30081)) newest.set(event.tags.find(([name]) => name === 'd')![1]!, event)
    return new Set([...newest].filter(([, { tags }]) => tags.some(([name]) => name === 'server')).map(([d]) => d))
  }
  const takenBack = (blake3: string): boolean => told.some(({ kind, tags }) => kind === 5 && tags.some(([name, value]) => name === 'a' && value!.endsWith(`:${blake3}`)))
  const films = ['deleted', 'blocked', 'restricted'].map((name) => smallFilm(creator.pubkey, name))
  for (const film of films) {
    await uploadFilm(url, creator, film)
    t.equal((await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(creator.sign(film.title(Math.floor(Date.now() / 1000)))) })).status, 201)
  }
  t.ok(await until(() => films.every(({ manifestBlob }) => advertised().has(manifestBlob.blake3))), 'all are advertised')

  const [deleted, blocked, restricted] = films.map(({ manifestBlob }) => manifestBlob)
  const owners = await marquee.stores.owners.namesOf(deleted!.sha256)
  t.equal((await fetch(`${url}/${deleted!.sha256}`, { method: 'DELETE', headers: { authorization: creator.token('delete', { hashes: [deleted!.sha256] }) } })).status, 204)
  for (const owner of owners.filter((each) => each !== creator.pubkey)) await marquee.blobs.disown(deleted!.sha256, owner)
  t.ok(await until(() => takenBack(deleted!.blake3)), 'what was deleted')
  t.ok(advertised().has(blocked!.blake3) && advertised().has(restricted!.blake3), 'and nothing else')

  t.equal((await operate(server, 'POST', '/admin/blocked', { hashes: [blocked!.sha256], reason: '' })).status, 200)
  t.ok(await until(() => takenBack(blocked!.blake3)), 'what was blocked')
  t.equal((await operate(server, 'POST', '/admin/restricted', { hashes: [restricted!.sha256], to: [], reason: '' })).status, 200)
  t.ok(await until(() => takenBack(restricted!.blake3)), 'what was restricted')
  t.notOk([deleted, blocked, restricted].some((blob) => advertised().has(blob!.blake3)))
})
