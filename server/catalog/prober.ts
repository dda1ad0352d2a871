// Looks whether other providers have what they say (off by default): HEAD, then a few bytes, of a small blob all of them, hashed. One at a time, each server
// seldom, and through whatever way to strangers it is given: that one guards addresses and sends no credentials.

import { createHash, randomBytes } from 'node:crypto'
import { readWhole } from '../stores/pack-store.ts'
import type { Blobs } from '../stores/blobs.ts'
import type { Claim, Probe, ProbeRows } from './rows/probe-rows.ts'

/** Rejects with an Error for another status than 200 (206 of a range), for an address that is not public, and for silence. */
export type AskProvider = (url: URL, question: { method: 'HEAD' | 'GET', range: readonly [first: number, last: number] | null, most: number }) => Promise<{
  /** As the server says, bytes; null when it does not. */
  length: number | null
  /** `Content-Range`; null when none was told. */
  range: string | null
  bytes: Buffer
}>

export interface ProberParts {
  rows: ProbeRows
  ask: AskProvider
  /** Where ranges of what we have ourselves are compared. */
  blobs: Pick<Blobs, 'known' | 'read'>
  /** The server's own, 64 hex digits. */
  pubkey: string
  /** Does this URL lead to ourselves? */
  isOurs: (url: URL) => boolean
  onFault: (error: unknown, what: string) => void
  /** Unix milliseconds. */
  now: () => number
  /** Milliseconds between two looks at anybody. */
  pause?: number
  /** Seconds between two looks at one server. */
  each?: number
  /** From 0 to 1. */
  random?: () => number
}

const PAUSE_MS = 10_000
const EACH = 30 * 60
/** Bytes of a blob that is asked for whole. */
export const WHOLE_LIMIT = 1024 * 1024
const RANGE = 1024
/** Seconds for which a look is remembered. */
const KEPT = 7 * 24 * 3600
/** Claims of one look for somebody to ask, and servers of one claim. */
const STEP = 50
const SERVERS = 5
const START = { blake3: '', pubkey: '' }

export class Prober {
  readonly #parts: Required<ProberParts>
  #after: { blake3: string, pubkey: string }
  #timer: NodeJS.Timeout | null = null
  #running: Promise<Probe | null> | null = null

  constructor (parts: ProberParts) {
    this.#parts = { pause: PAUSE_MS, each: EACH, random: Math.random, ...parts }
    // BLAKE3 is even: wherever a life begins, all have their turn
    this.#after = { blake3: randomBytes(32).toString('hex'), pubkey: '' }
  }

  start (): void {
    this.#timer = setInterval(() => {
      if (this.#running === null) this.probe().catch((error: unknown) => { this.#parts.onFault(error, 'no provider could be probed') })
    }, this.#parts.pause)
    this.#timer.unref()
  }

  /** One look at whoever's turn it is, one at a time; null when it is nobody's. Rejects with what the database said. */
  probe (): Promise<Probe | null> {
    this.#running ??= this.#probe().finally(() => { this.#running = null })
    return this.#running
  }

  async #probe (): Promise<Probe | null> {
    const { rows, now } = this.#parts
    const seconds = Math.floor(now() / 1000)
    rows.sweep(seconds - KEPT, 1000)
    const found = this.#next(seconds)
    if (found === null) return null
    const { claim, server } = found
    const began = now()
    let words = ''
    try {
      await this.#look(server, claim)
    } catch (error) {
      words = (error instanceof Error ? error.message : String(error)).slice(0, 200)
    }
    const probe = { server, sha256: claim.sha256, at: Math.floor(now() / 1000), ok: words === '', ms: now() - began, words }
    rows.put(probe)
    return probe
  }

  /** The next claim of a server that was not looked at lately. */
  #next (seconds: number): { claim: Claim, server: string } | null {
    const { rows, pubkey, each, isOurs } = this.#parts
    const claims = rows.claims(this.#after, pubkey, seconds, STEP)
    for (const claim of claims) {
      this.#after = { blake3: claim.blake3, pubkey: claim.pubkey }
      const server = claim.servers.slice(0, SERVERS).find((url) => !isOurs(new URL(url)) && (rows.last(url) ?? -Infinity) <= seconds - each)
      if (server !== undefined) return { claim, server }
    }
    if (claims.length < STEP) this.#after = START
    return null
  }

  /** Throws an Error that says what is wrong. */
  async #look (server: string, { sha256, size }: Claim): Promise<void> {
    const { ask, random } = this.#parts
    const url = new URL(`/${sha256}`, server)
    const { length } = await ask(url, { method: 'HEAD', range: null, most: 0 })
    if (length !== null && size !== null && length !== size) throw new Error(`it says ${length} bytes, the advert ${size}`)
    const whole = length ?? size
    if (whole === null) throw new Error('nobody says how long it is')
    if (whole > 0) {
      const first = Math.floor(random() * Math.max(1, whole - RANGE))
      await this.#range(url, sha256, whole, [first, Math.min(whole, first + RANGE) - 1])
    }
    if (whole > WHOLE_LIMIT) return
    const { bytes } = await ask(url, { method: 'GET', range: null, most: whole + 1 })
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error('the bytes are not those of the hash')
  }

  async #range (url: URL, sha256: string, whole: number, [first, last]: readonly [number, number]): Promise<void> {
    const { ask } = this.#parts
    const wanted = last - first + 1
    const { range, bytes } = await ask(url, { method: 'GET', range: [first, last], most: wanted + 1 })
    if (range !== `bytes ${first}-${last}/${whole}`) throw new Error(`another range than was asked for: ${range?.slice(0, 60) ?? 'none'}`)
    if (bytes.length !== wanted) throw new Error(`${bytes.length} bytes of ${wanted}`)
    const ours = await this.#ours(sha256, first, wanted)
    if (ours !== null && !bytes.equals(ours)) throw new Error('the bytes of the range are not ours')
  }

  /** Null when we do not have them at hand: a fault of our own store is not theirs. */
  async #ours (sha256: string, first: number, length: number): Promise<Buffer | null> {
    const { blobs, onFault } = this.#parts
    const blob = blobs.known(sha256)
    if (blob === null) return null
    try {
      const reading = await blobs.read(blob, first, length)
      return reading === null ? null : await readWhole(reading)
    } catch (error) {
      onFault(error, 'our own bytes could not be compared with those of a provider')
      return null
    }
  }

  /** Resolves when nothing of it runs any more. */
  async close (): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#running?.catch(() => {})
  }
}
