// What hls.js loads with: playlists and segments come checked from any source, keys from the key server, and nothing from anywhere else.

import { blobAt } from './film.js'

/** hls.js' own record of one load (its LoaderStats). */
function newStats () {
  return {
    aborted: false, loaded: 0, retry: 0, total: 0, chunkCount: 0, bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 }, parsing: { start: 0, end: 0 }, buffering: { start: 0, first: 0, end: 0 }
  }
}

/**
 * A class for the `loader` of hls.js' configuration.
 * @param {import('./film.js').Film} film @param {import('./keys.js').Keys | null} keys null where the film is not encrypted
 * @param {(error: Error, kind: 'key' | 'blob') => void} tell hears of what could not be had
 */
export function loaderOf (film, keys, tell) {
  return class {
    context = null
    stats = newStats()
    #quit = new AbortController()
    #callbacks = null

    load (context, _config, callbacks) {
      this.context = context
      this.#callbacks = callbacks
      const { stats } = this
      stats.loading.start = performance.now()
      const work = context.type === 'key' ? this.#key(context) : this.#blob(context)
      work.then(({ data, url }) => {
        if (stats.aborted) return
        stats.loading.end = performance.now()
        stats.loading.first ||= stats.loading.end
        stats.loaded = stats.total = data.byteLength ?? data.length
        this.#callbacks?.onSuccess({ url, data, code: 200 }, stats, context, null)
      }, (error) => {
        if (stats.aborted) return
        tell(error, context.type === 'key' ? 'key' : 'blob')
        // 403: there is no sense in asking again for what was asked of everybody
        this.#callbacks?.onError({ code: 403, text: error.message }, context, null, stats)
      })
    }

    async #key ({ url }) {
      const id = /\/keys\/([0-9a-f]{16})$/.exec(url)?.[1]
      if (keys === null || id === undefined) throw new Error('the playlist names a key that the title does not')
      const key = await keys.get(id, this.#quit.signal)
      return { data: key.buffer, url }
    }

    async #blob ({ url, responseType }) {
      const blob = blobAt(film, url)
      if (blob === null) throw new Error('a playlist names a file that the signed list of parts does not')
      const { stats } = this
      stats.total = blob.size
      const { bytes } = await film.sources.take(blob, {
        signal: this.#quit.signal,
        // the time that another server wasted says nothing of this one
        onStart: () => { Object.assign(stats.loading, { start: performance.now(), first: 0 }) },
        onBytes: (loaded) => {
          stats.loading.first ||= performance.now()
          stats.loaded = loaded
        }
      })
      return { data: responseType === 'text' ? new TextDecoder().decode(bytes) : bytes.buffer, url }
    }

    abort () {
      if (this.stats.loading.end > 0 || this.stats.aborted) return
      this.stats.aborted = true
      this.#quit.abort()
      this.#callbacks?.onAbort?.(this.stats, this.context, null)
    }

    destroy () {
      this.#callbacks = null
      if (this.stats.loading.end === 0) {
        this.stats.aborted = true
        this.#quit.abort()
      }
      this.context = null
    }

    getCacheAge () {
      return null
    }

    getResponseHeader () {
      return null
    }
  }
}
