// The catalog as a grid of posters: by words, by topic (`?t=`) or by creator (`?creator=`), a page at a time, and plain words for nothing found and for
// what failed.

import { lengthOf, listTitles, postersOf, shortKey } from '../shared/catalog.js'
import { at, element } from '../shared/dom.js'

/** Titles at once. */
const PAGE = '48'

const [grid, status, failed, more, words] = ['grid', 'status', 'failed', 'more', 'words'].map(at)
/** Null on the last page. */
let next = null
let shown = 0
/** What the page's address narrows the list to, besides words. */
let within = { t: null, creator: null }
/** Answers to an older question are not shown. */
let question = 0

/** The poster, from the first place that has it; the first letter where none has. */
function posterOf (title) {
  const name = title.title.trim() || 'Untitled'
  const box = element('div', { className: 'poster' }, element('span', { 'className': 'letter', 'aria-hidden': 'true' }, [...name][0].toUpperCase()))
  const places = postersOf(title)
  if (places.length > 0) {
    // the title stands beside it in words
    const image = element('img', { alt: '', loading: 'lazy', decoding: 'async', referrerPolicy: 'no-referrer' })
    const tryNext = () => {
      const place = places.shift()
      if (place === undefined) image.remove()
      else image.src = place
    }
    image.addEventListener('error', tryNext)
    tryNext()
    box.append(image)
  }
  if (title.gated) box.append(element('span', { className: 'gated' }, 'Key needed'))
  return box
}

function cardOf (title) {
  const facts = [lengthOf(title.duration), ...title.topics.slice(0, 3)].filter((fact) => fact !== '')
  return element('li', {}, element('a', { className: 'card', href: `/watch/${title.naddr}` },
    posterOf(title),
    element('h2', {}, title.title.trim() || 'Untitled'),
    element('p', {}, facts.join(' · ')),
    element('p', { title: title.npub }, shortKey(title.npub))
  ))
}

function tell () {
  const asked = words.value.trim()
  const narrowed = within.t !== null || within.creator !== null
  if (shown === 0) status.textContent = asked === '' ? narrowed ? 'There is no such film here.' : 'No film has been published here yet.' : `Nothing here has the words “${asked}”.`
  else status.textContent = `${shown}${next === null ? '' : ' and more'} ${shown === 1 && next === null ? 'film' : 'films'}${asked === '' ? '' : ` with “${asked}”`}`
}

async function load () {
  const mine = ++question
  const asked = words.value.trim()
  failed.hidden = true
  more.disabled = true
  grid.setAttribute('aria-busy', 'true')
  try {
    const { titles, cursor } = await listTitles({ q: asked, ...within, limit: PAGE, cursor: next })
    if (mine !== question) return
    const before = shown
    grid.append(...titles.map(cardOf))
    shown += titles.length
    next = cursor
    more.hidden = next === null
    tell()
    // the button that was pressed may be gone
    if (before > 0 && more.hidden) grid.children[before]?.querySelector('a')?.focus()
  } catch (error) {
    if (mine !== question) return
    failed.hidden = false
    at('reason').textContent = `The catalog could not be read: ${error.message}.`
    if (shown === 0) status.textContent = ''
  } finally {
    if (mine === question) {
      more.disabled = false
      grid.removeAttribute('aria-busy')
    }
  }
}

function start () {
  grid.replaceChildren()
  next = null
  shown = 0
  more.hidden = true
  status.textContent = 'Loading'
  document.title = words.value.trim() === '' ? 'Films · marquee' : `${words.value.trim()} · marquee`
  return load()
}

function readAddress () {
  const query = new URLSearchParams(location.search)
  words.value = query.get('q') ?? ''
  within = { t: query.get('t'), creator: query.get('creator') }
  at('narrowed').hidden = within.t === null && within.creator === null
  at('within').textContent = [within.t === null ? '' : `On “${within.t}”.`, within.creator === null ? '' : `By ${shortKey(within.creator)}.`].join(' ').trim()
}

at('search').addEventListener('submit', (event) => {
  event.preventDefault()
  const asked = words.value.trim()
  history.pushState(null, '', asked === '' ? '/' : `/?${new URLSearchParams({ q: asked })}`)
  readAddress()
  void start()
})
window.addEventListener('popstate', () => {
  readAddress()
  void start()
})
more.addEventListener('click', () => { void load() })
at('again').addEventListener('click', () => { void load() })
readAddress()
void start()
