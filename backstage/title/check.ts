// Checks a published film end to end: the title where it should be, every blob on every server, manifest and hash sequence, playlists, keys, and whether it
// decodes. Each check tells what it found; none stops the others.

import { blake3 } from '@napi-rs/blake-hash'
import { buildHashSequence } from '../../server/catalog/manifest.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { urisOf } from '../film/playlist-uris.ts'
import { eachOf } from '../http/parallel.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { blobsOfTitle, readManifest } from './film-blobs.ts'
import type { FilmManifest, Rendition } from '../../server/catalog/manifest.ts'
import type { BlossomServer } from '../http/blossom.ts'
import type { Found } from './finding.ts'
import type { Session } from './session.ts'

/** Why a server did not give what was asked of it; `status` is null where it did not answer, or gave other bytes. */
export interface ServerFault {
  server: string
  status: number | null
  reason: string
}

export type Verdict = (name: string, good: boolean, words: string, servers?: readonly ServerFault[]) => void

const PLAYLIST_LIMIT = 16 * 1024 * 1024

/** Does every place have the newest version? */
export function checkPlaces ({ event, at }: Found, verdict: Verdict): void {
  for (const { place, id, fault } of at) {
    verdict(`title at ${place}`, id === event.id, fault ?? (id === null ? 'it is not there' : id === event.id ? '' : 'an older version is there'))
  }
}

/** The manifest, whose bytes are as the title says; null when it is not to be had, which is told. */
export async function checkManifest ({ title, event: { kind, pubkey } }: Found, servers: readonly BlossomServer[], verdict: Verdict): Promise<FilmManifest | null> {
  let manifest: FilmManifest
  try {
    manifest = await readManifest(title, servers)
  } catch (error) {
    verdict('manifest', false, (error as Error).message)
    return null
  }
  const wrong: string[] = []
  if (manifest.title_ref !== `${kind}:${pubkey}:${title.d}`) wrong.push('it is of another title')
  if (title.aggregate !== null && title.aggregate !== manifest.aggregate) wrong.push('the title has another aggregate')
  if (title.master !== null && title.master !== manifest.master.sha256) wrong.push('the title has another master playlist')
  const sequence = buildHashSequence(manifest)
  const named = title.hashSequence
  if (named !== null && (named.sha256 !== sha256Hex(sequence) || named.blake3 !== blake3(sequence).toString('hex'))) wrong.push('the title\'s hash sequence is not that of the manifest')
  verdict('manifest', wrong.length === 0, wrong.join('; '))
  return manifest
}

/** Every blob on every server: there and as long as it should be, and with `deep` of the right bytes. */
export async function checkBlobs (session: Session, { title }: Found, manifest: FilmManifest, { servers, deep }: { servers: readonly BlossomServer[], deep: boolean }, verdict: Verdict): Promise<void> {
  const blobs = blobsOfTitle(title, manifest)
  for (const server of servers) {
    const stage = session.progress.stage(`check ${new URL(server.origin).host}`, { total: blobs.length, unit: 'blobs' })
    const faults: string[] = []
    let done = 0
    await eachOf(blobs, deep ? 4 : 16, async ({ sha256, size, role }) => {
      try {
        const length = deep ? (await server.digest(sha256)) : await server.has(sha256)
        if (length === null) faults.push(`${role} ${sha256} is not there`)
        else if (typeof length === 'object' && length.sha256 !== sha256) faults.push(`${role} ${sha256} has other bytes`)
        else {
          const bytes = typeof length === 'object' ? length.size : length
          if (size !== null && bytes !== -1 && bytes !== size) faults.push(`${role} ${sha256} has ${bytes} bytes, not ${size}`)
        }
      } catch (error) {
        faults.push(`${role} ${sha256}: ${(error as Error).message}`)
      }
      stage.at(++done)
    })
    stage.end()
    const more = faults.length > 10 ? `; and ${faults.length - 10} more` : ''
    verdict(`blobs at ${server.origin}`, faults.length === 0, faults.length === 0 ? `${blobs.length}${deep ? ', every byte' : ''}` : `${faults.length} of ${blobs.length}: ${faults.slice(0, 10).join('; ')}${more}`)
  }
}

export interface ReadPlaylist {
  rendition: Rendition
  text: string
  /** Ids of the keys it names, each once. */
  keys: string[]
}

