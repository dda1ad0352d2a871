// The creator's page: signing in, one's films with their health, and the ways to bring new ones.

import { getTitle, listTitles, shortKey } from '../shared/catalog.js'
import { at } from '../shared/dom.js'
import { signIn } from './account.js'
import { filmCard } from './film-card.js'
import { Outcome } from './parts.js'
import { blobUpload, filmUpload } from './uploads.js'
import { countOf, sentenceOf } from './words.js'

/** Titles at once; each is asked for its health. */
const PAGE = 20

const [entry, room, films, status, more, button] = ['entry', 'room', 'films', 'status', 'more', 'signin'].map(at)
const outcome = new Outcome()
at('entry').append(outcome.node)
/** Null before somebody signed in. */
let account = null
let next = null
/** Answers to an older question are not shown. */
let question = 0

async function load (fresh) {
  const mine = ++question
  if (fresh) next = null
  more.disabled = true
  films.setAttribute('aria-busy', 'true')
  try {
    const { titles, cursor } = await listTitles({ creator: account.pubkey, status: 'any', limit: String(PAGE), cursor: next })
    // one that is withdrawn between the two answers is left out
    const whole = (await Promise.all(titles.map(({ address }) => getTitle(address, { cache: 'no-store' }).catch((error) => {
      if (error.status === 404) return null
      throw error
    })))).filter((title) => title !== null)
    if (mine !== question) return
    const cards = whole.map((title) => filmCard(account, title, async (words) => {
      await load(true)
      tell(words)
      // what was pressed is gone with its card
      at('heading').focus()
    }))
    if (fresh) films.replaceChildren(...cards)
    else films.append(...cards)
    next = cursor
    more.hidden = next === null
    const count = films.children.length
    tell(count === 0 ? 'You have published no film here yet.' : `${countOf(count, 'film')}${next === null ? '' : ' and more'}`)
  } catch (error) {
    if (mine === question) tell(`Your films could not be read. ${sentenceOf(error)}`)
  } finally {
    if (mine === question) {
      more.disabled = false
      films.removeAttribute('aria-busy')
    }
  }
}

function tell (words) {
  status.textContent = words
}

function enter () {
  entry.hidden = true
  room.hidden = false
  at('who').textContent = shortKey(account.npub)
  at('who').title = account.npub
  at('me').hidden = false
  at('upload-film').replaceChildren(filmUpload(account, () => load(true)))
  at('upload-blob').replaceChildren(blobUpload(account))
  tell('Loading')
  at('heading').focus()
  return load(true)
}

button.addEventListener('click', async () => {
  button.disabled = true
  outcome.tell('Your extension may ask whether this page may know your public key.')
  try {
    account = await signIn()
    outcome.tell('')
    await enter()
  } catch (error) {
    outcome.tell(sentenceOf(error), 'bad')
  } finally {
    button.disabled = false
  }
})
more.addEventListener('click', () => { void load(false) })
at('signout').addEventListener('click', () => {
  account = null
  question++
  for (const place of [films, at('upload-film'), at('upload-blob')]) place.replaceChildren()
  room.hidden = true
  at('me').hidden = true
  entry.hidden = false
  button.focus()
})
