// NIP-98: an HTTP request that a Nostr key signs. One event is good for one request: exact URL, method, 60 seconds, and the sha256 of its body.

import { hexOf, sha256Hex } from './sha256.js'

/** Two requests in one second are two events: without it they would have one id, and the second would pass for a replay. */
function randomText () {
  return hexOf(crypto.getRandomValues(new Uint8Array(8)))
}

/**
 * The Authorization header of a request. Rejects when the extension's owner says no.
 * @param {{signEvent: (draft: object) => Promise<object>}} signer @param {string} method @param {string} url absolute
 * @param {Uint8Array | string | null} [body]
 */
export async function httpToken (signer, method, url, body = null) {
  const tags = [['u', url], ['method', method]]
  if (body !== null) tags.push(['payload', await sha256Hex(typeof body === 'string' ? new TextEncoder().encode(body) : body)])
  const event = await signer.signEvent({ kind: 27235, created_at: Math.floor(Date.now() / 1000), tags, content: randomText() })
  const bytes = new TextEncoder().encode(JSON.stringify(event))
  return `Nostr ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))}`
}
