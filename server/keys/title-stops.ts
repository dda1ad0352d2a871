// Whether a title's keys have stopped: it was withdrawn, taken back or is over its time. Nodes of one bucket each have a catalog of their own; so the
// one that takes such an event, over HTTP, puts `state/key-stops/<sha256 of the title's address>` before it acknowledges, and the others look there.

import { Failure } from '../errors.ts'
import { parseTitleName } from './title-name.ts'
import type { StateStore } from '../stores/state.ts'
import type { TitleName } from './title-name.ts'

/** How the catalog here has a title. `at`: unix seconds, of the event that says so; `unknown`: none has come. */
export type Standing = { standing: 'live' | 'gone', at: number } | { standing: 'unknown' }

export interface TitleStopsParts {
  state: StateStore
  /** Whether other nodes write to the same store. */
  shared: boolean
  /** @param now unix seconds */
  standing: (address: string, now: number) => Standing
  /** Milliseconds. */
  now: () => number
  /** Hears that other nodes could not be told yet. */
  onFault: (error: unknown) => void
}

interface Stop { gone: boolean, at: number }

const AGAIN_MS = 2000

export class TitleStops {
  readonly #parts: TitleStopsParts
  /** Addresses of which the others must still be told. */
  readonly #due = new Set<string>()
  #again: NodeJS.Timeout | null = null

  constructor (parts: TitleStopsParts) {
    this.#parts = parts
  }

  /** Rejects with StoreError. */
  async isGone (title: TitleName): Promise<boolean> {
    const here = this.#standing(title.address)
    if (!this.#parts.shared) return here.standing === 'gone'
    const told = await this.#told(title)
    if (here.standing === 'unknown') return told?.gone === true
    // the newest version decides, whichever node has it; of two of one second the one that closes
    if (told === null || told.at < here.at) return here.standing === 'gone'
    return told.at === here.at ? told.gone || here.standing === 'gone' : told.gone
  }

  /** Titles at these addresses may stand otherwise than before: the other nodes are told, now or, where the store fails, as soon as it can be. */
  async refresh (addresses: readonly string[]): Promise<void> {
    if (!this.#parts.shared) return
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
