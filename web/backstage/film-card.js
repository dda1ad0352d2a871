// One of the creator's films: what the catalog has of it and how whole it is here, and what may be done with it: text and poster, who may watch, taking
// it back.

import { lengthOf, postersOf } from '../shared/catalog.js'
import { element } from '../shared/dom.js'
import { sha256OfFile } from '../shared/sha256.js'
import { accessPanel } from './access-panel.js'
import { Problem } from './account.js'
import { field, onPress, onSubmit, Outcome } from './parts.js'
import { publicOrigin, publish } from './publish-film.js'
import { deletion, edited, hasMedia, withdrawn } from './title-event.js'
import { bringAll } from './transfer.js'
import { countOf, sentenceOf } from './words.js'

const PICTURES = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp' }
const STATES = { published: 'Published', withdrawn: 'Withdrawn', incomplete: 'Incomplete' }

const now = () => Math.floor(Date.now() / 1000)

function posterOf (title) {
  const box = element('div', { 'className': 'thumb', 'aria-hidden': 'true' })
  const places = postersOf(title)
  const image = element('img', { alt: '', loading: 'lazy', referrerPolicy: 'no-referrer' })
  const tryNext = () => {
    const place = places.shift()
    if (place === undefined) image.remove()
    else image.src = place
  }
  image.addEventListener('error', tryNext)
  if (places.length > 0) {
    box.append(image)
    tryNext()
  }
  return box
}

/** How whole a title is here, in words. @param {{manifest: string, held: number, listed: number | null, providers: number}} health */
export function healthOf ({ manifest, held, listed, providers }) {
  const others = providers === 0 ? 'No server advertises it yet' : `${countOf(providers, 'server')} ${providers === 1 ? 'advertises' : 'advertise'} it`
  if (manifest === 'missing') return { text: `The list of its parts is not here. ${others}.`, whole: false }
  if (manifest !== 'read' || listed === null) return { text: `The list of its parts cannot be read: ${manifest}. ${others}.`, whole: false }
  if (held === listed) return { text: `All ${countOf(listed, 'part')} are here. ${others}.`, whole: true }
  return { text: `${held.toLocaleString('en')} of ${countOf(listed, 'part')} are here. ${others}.`, whole: false }
}

/** A panel that opens below the card; `open` runs the first time. */
function panel (summary, content, open = async () => {}, outcome = null) {
  const details = element('details', {}, element('summary', {}, summary), content)
  let opened = false
  details.addEventListener('toggle', () => {
    if (!details.open || opened) return
    opened = true
    open().catch((error) => {
      opened = false
      outcome?.tell(`${sentenceOf(error)} Close and open this to try again.`, 'bad')
    })
  })
  return details
}

function editForm (account, title, onChange) {
  const { facts, event } = title
  const outcome = new Outcome()
  const name = element('input', { type: 'text', value: facts.title, maxLength: 200, required: true })
  const summary = element('textarea', { value: facts.synopsis, rows: 5 })
  const topics = element('input', { type: 'text', value: facts.topics.join(', '), autocapitalize: 'none' })
  const poster = element('input', { type: 'file', accept: Object.keys(PICTURES).join(',') })
  const form = element('form', {}, field('Title', name), field('Summary', summary), field('Topics', topics, 'Separated by commas'),
    hasMedia(event) ? field('Another poster', poster, 'JPEG, PNG or WebP; leave empty to keep the one there is') : null,
    element('p', {}, element('button', { className: 'main' }, 'Save')), outcome.node)

  async function uploadPoster (file) {
    const ending = PICTURES[file.type]
    if (ending === undefined) throw new Problem('A poster is a JPEG, PNG or WebP picture.')
    const sha256 = await sha256OfFile(file)
    const blob = { sha256, size: file.size, type: file.type, name: file.name, file }
    await bringAll(account, [blob], { check: async () => {}, tell: () => {}, signal: new AbortController().signal })
    return `${await publicOrigin()}/${sha256}.${ending}`
  }

  onSubmit(form, outcome, async () => {
    if (name.value.trim() === '') throw new Problem('A film needs a title.')
    const [picture] = poster.files
    const url = picture === undefined ? null : await uploadPoster(picture)
    const words = topics.value.split(',').map((word) => word.trim().toLowerCase()).filter((word) => word !== '')
    await publish(await account.sign(edited(event, { title: name.value.trim(), summary: summary.value, topics: [...new Set(words)], poster: url }, now())))
    await onChange('Saved: the new version is in the catalog.')
  })
  return form
}

function withdrawForm (account, { facts, event }, onChange) {
  const outcome = new Outcome()
  const reason = element('input', { type: 'text', maxLength: 200 })
  const sure = element('input', { type: 'checkbox', id: `sure-${event.id}` })
  const button = element('button', { type: 'button', className: 'danger' }, 'Withdraw this film')
  onPress(button, outcome, async () => {
    if (!sure.checked) throw new Problem('Tick the box first: this cannot be undone.')
    const gone = await account.sign(withdrawn(event, reason.value.trim(), now()))
    await publish(gone)
    await publish(await account.sign(deletion(event, gone, reason.value.trim())))
    await onChange(`“${facts.title}” is withdrawn: its keys are given to nobody any more.`)
  })
  return element('div', {},
    element('p', { className: 'small soft' }, 'The film leaves the catalog and its keys are given to nobody from then on. What others have fetched stays with them; its blobs stay here until you delete them.'),
    field('Reason', reason, 'Told with it; may be empty'),
    element('p', { className: 'check' }, sure, element('label', { htmlFor: sure.id }, 'I want to take this film back for good')),
    element('p', {}, button), outcome.node)
}

/**
 * @param {import('./account.js').Account} account @param {object} title as GET /catalog/titles/<address> has it
 * @param {(words: string) => Promise<void>} onChange shows the list anew
 */
export function filmCard (account, title, onChange) {
  const { facts, status, naddr, health } = title
  const name = facts.title.trim() || 'Untitled'
  const { text, whole } = healthOf(health)
  const head = element('div', { className: 'head' }, posterOf(title), element('div', {},
    element('h3', {}, name),
    element('p', { className: 'facts small' }, element('span', { className: `tag ${status}` }, STATES[status] ?? status), [lengthOf(facts.duration), facts.access === null ? 'no key needed' : 'key needed']
      .filter((fact) => fact !== '' && status !== 'withdrawn').map((fact) => ` · ${fact}`).join('')),
    status === 'withdrawn'
      ? element('p', { className: 'small soft' }, facts.reason === null ? 'Taken back.' : `Taken back: ${facts.reason}`)
      : element('p', { className: `small ${whole ? 'whole' : 'partly'}` }, text)))
  const card = element('article', { 'className': 'film', 'aria-label': name }, head)
  if (status === 'withdrawn') return card
  const access = facts.access === null ? null : accessPanel(account, title)
  card.append(
    element('p', {}, element('a', { href: `/watch/${naddr}` }, 'Watch page')),
    panel('Text and poster', editForm(account, title, onChange)),
    ...(access === null ? [] : [panel('Who may watch', access.node, access.load, access.outcome)]),
    panel('Withdraw', withdrawForm(account, title, onChange))
  )
  return card
}
