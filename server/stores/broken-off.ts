// When to look again at a blob with which a change broke off because the store failed (unsettled.ts has its note). One look does not end it: a request
// that nobody waits for any more may still be done, since it lies in the socket of a store that hung, in a proxy on the way, before a slow
// disk. (A reset takes back nothing: what has arrived is read all the same.) So there are looks for a while after the first that succeeded. Pure.

/** How long after the first look such a request is thought of, milliseconds. */
const LATE_MS = 60_000
/** The first pause; each is twice as long as the one before. */
const PAUSE_MS = 2000
/** With so many there is something wrong with the store that no look mends, and each takes memory and a note: nothing more is begun. */
export const MOST_BROKEN = 10_000

interface Looks {
  /** Unix milliseconds. */
  next: number
  pause: number
  /** Null before the first. */
  until: number | null
  /** What broke off was a removal. */
  leaving: boolean
}

export class BrokenOff {
  readonly #blobs = new Map<string, Looks>()

  /** A change of this blob broke off, a removal where it is `leaving`: looked at as soon as the store answers, and all over again. */
  add (sha256: string, leaving = false): void {
    this.#blobs.set(sha256, { next: 0, pause: PAUSE_MS, until: null, leaving: leaving || this.isLeaving(sha256) })
  }

  /** Whether a removal that was given up may still be done: nobody may be told now that the blob is theirs. */
  isLeaving (sha256: string): boolean {
    return this.#blobs.get(sha256)?.leaving === true
  }

  /** Whether so many wait to be ended that nothing more may be begun. */
  get full (): boolean {
    return this.#blobs.size >= MOST_BROKEN
  }

  /** Those of the noted blobs that are to be looked at, the longest due first; one that is new here, since an earlier run noted it, is. */
  due<T extends { sha256: string }> (noted: readonly T[], now: number): T[] {
    for (const { sha256 } of noted) if (!this.#blobs.has(sha256)) this.add(sha256)
    const next = ({ sha256 }: T): number => this.#blobs.get(sha256)!.next
    return noted.filter((each) => next(each) <= now).sort((a, b) => next(a) - next(b))
  }

  /** A look has failed: the others have their turn before it comes again, so that one blob which the store cannot tell about stops none of them. */
  failed (sha256: string, now: number): void {
    const looks = this.#blobs.get(sha256)
    if (looks !== undefined) looks.next = now
  }

  anyDue (now: number): boolean {
    for (const { next } of this.#blobs.values()) if (next <= now) return true
    return false
  }

  /** Whether a look has succeeded since it broke off. */
  wasSeen (sha256: string): boolean {
    return (this.#blobs.get(sha256)?.until ?? null) !== null
  }

  /** A look has succeeded. True when it was the last, and the blob is forgotten here. */
  looked (sha256: string, now: number): boolean {
    const { pause, until, leaving } = this.#blobs.get(sha256) ?? { pause: PAUSE_MS, until: null, leaving: false }
    if (until !== null && now >= until) return this.#blobs.delete(sha256)
    const end = until ?? now + LATE_MS
    this.#blobs.set(sha256, { next: Math.min(now + pause, end), pause: pause * 2, until: end, leaving })
    return false
  }

  /** Forgets the blobs that have no note any more. */
  keepOnly (noted: ReadonlySet<string>): void {
    for (const sha256 of this.#blobs.keys()) if (!noted.has(sha256)) this.#blobs.delete(sha256)
  }
}
