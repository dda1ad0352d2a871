// A film in the <video>: hls.js, which asks nobody itself (loader.js), until it ends or cannot go on. By itself it starts nothing anew.

import { KeyRefused, Keys } from './keys.js'
import { loaderOf } from './loader.js'
import { tieMenus } from './menus.js'
import { NotToBeHad } from './sources.js'

/** hls.js neither waits nor asks again: sources.js does, of everybody. */
const RETRY = { maxTimeToFirstByteMs: Infinity, maxLoadTimeMs: Infinity, timeoutRetry: null, errorRetry: null }
/** A decoder that stumbles again within this time, milliseconds, does not recover. */
const STUMBLES = 10_000

/** What to tell the reader of something that did not arrive. @param {Error} error */
export function sentenceOf (error) {
  if (error instanceof KeyRefused) return error.message
  if (!(error instanceof NotToBeHad)) return `The film cannot go on: ${error.message}.`
  if (error.refused !== null && !error.changed) return error.refused
  const listed = error.reasons.map(({ server, reason }) => `${new URL(server).host}: ${reason}`).join('; ')
  return error.changed
    ? `A part of this film has been changed, and no server has it as its creator signed it. It is not played. (${listed})`
    : `A part of this film cannot be had from any server. (${listed || 'none is known'})`
}

/**
 * Plays. `onEnd` hears once why it cannot go on; `tell` of the signing of keys; `onPart` of each part that came.
 * @param {typeof import('../vendor/hls.mjs').default} Hls @param {HTMLVideoElement} video @param {import('./film.js').Film} film
 * @param {{from: number, onEnd: (error: Error) => void, onPart: () => void, tell: (what: 'signing' | 'signed') => void}} options `from`: seconds
 * @returns {{hls: object, stop: () => void}}
 */
export function play (Hls, video, film, { from, onEnd, onPart, tell }) {
  const keys = film.keysAt === null ? null : new Keys(film, tell)
  let ended = false
  let stumbled = -Infinity
  /** @type {Error | null} */
  let trouble = null

  const hls = new Hls({
    loader: loaderOf(film, keys, (error, kind) => {
      trouble = error
      // another quality has another key of the same door: to go on would ask the reader to sign again
      if (kind === 'key') end(error)
    }),
    // a worker's script would have to come from our origin, where strangers' blobs lie too
    enableWorker: false,
    lowLatencyMode: false,
    enableInterstitialPlayback: false,
    capLevelToPlayerSize: true,
    backBufferLength: 60,
    startPosition: from,
    manifestLoadPolicy: { default: RETRY },
    playlistLoadPolicy: { default: RETRY },
    fragLoadPolicy: { default: RETRY },
    keyLoadPolicy: { default: RETRY }
  })

  function stop () {
    ended = true
    hls.destroy()
  }

  function end (error) {
    if (ended) return
    ended = true
    // what has come is still shown
    hls.stopLoad()
    onEnd(error)
  }

  hls.on(Hls.Events.ERROR, (_event, { fatal, type, details }) => {
    if (!fatal || ended) return
    if (type === Hls.ErrorTypes.MEDIA_ERROR && performance.now() - stumbled > STUMBLES) {
      stumbled = performance.now()
      hls.recoverMediaError()
      return
    }
    end(trouble ?? new Error(type === Hls.ErrorTypes.MEDIA_ERROR ? `this browser cannot decode it (${details})` : details))
  })
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    trouble = null
    onPart()
  })
  tieMenus(hls, Hls)
  // the address only gives the names in the playlists something to stand on: blobs are fetched by their hashes
  hls.loadSource(new URL(`/${film.master}.m3u8`, location.origin).href)
  hls.attachMedia(video)
  return { hls, stop }
}
