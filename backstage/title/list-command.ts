// `marquee film list`: the films of a creator, from catalogs and relays, each as its newest version says.

import { compareVersions, formatNaddr, parseAddressName, parseKeyName } from '../../server/catalog/address.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { parseTitle } from '../../server/catalog/kinds/title.ts'
import { isEvent, isSigned } from '../../server/auth/signature.ts'
import { lookUp } from '../http/json-calls.ts'
import { askRelays } from '../http/relays.ts'
import { TitleFault } from './faults.ts'
import { dOf } from './finding.ts'
import { COMMON_HELP, placesOf, textIn, titleCommand } from './session.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Title } from '../../server/catalog/kinds/title.ts'
import type { Places, Session } from './session.ts'

export const list = titleCommand({
  name: 'list',
  help: `marquee film list [--creator NPUB] [--server URL]… [--relay URL]…

The films of a creator, newest first: what the servers' catalogs and the relays have, each as its newest version says.
  --creator NPUB   whose; else those of the key
${COMMON_HELP}`,
  options: { creator: { type: 'string' } },
  run: async (session, parts) => {
    const places = placesOf(parts)
    if (places.servers.length + places.relays.length === 0) throw new TitleFault('where? --server URL or --relay URL', 2)
    const named = textIn(parts.values, 'creator')
    const creator = named === null ? (await session.signer()).pubkey : keyIn(named)
    const films = await titlesOf(session, creator, places)
    for (const { event, title } of films) {
      const address = `${event.kind}:${event.pubkey}:${title.d}`
      const naddr = formatNaddr(parseAddressName(address))
      const date = new Date(event.created_at * 1000).toISOString().slice(0, 10)
      const text = `${date}  ${title.status === 'withdrawn' ? 'withdrawn  ' : ''}${clean(title.title) || title.d}\n            ${naddr}`
      session.tell(text, { address, naddr, title: title.title, status: title.status, created_at: event.created_at, servers: title.servers, gated: title.access !== null })
    }
    if (films.length === 0) session.progress.note('no films found')
    return 0
  }
})

function keyIn (text: string): string {
  try {
    return parseKeyName(text)
  } catch {
    throw new TitleFault('--creator is npub1… or 64 hex digits', 2)
  }
}

const clean = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, '?')

/** Newest version of each, newest first. Places that fail are noted. Rejects with TitleFault when every place fails. */
export async function titlesOf (session: Session, creator: string, { servers, relays }: Places): Promise<{ event: SignedEvent, title: Title }[]> {
  const newest = new Map<string, SignedEvent>()
  const faults: string[] = []
  const take = (event: unknown): void => {
    if (!isEvent(event) || (event.kind !== 34235 && event.kind !== 34236) || event.pubkey !== creator || !isSigned(event)) return
    const address = `${event.kind}:${dOf(event)}`
    const known = newest.get(address)
    if (known === undefined || compareVersions(event, known) < 0) newest.set(address, event)
  }
  await Promise.all(servers.map(async (origin) => {
    try {
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = new URLSearchParams({ creator, status: 'any', limit: '200', ...(cursor === '' ? {} : { cursor }) })
        const page = await lookUp(session.calls, { method: 'GET', url: `${origin}/catalog/titles?${query.toString()}` }) as { titles?: { event?: unknown }[], cursor?: string | null } | null
        for (const { event } of page?.titles ?? []) take(event)
        cursor = typeof page?.cursor === 'string' && page.titles !== undefined && page.titles.length > 0 ? page.cursor : null
      }
    } catch (error) {
      faults.push((error as Error).message)
    }
  }))
  for (const event of await askRelays(relays, { kinds: [34235, 34236], authors: [creator] }, null, (_relay, words) => { faults.push(words) })) take(event)
  if (faults.length > 0 && faults.length === servers.length + relays.length) throw new TitleFault(faults.join('; '))
  for (const fault of faults) session.progress.note(fault)
  const films = [...newest.values()].sort(compareVersions).flatMap((event) => {
    try {
      return [{ event, title: parseTitle(event) }]
    } catch (error) {
      if (error instanceof CatalogFault) return []
      throw error
    }
  })
  return films
}
