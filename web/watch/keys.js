// Keys of a film, from the server that its title names: open ones without a word, others for a short session that the reader's extension signs for
// once. A key is never kept longer than the page.

import { refusalOf, Refusal } from '../shared/catalog.js'
import { findSigner, NO_SIGNER } from '../shared/nip07.js'
import { httpToken } from '../shared/nip98.js'

/** How long a key may take, milliseconds; the reader may take as long as they like to sign. */
const PATIENCE = 15_000

/** No key: the sentence is for the reader. */
export class KeyRefused extends Error {
  /** @param {string} sentence @param {'signer' | 'declined' | 'refused' | 'failed'} why */
  constructor (sentence, why) {
    super(sentence)
    this.why = why
  }
}

export class Keys {
  #at
  #coordinate
  #tell
  /** Of the session; null before there is one. Its end is the server's to tell, by its own clock. @type {string | null} */
  #token = null
  /** The one that is being opened: renditions ask at the same time, the reader is asked once. */
  #opening = null

  /** @param {{keysAt: string, coordinate: string}} film @param {(what: 'signing' | 'signed') => void} tell */
  constructor ({ keysAt, coordinate }, tell) {
    this.#at = keysAt.replace(/\/$/, '')
    this.#coordinate = coordinate
    this.#tell = tell
  }

  /** The 16 bytes of a key. Rejects with KeyRefused. @param {string} id 16 hex digits @param {AbortSignal} [signal] */
  async get (id, signal) {
    let response = await this.#ask(id, this.#token, signal)
    if (response.status === 401) {
      // nobody is let in without a name, or the session has ended
      this.#token = null
      await (this.#opening ??= this.#open().finally(() => { this.#opening = null }))
      response = await this.#ask(id, this.#token, signal)
    }
    if (!response.ok) throw await this.#refused(response)
    const key = new Uint8Array(await response.arrayBuffer())
    if (key.length !== 16) throw new KeyRefused('The key server sent something that is no key.', 'failed')
    return key
  }

  #ask (id, token, signal) {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    return this.#fetch(`${this.#at}/${id}`, { headers }, signal)
  }

  async #fetch (url, init, signal) {
    const limit = AbortSignal.timeout(PATIENCE)
    const asked = { credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', ...init, signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) }
    return fetch(url, asked).catch((error) => {
      if (signal?.aborted) throw error
      throw new KeyRefused(`The key server ${new URL(url).host} does not answer.`, 'failed')
    })
  }

  async #open () {
    const signer = await findSigner()
    if (signer === null) throw new KeyRefused(`The creator of this film decides who may watch it. ${NO_SIGNER}`, 'signer')
    const url = `${this.#at}/session`
    const body = JSON.stringify({ title: this.#coordinate })
    this.#tell('signing')
    const authorization = await httpToken(signer, 'POST', url, body).catch(() => { throw new KeyRefused('Your extension did not sign, so there is no key.', 'declined') })
    const response = await this.#fetch(url, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body })
    if (!response.ok) throw await this.#refused(response)
    this.#token = (await response.json()).token
    this.#tell('signed')
  }

  async #refused (response) {
    const refusal = await refusalOf(response)
    if (response.status === 403) return new KeyRefused(`Your key may not watch this film: its creator has not let it in (${refusal.message}).`, 'refused')
    if (response.status === 410) return new KeyRefused('Its creator has withdrawn this film: no keys are given out any more.', 'refused')
    if (response.status === 429) return new KeyRefused('You have asked for keys too often. Wait a minute, and try again.', 'failed')
    return new KeyRefused(`The key server said no: ${refusal instanceof Refusal ? refusal.message : response.status}.`, 'failed')
  }
}
