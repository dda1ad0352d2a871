// The page of one film: what its title says, the player, and plain words for whatever keeps it from playing.

import { hashNameIn, lengthOf, originOf, postersOf } from '../shared/catalog.js'
import { at, element } from '../shared/dom.js'
import { showPicture } from '../shared/picture.js'
import { findTitle, openFilm, serversOf, Unplayable } from './film.js'
import { chooseSubtitles } from './menus.js'
import { play, sentenceOf } from './player.js'
import { ReadTokens } from './read-tokens.js'

const address = decodeURIComponent(location.pathname.slice('/watch/'.length))
const [video, cover, button, status, trouble, again] = ['video', 'cover', 'play', 'status', 'trouble', 'again'].map(at)
let title = null
/** For servers that let some keys alone read: those that the title names, and this one. */
let tokens = null
/** The film while it is opened, and afterwards; null before, and when that failed. */
let opening = null
/** What plays; null while nothing does. */
let playing = null

function tell (text) {
  if (status.textContent !== text) status.textContent = text
}

function tellTrouble (sentence, mayTryAgain = true) {
  at('reason').textContent = sentence
  again.hidden = !mayTryAgain
  trouble.hidden = false
  tell('')
}

function hostOf (server) {
  return server === location.origin ? 'this server' : new URL(server).host
}

function onSource (server, kind, reason) {
  if (kind !== 'missing' && kind !== 'gated') tell(`${hostOf(server)}: ${reason}. The next server is asked.`)
}

