// What one job remembers of the servers it asked: who failed several times in a row is passed over for a while, so that a server that is dead or lies
// is not asked for every segment of a film. Takes the time as an argument. Pure.

/** Faults in a row: of a server that does not answer or lies ... */
const FAULTS = 3
/** ... and of one that only does not have what it is asked for: a provider may hold the second half of a film alone. */
const ABSENCES = 20
const FIRST_PAUSE_MS = 30_000
const LONGEST_PAUSE_MS = 10 * 60_000
/** Servers remembered; the oldest go first. */
const MOST = 1000

interface Known {
  faults: number
  absences: number
  /** Not asked before (milliseconds). */
  until: number
  pause: number
  /** It will not be asked, ever. */
  never: boolean
}

export class ServerMemory {
  readonly #known = new Map<string, Known>()

  /** Is this server passed over now? */
  avoids (server: string, now: number): boolean {
    return (this.#known.get(server)?.until ?? 0) > now
  }

  /** May it be asked again some time? */
  mayComeBack (server: string): boolean {
    return this.#known.get(server)?.never !== true
  }

  /** It gave what it was asked for. */
  praise (server: string): void {
    this.#known.delete(server)
  }

  /** It did not. `absent`: it answered that it does not have it; `never`: it is nothing that will ever be asked. */
  blame (server: string, what: 'absent' | 'fault' | 'never', now: number): void {
    const known = this.#known.get(server) ?? { faults: 0, absences: 0, until: 0, pause: FIRST_PAUSE_MS, never: false }
    if (!this.#known.has(server) && this.#known.size >= MOST) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(server, known)
    if (what === 'absent') known.absences++
    else if (what === 'fault') known.faults++
    else Object.assign(known, { never: true, until: now + LONGEST_PAUSE_MS })
    // one that failed after its pause fails at once
    if (known.faults < FAULTS && known.absences < ABSENCES) return
    known.until = Math.max(known.until, now + known.pause)
    known.pause = Math.min(LONGEST_PAUSE_MS, known.pause * 2)
    known.faults = Math.max(0, known.faults - 1)
    known.absences = Math.max(0, known.absences - 1)
  }

  /** Another try for everybody who may be asked at all: one fault more, and it is passed over again. */
  forgive (): void {
    for (const known of this.#known.values()) if (!known.never) known.until = 0
  }
}
