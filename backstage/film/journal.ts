// What is finished of one rendition: a line of JSON for each blob, in play order, appended after the blob is synced. A torn last line is as if it
// were not there: its blob is made again.

import { appendFile, readFile, rm, writeFile } from 'node:fs/promises'
import { ifThere } from '../durable.ts'
import type { BlobRef } from '../../server/catalog/manifest.ts'

export interface SealedSegment extends BlobRef {
  /** Microseconds of film. */
  us: number
}

export interface JournalFacts {
  /** Of an fMP4 rendition. */
  init: BlobRef | null
  segments: SealedSegment[]
  /** RFC 6381, as `avc1.64001f`; null until it is known, and of subtitles. */
  codecs: string | null
  /** Every segment is here. */
  complete: boolean
}

type Entry = { init: BlobRef } | { segment: SealedSegment } | { codecs: string } | { complete: true }

export class Journal {
  readonly #path: string
  #facts: JournalFacts = { init: null, segments: [], codecs: null, complete: false }

  constructor (path: string) {
    this.#path = path
  }

  get facts (): Readonly<JournalFacts> {
    return this.#facts
  }

  async load (): Promise<this> {
    const text = await ifThere(readFile(this.#path, 'utf8')) ?? ''
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    // what is appended later must not continue a torn line
    if (whole.length < text.length) await writeFile(this.#path, whole)
    for (const line of whole.split('\n')) {
      if (line !== '') this.#take(JSON.parse(line) as Entry)
    }
    return this
  }

  async add (entry: Entry): Promise<void> {
    await appendFile(this.#path, `${JSON.stringify(entry)}\n`)
    this.#take(entry)
  }

  /** The first so many segments alone are finished; with 0 nothing is. */
  async keep (count: number): Promise<void> {
    const { init, codecs, segments } = this.#facts
    this.#facts = { init: null, segments: [], codecs: null, complete: false }
    await rm(this.#path, { force: true })
    if (count === 0) return
    if (init !== null) await this.add({ init })
    if (codecs !== null) await this.add({ codecs })
    for (const segment of segments.slice(0, count)) await this.add({ segment })
  }

  #take (entry: Entry): void {
    if ('init' in entry) this.#facts.init = entry.init
    else if ('segment' in entry) this.#facts.segments.push(entry.segment)
    else if ('codecs' in entry) this.#facts.codecs = entry.codecs
    else this.#facts.complete = true
  }
}
