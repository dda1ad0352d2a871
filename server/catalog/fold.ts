// The catalog as a fold: accepted raw events, in any order and however often, to what stands at a moment. Everything in it is sorted, so that the
// same events give the same bytes. The table in SQLite is driven by the same decisions (versions.ts); this is its yardstick. Pure.

import { parseCatalogEvent } from './catalog-event.ts'
import { CatalogFault } from './faults.ts'
import { isReachable } from './kinds/provider-advert.ts'
import { liveOf, marksOf, versionOf } from './versions.ts'
import type { SignedEvent } from '../auth/signature.ts'
import type { CatalogFacts, CatalogType } from './catalog-event.ts'
import type { CatalogFaultCode } from './faults.ts'
import type { Tombstones, Version } from './versions.ts'

export interface Row<T extends CatalogType> {
  /** `kind:pubkey:d`; for a regular event its id. */
  key: string
  event: SignedEvent
  facts: CatalogFacts[T]
}

/** What was withdrawn by a newer version that says so. */
export interface WithdrawnRow { key: string, id: string, created_at: number, reason: string | null }

/** Every list sorted by key. */
export interface Projections {
  titles: Row<'title'>[]
  collections: Row<'collection'>[]
  adverts: Row<'advert'>[]
  servers: Row<'servers'>[]
  relays: Row<'relays'>[]
  carriers: Row<'carrier'>[]
  applications: Row<'application'>[]
  releases: Row<'release'>[]
  artifacts: Row<'artifact'>[]
  withdrawn: WithdrawnRow[]
  /** What stands, but was accepted by another version of this program and cannot be read by this one. */
  unreadable: { key: string, id: string, code: CatalogFaultCode }[]
  deletedIds: { id: string, pubkey: string }[]
  /** `until` in Unix seconds, inclusive. */
  deletedAddresses: { address: string, until: number }[]
}

/** Tombstones in memory: marks in any order make the same set. */
export class TombstoneSet implements Tombstones {
  readonly #ids = new Set<string>()
  readonly #until = new Map<string, number>()

  /** Adds what a kind 5 event takes back; other kinds say nothing. */
  add (event: SignedEvent): void {
    const marks = marksOf(event)
    if (marks === null) return
    for (const id of marks.ids) this.#ids.add(`${id} ${marks.pubkey}`)
    for (const address of marks.addresses) this.#until.set(address, Math.max(marks.until, this.#until.get(address) ?? -Infinity))
  }

  hasId (id: string, pubkey: string): boolean {
    return this.#ids.has(`${id} ${pubkey}`)
  }

  until (address: string): number | null {
    return this.#until.get(address) ?? null
  }

  list (): Pick<Projections, 'deletedIds' | 'deletedAddresses'> {
    return {
      deletedIds: [...this.#ids].sort().map((each) => ({ id: each.slice(0, 64), pubkey: each.slice(65) })),
      deletedAddresses: [...this.#until].sort(byKey).map(([address, until]) => ({ address, until }))
    }
  }
}

interface Kept extends Version { readonly event: SignedEvent }

/** @param events accepted ones (accept.ts) @param now Unix seconds */
export function foldCatalog (events: Iterable<SignedEvent>, now: number): Projections {
  const byId = new Map<string, SignedEvent>()
  const tombstones = new TombstoneSet()
  for (const event of events) {
    // one id may carry two good signatures: the lower one is kept, or the first to come would show
    const before = byId.get(event.id)
    if (before === undefined || event.sig < before.sig) byId.set(event.id, event)
    if (before === undefined) tombstones.add(event)
  }
  const groups = new Map<string, Kept[]>()
  for (const event of byId.values()) {
    const version = versionOf(event)
    const key = version.address ?? event.id
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [{ ...version, event }])
    else group.push({ ...version, event })
  }
  const found: Projections = {
    titles: [], collections: [], adverts: [], servers: [], relays: [], carriers: [], applications: [], releases: [], artifacts: [], withdrawn: [], unreadable: [],
    ...tombstones.list()
  }
  for (const [key, versions] of [...groups].sort(byKey)) {
    const live = liveOf(versions, tombstones, now)
    if (live === null) continue
    try {
      place(found, key, live.event)
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error
      found.unreadable.push({ key, id: live.id, code: error.code })
    }
  }
  return found
}

function place (found: Projections, key: string, event: SignedEvent): void {
  const parsed = parseCatalogEvent(event)
  const row = <T extends CatalogType>(facts: CatalogFacts[T]): Row<T> => ({ key, event, facts })
  switch (parsed.type) {
    case 'title': case 'collection': {
      if (parsed.facts.status === 'withdrawn') found.withdrawn.push({ key, id: event.id, created_at: event.created_at, reason: parsed.facts.reason })
      else if (parsed.type === 'title') found.titles.push(row<'title'>(parsed.facts))
      else found.collections.push(row<'collection'>(parsed.facts))
      break
    }
    // one that nobody can be reached by takes back what its key said before
    case 'advert': if (isReachable(parsed.facts)) found.adverts.push(row<'advert'>(parsed.facts)); break
    case 'servers': found.servers.push(row<'servers'>(parsed.facts)); break
    case 'relays': found.relays.push(row<'relays'>(parsed.facts)); break
    case 'carrier': found.carriers.push(row<'carrier'>(parsed.facts)); break
    case 'application': found.applications.push(row<'application'>(parsed.facts)); break
    case 'release': found.releases.push(row<'release'>(parsed.facts)); break
    case 'artifact': found.artifacts.push(row<'artifact'>(parsed.facts)); break
    case 'withdrawal': break // its tombstones are all that it says
  }
}

function byKey ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}
