// A film from its title: the signed event names the manifest by its hash, the manifest names every blob that plays by its own. What is not in it
// is not fetched, whatever a playlist says.

import { ask, getTitle, hashNameIn, originOf } from '../shared/catalog.js'
import { Sources } from './sources.js'

const MANIFEST_LIMIT = 8 * 1024 * 1024
const SCHEMA = 'indeehub.film-manifest/1'
const HEX64 = /^[0-9a-f]{64}$/

/** The title cannot be played; the sentence says why. */
export class Unplayable extends Error {}

/**
 * @typedef {{title: object, coordinate: string, master: string, keysAt: string | null, sizes: Map<string, number>, sources: Sources}} Film
 * `coordinate`: kind:pubkey:d; `master`: sha256; `keysAt`: where keys are asked for; `sizes`: bytes of each blob by its sha256
 */

/** Servers that a page of this address may ask: a browser blocks plain http from https. @param {string} origin */
function mayAsk (origin) {
  return location.protocol !== 'https:' || origin.startsWith('https:') || /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(origin)
}

/** The title as the catalog at hand has it. Rejects with a Refusal. @param {string} address */
export function findTitle (address) {
  return getTitle(address, { cache: 'no-cache' })
}

/** Where a title's blobs may lie, in the order in which they are asked. @param {{facts: {servers: string[], media: {url: string, fallbacks: string[]}[]}}} title */
export function serversOf ({ facts }) {
  const named = [...facts.servers, ...facts.media.flatMap(({ url, fallbacks }) => [url, ...fallbacks])].map(originOf)
  return [...new Set([location.origin, ...named])].filter((origin) => origin !== null && mayAsk(origin))
}

/** Whoever told the catalog that they have it. @param {string} manifest sha256 */
async function providersOf (manifest) {
  const { providers } = await ask(`/catalog/providers?hash=${manifest}`)
  const servers = Object.values(providers).flat().flatMap((provider) => provider.servers)
  return [...new Set(servers.map(originOf))].filter((origin) => origin !== null && mayAsk(origin))
}

/**
 * Fetches and checks the manifest. Rejects with Unplayable or NotToBeHad.
 * @param {object} title as `findTitle` @param {ConstructorParameters<typeof Sources>[1]} parts of the Sources @returns {Promise<Film>}
 */
export async function openFilm (title, parts) {
  const { facts } = title
  if (facts.status === 'withdrawn') throw new Unplayable(`Its creator has withdrawn this film${facts.reason ? `: ${facts.reason}` : '.'}`)
  if (facts.manifest === null) throw new Unplayable('This title names no film.')
  const sources = new Sources(serversOf(title), parts)
  const more = providersOf(facts.manifest.sha256).then((origins) => { sources.add(origins) }, () => { /* the title's own servers are enough to begin with */ })
  const { sha256, size } = facts.manifest
  if (size > MANIFEST_LIMIT) throw new Unplayable('The list of this film\'s parts is larger than is read here.')
  const blob = { sha256, name: `${sha256}.json`, size }
  const { bytes } = await sources.take(blob).catch(async () => {
    await more
    return sources.take(blob)
  })
  const manifest = readManifest(bytes, title.address)
  if (facts.master !== null && facts.master !== manifest.master.sha256) throw new Unplayable('The title and the list of its parts name different films.')
  return { title, coordinate: title.address, master: manifest.master.sha256, keysAt: keysAt(facts.access), sizes: sizesOf(manifest), sources }
}

/**
 * Where keys are asked for, or null for a free film. The reader signs a POST to an address below it, and the title is a stranger's: anything but a key
 * room would let the stranger choose what is done in the reader's name.
 * @param {{scheme: string, url: string} | null} access
 */
export function keysAt (access) {
  if (access === null) return null
  const url = URL.canParse(access.url) ? new URL(access.url) : null
  const room = access.scheme === 'nip98' && originOf(access.url) !== null && /\/keys\/?$/.test(url.pathname) && !/[?#]/.test(access.url)
  if (!room) throw new Unplayable('This title does not say in a way that is known here where its keys are.')
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`
}

function readManifest (bytes, address) {
  let manifest
  try {
    manifest = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new Unplayable('The list of this film\'s parts cannot be read.')
  }
  if (manifest?.schema !== SCHEMA || !Array.isArray(manifest.renditions)) throw new Unplayable('The list of this film\'s parts is of a kind that is not known here.')
  if (manifest.title_ref !== address) throw new Unplayable('The list of parts belongs to another title.')
  return manifest
}

function sizesOf ({ master, renditions }) {
  const blobs = [master, ...renditions.flatMap(({ playlist, init, segments }) => [playlist, ...(init === undefined ? [] : [init]), ...segments])]
  if (!blobs.every((blob) => HEX64.test(blob?.sha256) && Number.isSafeInteger(blob.size))) throw new Unplayable('The list of this film\'s parts is damaged.')
  return new Map(blobs.map(({ sha256, size }) => [sha256, size]))
}

/** The blob that a URL of a playlist means; null when the manifest does not name it. @param {Film} film @param {string} url */
export function blobAt ({ sizes }, url) {
  const hash = hashNameIn(url)
  const size = hash === null ? undefined : sizes.get(hash.sha256)
  return size === undefined ? null : { ...hash, size }
}