function showServers (film) {
  const lines = film.sources.report.map(({ origin, delivered, bytes, changed, failing }) => {
    const words = changed > 0 ? 'sent changed bytes, which were thrown away' : failing ? 'does not deliver' : ''
    const count = delivered === 0 ? '' : `${delivered} ${delivered === 1 ? 'part' : 'parts'}, ${bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`}`
    return element('li', {}, element('span', {}, `${new URL(origin).host}${origin === location.origin ? ' (this server)' : ''}`),
      element('span', { className: words === '' ? 'soft' : 'changed' }, [count, words].filter((each) => each !== '').join('; ') || 'not asked yet'))
  })
  at('servers').replaceChildren(...lines)
}

function showTitle () {
  const { facts } = title
  const name = facts.title.trim() || 'Untitled'
  document.title = `${name} · marquee`
  at('title').textContent = name
  const year = facts.publishedAt === null ? '' : String(new Date(facts.publishedAt * 1000).getFullYear())
  at('facts').replaceChildren(...[lengthOf(facts.duration), year, facts.access === null ? 'Free to watch' : 'Key needed'].filter((each) => each !== '').join(' · '))
  at('topics').replaceChildren(...facts.topics.slice(0, 12).map((topic) => element('li', {}, element('a', { href: `/?${new URLSearchParams({ t: topic })}` }, topic))))
  at('synopsis').textContent = facts.synopsis
  at('creator').textContent = title.npub
  at('others').href = `/?${new URLSearchParams({ creator: title.npub })}`
  video.setAttribute('aria-label', name)
  showPoster()
  showTrailer()
}

function showPoster () {
  const places = postersOf(title)
  if (places.length === 0) return
  const image = element('img', { alt: '', referrerPolicy: 'no-referrer' })
  cover.prepend(image)
  void showPicture(image, places, (url) => hashNameIn(url)?.sha256)
}

/** The trailer is in the clear, for anybody: the browser plays it by itself. */
function showTrailer () {
  const media = title.facts.media.find(({ type, sha256 }) => type?.startsWith('video/') === true && sha256 !== null)
  const places = media === undefined ? [] : [media.url, ...media.fallbacks].filter((url) => originOf(url) !== null && hashNameIn(url)?.sha256 === media.sha256)
  if (places.length === 0) return
  at('trailer').hidden = false
  at('trailer').addEventListener('click', () => {
    stop()
    showVideo()
    const left = [`/${hashNameIn(places[0]).name}`, ...places]
    video.onerror = () => {
      const next = left.shift()
      if (next !== undefined) video.src = next
      else tellTrouble('The trailer cannot be had from any server.', false)
    }
    video.src = left.shift()
    void video.play().catch(() => { /* the reader may press play, or hears it from onerror */ })
  })
}

function showVideo () {
  cover.hidden = true
  video.hidden = false
}

function stop () {
  playing?.stop()
  playing = null
  video.onerror = null
  trouble.hidden = true
}

function open () {
  opening ??= openFilm(title, { tell: onSource, tokens }).catch((error) => {
    opening = null
    throw error
  })
  return opening
}

/** @param {number} from seconds */
async function start (from) {
  stop()
  button.disabled = true
  tell('Loading the film')
  try {
    const [film, { default: Hls }] = await Promise.all([open(), import('../vendor/hls.mjs')])
    showServers(film)
    showVideo()
    if (Hls.isSupported()) {
      playing = play(Hls, video, film, {
        from,
        tell: (what) => { tell(what === 'signing' ? 'Your Nostr extension is asked to sign for the key.' : 'You are signed in for this film.') },
        onPart: () => { showServers(film) },
        onEnd: (error) => {
          showServers(film)
          tellTrouble(sentenceOf(error))
          // what has come already may be seen to its end
          if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) showCover()
        }
      })
    } else if (film.keysAt === null && video.canPlayType('application/vnd.apple.mpegurl') !== '') {
      video.src = `/${film.master}.m3u8`
      tell('This browser plays the film by itself: its parts are not checked here.')
    } else {
      throw new Unplayable('This browser cannot play encrypted films: it has no Media Source Extensions.')
    }
    video.focus()
    await video.play()
  } catch (error) {
    // a play() that stop() or a missing gesture ended is no trouble
    if (error instanceof DOMException) return
    tellTrouble(error instanceof Unplayable ? error.message : sentenceOf(error))
    showCover()
  }
}

function showCover () {
  video.hidden = true
  at('menus').hidden = true
  cover.hidden = false
  button.disabled = false
  // what had the focus is gone
  if (document.activeElement === document.body) (trouble.hidden ? button : again).focus({ preventScroll: true })
}

function onKey (event) {
  // the video and the menus have keys of their own
  if (event.target !== document.body || event.ctrlKey || event.metaKey || event.altKey || video.hidden) return
  const act = {
    ' ': () => video.paused ? void video.play() : video.pause(),
    ArrowLeft: () => { video.currentTime -= 10 },
    ArrowRight: () => { video.currentTime += 10 },
    m: () => { video.muted = !video.muted },
    f: () => document.fullscreenElement === null ? void at('player').requestFullscreen?.() : void document.exitFullscreen(),
    c: () => { if (playing !== null) chooseSubtitles(playing.hls, playing.hls.subtitleTrack < 0 || !playing.hls.subtitleDisplay ? 0 : -1) }
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key]
  if (act === undefined) return
  event.preventDefault()
  act()
}

function goOn () {
  void (title === null ? load() : start(video.currentTime > 0 ? video.currentTime : -1))
}

async function load () {
  trouble.hidden = true
  tell('Loading')
  try {
    title = await findTitle(address)
  } catch (error) {
    tellTrouble(`The title could not be read: ${error.message}.`)
    return
  }
  tokens = new ReadTokens(serversOf(title), {
    tell: (what, origin) => { tell(what === 'signing' ? `Your Nostr extension is asked to sign: ${hostOf(origin)} lets some keys alone read.` : video.hidden ? 'Loading the film' : '') }
  })
  showTitle()
  if (title.facts.status === 'withdrawn') {
    cover.replaceChildren()
    tellTrouble(`Its creator has withdrawn this film${title.facts.reason ? `: ${title.facts.reason}` : '.'}`, false)
    return
  }
  button.disabled = false
  tell(title.facts.access === null ? '' : 'Your Nostr extension may be asked to sign for the key of this film.')
  open().then(showServers, () => { /* told when it is to be played */ })
}

button.addEventListener('click', () => {
  tokens.begin()
  void start(-1)
})
again.addEventListener('click', () => {
  tokens?.begin()
  goOn()
})
// the connection came back: that is no wish of the viewer's to be asked for signatures that they refused
window.addEventListener('online', () => { if (!trouble.hidden && !again.hidden) goOn() })
video.addEventListener('playing', () => { tell('') })
video.addEventListener('ended', () => { tell('The film has ended.') })
document.addEventListener('keydown', onKey)
void load()
