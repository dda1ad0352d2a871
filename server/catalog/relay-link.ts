// One WebSocket to one Nostr relay (NIP-01, NIP-42): publishes, asks, subscribes, and tells how each ended in the relay's own words. The only
// importer of ws. A relay may lie, flood, send what nobody asked for, or hang: each costs bounded memory and time, and is told.

import { randomBytes } from 'node:crypto'
import { WebSocket } from 'ws'
import { isEvent } from '../auth/signature.ts'
import { RelayError } from './relay-error.ts'
import type { SignedEvent } from '../auth/signature.ts'

export interface Filter {
  ids?: string[]
  authors?: string[]
  kinds?: number[]
  /** Unix seconds, inclusive. */
  since?: number
  until?: number
  limit?: number
  [tag: `#${string}`]: string[]
}

export interface RelayLimits {
  /** Bytes of one message; a longer one ends the link. */
  message: number
  /** Milliseconds to connect, and between two words of an answer. */
  answer: number
  /** Milliseconds between pings; a link that does not answer one until the next is dead. */
  ping: number
  /** Messages taken in a second; of more the socket is not read until the next. */
  rate: number
}

export const RELAY_LIMITS: RelayLimits = { message: 256 * 1024, answer: 15_000, ping: 30_000, rate: 5000 }

export interface RelayLinkParts {
  url: string
  /** Signs what a relay asks of us by NIP-42, at once or later; null where we have no key for it. */
  sign: ((draft: { kind: number, created_at: number, tags: string[][], content: string }) => SignedEvent | Promise<SignedEvent>) | null
  limits?: Partial<RelayLimits>
  /** Milliseconds. */
  now: () => number
  /** Called once, when an open link ends, however. */
  onEnd?: (words: string) => void
}

export interface Verdict {
  accepted: boolean
  /** As the relay said it; '' for nothing. */
  words: string
}

interface Asked {
  onEvent: (event: SignedEvent) => void
  onEose: () => void
  /** The relay ended it (CLOSED), or the link did. */
  onEnd: (words: string) => void
}

interface Publishing {
  resolve: (verdict: Verdict) => void
  reject: (error: RelayError) => void
}

/** What a relay may do wrong before the link is ended: each message that is none, or that nobody asked for. */
const PATIENCE = 100

/** How long a relay has to say that it does not believe who we are, milliseconds. */
const SILENT_AUTH_MS = 2000

/** NIP-42. */
const AUTH_KIND = 22242

export class RelayLink {
  readonly url: string
  readonly #parts: RelayLinkParts
  readonly #limits: RelayLimits
  readonly #asked = new Map<string, Asked>()
  readonly #publishing = new Map<string, Publishing>()
  #socket: WebSocket | null = null
  #open = false
  #challenge: string | null = null
  #authenticated: Promise<Verdict> | null = null
  #alive = true
  #pinging: NodeJS.Timeout | null = null
  #faults = 0
  #second = 0
  #taken = 0

  constructor (parts: RelayLinkParts) {
    this.url = parts.url
    this.#parts = parts
    this.#limits = { ...RELAY_LIMITS, ...parts.limits }
  }

  get isOpen (): boolean {
    return this.#open
  }

  /** How many messages came that were none of Nostr's, or that nobody had asked for. */
  get faults (): number {
    return this.#faults
  }

