// How many pictures and videos are worked on at once. Who is let in has a place in line before the body is read, so that bodies that wait on the
// disk are few; the work itself begins in turns by who sends it. Nobody has more than half of the line.

import { Failure } from '../errors.ts'

export interface LineSettings {
  /** Worked on at once. */
  jobs: number
  /** Let in besides. */
  waiting: number
}

export interface Place {
  /** Resolves when the work may begin; rejects with BODY_BROKEN when its place was left before. */
  turn: () => Promise<void>
  /** Any number of times. */
  leave: () => void
}

interface Waiting {
  who: string
  begin: () => void
  giveUp: (error: Failure) => void
}

const RETRY_SECONDS = '10'

export class MediaLine {
  #settings: LineSettings
  readonly #in = new Map<string, number>()
  /** In the order of their turns. */
  #waiting: Waiting[] = []
  /** Who began last comes last among those who wait. */
  readonly #begun = new Map<string, number>()
  #beginnings = 0
  #underWay = 0
  #all = 0

  constructor (settings: LineSettings) {
    this.#settings = settings
  }

  /** Other numbers from now on. */
  reload (settings: LineSettings): void {
    this.#settings = settings
    this.#next()
  }

  /** Worked on, and let in besides. */
  get counts (): { underWay: number, waiting: number } {
    return { underWay: this.#underWay, waiting: this.#all - this.#underWay }
  }

  /** Throws MEDIA_BUSY where `enter` would. */
  judge (who: string): void {
    const most = this.#settings.jobs + this.#settings.waiting
    const busy = (detail?: string): Failure => new Failure('MEDIA_BUSY', detail, { headers: { 'retry-after': RETRY_SECONDS } })
    if (this.#all >= most) throw busy()
    if ((this.#in.get(who) ?? 0) >= Math.ceil(most / 2)) throw busy('half of them are yours')
  }

  /** A place in line. Throws MEDIA_BUSY. */
  enter (who: string): Place {
    this.judge(who)
    this.#all++
    this.#in.set(who, (this.#in.get(who) ?? 0) + 1)
    let left = false
    let works = false
    let mine: Waiting | null = null
    return {
      turn: () => new Promise((resolve, reject) => {
        if (left) return reject(new Failure('BODY_BROKEN'))
        mine = {
          who,
          begin: () => {
            works = true
            resolve()
          },
          giveUp: reject
        }
        this.#waiting.push(mine)
        this.#next()
      }),
      leave: () => {
        if (left) return
        left = true
        this.#all--
        const mores = this.#in.get(who)! - 1
        if (mores > 0) this.#in.set(who, mores)
        else {
          this.#in.delete(who)
          this.#begun.delete(who)
        }
        if (works) this.#underWay--
        else if (mine !== null) {
          this.#waiting = this.#waiting.filter((each) => each !== mine)
          mine.giveUp(new Failure('BODY_BROKEN'))
        }
        this.#next()
      }
    }
  }

  #next (): void {
    while (this.#underWay < this.#settings.jobs && this.#waiting.length > 0) {
      const since = ({ who }: Waiting): number => this.#begun.get(who) ?? 0
      const next = this.#waiting.reduce((first, each) => since(each) < since(first) ? each : first)
      this.#waiting = this.#waiting.filter((each) => each !== next)
      this.#begun.set(next.who, ++this.#beginnings)
      this.#underWay++
      next.begin()
    }
  }
}
