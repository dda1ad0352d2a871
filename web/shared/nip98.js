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
  return headerOf(await signer.signEvent({ kind: 27235, created_at: Math.floor(Date.now() / 1000), tags, content: randomText() }))
}

/**
 * An event as an Authorization header. BUD-11 wants base64url without padding, many servers take the standard alphabet alone: JSON made up to three bytes by
 * its own white space needs no padding. An event may have letters of any language in it, which btoa takes as bytes only.
 * @param {object} event
 */
export function headerOf (event) {
  const bytes = new TextEncoder().encode(JSON.stringify(event))
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return `Nostr ${btoa(text.padEnd(Math.ceil(text.length / 3) * 3))}`
}
