// Finds a title as it stands: its newest version among what catalogs and relays have, each rightly signed. Which place has which version is told too.

import { isEvent, isSigned } from '../../server/auth/signature.ts'
import { compareVersions, formatAddress, parseAddressName } from '../../server/catalog/address.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { parseTitle } from '../../server/catalog/kinds/title.ts'
import { decode } from 'nostr-tools/nip19'
import { lookUp } from '../http/json-calls.ts'
import { askRelays } from '../http/relays.ts'
import { TitleFault } from './faults.ts'
import { readPublishState } from './publish-state.ts'
import { placesOf, relaysOf } from './session.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Address } from '../../server/catalog/address.ts'
import type { Title } from '../../server/catalog/kinds/title.ts'
import type { PublishState } from './publish-state.ts'
import type { Parts, Places, Session } from './session.ts'

export interface Named {
  address: Address
  /** `kind:pubkey:d`. */
  text: string
  places: Places
  /** Of the folder it was named by; null for an address. */
  state: PublishState | null
  folder: string | null
}

/** What a word names: an address in any spelling, or a folder that a film was published from. Rejects with TitleFault. */
export async function nameTitle (word: string | undefined, parts: Parts): Promise<Named> {
  if (word === undefined) throw new TitleFault('which film? naddr1…, 34235:<pubkey>:<d>, or the folder it was published from', 2)
  const places = placesOf(parts)
  if (/^(nostr:)?naddr1|^\d+:/i.test(word)) {
    const address = addressIn(word)
    const hints = /naddr1/i.test(word) && places.relays.length === 0 ? hintsIn(word) : []
    return { address, text: formatAddress(address), places: { ...places, relays: [...places.relays, ...hints] }, state: null, folder: null }
  }
  // a film file stands for the folder that `film publish` makes of it
  const folder = await readPublishState(word) !== null ? word : `${word}.marquee`
  const state = await readPublishState(folder)
  if (state === null) throw new TitleFault(`${word} is neither an address nor a folder that a film was published from`, 2)
  const { servers, relays } = places
  return {
    address: addressIn(state.address),
    text: state.address,
    places: { servers: servers.length > 0 ? servers : state.servers, relays: relays.length > 0 ? relays : state.relays },
    state,
    folder
  }
}

function addressIn (word: string): Address {
  try {
    const address = parseAddressName(word)
    if (address.kind === 34235 || address.kind === 34236) return address
  } catch (error) {
    if (!(error instanceof CatalogFault)) throw error
  }
  throw new TitleFault(`${word} is no address of a film`, 2)
}

/** Relays that an naddr names. */
function hintsIn (word: string): string[] {
  const decoded = decode(word.replace(/^nostr:/i, '').toLowerCase())
  return decoded.type === 'naddr' ? relaysOf(decoded.data.relays ?? []) : []
}

export interface Found {
  event: SignedEvent
  title: Title
  /** Every version that was seen, newest first. */
  versions: SignedEvent[]
  /** Which version each place has; null for none, and a text where it could not be asked. */
  at: { place: string, id: string | null, fault: string | null }[]
}

/** Null where no place has it. Rejects with TitleFault when there is no place to look, or none could be asked. */
export async function findTitle (session: Session, { address, text, places: { servers, relays }, state }: Named): Promise<Found | null> {
  if (servers.length + relays.length === 0) throw new TitleFault('where is it to be looked for? --server URL or --relay URL', 2)
  const at: Found['at'] = []
  const versions = new Map<string, SignedEvent>()
  const take = (event: unknown): string | null => {
    if (!isEvent(event) || event.kind !== address.kind || event.pubkey !== address.pubkey || dOf(event) !== address.d || !isSigned(event)) return null
    versions.set(event.id, event)
    return event.id
  }
  if (state?.title != null) take(state.title.event)
  await Promise.all(servers.map(async (place) => {
    try {
      const answer = await lookUp(session.calls, { method: 'GET', url: `${place}/catalog/titles/${encodeURIComponent(text)}` }) as { event?: unknown } | null
      at.push({ place, id: take(answer?.event), fault: null })
    } catch (error) {
      at.push({ place, id: null, fault: (error as Error).message })
    }
  }))
  await Promise.all(relays.map(async (place) => {
    let fault: string | null = null
    const events = await askRelays([place], { 'kinds': [address.kind], 'authors': [address.pubkey], '#d': [address.d] }, null, (_relay, words) => { fault = words })
    const ids = events.filter((event) => take(event) !== null).sort(compareVersions)
    at.push({ place, id: ids[0]?.id ?? null, fault })
  }))
  const sorted = [...versions.values()].sort(compareVersions)
  const event = sorted[0]
  if (event === undefined) {
    if (at.every(({ fault }) => fault !== null)) throw new TitleFault(at.map(({ place, fault }) => `${place}: ${fault}`).join('; '))
    return null
  }
  return { event, title: titleOf(event), versions: sorted, at }
}

/** The same; a title that is nowhere is a fault. */
export async function requireTitle (session: Session, named: Named): Promise<Found> {
  const found = await findTitle(session, named)
  if (found === null) throw new TitleFault(`no server and no relay has ${named.text}`)
  return found
}

/** Its creator, signing. Rejects with TitleFault for somebody else's title. */
export async function requireCreator (session: Session, { address }: Named): ReturnType<Session['signer']> {
  const signer = await session.signer()
  if (signer.pubkey !== address.pubkey) throw new TitleFault('this film is another key\'s: only its creator may do this')
  return signer
}

function titleOf (event: SignedEvent): Title {
  try {
    return parseTitle(event)
  } catch (error) {
    throw new TitleFault(`the title is not well formed: ${(error as Error).message}`)
  }
}

export function dOf ({ tags }: Pick<SignedEvent, 'tags'>): string {
  return tags.find(([name]) => name === 'd')?.[1] ?? ''
}
