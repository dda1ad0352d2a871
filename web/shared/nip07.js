// NIP-07: a browser extension that holds the reader's key and signs, as `window.nostr`. The key itself is never seen here.

/** How often to look for an extension that comes late, milliseconds. */
const STEP = 50

/** The extension, or null when there is none: some come a moment after the page. @param {number} patience milliseconds */
export async function findSigner (patience = 1000) {
  for (let waited = 0; ; waited += STEP) {
    if (typeof window.nostr?.signEvent === 'function') return window.nostr
    if (waited >= patience) return null
    await new Promise((resolve) => { setTimeout(resolve, STEP) })
  }
}

/** What to tell who has none. */
export const NO_SIGNER = 'This needs a Nostr key. Install a signer extension for your browser (NIP-07, such as nos2x or Alby), give it your key, and load this page again.'
