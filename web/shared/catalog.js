// The catalog of the server at hand, as JSON, and what its titles say. Titles are signed by strangers: their texts are shown as text, and their URLs
// are judged before anything is fetched from them.

/** What a server said no with: its status, its code and its sentence. */
export class Refusal extends Error {
  /** @param {number} status 0 when it did not answer @param {string} code @param {string} reason */
  constructor (status, code, reason) {
    super(reason)
    this.status = status
    this.code = code
  }
}

/** The refusal in an answer. @param {Response} response */
export async function refusalOf (response) {
  const told = await response.json().catch(() => ({}))
  return new Refusal(response.status, typeof told?.code === 'string' ? told.code : '', response.headers.get('x-reason') ?? `the server answered ${response.status}`)
}

/** JSON from a server. Rejects with a Refusal. @param {string} url @param {RequestInit} [init] */
export async function ask (url, init = {}) {
  const response = await fetch(url, init).catch(() => { throw new Refusal(0, '', 'the server does not answer') })
  if (!response.ok) throw await refusalOf(response)
  return response.json().catch(() => { throw new Refusal(0, '', 'the answer broke off') })
}

/** A page of titles: `{titles, cursor}`. @param {Record<string, string | null | undefined>} query q, creator, t, status, limit, cursor */
export function listTitles (query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
  return ask(`/catalog/titles?${new URLSearchParams(given)}`)
}

/** One title with its event. @param {string} address naddr1…, or kind:pubkey:d @param {RequestInit} [init] */
export function getTitle (address, init) {
  return ask(`/catalog/titles/${encodeURIComponent(address)}`, init)
}

/** The origin of a server that may be asked, or null: http or https, no name and password. @param {unknown} text */
export function originOf (text) {
  try {
    const { protocol, origin, username } = new URL(String(text))
    return (protocol === 'https:' || protocol === 'http:') && username === '' ? origin : null
  } catch {
    return null
  }
}

/** The sha256 and ending that a Blossom URL or name ends in, or null. @param {unknown} text */
export function hashNameIn (text) {
  const match = /(?:^|\/)([0-9a-f]{64})(\.[A-Za-z0-9]{1,8})?$/.exec(String(text).split(/[?#]/, 1)[0])
  return match === null ? null : { sha256: match[1], name: match[1] + (match[2] ?? '') }
}

/** The `imeta` tags of an event (NIP-92), each a map of names to values. @param {{tags: string[][]}} event @returns {Map<string, string[]>[]} */
export function mediaOf (event) {
  return event.tags.filter(([name]) => name === 'imeta').map(([, ...facts]) => {
    const map = new Map()
    for (const fact of facts) {
      const space = fact.indexOf(' ')
      if (space > 0) map.set(fact.slice(0, space), [...(map.get(fact.slice(0, space)) ?? []), fact.slice(space + 1)])
    }
    return map
  })
}

/**
 * Where a title's poster may be had, in order: here by its hash, then where the title says. Only what is named by its hash is taken, and only over http(s).
 * @param {{event: {tags: string[][]}}} title @returns {string[]}
 */
export function postersOf ({ event }) {
  const named = mediaOf(event).flatMap((media) => [...(media.get('image') ?? []), ...(media.get('thumb') ?? [])])
  const urls = named.flatMap((url) => {
    const hash = hashNameIn(url)
    return hash === null || originOf(url) === null ? [] : [`/${hash.name}`, url]
  })
  return [...new Set(urls)].slice(0, 6)
}

/** `1 h 32 min`. @param {number | null | undefined} seconds */
export function lengthOf (seconds) {
  if (typeof seconds !== 'number' || !(seconds > 0)) return ''
  const minutes = Math.round(seconds / 60)
  if (minutes < 1) return `${Math.round(seconds)} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60 === 0 ? '' : `${minutes % 60} min`}`.trim()
}

/** A key as people know it again. @param {string} npub */
export function shortKey (npub) {
  return `${npub.slice(0, 10)}…${npub.slice(-4)}`
}
