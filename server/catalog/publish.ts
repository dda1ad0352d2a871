// ★ The one road into the catalog, for HTTP, for relays and for what we sign ourselves (design §5): judged in the order of accept.ts, kept, folded. What
// comes over HTTP or is our own, adverts apart, is durable in the store (`state/events/`) before it is acknowledged; what a relay brought, it has.

import { StoreError } from '../errors.ts'
import { ReleaseFault } from '../release/faults.ts'
import { isSigned } from '../auth/signature.ts'
import { ADVERT_CAPS, judgeEvent } from './accept.ts'
import { addressOf, readAddress } from './address.ts'
import { authorPolicy } from './authors.ts'
import { CatalogFault } from './faults.ts'
import { PROVIDER_ADVERT_KIND } from './kinds/provider-advert.ts'
import { signTemplate } from './sign-template.ts'
import type { EventDraft, SignedEvent } from '../auth/signature.ts'
import type { StateStore } from '../stores/state.ts'
import type { AcceptFacts, AdvertCaps } from './accept.ts'
import type { AuthorRows } from './author-rows.ts'
import type { AuthorFacts } from './authors.ts'
import type { CatalogEvent } from './catalog-event.ts'
import type { CatalogStore } from './catalog-store.ts'
import type { OwnClock } from './own-clock.ts'
import type { TemplateSigner } from './sign-template.ts'

/** Below `state/`: what was taken over HTTP, or signed by us, one object an event. */
export const KEPT_EVENTS = 'events/'

/** What trust bundles say of release events (releases/releases.ts). */
export interface ReleaseGate {
  /** Throws ReleaseFault or CatalogFault. */
  judge: (parsed: CatalogEvent) => void
  /** Takes what it carries into force; durable when it resolves. Rejects with ReleaseFault or StoreError. */
  learn: (parsed: CatalogEvent) => Promise<void>
  learnLater: (parsed: CatalogEvent) => void
}

export interface PublisherParts {
  store: CatalogStore
  authors: AuthorRows
  state: Pick<StateStore, 'get' | 'put' | 'list' | 'remove'>
  clock: OwnClock
  signer: TemplateSigner
  policy: Omit<AuthorFacts, 'from' | 'ownPubkey' | 'publishedHere'>
  caps?: AdvertCaps
  releases?: ReleaseGate
  /** Hears of each event that was kept, before that is acknowledged. */
  onKept?: (event: SignedEvent) => Promise<void>
  /** Unix milliseconds. */
  now: () => number
}

export interface Published {
  /** Its place in the log. */
  seq: number
  parsed: CatalogEvent
}

/** What came back out of the store. */
export interface RestoredEvents {
  events: number
  /** Names of what lies there and is no event any more, or not the one it was. */
  damaged: string[]
}

/** Faults that no event had when it was taken. */
const DAMAGE: readonly CatalogFault['code'][] = ['EVENT_MALFORMED', 'ID_WRONG', 'SIGNATURE_WRONG']

/** What of a batch was taken, and what was wrong with how many of the rest. */
export interface TakenBatch {
  taken: number
  faults: Map<CatalogFault['code'] | ReleaseFault['code'], number>
}

export class Publisher {
  readonly #parts: PublisherParts

  constructor (parts: PublisherParts) {
    this.#parts = parts
  }

  /** The server's own key, 64 hex digits. */
  get pubkey (): string {
    return this.#parts.signer.pubkey
  }

