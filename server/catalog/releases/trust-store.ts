// What the server keeps for ever of releases, below `state/release/`: the state that no relay, rebuild or lost database takes back, every trust bundle it
// accepted (who was not there when the root changed walks by them), and the latest pointer of each channel. Nodes of one bucket see each other's.

import { StoreError } from '../../errors.ts'
import { emptyState, mergeStates, parseState, stateText } from '../../release/state.ts'
import type { ReleaseState } from '../../release/state.ts'
import type { StateStore } from '../../stores/state.ts'

const STATE = 'release/state'
const BUNDLES = 'release/bundles/'
const POINTERS = 'release/pointers/'

/** An accepted bundle as it was signed. */
export interface KeptBundle {
  /** The pinned root that it comes from, 64 hex digits. */
  pinned: string
  version: number
  text: string
}

export interface KeptPointer {
  app: string
  channel: string
  /** As it was signed. */
  text: string
}

export class TrustStore {
  readonly #state: Pick<StateStore, 'get' | 'put' | 'list'>

  constructor (state: Pick<StateStore, 'get' | 'put' | 'list'>) {
    this.#state = state
  }

  /** The empty one where nothing was kept yet. Rejects with StoreError, also for what cannot be read: it is never taken for an empty one. */
  async state (): Promise<ReleaseState> {
    const value = await this.#state.get(STATE)
    if (value === null) return emptyState()
    try {
      return parseState(Buffer.from(JSON.stringify(value)))
    } catch (error) {
      throw new StoreError('state', 'parse', STATE, error)
    }
  }

  /** Adds what was learnt to what is there by now, part by part the higher; what is there then. Rejects with StoreError. */
  async learn (state: ReleaseState): Promise<ReleaseState> {
    const merged = mergeStates(await this.state(), state)
    await this.#state.put(STATE, JSON.parse(stateText(merged)))
    return merged
  }

  async putBundle ({ pinned, version, text }: KeptBundle): Promise<void> {
    await this.#state.put(`${BUNDLES}${pinned}/${String(version).padStart(16, '0')}`, { v: 1, text })
  }

  /** By pinned root, oldest first. Rejects with StoreError. */
  async bundles (): Promise<KeptBundle[]> {
    const found: KeptBundle[] = []
    for await (const name of this.#state.list(BUNDLES)) {
      const [pinned = '', version = ''] = name.slice(BUNDLES.length).split('/')
      const kept = await this.#state.get(name) as { text?: unknown } | null
      if (typeof kept?.text === 'string') found.push({ pinned, version: Number(version), text: kept.text })
    }
    return found.sort((a, b) => a.pinned < b.pinned ? -1 : a.pinned > b.pinned ? 1 : a.version - b.version)
  }

  async putPointer ({ app, channel, text }: KeptPointer): Promise<void> {
    await this.#state.put(`${POINTERS}${app}/${channel}`, { v: 1, text })
  }

  async pointers (): Promise<KeptPointer[]> {
    const found: KeptPointer[] = []
    for await (const name of this.#state.list(POINTERS)) {
      const [app = '', channel = ''] = name.slice(POINTERS.length).split('/')
      const kept = await this.#state.get(name) as { text?: unknown } | null
      if (typeof kept?.text === 'string') found.push({ app, channel, text: kept.text })
    }
    return found
  }
}
