// Presigned URLs for clients, under the address by which they reach the store. One is kept and given again until it has little time left:
// signing takes 0.12 ms, and for a client the same URL is the same entry of its cache.

import type { Bucket } from './bucket.ts'

/** How long a URL is good, and how long at least when it is given, seconds. */
const GOOD_SECONDS = 3600
const SPARE_SECONDS = 900
const KEPT_URLS = 10_000
const YEAR = 31_536_000

export class Presigner {
  readonly #bucket: Bucket
  readonly #urls = new Map<string, { url: string, until: number }>()

  constructor (bucket: Bucket) {
    this.#bucket = bucket
  }

  /**
   * A URL of the object `key` whose answer has this media type and file name. `name` must need no quoting. `maxAge`: seconds from now for which
   * a copy is good; null for ever. Rejects with what went wrong.
   */
  async url (key: string, type: string, name: string, maxAge: number | null): Promise<string> {
    const now = Date.now()
    // whoever uses it last must not keep the answer longer either; whole hours, so that the URL stays the same for a while
    const age = maxAge === null ? null : Math.max(0, Math.floor(Math.min(maxAge, YEAR) / GOOD_SECONDS) - 1) * GOOD_SECONDS
    const kept = `${key} ${type} ${name} ${age}`
    const known = this.#urls.get(kept)
    if (known !== undefined && known.until > now) return known.url
    const { clientsView, bucket } = this.#bucket
    const url = await clientsView.presignedUrl('GET', bucket, key, GOOD_SECONDS, {
      'response-content-type': type,
      'response-content-disposition': `inline; filename="${name}"`,
      'response-cache-control': age === null ? 'public, max-age=31536000, immutable, no-transform' : `public, max-age=${age}, no-transform`
    })
    this.#urls.delete(kept)
    this.#urls.set(kept, { url, until: now + (GOOD_SECONDS - SPARE_SECONDS) * 1000 })
    if (this.#urls.size > KEPT_URLS) this.#urls.delete(this.#urls.keys().next().value!)
    return url
  }
}
