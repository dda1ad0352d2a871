// Where only some keys may read, a server answers 401 to a GET of a blob: then the viewer's extension signs one `get` token for it (BUD-11, kind 24242). It is
// good at that server alone, for every blob there, for an hour; it is sent to that server alone, and never kept longer than the page.

import { findSigner, NO_SIGNER } from '../shared/nip07.js'
import { headerOf } from '../shared/nip98.js'

/** Seconds for which a token is good, and before its end when it is no longer sent. */
const LIFE = 3600
const MARGIN = 60
/** A server that takes no token of this age, seconds, takes no newer one either: nobody is asked to sign over and over. */
const FRESH = 300
/** Of one that takes a token for a while and then no longer, so many are taken back; and so many servers are signed for, before the viewer tries again. */
const MOST_EARLY = 2
const MOST_SERVERS = 4

/** The server does not let the viewer read; the sentence is for them. */
export class ReadRefused extends Error {}

/** Unix seconds. */
function seconds () {
  return Math.floor(Date.now() / 1000)
}

export class ReadTokens {
  #origins
  #tell
  #find
  #now
  /** By origin. @type {Map<string, {header: string, made: number}>} */
  #tokens = new Map()
  /** What is being signed: many parts are asked for at once, the viewer is asked once. @type {Map<string, Promise<string>>} */
  #opening = new Map()
  /** Servers that are not asked again before the viewer says so. @type {Map<string, ReadRefused>} */
  #closed = new Map()
  /** Since the viewer wanted to watch: who was signed for, and how often a token was given back before its time. @type {Map<string, number>} */
  #signed = new Map()
  /** The viewer said no to one signature, and so to the next. @type {boolean} */
  #declined = false
  /** Nothing is signed before the viewer wants to watch. */
  #willing = false

  /**
   * @param {readonly string[]} origins that the viewer may be asked to sign for: whoever else says to have the film would only learn who they are
   * @param {{tell?: (what: 'signing' | 'signed', origin: string) => void, find?: typeof findSigner, now?: () => number}} [parts] `now`: unix seconds
   */
  constructor (origins, { tell = () => {}, find = findSigner, now = seconds } = {}) {
    this.#origins = new Set(origins)
    this.#tell = tell
    this.#find = find
    this.#now = now
  }

  /** The viewer pressed Play, or Try again: what was refused may be asked once more. */
  begin () {
    this.#willing = true
    this.#declined = false
    this.#closed.clear()
    this.#signed.clear()
  }

  /** The Authorization header for this server, or null while there is none. @param {string} origin */
  of (origin) {
    const token = this.#tokens.get(origin)
    return token !== undefined && this.#now() < token.made + LIFE - MARGIN ? token.header : null
  }

  /** May the viewer be asked to sign for it? @param {string} origin */
  covers (origin) {
    return this.#origins.has(origin)
  }

  /** The header, signed where there is none yet. Rejects with ReadRefused. @param {string} origin one that is covered @returns {Promise<string>} */
  async sign (origin) {
    const header = this.of(origin)
    if (header !== null) return header
    if (this.#closed.has(origin)) throw this.#closed.get(origin)
    if (!this.#opening.has(origin)) this.#opening.set(origin, this.#make(origin).finally(() => { this.#opening.delete(origin) }))
    return this.#opening.get(origin)
  }

  async #make (origin) {
    const { host } = new URL(origin)
    if (!this.covers(origin)) throw new Error(`nobody signs for ${host}`)
    if (!this.#willing) throw new ReadRefused(`${host} lets some keys alone read.`)
    const signer = await this.#find()
    if (signer === null) throw new ReadRefused(`${host} lets some keys alone read. ${NO_SIGNER}`)
    if (this.#declined) throw new ReadRefused(`Your extension did not sign for ${host}, which lets some keys alone read.`)
    // a title may name any number of servers, each of which may ask
    if (!this.#signed.has(origin) && this.#signed.size >= MOST_SERVERS) throw new ReadRefused(`You have signed for ${MOST_SERVERS} servers; ${host}, too, lets some keys alone read.`)
    if (!this.#signed.has(origin)) this.#signed.set(origin, 0)
    this.#tell('signing', origin)
    const made = this.#now()
    // 11-6: `server` is a domain in lower case; some servers compare it with their whole URL. Without the tag it would open every server
    const tags = [['t', 'get'], ['server', host], ['server', origin], ['expiration', String(made + LIFE)]]
    const event = await signer.signEvent({ kind: 24242, created_at: made - 5, content: `Read the blobs of ${host} for an hour`, tags }).catch(() => {
      this.#declined = true
      throw new ReadRefused(`Your extension did not sign for ${host}, which lets some keys alone read.`)
    })
    const header = headerOf(event)
    this.#tokens.set(origin, { header, made })
    this.#tell('signed', origin)
    return header
  }

  /** The server answered 401 to this header: why it is not asked again, or null where it may be. @param {string} origin @param {string} header @param {string} reason its words */
  reject (origin, header, reason) {
    const token = this.#tokens.get(origin)
    if (token?.header !== header) return null // a newer one was signed meanwhile
    this.#tokens.delete(origin)
    const early = (this.#signed.get(origin) ?? 0) + 1
    this.#signed.set(origin, early)
    if (this.#now() >= token.made + FRESH && early <= MOST_EARLY) return null
    const refused = new ReadRefused(`${new URL(origin).host} did not take your signature${reason === '' ? '' : `: ${reason}`}.`)
    this.#closed.set(origin, refused)
    return refused
  }
}
