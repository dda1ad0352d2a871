// The events of a title, before they are signed: a version with another text or poster, one that takes it back, and the first one, of a build. What
// is not understood stays as it was. The same as backstage/film/title-of.ts and backstage/title/ do on the command line. Pure.

/** @typedef {{kind: number, created_at: number, content: string, tags: string[][]}} Draft */

const WITHDRAWAL_KIND = 5

/** A newer version must have a later second than the one before. @param {{created_at: number}} event @param {number} now unix seconds */
function after ({ created_at: before }, now) {
  return Math.max(now, before + 1)
}

/** The first value of a tag, or ''. @param {{tags: string[][]}} event @param {string} name */
export function valueIn ({ tags }, name) {
  return tags.find((tag) => tag[0] === name)?.[1] ?? ''
}

/** Tags in the place of the first of their name, all others of it gone; at the end where there was none. */
function put (tags, name, fresh) {
  const first = tags.findIndex((tag) => tag[0] === name)
  return first < 0 ? [...tags, ...fresh] : tags.flatMap((tag, at) => tag[0] !== name ? [tag] : at === first ? fresh : [])
}

/** One `imeta` with another picture. */
function withPicture (imeta, url) {
  return [...imeta.filter((element) => !/^(image|thumb) /.test(element)), `image ${url}`]
}

/** Can a poster be changed? It stands beside the film's own files. @param {{tags: string[][]}} event */
export function hasMedia ({ tags }) {
  return tags.some(([name]) => name === 'imeta')
}

/**
 * The same film with another text, and another poster where `poster` is a URL.
 * @param {Draft} event the newest version @param {{title: string, summary: string, topics: string[], poster: string | null}} text @param {number} now unix seconds
 * @returns {Draft}
 */
export function edited (event, { title, summary, topics, poster }, now) {
  let tags = put(event.tags, 'title', [['title', title]])
  if (valueIn(event, 'alt') === `Film: ${valueIn(event, 'title')}`) tags = put(tags, 'alt', [['alt', `Film: ${title}`]])
  tags = put(tags, 't', topics.map((topic) => ['t', topic]))
  if (poster !== null) tags = tags.map((tag) => tag[0] === 'imeta' ? withPicture(tag, poster) : tag)
  return { kind: event.kind, created_at: after(event, now), content: summary, tags }
}

/** The version that takes a title back: every relay puts it in the place of the one before. @param {Draft} event @param {string} reason @param {number} now @returns {Draft} */
export function withdrawn (event, reason, now) {
  const title = valueIn(event, 'title')
  return {
    kind: event.kind, created_at: after(event, now), content: '',
    tags: [
      ['d', valueIn(event, 'd')], ...(title === '' ? [] : [['title', title]]), ['alt', 'A film that was withdrawn'], ['status', 'withdrawn'], ...(reason === '' ? [] : [['reason', reason]])
    ]
  }
}

/**
 * What follows it (NIP-09): all versions before it by address, and the last of them by id for relays that pass over addresses. Of the second before, so
 * that the version which says why stays: it keeps older ones out where deletions are lost.
 * @param {Draft & {id: string, pubkey: string}} before @param {Draft} gone the version that took it back @param {string} reason @returns {Draft}
 */
export function deletion (before, gone, reason) {
  return {
    kind: WITHDRAWAL_KIND, created_at: gone.created_at - 1, content: reason,
    tags: [['a', `${before.kind}:${before.pubkey}:${valueIn(before, 'd')}`], ['e', before.id], ['k', String(before.kind)]]
  }
}

/**
 * The event of a finished build, at one server.
 * @param {{event: {kind: number, content: string, tags: string[][]}, encrypted: boolean}} film
 * @param {{origin: string, before: Draft | null}} place `before`: the version that stands there now @param {number} now @returns {Draft}
 */
export function completed ({ event, encrypted }, { origin, before }, now) {
  const placed = (imeta) => imeta.map((element, at) => at === 0 ? element : element.replace(/^(url|image|thumb|fallback) ([0-9a-f]{64}(\.[a-z0-9]+)?)$/, `$1 ${origin}/$2`))
  return {
    kind: event.kind,
    created_at: before === null ? now : after(before, now),
    content: event.content,
    tags: [
      ...event.tags.map((tag) => tag[0] === 'imeta' ? placed(tag) : [...tag]),
      ['published_at', (before === null ? '' : valueIn(before, 'published_at')) || String(now)],
      ...(encrypted ? [['access', 'nip98', `${origin}/keys`]] : []),
      ['server', origin]
    ]
  }
}
