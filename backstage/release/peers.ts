// Who says to have a file of a release: provider adverts (30081), as catalogs and relays tell of them. An advert is a stranger's claim: it is worth an
// attempt, and what comes is checked.

import { isEvent, isSigned } from '../../server/auth/signature.ts'
import { ADVERT_MAX_AGE, PROVIDER_ADVERT_KIND, parseProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { callJson } from '../http/json-calls.ts'
import { askRelays } from '../http/relays.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { CallParts } from '../http/json-calls.ts'

export interface PeerParts {
  calls: CallParts
  /** Origins whose catalogs are asked. */
  servers: readonly string[]
  relays: readonly string[]
  /** Our own: not asked. */
  except: string | null
  /** Unix seconds. */
  now: number
  say: (line: string) => void
}

/** Hashes of one question. */
const TOGETHER = 50
/** Peers of one file: more than anybody needs to try. */
const MOST = 10
/** Milliseconds for a catalog to answer: the origin does without. */
const PATIENCE = 5000

/** Origins by sha256, those of the freshest adverts first. */
export async function peersOf (hashes: readonly string[], parts: PeerParts): Promise<Map<string, string[]>> {
  const { now, except } = parts
  const adverts: { at: number, sha256: string, servers: string[] }[] = []
  for (const event of await advertsOf(hashes, parts)) {
    try {
      const { sha256, servers, endsAt } = parseProviderAdvert(event)
      if (sha256 !== null && endsAt > now && event.created_at > now - ADVERT_MAX_AGE) adverts.push({ at: event.created_at, sha256, servers })
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error
    }
  }
  adverts.sort((a, b) => b.at - a.at)
  return new Map(hashes.map((hash) => {
    const named = adverts.filter(({ sha256 }) => sha256 === hash).flatMap(({ servers }) => servers).map((url) => new URL(url).origin)
    return [hash, [...new Set(named)].filter((origin) => origin !== except).slice(0, MOST)]
  }))
}

async function advertsOf (hashes: readonly string[], { calls, servers, relays, say }: PeerParts): Promise<SignedEvent[]> {
  const found = new Map<string, SignedEvent>()
  const add = (event: unknown): void => {
    if (isEvent(event) && event.kind === PROVIDER_ADVERT_KIND && !found.has(event.id) && isSigned(event)) found.set(event.id, event)
  }
  for (let from = 0; from < hashes.length; from += TOGETHER) {
    const some = hashes.slice(from, from + TOGETHER)
    const query = some.map((hash) => `hash=sha256:${hash}`).join('&')
    await Promise.all([
      ...servers.map(async (server) => {
        try {
          const answer = await callJson({ ...calls, patience: { total: PATIENCE } }, { method: 'GET', url: `${server}/catalog/providers?${query}` }) as { providers?: Record<string, { event?: unknown }[]> } | null
          for (const each of Object.values(answer?.providers ?? {}).flat()) add(each.event)
        } catch (error) {
          say(`${server} tells of no peers: ${error instanceof Error ? error.message : String(error)}`)
        }
      }),
      (async () => {
        if (relays.length === 0) return
        const events = await askRelays(relays, { 'kinds': [PROVIDER_ADVERT_KIND], '#x': some, 'limit': 500 }, null, (relay, words) => { say(`${relay}: ${words}`) })
        events.forEach(add)
      })()
    ])
  }
  return [...found.values()]
}
