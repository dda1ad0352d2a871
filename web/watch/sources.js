// Blobs from whoever has them: the server at hand first, then the others that the title names. What arrives counts only when its sha256 is the one
// asked for; a server that fails, stands still or sends other bytes is passed over, and rests for a while.

import { sha256Hex } from '../shared/sha256.js'
import { ReadRefused } from './read-tokens.js'

/** How long the first byte, and each next one, may take, milliseconds: in the first round, and when nobody was quick enough. */
const PATIENCE = [4000, 20_000]
/** A whole blob, milliseconds. */
const LONGEST = 120_000
/** How long a server rests after a failure, doubled with each that follows, milliseconds. */
const REST = 10_000
const LONGEST_REST = 5 * 60_000
/** A server with some of the blobs is asked on; one that had none of the last few is not. */
const MISSES = 3

/** Why one server did not deliver. */
class Failure extends Error {
  /** @param {'missing' | 'failed' | 'slow' | 'changed' | 'gated' | 'refused'} kind @param {string} sentence */
  constructor (kind, sentence) {
    super(sentence)
    this.kind = kind
  }
}

/** No server had the blob intact. */
export class NotToBeHad extends Error {
  /**
   * @param {{server: string, reason: string}[]} reasons @param {boolean} changed somebody sent other bytes than those asked for
   * @param {string | null} refused what to tell a viewer whom a server does not let read
   */
  constructor (reasons, changed, refused = null) {
    super(reasons.map(({ server, reason }) => `${server}: ${reason}`).join('; ') || 'no server is known that has it')
    this.reasons = reasons
    this.changed = changed
    this.refused = refused
  }
}

/** Settles as the promise does, or rejects as the signal says. @template T @param {Promise<T>} promise @param {AbortSignal | undefined} signal @returns {Promise<T>} */
function unlessAborted (promise, signal) {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => { reject(signal.reason) }, { once: true })
    promise.then(resolve, reject)
  })
}

export class Sources {
  #servers = []
  #tokens
  #fetch
  #now
  #patience
  #tell

  /**
   * @param {readonly string[]} origins in the order in which they are asked
   * @param {{fetch?: typeof fetch, now?: () => number, patience?: readonly number[], tell?: (server: string, kind: string, reason: string) => void,
   *   tokens?: import('./read-tokens.js').ReadTokens | null}} [parts]
   * `tell` hears of each failure of a server, `kind` as of a Failure; `tokens`: for servers that let some keys alone read
   */
  constructor (origins, { fetch = (...asked) => globalThis.fetch(...asked), now = () => performance.now(), patience = PATIENCE, tell = () => {}, tokens = null } = {}) {
    this.#tokens = tokens
    this.#fetch = fetch
    this.#now = now
    this.#patience = patience
    this.#tell = tell
    this.add(origins)
  }

  /** More servers, after those known. @param {readonly string[]} origins */
  add (origins) {
    for (const origin of origins) {
      if (this.#servers.every((server) => server.origin !== origin)) {
        this.#servers.push({ origin, rests: 0, failures: 0, misses: 0, delivered: 0, bytes: 0, changed: 0 })
      }
    }
  }

  /** What each server did so far. */
  get report () {
    return this.#servers.map(({ origin, delivered, bytes, changed, failures }) => ({ origin, delivered, bytes, changed, failing: failures > 0 }))
  }

  /**
   * The bytes of a blob, checked.
   * @param {{sha256: string, name: string, size: number}} blob `name`: the hash with an ending; `size`: bytes
   * @param {{signal?: AbortSignal, onStart?: () => void, onBytes?: (loaded: number) => void}} [options] `onStart`: another server is asked from now on
   * @returns {Promise<{bytes: Uint8Array, from: string}>} Rejects with NotToBeHad, or as `signal` says.
   */
  async take (blob, { signal, onStart = () => {}, onBytes = () => {} } = {}) {
    /** @type {Map<object, Failure>} */
    const failed = new Map()
    const [patience, more] = this.#patience
    // nobody is asked to sign for what another server gives to everybody; who is only slow is asked again when nobody else had it
    for (const { again, wait } of [{ again: null, wait: patience }, { again: 'gated', wait: patience }, { again: 'slow', wait: more }]) {
      for (const server of this.#inOrder()) {
        if (failed.has(server) && failed.get(server).kind !== again) continue
        signal?.throwIfAborted()
        try {
          if (again === 'gated' && failed.has(server)) await this.#present(server.origin, signal)
          onStart()
          const bytes = await this.#fetchFrom(server, blob, { signal, onBytes, patience: wait })
          Object.assign(server, { failures: 0, misses: 0, rests: 0, delivered: server.delivered + 1, bytes: server.bytes + bytes.length })
          return { bytes, from: server.origin }
        } catch (error) {
          signal?.throwIfAborted()
          if (!(error instanceof Failure)) throw error
          failed.set(server, error)
          this.#note(server, error)
          this.#tell(server.origin, error.kind, error.message)
        }
      }
    }
    const reasons = [...failed].map(([server, { message }]) => ({ server: server.origin, reason: message }))
    const kinds = [...failed.values()]
    throw new NotToBeHad(reasons, kinds.some(({ kind }) => kind === 'changed'), kinds.find(({ kind }) => kind === 'refused')?.message ?? null)
  }

