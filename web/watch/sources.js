// Blobs from whoever has them: the server at hand first, then the others that the title names. What arrives counts only when its sha256 is the one
// asked for; a server that fails, stands still or sends other bytes is passed over, and rests for a while.

import { sha256Hex } from '../shared/sha256.js'

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
  /** @param {'missing' | 'failed' | 'slow' | 'changed'} kind @param {string} sentence */
  constructor (kind, sentence) {
    super(sentence)
    this.kind = kind
  }
}

/** No server had the blob intact. */
export class NotToBeHad extends Error {
  /** @param {{server: string, reason: string}[]} reasons @param {boolean} changed somebody sent other bytes than those asked for */
  constructor (reasons, changed) {
    super(reasons.map(({ server, reason }) => `${server}: ${reason}`).join('; ') || 'no server is known that has it')
    this.reasons = reasons
    this.changed = changed
  }
}

export class Sources {
  #servers = []
  #fetch
  #now
  #patience
  #tell

  /**
   * @param {readonly string[]} origins in the order in which they are asked
   * @param {{fetch?: typeof fetch, now?: () => number, patience?: readonly number[], tell?: (server: string, kind: string, reason: string) => void}} [parts]
   * `tell` hears of each failure of a server, `kind` as of a Failure
   */
  constructor (origins, { fetch = (...asked) => globalThis.fetch(...asked), now = () => performance.now(), patience = PATIENCE, tell = () => {} } = {}) {
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
    for (const patience of this.#patience) {
      for (const server of this.#inOrder()) {
        // who is only slow is asked again when nobody else had it
        if (failed.has(server) && failed.get(server).kind !== 'slow') continue
        signal?.throwIfAborted()
        onStart()
        try {
          const bytes = await this.#fetchFrom(server, blob, { signal, onBytes, patience })
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
    throw new NotToBeHad(reasons, [...failed.values()].some(({ kind }) => kind === 'changed'))
  }

  /** Those that rest come last: they are asked all the same before anything is given up. */
  #inOrder () {
    const now = this.#now()
    const resting = (server) => server.rests > now ? 1 : 0
    return [...this.#servers].sort((a, b) => resting(a) - resting(b))
  }

  #note (server, { kind }) {
    if (kind === 'missing') {
      if (++server.misses < MISSES) return
    } else {
      server.failures++
    }
    if (kind === 'changed') server.changed++
    const rest = kind === 'changed' ? LONGEST_REST : Math.min(REST * 2 ** Math.max(0, server.failures - 1), LONGEST_REST)
    server.rests = this.#now() + rest
  }

  async #fetchFrom ({ origin, changed }, { sha256, name, size }, { signal, onBytes, patience }) {
    const quit = new AbortController()
    const stop = () => { quit.abort() }
    signal?.addEventListener('abort', stop)
    const whole = setTimeout(stop, LONGEST)
    let still = setTimeout(stop, patience)
    try {
      // a blob may be kept for ever: other bytes that came under its name would come from the browser's own cache again
      const cache = changed > 0 ? 'reload' : 'default'
      const response = await this.#fetch(`${origin}/${name}`, { signal: quit.signal, cache, credentials: 'omit', referrerPolicy: 'no-referrer' })
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
