// Who may have a film's keys, and who asked for them: GET and PUT /keys/access, GET /keys/audit, signed by the creator. A change holds from the next
// question on.

import { shortKey } from '../shared/catalog.js'
import { element } from '../shared/dom.js'
import { npubOf, pubkeyIn } from '../shared/npub.js'
import { Problem } from './account.js'
import { field, onPress, onSubmit, Outcome } from './parts.js'
import { countOf, momentOf, sentenceOf } from './words.js'

/** Entries of the log at once. */
const PAGE = 50
const WHO = [['list', 'Only the keys below, and you'], ['signed-in', 'Everybody who signs in with a Nostr key'], ['open', 'Everybody, without signing in']]

function entryLine ({ at, pubkey, key, action, granted, reason }) {
  const who = pubkey === null ? 'somebody who did not sign' : shortKey(npubOf(pubkey))
  const what = action === 'session' ? 'asked for a session' : `asked for key ${key ?? ''}`
  return element('li', {},
    element('span', { title: pubkey === null ? null : npubOf(pubkey) }, `${who} ${what}`),
    element('span', { className: granted ? 'granted' : 'refused' }, `${granted ? 'given' : 'refused'}: ${reason}`),
    element('time', { className: 'soft', dateTime: new Date(at).toISOString() }, momentOf(at)))
}

/** @param {import('./account.js').Account} account @param {{address: string}} title */
export function accessPanel (account, { address }) {
  const name = encodeURIComponent(address)
  const outcome = new Outcome()
  const who = element('select', {}, ...WHO.map(([value, words]) => element('option', { value }, words)))
  const added = element('input', { type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: false, placeholder: 'npub1…' })
  const listed = element('ul', { 'className': 'keys', 'aria-label': 'Keys that may watch' })
  const listBox = element('div', {})
  const form = element('form', {}, field('Keys are given to', who))
  const grant = element('form', { className: 'row' }, field('Let a key in', added), element('button', {}, 'Grant'))
  const audit = element('ul', { 'className': 'audit small', 'aria-label': 'Who asked for keys' })
  const more = element('button', { type: 'button' }, 'Show who asked')
  const auditOutcome = new Outcome()
  let rules = { who: 'list', pubkeys: [] }
  let next = null

  function show () {
    who.value = rules.who
    listBox.hidden = rules.who !== 'list'
    listed.replaceChildren(...rules.pubkeys.map((pubkey) => {
      const npub = npubOf(pubkey)
      const revoke = element('button', { 'type': 'button', 'aria-label': `Revoke ${npub}` }, 'Revoke')
      onPress(revoke, outcome, async () => {
        await change({ who: rules.who, pubkeys: rules.pubkeys.filter((each) => each !== pubkey) })
        outcome.tell(`${shortKey(npub)} gets no keys any more. What a player has already, it keeps.`, 'good')
        added.focus()
      })
      return element('li', {}, element('code', {}, npub), revoke)
    }))
    if (rules.pubkeys.length === 0) listed.replaceChildren(element('li', { className: 'soft' }, 'Nobody but you yet.'))
  }

  async function change (wanted) {
    try {
      rules = await account.call('PUT', `/keys/access/${name}`, wanted)
    } catch (error) {
      throw error.status === 404 ? new Problem('This server has no keys of this film: they lie with another, or the film has none.') : error
    } finally {
      show()
    }
  }

  who.addEventListener('change', () => {
    who.disabled = true
    outcome.tell('Your extension may ask you to sign.')
    change({ who: who.value, pubkeys: rules.pubkeys })
      .then(() => { outcome.tell('Saved. It holds from now on.', 'good') }, (error) => { outcome.tell(sentenceOf(error), 'bad') })
      .finally(() => { who.disabled = false })
  })
  form.addEventListener('submit', (event) => { event.preventDefault() })
  onSubmit(grant, outcome, async () => {
    const pubkey = pubkeyIn(added.value)
    if (pubkey === null) throw new Problem('That is no public key: it begins with npub1, or has 64 hex digits. Never type a secret key (nsec1…) here.')
    if (pubkey === account.pubkey) throw new Problem('You may always watch your own film.')
    if (rules.pubkeys.includes(pubkey)) throw new Problem('This key may watch already.')
    await change({ who: rules.who, pubkeys: [...rules.pubkeys, pubkey] })
    added.value = ''
    outcome.tell(`${shortKey(npubOf(pubkey))} may watch from now on.`, 'good')
    added.focus()
  })
  onPress(more, auditOutcome, async () => {
    const { entries, next: cursor } = await account.call('GET', `/keys/audit/${name}?limit=${PAGE}${next === null ? '' : `&before=${encodeURIComponent(next)}`}`)
    // pressed at the end it begins again, and shows what is new
    if (next === null) audit.replaceChildren()
    audit.append(...entries.map(entryLine))
    next = cursor
    more.textContent = next === null ? 'Look again' : 'Show older'
    auditOutcome.tell(audit.children.length === 0 ? 'Nobody has asked yet.' : `${countOf(audit.children.length, 'question')}, the newest first.`)
  })

  listBox.append(listed, grant)
  return {
    node: element('div', {}, form, listBox, outcome.node, element('h4', {}, 'Who asked for keys'), audit, auditOutcome.node, element('p', {}, more)),
    /** What holds now; asks for one signature. */
    load: async () => {
      outcome.tell('Your extension may ask you to sign.')
      rules = await account.call('GET', `/keys/access/${name}`)
      outcome.tell('')
      show()
    },
    outcome
  }
}
