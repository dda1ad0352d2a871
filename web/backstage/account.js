// Who is signed in, by their NIP-07 extension: everything that is signed here is signed by that one key, and every request of theirs by NIP-98 or
// BUD-11. The key itself is never seen.

import { ask } from '../shared/catalog.js'
import { findSigner, NO_SIGNER } from '../shared/nip07.js'
import { headerOf, httpToken } from '../shared/nip98.js'
import { npubOf } from '../shared/npub.js'

/** Something that the creator can do something about: the sentence says what. */
export class Problem extends Error {}

/** Seconds for which an upload token is good. */
const TOKEN_SECONDS = 3600
/** Tokens are not begun with so few seconds left. */
const SPARE_SECONDS = 300
/** Blobs that one token is for: one signature, and a header that proxies take. */
const HASHES = 200

const HEX64 = /^[0-9a-f]{64}$/

/** Rejects with Problem. */
export async function signIn () {
  const signer = await findSigner()
  if (signer === null || typeof signer.getPublicKey !== 'function') throw new Problem(NO_SIGNER)
  const pubkey = await signer.getPublicKey().catch(() => { throw new Problem('Your extension did not tell your public key. Allow it for this page, and try again.') })
  if (!HEX64.test(String(pubkey))) throw new Problem('Your extension told something that is no public key.')
  return new Account(signer, pubkey)
}

export class Account {
  #signer

  /** @param {{signEvent: (draft: object) => Promise<object>}} signer @param {string} pubkey 64 hex digits */
  constructor (signer, pubkey) {
    this.#signer = signer
    this.pubkey = pubkey
    this.npub = npubOf(pubkey)
  }

  /** The signed event. Rejects with Problem. @param {{kind: number, created_at: number, content: string, tags: string[][]}} draft */
  async sign (draft) {
    const event = await this.#signer.signEvent(draft).catch(() => { throw new Problem('You did not sign. Nothing was changed by this step; try again when you want to.') })
    // an extension may have been switched to another key meanwhile
    if (event?.pubkey !== this.pubkey) throw new Problem('Your extension signed with another key than the one you are signed in with. Switch it back, or sign in again.')
    return event
  }

  /** JSON of a signed request (NIP-98). Rejects with Problem or Refusal. @param {string} method @param {string} path @param {object} [body] */
  async call (method, path, body) {
    const url = `${location.origin}${path}`
    const text = body === undefined ? null : JSON.stringify(body)
    const authorization = await httpToken({ signEvent: (draft) => this.sign(draft) }, method, url, text)
    return ask(url, { method, cache: 'no-store', headers: { authorization, ...(text === null ? {} : { 'content-type': 'application/json' }) }, ...(text === null ? {} : { body: text }) })
  }

  /** Upload tokens for these blobs (BUD-11), each made when it is needed: `headerFor(sha256)`. @param {string[]} hashes */
  uploadTokens (hashes) {
    const places = new Map(hashes.map((hash, at) => [hash, Math.floor(at / HASHES)]))
    /** @type {Map<number, Promise<{header: string, until: number}>>} */
    const made = new Map()
    const make = async (batch) => {
      const until = now() + TOKEN_SECONDS
      const mine = hashes.slice(batch * HASHES, (batch + 1) * HASHES)
      const content = mine.length === 1 ? 'Upload a file' : `Upload ${mine.length} files`
      const tags = [['t', 'upload'], ...mine.map((hash) => ['x', hash]), ['expiration', String(until)]]
      return { header: headerOf(await this.sign({ kind: 24242, created_at: now(), content, tags })), until }
    }
    const tokenOf = async (batch) => {
      const token = made.get(batch)
      if (token !== undefined && (await token).until - SPARE_SECONDS > now()) return token
      if (made.get(batch) === token) {
        const next = make(batch)
        made.set(batch, next)
        next.catch(() => { made.delete(batch) })
      }
      return made.get(batch)
    }
    return { headerFor: async (hash) => (await tokenOf(places.get(hash))).header }
  }
}

function now () {
  return Math.floor(Date.now() / 1000)
}
