// Whether a title's keys have stopped: it was withdrawn, taken back or is over its time. The catalog here says so, or `state/key-stops/<sha256 of the
// title's address>`, put there before a withdrawal is acknowledged: other nodes of the bucket have catalogs of their own, and a database that is made
// anew knows of none until it has read them again.

import { Failure } from '../errors.ts'
import { parseTitleName } from './title-name.ts'
import type { StateStore } from '../stores/state.ts'
import type { KeyStore } from './key-store.ts'
import type { TitleName } from './title-name.ts'

/** How the catalog here has a title. `at`: unix seconds, of the event that says so; `unknown`: none has come. */
export type Standing = { standing: 'live' | 'gone', at: number } | { standing: 'unknown' }

export interface TitleStopsParts {
  state: StateStore
  keys: Pick<KeyStore, 'has'>
  /** @param now unix seconds */
  standing: (address: string, now: number) => Standing
  /** Milliseconds. */
  now: () => number
  /** Hears that it could not be put there yet. */
  onFault: (error: unknown) => void
}

interface Stop { gone: boolean, at: number }

const AGAIN_MS = 2000

export class TitleStops {
  readonly #parts: TitleStopsParts
  /** Addresses of which it must still be told. */
  readonly #due = new Set<string>()
  #again: NodeJS.Timeout | null = null

  constructor (parts: TitleStopsParts) {
    this.#parts = parts
  }

  /** Rejects with StoreError. */
  async isGone (title: TitleName): Promise<boolean> {
    const here = this.#standing(title.address)
    const told = await this.#told(title)
    if (here.standing === 'unknown') return told?.gone === true
    // the newest version decides, wherever it is told; of two of one second the one that closes
    if (told === null || told.at < here.at) return here.standing === 'gone'
    return told.at === here.at ? told.gone || here.standing === 'gone' : told.gone
  }

  /** Titles at these addresses may stand otherwise than before: the store is told, now or, where it fails, as soon as it can be. */
  async refresh (addresses: readonly string[]): Promise<void> {
    for (const address of addresses) this.#due.add(address)
    try {
      for (const address of this.#due) {
        await this.#tell(address)
        this.#due.delete(address)
      }
    } catch (error) {
      this.#parts.onFault(error)
      if (this.#again === null) {
        this.#again = setTimeout(() => {
          this.#again = null
          void this.refresh([])
        }, AGAIN_MS)
        this.#again.unref()
      }
    }
  }

  /** The same for what relays brought, of which there is more: only titles with keys here are told. */
  async follow (addresses: readonly string[]): Promise<void> {
    try {
      for (const address of addresses) {
        const title = titleAt(address)
        if (title !== null && await this.#parts.keys.has(title)) await this.refresh([address])
      }
    } catch (error) {
      this.#parts.onFault(error)
    }
  }

  close (): void {
    if (this.#again !== null) clearTimeout(this.#again)
  }

  async #tell (address: string): Promise<void> {
    const here = this.#standing(address)
    if (here.standing === 'unknown') return
    const title = titleAt(address)
    if (title === null) return
    const told = await this.#told(title)
    const gone = here.standing === 'gone'
    if (told === null ? !gone : told.at > here.at || (told.at === here.at && (told.gone || !gone))) return
    await this.#parts.state.put(stopOf(title), { v: 1, gone, at: here.at })
  }

  async #told (title: TitleName): Promise<Stop | null> {
    return await this.#parts.state.get(stopOf(title)) as Stop | null
  }

  #standing (address: string): Standing {
    return this.#parts.standing(address, Math.floor(this.#parts.now() / 1000))
  }
}

function stopOf ({ hash }: TitleName): string {
  return `key-stops/${hash}`
}

/** Null for what is no film's address. */
function titleAt (address: string): TitleName | null {
  try {
    return parseTitleName(address)
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}
