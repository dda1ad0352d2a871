// A picture from a server that is not ours: shown only when it is the one that was signed for, as its name in the title says. Our own server looked at its
// bytes when it took them.

import { sha256Hex } from './sha256.js'

/** Bytes of a poster at most. */
const LIMIT = 16 * 1024 * 1024
/** Milliseconds for all of it. */
const PATIENCE = 20_000

/** Its bytes as a Blob. Rejects when it is not to be had, too large, or another one. @param {string} url @param {string} sha256 @returns {Promise<Blob>} */
export async function pictureFrom (url, sha256) {
  const quit = new AbortController()
  const late = setTimeout(() => { quit.abort() }, PATIENCE)
  try {
    const response = await fetch(url, { signal: quit.signal, credentials: 'omit', referrerPolicy: 'no-referrer' })
    if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`)
    const chunks = []
    let size = 0
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read()
      if (done) break
      if ((size += value.length) > LIMIT) throw new Error('it is too large')
      chunks.push(value)
    }
    const type = response.headers.get('content-type') ?? ''
    const picture = new Blob(chunks, { type: type.startsWith('image/') ? type : '' })
    if (await sha256Hex(new Uint8Array(await picture.arrayBuffer())) !== sha256) throw new Error('it is another picture')
    return picture
  } finally {
    clearTimeout(late)
    quit.abort() // what is left of a refused body
  }
}

/**
 * Shows the first of these that can be had, in an <img>; takes it away where none can.
 * @param {HTMLImageElement} image @param {readonly string[]} places URLs that end in a hash @param {(url: string) => string | undefined} hashOf
 */
export async function showPicture (image, places, hashOf) {
  for (const place of places) {
    const { origin, href } = new URL(place, location.href)
    try {
      const source = origin === location.origin ? href : URL.createObjectURL(await pictureFrom(href, hashOf(href)))
      await new Promise((resolve, reject) => {
        image.onload = resolve
        image.onerror = reject
        image.src = source
      }).finally(() => { if (source !== href) URL.revokeObjectURL(source) })
      return
    } catch {
      // the next one
    }
  }
  image.remove()
}
