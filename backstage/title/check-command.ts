// `marquee film check`: a published film verified end to end, from the outside, as a player and a node would find it.

import { FilmFault } from '../film/faults.ts'
import { TitleFault } from './faults.ts'
import { checkBlobs, checkManifest, checkPlaces, checkPlaylists } from './check.ts'
import { checkDecoding } from './check-decoding.ts'
import { nameTitle, requireTitle } from './finding.ts'
import { KeyServer } from './key-server.ts'
import { SEALED_TAG, unsealKeys } from './sealed-keys.ts'
import { valueOf } from '../../server/catalog/tags.ts'
import { COMMON_HELP, textIn, titleCommand } from './session.ts'
import type { ReadPlaylist, Verdict } from './check.ts'
import type { Found, Named } from './finding.ts'
import type { Parts, Session } from './session.ts'

const SEGMENTS = 2

export const check = titleCommand({
  name: 'check',
  help: `marquee film check FILM [--deep]

Verifies a published film: the title at every server and relay, every blob on every server, manifest, hash sequence and playlists;
with the creator's key also the film's keys, and that it decodes (ffmpeg). Exit code 1 when anything is wrong.
FILM is naddr1…, 34235:<pubkey>:<d>, or the folder it was published from.
  --deep   reads and hashes every byte, and decodes all of it instead of the first ${SEGMENTS} segments of each rendition
${COMMON_HELP}`,
  options: { deep: { type: 'boolean' } },
  words: true,
  run: async (session, parts) => {
    if (parts.words.length > 1) throw new TitleFault('one film at a time', 2)
    const named = await nameTitle(parts.words[0], parts)
    const found = await requireTitle(session, named)
    const { title } = found
    let faults = 0
    const verdict: Verdict = (name, good, words, servers = []) => {
      if (!good) faults++
      const clean = words.replace(/[\p{Cc}\p{Cf}]/gu, '?')
      session.tell(`${good ? 'good ' : 'WRONG'}  ${name}${clean === '' ? '' : `: ${clean}`}`, { check: name, good, words: clean, ...(servers.length === 0 ? {} : { servers }) })
    }
    checkPlaces(found, verdict)
    if (title.status === 'withdrawn') {
      session.progress.note('this film is withdrawn: there is no more to check')
      return faults === 0 ? 0 : 1
    }
    const servers = title.servers.map((origin) => session.server(origin))
    const manifest = await checkManifest(found, servers, verdict)
    if (manifest === null) return 1
    const deep = parts.values['deep'] === true
    await checkBlobs(session, found, manifest, { servers, deep }, verdict)
    const playlists = await checkPlaylists(manifest, { servers, gated: title.access !== null }, verdict)
    const keys = await keysFor(session, parts, named, found, playlists, verdict)
    if (keys !== null) {
      try {
        for (const { origin } of deep ? servers : servers.slice(0, 1)) await checkDecoding(playlists, { origin, keys, segments: deep ? null : SEGMENTS, path: parts.terminal.env['PATH'] ?? '' }, verdict)
      } catch (error) {
        if (!(error instanceof FilmFault)) throw error
        session.progress.note(`${error.message}: whether it decodes is not checked`)
      }
    }
    return faults === 0 ? 0 : 1
  }
})

/** The keys as a player gets them, checked against the sealed ones; null where they are not ours to have. */
async function keysFor (session: Session, { values, terminal: { env } }: Parts, { address, text }: Named, { event, title }: Found, playlists: readonly ReadPlaylist[], verdict: Verdict): Promise<Map<string, string> | null> {
  if (title.access === null) return new Map()
  const named = textIn(values, 'key') ?? env['MARQUEE_NSEC'] ?? env['MARQUEE_NSEC_FILE']
  const signer = named === undefined ? null : await session.signer()
  if (signer === null || signer.pubkey !== address.pubkey) {
    session.progress.note('the keys are the creator\'s to check: with --key, they are')
    return null
  }
  const keys = new Map<string, string>()
  const server = new KeyServer({ url: title.access.url, calls: session.calls, signer, address: text })
  const wanted = new Set(playlists.flatMap(({ keys: ids }) => ids))
  const faults: string[] = []
  for (const id of wanted) {
    try {
      keys.set(id, await server.key(id))
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  verdict(`keys at ${server.url}`, faults.length === 0, faults.length === 0 ? String(wanted.size) : faults.join('; '))
  if (valueOf(event.tags, SEALED_TAG) !== null) {
    try {
      const sealed = await unsealKeys(event.tags, signer, title.servers.map((origin) => session.server(origin)))
      const wrong = [...wanted].filter((id) => sealed?.keys.find((each) => each.id === id)?.key !== keys.get(id))
      verdict('sealed keys', wrong.length === 0, wrong.length === 0 ? '' : `${wrong.length} are not those of the key server`)
    } catch (error) {
      verdict('sealed keys', false, (error as Error).message)
    }
  }
  return faults.length === 0 ? keys : null
}
