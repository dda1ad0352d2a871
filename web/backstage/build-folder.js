// The finished build of a film, as `marquee film build` left it in a folder: film.json names every blob by its hash, keys.json holds what opens them
// (docs/film.md). Read in the browser; of keys.json nothing but each rendition's own key is ever sent, and its secret not at all.

import { sha256OfFile } from '../shared/sha256.js'
import { Problem } from './account.js'

/**
 * @typedef {{film: object, keys: {id: string, key: string}[], blobs: import('./transfer.js').Outgoing[]}} Build
 * `keys`: 16 and 32 hex digits; empty for an open film
 */

const HEX64 = /^[0-9a-f]{64}$/
const NAME = /^([0-9a-f]{64})\.[a-z0-9]{1,8}$/
/** Bytes of film.json: some 50,000 files. */
const LARGEST = 32 * 1024 * 1024

/** The names of the files below the chosen folder: `film.json`, `blobs/<name>`. @param {File} file */
function pathOf (file) {
  return (file.webkitRelativePath || file.name).split('/').slice(-2).join('/')
}

async function readJson (file, name) {
  try {
    if (file.size > LARGEST) throw new Error()
    return JSON.parse(await file.text())
  } catch {
    throw new Problem(`${name} cannot be read: it is no JSON, or larger than any of a film.`)
  }
}

/** @param {unknown} film @returns {boolean} */
function isFilm (film) {
  const { event, files, d, pubkey } = film ?? {}
  return film?.schema === 'marquee.film-build/1' && typeof d === 'string' && HEX64.test(pubkey) && typeof film.encrypted === 'boolean' &&
    Array.isArray(event?.tags) && event.tags.every((tag) => Array.isArray(tag) && tag.every((element) => typeof element === 'string')) &&
    typeof event.content === 'string' && Number.isInteger(event.kind) && Array.isArray(files) && files.length > 0 &&
    files.every(({ sha256, name, size, type }) => NAME.exec(name)?.[1] === sha256 && Number.isSafeInteger(size) && size >= 0 && typeof type === 'string')
}

function keysIn (keys, { d, pubkey }) {
  const fits = keys?.schema === 'marquee.film-keys/1' && keys.d === d && keys.pubkey === pubkey && Array.isArray(keys.keys) &&
    keys.keys.every(({ id, key }) => /^[0-9a-f]{16}$/.test(id) && /^[0-9a-f]{32}$/.test(key))
  if (!fits) throw new Problem('keys.json does not belong to this film.json, or is damaged.')
  return keys.keys.map(({ id, key }) => ({ id, key }))
}

/** Rejects with Problem. @param {File[]} files @param {{pubkey: string}} account @returns {Promise<Build>} */
export async function openBuild (files, { pubkey }) {
  const top = (name) => files.find((file) => file.name === name && (file.webkitRelativePath || name).split('/').length <= 2)
  const told = top('film.json')
  if (told === undefined) throw new Problem('There is no film.json in this folder: choose the folder that “marquee film build --out” made, when it has finished.')
  const film = await readJson(told, 'film.json')
  if (!isFilm(film)) throw new Problem('film.json is damaged, or of a version that is not known here.')
  if (film.pubkey !== pubkey) throw new Problem('This film was built for another Nostr key than the one you are signed in with: its list of parts names that key. Sign in with it, or build the film again for yours.')
  const locked = film.encrypted ? top('keys.json') : null
  if (locked === undefined) throw new Problem('There is no keys.json in this folder: without it nobody could play the film.')
  const keys = locked === null ? [] : keysIn(await readJson(locked, 'keys.json'), film)
  const there = new Map(files.map((file) => [pathOf(file), file]))
  const blobs = film.files.map(({ sha256, size, type, name }) => {
    const file = there.get(`blobs/${name}`)
    if (file === undefined || file.size !== size) throw new Problem(`blobs/${name} is ${file === undefined ? 'missing' : 'not as long as film.json says'}: the build is not whole. Run “marquee film build” again.`)
    return { sha256, size, type, name, file }
  })
  return { film, keys, blobs }
}

/** Before it is sent: does the file have the bytes it is named for? Rejects with Problem. @param {import('./transfer.js').Outgoing} blob */
export async function checkFile ({ sha256, file, name }) {
  const found = await sha256OfFile(file).catch(() => { throw new Problem(`${name} cannot be read any more: was the folder moved?`) })
  if (found !== sha256) throw new Problem(`${name} is damaged: its bytes are not those that film.json names. Run “marquee film build” again.`)
}
