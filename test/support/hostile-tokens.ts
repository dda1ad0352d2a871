// Tokens of both kinds, mutated field by field: after signing, so that nothing may come of them, or before, so that the signature is right and
// what it signs is silly.

import type { Ground, Shot } from './hostile-requests.ts'

type Event = Record<string, unknown>

const FIELDS = ['id', 'pubkey', 'created_at', 'kind', 'tags', 'content', 'sig']

/** Another value of any type for a field; never the one it had. */
function changed ({ random }: Ground, before: unknown): unknown {
  const text = typeof before === 'string' ? before : JSON.stringify(before)
  const after = random.make<unknown>([
    () => null, () => true, () => -1, () => 0.5, () => 2 ** 53, () => 1e300, () => '', () => 'x', () => [], () => {}, () => ({}), () => [[]], () => [[[[]]]], () => [['t']], () => [null],
    () => ({ length: 64 }), () => text.slice(1), () => `${text}0`, () => text.replace(/[a-f0-9]/, (each) => each === '0' ? '1' : '0'), () => `${text.slice(0, -1)}g`, () => [before],
    () => String(before), () => Number(before), () => ({ toString: before }), () => 'f'.repeat(random.below(5000)), () => random.noise(64), () => '0'.repeat(64), () => 'f'.repeat(64), () => 'f'.repeat(128),
    () => Array.from({ length: random.below(2000) }, () => ['x', 'y']), () => '\ud800'
  ])
  return JSON.stringify(after) === JSON.stringify(before) ? null : after
}

function tagsFor (ground: Ground, verb: string): unknown[] {
  const { random, tiny, url } = ground
  const now = Math.floor(Date.now() / 1000)
  const tags: unknown[] = [['t', verb], ['x', tiny.sha256], ['expiration', String(now + 600)]]
  const silly = random.make<unknown[]>([
    () => ['t', ''], () => ['t', verb, verb], () => ['t'], () => [], () => ['x', tiny.sha256.toUpperCase()], () => ['x', ''], () => ['x', '\0'], () => ['x'], () => ['expiration', '1e10'],
    () => ['expiration', String(now - 1)], () => ['expiration', '9'.repeat(300)], () => ['expiration', ''], () => ['server', ''], () => ['server', `${url}/x`], () => ['server', 'http://['],
    () => ['server', 'é'.repeat(300)], () => ['__proto__', 'x'], () => ['x', ...Array.from({ length: 300 }, () => random.hex(64))], () => ['size', '-1'], () => ['u', url], () => ['method', 'PUT']
  ])
  tags.splice(random.below(tags.length + 1), random.below(2), silly)
  return tags
}

/** The event's text, perhaps with a key twice, unknown keys, or white space. */
function write ({ random }: Ground, event: Event): string {
  const text = JSON.stringify(event)
  return random.chance(0.8) ? text : random.make([
    () => text.replace('{', '{"__proto__":{"kind":24242},'), () => `${text.slice(0, -1)},"x":${'['.repeat(500)}${']'.repeat(500)}}`, () => ` \n\t${text} `,
    () => `${text.slice(0, -1)},"toString":1,"valueOf":null}`
  ])
}

export function mutatedToken (ground: Ground): Shot {
  const { random, signer, url, tiny } = ground
  const [method, path, verb] = random.pick([['PUT', '/upload', 'upload'], ['DELETE', `/${random.hex(64)}`, 'delete'], ['GET', `/list/${signer.pubkey}`, 'list'], ['HEAD', '/upload', 'upload']] as const)
  const now = Math.floor(Date.now() / 1000)
  const body = method === 'PUT' ? tiny.bytes.toString('latin1') : ''
  const nip98 = random.chance(0.4)
  const sillyTags = random.chance(0.5)
  const tags = nip98
    ? [['u', random.pick([`${url}${path}`, `${url}${path}`, `${url}${path}?x`, url, '', 'http://['])], ['method', random.pick([method, method, method.toLowerCase(), ''])], ['payload', random.pick([tiny.sha256, ''])]]
    : (sillyTags ? tagsFor(ground, verb) : [['t', verb], ['x', tiny.sha256], ['expiration', String(now + 600)]])
  const event: Event = { ...signer.sign({ kind: nip98 ? 27235 : 24242, created_at: now - random.pick([0, 1, 59, 61, -1, -100, now, 1e6]), tags: tags as string[][], content: random.pick(['', 'x', 'é', '\0']) }) }
  // a mutation after signing: the signature is of something else
  const after = random.chance(0.6)
  if (after) {
    const name = random.pick(FIELDS)
    const value = changed(ground, event[name])
    if (value === undefined) delete event[name]
    else event[name] = value
  }
  const text = write(ground, event)
  const coded = Buffer.from(text).toString(random.pick(['base64', 'base64url']))
  const header = random.chance(0.9) ? `Nostr ${coded}` : random.make([
    () => `nostr ${coded}`, () => `Nostr  ${coded}`, () => `Nostr\t${coded}`, () => `Nostr ${coded}==`, () => `Nostr ${coded.slice(0, -3)}`, () => `Nostr ${coded},`, () => `Nostr ${random.pick(['=', '%', '-'])}${coded}`
  ])
  const fields = ['Host: x', `Authorization: ${header}`, `Content-Length: ${body.length}`, ...(method === 'HEAD' ? [`X-SHA-256: ${tiny.sha256}`, 'X-Content-Length: 40'] : [])]
  return { kind: 'token', text: `${method} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`, method, answers: 1, ...(after ? { refused: true as const } : {}) }
}