  /**
   * Judges an event that came over HTTP and keeps nothing of it; what is to be asked besides (are its blobs here?) can be asked then.
   * Throws CatalogFault or ReleaseFault.
   */
  judge (event: unknown): CatalogEvent {
    const parsed = judgeEvent(event, this.#facts('http'))
    this.#parts.releases?.judge(parsed)
    return parsed
  }

  /** Keeps what `judge` let pass: durable, and in the tables, when it resolves. Rejects with CatalogFault (another was quicker) or StoreError. */
  async keep (parsed: CatalogEvent): Promise<Published> {
    const { store, authors, state, releases, onKept } = this.#parts
    const { event } = parsed
    await releases?.learn(parsed)
    // an advert is a claim for two days that its provider repeats: it survives a kill of the server, and may be lost in a power cut
    if (parsed.type !== 'advert') await state.put(`${KEPT_EVENTS}${event.id}`, event)
    authors.add(event.pubkey)
    const seq = parsed.type === 'advert' ? await store.addTogether(parsed) : store.add(parsed)
    if (seq === null) throw new CatalogFault('EVENT_KNOWN')
    if (parsed.type !== 'advert') await onKept?.(event)
    return { seq, parsed }
  }

  /** Judges and keeps many events, of a relay or of a snapshot of our own (whose authors we had taken before), in one transaction. */
  takeBatch (events: readonly unknown[], from: 'relay' | 'own-snapshot' = 'relay'): TakenBatch {
    const facts = { ...this.#facts('relay'), ...(from === 'relay' ? {} : { mayAuthor: () => true }) }
    const good: CatalogEvent[] = []
    const faults: TakenBatch['faults'] = new Map()
    for (const event of events) {
      try {
        const parsed = judgeEvent(event, facts)
        if (from === 'relay') this.#parts.releases?.judge(parsed)
        good.push(parsed)
      } catch (error) {
        if (!(error instanceof CatalogFault || error instanceof ReleaseFault)) throw error
        faults.set(error.code, (faults.get(error.code) ?? 0) + 1)
      }
    }
    const taken = good.length === 0 ? 0 : this.#parts.store.addAll(good).filter((seq) => seq !== null).length
    for (const parsed of good) this.#parts.releases?.learnLater(parsed)
    return { taken, faults }
  }

  /** Signs an event of our own, made for a time that is later than that of the version before, and keeps it. Rejects with CatalogFault or StoreError. */
  async publishOwn (build: (createdAt: number) => EventDraft): Promise<Published> {
    const { clock, signer } = this.#parts
    const { kind, tags } = build(0)
    const createdAt = await clock.next(addressOf({ kind, pubkey: signer.pubkey, tags }) ?? String(kind))
    return this.keep(this.judge(signTemplate(build(createdAt), signer)))
  }

  /** What lies in the store comes into a new database; what is damaged there is left out. Rejects with StoreError. */
  async restore (onProgress: (events: number) => void = () => {}): Promise<RestoredEvents> {
    const { state, store, authors } = this.#parts
    const facts = { ...this.#facts('http'), refuseOlder: false, mayAuthor: () => true }
    const restored: RestoredEvents = { events: 0, damaged: [] }
    for await (const name of state.list(KEPT_EVENTS)) {
      const id = name.slice(KEPT_EVENTS.length)
      if (store.log.get(id) !== null) continue
      try {
        const event = await keptIn(state, name)
        if (event === undefined) continue // removed meanwhile
        const parsed = judgeEvent(event, facts)
        if (parsed.event.id !== id) throw new CatalogFault('ID_WRONG')
        authors.add(parsed.event.pubkey)
        if (store.add(parsed) !== null) onProgress(++restored.events)
      } catch (error) {
        if (!(error instanceof CatalogFault)) throw error
        // the rest was taken back meanwhile, or is over its time
        if (DAMAGE.includes(error.code)) restored.damaged.push(name)
      }
    }
    return restored
  }

  #facts (from: AuthorFacts['from']): AcceptFacts {
    const { store, authors, signer, policy, caps = ADVERT_CAPS, now } = this.#parts
    const seconds = Math.floor(now() / 1000)
    return {
      now: seconds,
      verify: isSigned,
      mayAuthor: authorPolicy({ ...policy, from, ownPubkey: signer.pubkey, publishedHere: (pubkey) => authors.publishedHere(pubkey) }),
      standing: (event: SignedEvent) => store.standing(event),
      refuseOlder: from === 'http',
      advertsBeside: (address, event) => {
        const { kind, pubkey, d } = readAddress(address)!
        if (kind !== PROVIDER_ADVERT_KIND || !/^[0-9a-f]{64}$/.test(d)) return { ofAuthor: 0, fresherOfHash: 0 }
        return authors.advertsBeside(pubkey, d, event.created_at, { ofAuthor: caps.perAuthor, ofHash: caps.perHash })
      },
      caps
    }
  }
}

/** Undefined where there is none. Throws EVENT_MALFORMED for what is no JSON, and rejects with StoreError. */
async function keptIn (state: PublisherParts['state'], name: string): Promise<unknown> {
  try {
    return await state.get(name) ?? undefined
  } catch (error) {
    if (error instanceof StoreError && error.action === 'parse') throw new CatalogFault('EVENT_MALFORMED', error.message)
    throw error
  }
}
