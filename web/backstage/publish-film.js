// A built film into this server: its blobs, then its keys, then the title that names both, so that no title stands here before what it needs.

import { ask, getTitle, Refusal } from '../shared/catalog.js'
import { Problem } from './account.js'
import { checkFile } from './build-folder.js'
import { completed } from './title-event.js'
import { bringAll } from './transfer.js'

/** By which public address titles name this server. */
export async function publicOrigin () {
  const { url } = await ask('/.well-known/marquee.json')
  return new URL(url).origin
}

/** Sends a signed event to the catalog here. Rejects with Refusal. @param {object} event */
export function publish (event) {
  return ask('/catalog/events', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
}

/** The version that stands here, or null. @param {string} address */
async function standing (address) {
  try {
    return (await getTitle(address, { cache: 'no-store' })).event
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null
    throw error
  }
}

/**
 * Rejects with Problem, Refusal, or the signal's reason. What came until then stays, and is not sent again.
 * @param {import('./account.js').Account} account @param {import('./build-folder.js').Build} build
 * @param {{tell: (stage: 'blobs' | 'keys' | 'title', done?: {bytes: number, files: number, there: number}) => void, signal: AbortSignal}} parts
 */
export async function publishFilm (account, { film, keys, blobs }, { tell, signal }) {
  const address = `${film.event.kind}:${account.pubkey}:${film.d}`
  tell('blobs', { bytes: 0, files: 0, there: 0 })
  await bringAll(account, blobs, { check: checkFile, tell: (done) => { tell('blobs', done) }, signal })
  tell('keys')
  const here = keys.length === 0 ? [] : (await account.call('GET', `/keys/titles/${encodeURIComponent(address)}`).catch(noKeyRoom)).keys
  for (const { id, key } of keys) {
    signal.throwIfAborted()
    if (!here.includes(id)) await account.call('PUT', `/keys/${id}`, { title: address, key })
  }
  tell('title')
  const [origin, before] = [await publicOrigin(), await standing(address)]
  signal.throwIfAborted()
  const event = await account.sign(completed(film, { origin, before }, Math.floor(Date.now() / 1000)))
  await publish(event).catch((error) => {
    if (error instanceof Refusal && error.status === 403) throw new Problem(`This server does not take titles from your key: ${error.message}. Its operator decides whose films are in the catalog.`)
    throw error
  })
  return event
}

function noKeyRoom (error) {
  if (error instanceof Refusal && error.status === 404) throw new Problem('This server keeps no film keys: an encrypted film cannot be published here.')
  throw error
}