  /** Connects, once. Rejects with RelayError. */
  open (): Promise<void> {
    return new Promise((resolve, reject) => {
      // no compression: a small message could unfold to a very large one
      const socket = new WebSocket(this.url, { handshakeTimeout: this.#limits.answer, maxPayload: this.#limits.message, perMessageDeflate: false, followRedirects: false })
      this.#socket = socket
      let words = ''
      socket.on('error', (error) => { words = error.message })
      socket.on('open', () => {
        this.#open = true
        this.#pinging = setInterval(() => { this.#ping() }, this.#limits.ping)
        this.#pinging.unref()
        resolve()
      })
      socket.on('pong', () => { this.#alive = true })
      socket.on('message', (data, isBinary) => {
        this.#alive = true
        this.#slowDown()
        if (isBinary) this.#fault()
        else this.#hear((data as Buffer).toString('utf8'))
      })
      socket.on('close', (code, reason) => {
        const was = this.#open
        this.#open = false
        if (this.#pinging !== null) clearInterval(this.#pinging)
        const why = words !== '' ? words : reason.toString('utf8').slice(0, 200) || `closed (${code})`
        reject(new RelayError(this.url, why))
        for (const { reject } of this.#publishing.values()) reject(new RelayError(this.url, why))
        this.#publishing.clear()
        for (const { onEnd } of [...this.#asked.values()]) onEnd(why)
        this.#asked.clear()
        if (was) this.#parts.onEnd?.(why)
      })
    })
  }

  /** Sends an event; the relay's yes or no. Rejects with RelayError when it says neither. */
  async publish (event: SignedEvent): Promise<Verdict> {
    const verdict = await this.#send(event, 'EVENT')
    // NIP-42: `auth-required:` is an answer to who has not said who they are yet
    if (!verdict.accepted && verdict.words.startsWith('auth-required:') && await this.authenticate()) return this.#send(event, 'EVENT')
    return verdict
  }

  #send (event: SignedEvent, word: 'EVENT' | 'AUTH'): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(new RelayError(this.url, 'the link is closed'))
        return
      }
      const timer = setTimeout(() => { end(() => { reject(new RelayError(this.url, `no answer to an event in ${this.#limits.answer} ms`)) }) }, this.#limits.answer)
      const end = (tell: () => void): void => {
        clearTimeout(timer)
        this.#publishing.delete(event.id)
        tell()
      }
      if (this.#publishing.has(event.id)) {
        end(() => { reject(new RelayError(this.url, 'this event is on its way already')) })
        return
      }
      this.#publishing.set(event.id, { resolve: (verdict) => { end(() => { resolve(verdict) }) }, reject: (error) => { end(() => { reject(error) }) } })
      this.#say([word, event])
    })
  }

  /** Says who we are, where the relay asked for it; false where it says that it does not believe us. */
  async authenticate (): Promise<boolean> {
    const { sign, now } = this.#parts
    if (sign === null || this.#challenge === null) return false
    if (this.#authenticated === null) {
      const tags = [['relay', this.url], ['challenge', this.#challenge]]
      const signing = Promise.resolve(sign({ kind: AUTH_KIND, created_at: Math.floor(now() / 1000), tags, content: '' }))
      this.#authenticated = signing.then((event) => this.#sendAuth(event))
    }
    return (await this.#authenticated).accepted
  }

  #sendAuth (event: SignedEvent): Promise<Verdict> {
    const said = this.#send(event, 'AUTH')
    // nostr-rs-relay answers a good one by nothing: what was asked is then asked again, and tells
    const silence = new Promise<Verdict>((resolve) => { setTimeout(() => { resolve({ accepted: true, words: '' }) }, Math.min(SILENT_AUTH_MS, this.#limits.answer / 2)).unref() })
    said.catch(() => {})
    return Promise.race([said, silence])
  }

  /**
   * Asks for what the relay has stored; resolves with how many events came when the relay itself says that these were all (EOSE). Rejects with
   * RelayError when it ends the request, says nothing for too long, or sends more than `max`.
   */
  async ask (filter: Filter, onEvent: (event: SignedEvent) => void, max: number): Promise<number> {
    try {
      return await this.#askOnce(filter, onEvent, max)
    } catch (error) {
      if (!(error instanceof RelayError && error.words.startsWith('auth-required:') && await this.authenticate())) throw error
      return this.#askOnce(filter, onEvent, max)
    }
  }

  #askOnce (filter: Filter, onEvent: (event: SignedEvent) => void, max: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(new RelayError(this.url, 'the link is closed'))
        return
      }
      let count = 0
      let timer: NodeJS.Timeout
      let stop = (): void => {}
      const end = (words: string | null): void => {
        clearTimeout(timer)
        stop()
        if (words === null) resolve(count)
        else reject(new RelayError(this.url, words))
      }
      const wait = (): void => {
        clearTimeout(timer)
        timer = setTimeout(() => { end(`no end of the answer, and nothing for ${this.#limits.answer} ms`) }, this.#limits.answer)
      }
      wait()
      stop = this.#request([filter], {
        onEvent: (event) => {
          wait()
          if (++count > max) end(`more than the ${max} events asked for`)
          else onEvent(event)
        },
        onEose: () => { end(null) },
        onEnd: (words) => { end(words) }
      })
    })
  }

  /** What comes from now on, until the function given back is called. `onEnd` with why, when the relay or the link ended it. */
  subscribe (filters: Filter[], onEvent: (event: SignedEvent) => void, onEnd: (words: string) => void): () => void {
    return this.#request(filters, { onEvent, onEose: () => {}, onEnd })
  }

  #request (filters: Filter[], asked: Asked): () => void {
    const id = randomBytes(8).toString('hex')
    this.#asked.set(id, asked)
    this.#say(['REQ', id, ...filters])
    return () => {
      if (this.#asked.delete(id) && this.#open) this.#say(['CLOSE', id])
    }
  }

  close (): void {
    this.#socket?.close(1000)
    // a relay that does not close its end is not waited for
    setTimeout(() => { this.#socket?.terminate() }, 1000).unref()
  }

  #say (message: unknown[]): void {
    this.#socket?.send(JSON.stringify(message), () => {}) // a broken socket says `close`
  }

  #ping (): void {
    if (!this.#alive) {
      this.#socket?.terminate()
      return
    }
    this.#alive = false
    this.#socket?.ping()
  }

  /** A flood is left in the relay's own buffers: the socket is read on in the next second. */
  #slowDown (): void {
    const second = Math.floor(this.#parts.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    if (++this.#taken !== this.#limits.rate) return
    const socket = this.#socket!
    socket.pause()
    setTimeout(() => { socket.resume() }, 1000).unref()
  }

  #fault (): void {
    if (++this.#faults === PATIENCE) this.#socket?.close(1008, 'too many messages that nobody asked for')
  }

  #hear (text: string): void {
    let message: unknown
    try {
      message = JSON.parse(text)
    } catch {
      message = null
    }
    if (!Array.isArray(message)) return this.#fault()
    const [word, first, second, third] = message as unknown[]
    const asked = typeof first === 'string' ? this.#asked.get(first) : undefined
    if (word === 'EVENT') {
      if (asked !== undefined && isEvent(second)) asked.onEvent(second)
      // what was on its way when we said CLOSE comes without being asked for, and is no fault until it does not end
      else this.#fault()
    } else if (word === 'EOSE') {
      asked?.onEose()
    } else if (word === 'CLOSED') {
      if (typeof first === 'string') this.#asked.delete(first)
      asked?.onEnd(wordsOf(second) || 'closed by the relay')
    } else if (word === 'OK') {
      const publishing = typeof first === 'string' ? this.#publishing.get(first) : undefined
      publishing?.resolve({ accepted: second === true, words: wordsOf(third) })
    } else if (word === 'AUTH') {
      if (typeof first === 'string' && first.length <= 1024 && first !== this.#challenge) {
        this.#challenge = first
        this.#authenticated = null
      }
    } else if (word !== 'NOTICE') {
      this.#fault()
    }
  }
}

function wordsOf (value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 300) : ''
}
