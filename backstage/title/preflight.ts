// Everything that can be known to fail before any work: servers that are away, will not take this key or these types, have no room for keys, and relays
// that are not reached. All of it is told at once.

import { randomBytes } from 'node:crypto'
import { eventId } from '../../server/catalog/event-id.ts'
import { TITLE_KIND } from '../../server/catalog/kinds/title.ts'
import { BlossomServer } from '../http/blossom.ts'
import { NetworkFault } from '../http/exchange.ts'
import { callJson } from '../http/json-calls.ts'
import { offersOf } from '../http/offers.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { unreachableRelays } from '../http/relays.ts'
import { BlossomTokens } from '../http/tokens.ts'
import { bytesText } from '../progress.ts'
import { TitleFaults } from './faults.ts'
import type { BlobFacts } from '../http/blossom.ts'
import type { Signer } from '../signer.ts'
import type { Places, Session } from './session.ts'

export interface Wanted extends Places {
  encrypted: boolean
  /** The server that is to keep the keys; null for the first that does. */
  keysAt: string | null
  /** What will be uploaded, by type: the largest of each. */
  largest: readonly Pick<BlobFacts, 'type' | 'size'>[]
  /** Whether a relay that is away is a fault now; later it is told of when it comes to it. */
  strictRelays: boolean
}

/** What a film will be made of, before its sizes are known: segments of six seconds at 10 Mbit/s. */
export function expectedBlobs ({ format, subtitles, trailer }: { format: 'ts' | 'fmp4', subtitles: boolean, trailer: boolean }): Wanted['largest'] {
  const [segment, small] = [8 * 1024 ** 2, 1024 ** 2]
  return [
    ...(format === 'ts' ? [{ type: 'video/mp2t', size: segment }] : [{ type: 'video/iso.segment', size: segment }]),
    ...(format === 'fmp4' || trailer ? [{ type: 'video/mp4', size: small }] : []),
    ...(subtitles ? [{ type: 'text/vtt', size: small }] : []),
    { type: 'application/vnd.apple.mpegurl', size: small }, { type: 'application/vnd.indeehub.film+json', size: small }, { type: 'image/jpeg', size: small }
  ]
}

const YEAR = 365 * 86_400
/** Milliseconds for which a server may be away now: a person waits. */
const SHORT = 10_000

/** The URL of the keys, `https://<origin>/keys`, at the first server that keeps keys; null for an open film. Rejects with TitleFaults. */
export async function preflight ({ calls: { exchange, patience }, progress }: Pick<Session, 'calls' | 'progress'>, signer: Signer, wanted: Wanted): Promise<string | null> {
  const { servers, relays, encrypted, largest, strictRelays } = wanted
  const faults: string[] = []
  const short = { ...patience, total: Math.min(patience.total, SHORT) }
  const tokens = new BlossomTokens({ signer, verb: 'upload', servers, hashes: [] })
  // one token for all probes: a signature may cost a person's click
  const probe = randomBytes(32).toString('hex')
  const keeper = async (origin: string): Promise<string | null> => (await offersOf({ exchange, patience: short }, origin)).keys ? origin : null
  const deaf: string[] = []
  let catalogs = 0
  const keepers = await Promise.all(servers.map(async (origin) => {
    try {
      const offers = await offersOf({ exchange, patience: short }, origin)
      if (offers.catalog) {
        const no = await whyNoTitles({ exchange, patience: short }, origin, signer.pubkey)
        if (no === null) catalogs++
        else deaf.push(`${origin} takes no titles of this key into its catalog: ${no}`)
      }
      const server = new BlossomServer({ origin, exchange, patience: short })
      for (const blob of largest) {
        if (offers.blobBytes !== null && blob.size > offers.blobBytes) faults.push(`${origin} takes ${bytesText(offers.blobBytes)} at most, and there are blobs of ${bytesText(blob.size)}`)
        else if (!await server.wouldTake({ sha256: probe, ...blob }, tokens)) {
          progress.note(`${origin} does not say beforehand what it takes`)
          break
        }
      }
      return offers.keys
    } catch (error) {
      if (error instanceof ServerRefusal) faults.push(`${origin} would not take the film: ${error.status}${error.reason === '' ? '' : ` ${error.reason}`}`)
      else if (error instanceof NetworkFault) faults.push(`${error.message}: the server is not reached`)
      else throw error
      return null
    }
  }))
  const keysAt = wanted.keysAt !== null ? await keeper(wanted.keysAt) : servers.find((_origin, at) => keepers[at] === true) ?? null
  if (encrypted && keysAt === null && !keepers.includes(null)) faults.push(`none of these servers keeps keys (${wanted.keysAt ?? servers.join(', ')}): name one that does, or publish with --open`)
  if (catalogs === 0 && relays.length === 0 && !keepers.includes(null)) faults.push(['nobody would hear of it: none of these servers has a catalog for it, and there is no --relay', ...deaf].join('; '))
  else deaf.forEach(progress.note)
  for (const { words } of await unreachableRelays(relays)) {
    if (strictRelays) faults.push(`${words}: the relay is not reached`)
    else progress.note(`${words}: the relay is not reached`)
  }
  if (faults.length > 0) throw new TitleFaults(faults)
  return encrypted ? `${keysAt!}/keys` : null
}

/** What a catalog has against titles of this key; null for nothing. The author is judged before time and signature: an unsigned event of next year asks for no more. */
async function whyNoTitles (calls: Session['calls'], origin: string, pubkey: string): Promise<string | null> {
  const draft = { kind: TITLE_KIND, created_at: Math.floor(Date.now() / 1000) + YEAR, tags: [['d', randomBytes(16).toString('hex')]], content: '' }
  try {
    await callJson(calls, { method: 'POST', url: `${origin}/catalog/events`, body: { ...draft, pubkey, id: eventId(pubkey, draft), sig: '0'.repeat(128) } })
  } catch (error) {
    if (!(error instanceof ServerRefusal)) throw error
    if (error.code === 'AUTHOR_REFUSED') return `${error.status} ${error.reason}`
  }
  return null
}