/** Playlists name what the manifest lists, in its order, and nothing else but keys. */
export async function checkPlaylists (manifest: FilmManifest, { servers, gated }: { servers: readonly BlossomServer[], gated: boolean }, verdict: Verdict): Promise<ReadPlaylist[]> {
  const read: ReadPlaylist[] = []
  const master = await textOf(servers, manifest.master.sha256)
  if (master.text === null) verdict('master playlist', false, `no server gives it: ${wordsOf(master)}`, master.faults)
  else {
    const named = new Set(urisOf(master.text).map(({ uri }) => uri.slice(0, 64)))
    const wanted = manifest.renditions.map(({ playlist }) => playlist.sha256)
    const missing = wanted.filter((sha256) => !named.has(sha256))
    const stray = [...named].filter((name) => !wanted.includes(name))
    tellRead('master playlist', master, verdict, missing.length + stray.length === 0, missing.length > 0 ? `${missing.length} renditions are not in it` : stray.length > 0 ? 'it names what the manifest does not list' : `${wanted.length} renditions`)
  }
  for (const rendition of manifest.renditions) {
    const given = await textOf(servers, rendition.playlist.sha256)
    const { text } = given
    if (text === null) {
      verdict(`playlist ${rendition.name}`, false, `no server gives it: ${wordsOf(given)}`, given.faults)
      continue
    }
    const { keys, fault } = judgePlaylist(text, rendition, gated)
    tellRead(`playlist ${rendition.name}`, given, verdict, fault === null, fault ?? `${rendition.segments.length} segments${keys.length === 0 ? '' : ', encrypted'}`)
    read.push({ rendition, text, keys })
  }
  return read
}

function judgePlaylist (text: string, { init, segments }: Rendition, gated: boolean): { keys: string[], fault: string | null } {
  const uris = urisOf(text)
  const keys = uris.filter(({ tag }) => tag === 'EXT-X-KEY').map(({ uri }) => uri)
  const files = uris.filter(({ tag }) => tag !== 'EXT-X-KEY').map(({ uri }) => uri.slice(0, 64))
  const wanted = [...(init === undefined ? [] : [init]), ...segments].map(({ sha256 }) => sha256)
  const bad = keys.find((uri) => !/^keys\/[0-9a-f]{16}$/.test(uri))
  const ivs = [...text.matchAll(/IV=0x([0-9A-Fa-f]{32})/g)].map(([, iv]) => iv!.toLowerCase())
  const fault = files.join() !== wanted.join()
    ? 'it does not name what the manifest lists, in its order'
    : bad !== undefined
      ? `it names a key elsewhere: ${bad}`
      : gated && keys.length < segments.length
        ? 'there are segments without a key of their own line'
        // §4.1: two texts under one key and IV show where they begin alike
        : new Set(ivs).size < keys.length ? 'two segments share an IV' : null
  return { keys: [...new Set(keys.map((uri) => uri.replace('keys/', '')))], fault }
}

interface Given {
  /** Null where no server gave it. */
  text: string | null
  /** Of the servers that were asked before one gave it. */
  faults: ServerFault[]
  /** One of them gave other bytes: whoever plays from it is told that the film was changed. */
  changed: boolean
}

async function textOf (servers: readonly BlossomServer[], sha256: string): Promise<Given> {
  const given: Given = { text: null, faults: [], changed: false }
  for (const server of servers) {
    const fault = (status: number | null, reason: string): void => { given.faults.push({ server: server.origin, status, reason }) }
    try {
      const bytes = await server.bytes(sha256, PLAYLIST_LIMIT)
      if (bytes === null) fault(404, 'it is not there')
      else if (sha256Hex(bytes) !== sha256) {
        given.changed = true
        fault(null, `it gives other bytes, of sha256 ${sha256Hex(bytes)}`)
      } else {
        given.text = bytes.toString('utf8')
        return given
      }
    } catch (error) {
      if (error instanceof ServerRefusal) fault(error.status, error.reason)
      else fault(null, (error as Error).message.replace(`${server.origin}: `, ''))
    }
  }
  return given
}

function wordsOf ({ faults }: Given): string {
  return faults.map(({ server, status, reason }) => `${server}: ${[status, reason].filter((each) => each !== null && each !== '').join(' ')}`).join('; ') || 'the title names none'
}

/** The verdict on what was read, with what other servers gave in its place. */
function tellRead (name: string, given: Given, verdict: Verdict, good: boolean, words: string): void {
  verdict(name, good && !given.changed, given.faults.length === 0 ? words : `${words}; ${wordsOf(given)}`, given.faults)
}
