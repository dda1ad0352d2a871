// How many uploads are under way at once; the rest wait, in turns by who sends them, before their body is read. A place is lent to who uses it:
// an upload that stands still, or trickles, while others wait gives its place to the next and goes on beside them, so that nobody is held up
// by a slow sender (what stands still for IDLE_TIMEOUT is cut elsewhere).

import { Failure } from '../errors.ts'

export interface UploadQueueParts {
  /** Uploads under way at once. */
  places: number
  /** How many more may wait. */
  waiting: number
  /** Milliseconds between two looks at who moves. */
  lookMs?: number
}

export interface Ticket {
  /** Resolves when it is this upload's turn. */
  turn: Promise<void>
  /** Ends it, waiting or under way; any number of times. One that waited is rejected with BODY_BROKEN. */
  leave: () => void
}

interface Upload {
  who: string
  /** Bytes so far; null while it waits for us and not for its sender. */
  moved: () => number | null
  /** Bytes at the last look; null before the first. */
  seen: number | null
  resolve: () => void
  reject: (error: Failure) => void
}

/** Who sends less between two looks is no reason to let others wait. */
const TRICKLE_BYTES = 16 * 1024
/** Uploads that gave their place away may be this many times the places: each still costs a batch of memory. */
const MOST_BESIDE = 8
const RETRY_SECONDS = '5'

export class UploadQueue {
  #parts: Required<UploadQueueParts>
  readonly #moving = new Set<Upload>()
  /** Under way without a place. */
  readonly #beside = new Set<Upload>()
  /** Who waits, each with uploads in the order they came; the first name is next. */
  readonly #lines = new Map<string, Upload[]>()
  #waiting = 0
  #timer: NodeJS.Timeout | null = null

  constructor ({ places, waiting, lookMs = 1000 }: UploadQueueParts) {
    this.#parts = { places, waiting, lookMs }
  }

  /** Other numbers from now on. Who is under way stays so, who waits goes on waiting. */
  reload ({ places, waiting }: Pick<UploadQueueParts, 'places' | 'waiting'>): void {
    this.#parts = { ...this.#parts, places, waiting }
    this.#next()
  }

  /** `places`: as many may be under way at once, and more where some stand still. */
  get counts (): { underWay: number, waiting: number, places: number } {
    return { underWay: this.#moving.size + this.#beside.size, waiting: this.#waiting, places: this.#parts.places }
  }

  /** Throws QUEUE_FULL where `enter` would. */
  judge (): void {
    if (!this.#hasPlace() && this.#waiting >= this.#parts.waiting) {
      throw new Failure('QUEUE_FULL', undefined, { headers: { 'retry-after': RETRY_SECONDS } })
    }
  }

  /**
   * Stands in line. `who` shares its turns with nobody else; `moved` tells the bytes that its sender has sent so far, null while it waits for us.
   * Throws QUEUE_FULL.
   */
  enter (who: string, moved: () => number | null): Ticket {
    this.judge()
    let upload: Upload | null = null
    const turn = new Promise<void>((resolve, reject) => { upload = { who, moved, seen: null, resolve, reject } })
    const mine = upload!
    turn.catch(() => {}) // who left does not wait for it
    this.#push(mine)
    this.#next()
    return { turn, leave: () => { this.#leave(mine) } }
  }

  #hasPlace (): boolean {
    return this.#waiting === 0 && this.#isOpen()
  }

  #isOpen (): boolean {
    const { places } = this.#parts
    return this.#moving.size < places && this.#beside.size < places * MOST_BESIDE
  }

  #push (upload: Upload): void {
    const line = this.#lines.get(upload.who)
    if (line === undefined) this.#lines.set(upload.who, [upload])
    else line.push(upload)
    this.#waiting++
  }

  #next (): void {
    while (this.#waiting > 0 && this.#isOpen()) {
      const [[who, line]] = this.#lines as unknown as [[string, Upload[]]]
      const upload = line.shift()!
      // behind everybody else who waits
      this.#lines.delete(who)
      if (line.length > 0) this.#lines.set(who, line)
      this.#waiting--
      this.#moving.add(upload)
      upload.resolve()
    }
    if (this.#waiting > 0) this.#timer ??= setInterval(() => { this.#look() }, this.#parts.lookMs).unref()
    else if (this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
      for (const upload of this.#moving) upload.seen = null
    }
  }

  #leave (upload: Upload): void {
    if (!this.#moving.delete(upload) && !this.#beside.delete(upload)) {
      const line = this.#lines.get(upload.who)
      const at = line?.indexOf(upload) ?? -1
      if (at < 0) return
      line!.splice(at, 1)
      if (line!.length === 0) this.#lines.delete(upload.who)
      this.#waiting--
      upload.reject(new Failure('BODY_BROKEN'))
    }
    this.#next()
  }

  /** Takes places from who does not use them, while others wait. */
  #look (): void {
    for (const upload of [...this.#moving, ...this.#beside]) {
      const moved = upload.moved()
      const trickles = moved !== null && upload.seen !== null && moved - upload.seen < TRICKLE_BYTES
      upload.seen = moved
      const [from, to] = trickles ? [this.#moving, this.#beside] : [this.#beside, this.#moving]
      if (from.delete(upload)) to.add(upload)
    }
    this.#next()
  }
}