  /** Has the viewer sign for a server. Rejects with a Failure, or as `signal` says. */
  async #present (origin, signal) {
    await unlessAborted(this.#tokens.sign(origin), signal).catch((error) => {
      throw error instanceof ReadRefused ? new Failure('refused', error.message) : error
    })
  }

  /** Those that rest come last: they are asked all the same before anything is given up. */
  #inOrder () {
    const now = this.#now()
    const resting = (server) => server.rests > now ? 1 : 0
    return [...this.#servers].sort((a, b) => resting(a) - resting(b))
  }

  #note (server, { kind }) {
    if (kind === 'missing' || kind === 'gated') {
      if (++server.misses < MISSES) return
    } else {
      server.failures++
    }
    if (kind === 'changed') server.changed++
    const rest = kind === 'changed' ? LONGEST_REST : Math.min(REST * 2 ** Math.max(0, server.failures - 1), LONGEST_REST)
    server.rests = this.#now() + rest
  }

  /** 401: it wants to know who reads; 403: it knows, or does not ask, and says no. */
  #notLetIn (origin, authorization, { status, headers }) {
    const said = headers.get('x-reason') ?? ''
    const words = said === '' ? '' : ` (${said})`
    if (status === 403 && authorization !== null) return new Failure('refused', `Your key may not read from ${new URL(origin).host}: its operator has not let it in${words}.`)
    if (status === 403 || !this.#tokens.covers(origin)) return new Failure('failed', `answered ${status}${words}`)
    const closed = authorization === null ? null : this.#tokens.reject(origin, authorization, said)
    return closed === null ? new Failure('gated', 'it lets some keys alone read') : new Failure('refused', closed.message)
  }

  async #fetchFrom ({ origin, changed }, { sha256, name, size }, { signal, onBytes, patience }) {
    const quit = new AbortController()
    const stop = () => { quit.abort() }
    signal?.addEventListener('abort', stop)
    const whole = setTimeout(stop, LONGEST)
    let still = setTimeout(stop, patience)
    try {
      const authorization = this.#tokens?.of(origin) ?? null
      const headers = authorization === null ? {} : { headers: { authorization } }
      // a blob may be kept for ever: other bytes that came under its name would come from the browser's own cache again
      const cache = changed > 0 ? 'reload' : 'default'
      const response = await this.#fetch(`${origin}/${name}`, { signal: quit.signal, cache, credentials: 'omit', referrerPolicy: 'no-referrer', ...headers })
      if (this.#tokens !== null && (response.status === 401 || response.status === 403)) throw this.#notLetIn(origin, authorization, response)
      if (response.status === 404 || response.status === 410) throw new Failure('missing', 'it is not there')
      if (!response.ok || response.body === null) throw new Failure('failed', `answered ${response.status}`)
      const chunks = []
      let loaded = 0
      for (const reader = response.body.getReader(); ;) {
        const { done, value } = await reader.read()
        if (done) break
        clearTimeout(still)
        still = setTimeout(stop, patience)
        loaded += value.length
        if (loaded > size) throw new Failure('changed', 'it sent more bytes than the blob has')
        chunks.push(value)
        onBytes(loaded)
      }
      const bytes = new Uint8Array(loaded)
      let at = 0
      for (const chunk of chunks) {
        bytes.set(chunk, at)
        at += chunk.length
      }
      if (loaded < size) throw new Failure('failed', 'the answer broke off')
      if (await sha256Hex(bytes) !== sha256) throw new Failure('changed', 'it sent other bytes than those that were signed')
      return bytes
    } catch (error) {
      if (error instanceof Failure) throw error
      if (quit.signal.aborted) throw new Failure('slow', 'it did not answer in time')
      throw new Failure('failed', 'it does not answer')
    } finally {
      clearTimeout(whole)
      clearTimeout(still)
      signal?.removeEventListener('abort', stop)
      quit.abort() // what is left of a refused body
    }
  }
}
