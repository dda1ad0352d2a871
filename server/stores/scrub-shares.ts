// How far the scrub has come, in the store (`state/scrub/<share>`), so that it goes on there after a restart and outlives the database. The nodes of
// one bucket share the work: sixteen shares by the first hex digit, each held by one node for a time; what a dead node held is free when its time
// is up. No lock spans the nodes: should two take a share at the same moment, its blobs are read twice, and nothing else happens.

import { setTimeout as sleep } from 'node:timers/promises'
import type { StateStore } from './state.ts'

export interface Share {
  /** The first hex digit of its blobs' sha256; '' for all blobs. */
  prefix: string
  /** When this pass began, unix milliseconds; 0 for none yet. */
  started: number
  /** The last blob of this pass that was looked at; null when none was, or the pass is over. */
  cursor: string | null
  /** The pass has come to its end. */
  over: boolean
  /** When the last pass that came to its end had begun, unix milliseconds; 0 for none. */
  whole: number
  /** Which node has it, and until when. */
  holder: string | null
  until: number
}

/** A holder that saved nothing for this long is dead. */
const LEASE_MS = 5 * 60_000
/** Longer than two nodes need to see each other's claims. */
const CLAIM_MS = 500

const DIGITS = [...'0123456789abcdef']

export interface SharesSettings {
  shared: boolean
  /** This life of this node. */
  node: string
  /** Milliseconds. */
  now: () => number
  leaseMs?: number
  claimMs?: number
}

export class ScrubShares {
  readonly #state: StateStore
  readonly #settings: Required<SharesSettings>
  readonly prefixes: readonly string[]

  constructor (state: StateStore, settings: SharesSettings) {
    this.#state = state
    this.#settings = { leaseMs: LEASE_MS, claimMs: CLAIM_MS, ...settings }
    this.prefixes = settings.shared ? DIGITS : ['']
  }

  prefixOf (sha256: string): string {
    return this.#settings.shared ? sha256[0]! : ''
  }

  #name (prefix: string): string {
    return `scrub/${prefix === '' ? 'all' : prefix}`
  }

  /** Rejects with StoreError. */
  async read (prefix: string): Promise<Share> {
    const found = await this.#state.get(this.#name(prefix)) as Partial<Share> | null
    return { started: 0, cursor: null, over: true, whole: 0, holder: null, until: 0, ...found, prefix }
  }

  /** Null when another node has it. Rejects with StoreError. */
  async claim (share: Share): Promise<Share | null> {
    const { shared, node, now, claimMs } = this.#settings
    if (this.#isTaken(share)) return null
    await this.save(share)
    if (!shared) return share
    await sleep(claimMs)
    const after = await this.read(share.prefix)
    return after.holder === node && after.until > now() ? after : null
  }

  #isTaken ({ holder, until }: Share): boolean {
    const { shared, node, now } = this.#settings
    return shared && holder !== null && holder !== node && until > now()
  }

  /** Notes how far it has come, and holds it on. False when another node has taken it meanwhile. Rejects with StoreError. */
  async save (share: Share): Promise<boolean> {
    const { shared, node, now, leaseMs } = this.#settings
    if (shared && this.#isTaken(await this.read(share.prefix))) return false
    await this.#state.put(this.#name(share.prefix), { ...share, holder: node, until: now() + leaseMs })
    return true
  }

  /** The same, and lets it go. */
  async release (share: Share): Promise<void> {
    if (await this.save(share)) await this.#state.put(this.#name(share.prefix), { ...share, holder: null, until: 0 })
  }
}
