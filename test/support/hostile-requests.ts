// Requests that no client should send, one out of all kinds: paths, methods, headers, tokens, ranges, conditions and bodies off by a little or by
// all. What it makes is the same for the same seed, but for the time in its tokens.

import { hostileDocument } from './hostile-documents.ts'
import { hostileFraming } from './hostile-framing.ts'
import { mutatedToken } from './hostile-tokens.ts'
import type { Signer } from './keys.ts'
import type { Random } from './random.ts'

export interface Shot {
  kind: string
  /** Bytes as latin1. */
  text: string
  method: string
  /** How many answers may come at most, where all that come are looked at; 0: only the first is. */
  answers: number
  /** It may not succeed: what was signed is not what is there. */
  refused?: true
  /** A byte now and then, and never all of them. */
  slow?: true
}

export interface Ground {
  random: Random
  url: string
  signer: Signer
  /** The node key: it may call /admin. */
  operator: Signer
  /** Blobs that are here, the first of 9000 bytes, and hashes that are not. */
  hashes: readonly string[]
  /** A blob that no shot asks for but what hides in another's body. */
  bait: string
  tiny: { bytes: Buffer, sha256: string }
}

const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH', 'TRACE', 'PROPFIND', 'get', 'PURGE', 'M-SEARCH', 'G\0T', 'FETCH', '']
const VERBS = ['get', 'upload', 'list', 'delete', 'media', 'admin', '', 'UPLOAD']

function target ({ random, hashes, signer }: Ground): string {
  const hash = random.pick(hashes)
  const path = random.chance(0.4) ? `/${hash}` : random.make([
    () => `/${hash}`, () => `/${hash}.${random.pick(['mp4', 'html', 'a'.repeat(40), '..', '%00', 'é', 'png/../../x'])}`,
    () => `/${hash.toUpperCase()}`, () => `/${hash}/${hash}`, () => `//${hash}`, () => `/${[...hash].map((each) => `%${each.charCodeAt(0).toString(16)}`).join('')}`,
    () => '/upload', () => '/mirror', () => '/media', () => '/report', () => `/list/${random.chance(0.5) ? signer.pubkey : hash}`, () => '/list/',
    () => `/keys/${random.pick([hash.slice(0, 16), 'session', '__proto__', random.printable(16)])}`,
    () => `/keys/${random.pick(['access', 'titles', 'audit'])}/${random.pick([`34235:${signer.pubkey}:x`, `34235%3A${signer.pubkey}%3A%ff`, 'naddr1', random.printable(80)])}`,
    () => '/admin/reports', () => '/admin/blocked', () => '/', () => '/healthz', () => '/readyz', () => '/metrics', () => '/openapi.json', () => '/docs',
    () => '/.well-known/marquee.json', () => '*', () => `http://evil.example/${hash}`, () => `http://127.0.0.1:1/${hash}`, () => '127.0.0.1:443',
    () => `/${random.printable(random.below(300))}`, () => `/%${random.printable(2)}`, () => `/${hash}%`, () => '/%c0%ae%c0%ae/', () => '/%ff%fe%00',
    () => '/%2e%2e/%2e%2e/etc/passwd', () => '/../../etc/passwd', () => `/${random.noise(random.below(50)).replaceAll(/[\r\n ]/g, 'x')}`,
    () => `/${'a'.repeat(random.below(3000))}`, () => '', () => `/${'/'.repeat(random.below(500))}`, () => '/__proto__',
    () => '/constructor', () => '/list/__proto__', () => '/upload/', () => '/UPLOAD', () => '/upload;x=1', () => `/${hash}?${'%'.repeat(random.below(50))}`
  ])
  return path + (random.chance(0.2) ? random.make([
    () => `?limit=${random.pick(['1', '0', '-1', 'x', '1001', '1e9', '', '9'.repeat(400), '0x10', '1&limit=2'])}`,
    () => `?cursor=${random.pick([...hashes, 'x', '%00'])}&since=${random.below(9)}&until=${random.pick([random.below(2 ** 31), '9'.repeat(30), -1, 'NaN'])}`,
    () => '?__proto__[x]=1&constructor=2', () => `?${random.printable(random.below(100))}`, () => '?a=%zz',
    () => `?${'a=1&'.repeat(random.below(500))}`, () => '#fragment'
  ]) : '')
}

function authorization (ground: Ground): string {
  const { random, hashes: all, signer, url } = ground
  const hashes = Array.from({ length: random.below(3) }, () => random.pick(all))
  return random.make([
    () => signer.token(random.pick(VERBS), { hashes }), () => signer.token(random.pick(['get', 'list', 'upload', 'delete']), { hashes: all.slice(2) }),
    () => signer.token('upload', { hashes, expiration: random.pick(['x', '0', null, '9'.repeat(40)]) }),
    () => signer.token('delete', { hashes, extraTags: [['t'], [], ['x', random.noise(4)], ['server', random.pick(['', 'x', 'http://[', url])]] }),
    () => signer.httpToken(random.pick(METHODS), `${url}${target(ground)}`, { payload: random.pick([null, ...all, 'x']) }),
    () => `Nostr ${Buffer.from(random.pick(['{}', '[]', 'null', '1', '""', '{"id":1}', '[[[['.repeat(500), `{"tags":${'['.repeat(300)}`])).toString('base64')}`,
    () => `Nostr ${random.printable(random.below(400))}`, () => `Nostr ${Buffer.from(random.noise(random.below(300)), 'latin1').toString('base64')}`,
    () => `Bearer ${Buffer.from(random.noise(102), 'latin1').toString('base64url')}`, () => 'Nostr', () => 'Basic YTpi', () => `Bearer ${random.printable(20)}`, () => '', () => `${signer.token('get')}, ${signer.token('get')}`
  ])
}

const SPECS = ['bytes=0-9', 'bytes=-5', 'bytes=9000-', 'bytes=5-2', 'bytes=', 'bytes', 'bytes=-', 'bytes=--1', 'bytes=0-0,0-0', 'bytes=-0', 'bytes= 0 - 9 ',
  'BYTES=0-9', 'bits=0-9', 'bytes=0x1-0x5', 'bytes=1e3-', 'bytes=+1-2', 'bytes=0-9;q=1', 'bytes=0-9,', ',bytes=0-9', 'bytes=٣-٥', 'bytes=8999-8999,-1']

function range ({ random }: Ground): string {
  return random.make([
    () => random.pick(SPECS), () => `bytes=${Array.from({ length: random.below(80) }, () => `${random.below(9000)}-${random.below(12_000)}`).join(',')}`,
    () => `bytes=${Array.from({ length: random.below(3000) }, () => '0-').join(',')}`, () => random.printable(30),
    () => `bytes=0-${'9'.repeat(random.below(200))}`, () => `bytes=-${'9'.repeat(random.below(200))}`, () => `bytes=${'0'.repeat(random.below(200))}-5`
  ])
}

function condition ({ random, hashes, tiny }: Ground): string {
  const date = (): string => random.pick(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', random.printable(20),
    'Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'Mon, 00 Foo 0000 99:99:99 GMT', '-1', '9'.repeat(40)])
  const tags = (): string => random.pick(['*', `W/"${tiny.sha256}"`, `"${hashes[0]}"`, '"', '","'.repeat(random.below(300)), '"x"', ',', '', `"${random.printable(10)}`, 'W/', '*, "x"'])
  return random.make([
    () => `If-Range: ${random.chance(0.5) ? tags() : date()}`, () => `If-None-Match: ${tags()}`, () => `If-Match: ${tags()}`,
    () => `If-Modified-Since: ${date()}`, () => `If-Unmodified-Since: ${date()}`
  ])
}

function field (ground: Ground): string {
  const { random, hashes } = ground
  return random.make([
    () => `Authorization: ${authorization(ground)}`, () => `Authorization: ${authorization(ground)}`,
    () => `X-SHA-256: ${random.pick([...hashes, 'x', '', random.word(64)])}`, () => `Range: ${range(ground)}`, () => condition(ground), () => condition(ground),
    () => `Content-Type: ${random.pick(['', 'x', 'text/html', 'application/json', 'multipart/form-data; boundary=x', random.printable(40), 'a/b;'.repeat(60)])}`,
    () => `X-Content-Length: ${random.pick(['0', '40', '-1', '1e5', '9'.repeat(30), ''])}`,
    () => `X-Content-Type: ${random.pick(['image/png', 'x', ''])}`,
    () => random.chance(0.2) ? `Content-Length: ${random.pick(['0', '5', '40', '-1', '+5', '0x5', '9'.repeat(25), '5, 5', ' 5'])}` : 'Accept: x',
    () => random.chance(0.4) ? `Transfer-Encoding: ${random.pick(['chunked', 'chunked', 'gzip, chunked', 'identity', 'chunked, chunked', 'xchunked', 'Chunked'])}` : 'Via: x',
    () => `Expect: ${random.pick(['100-continue', '200-maybe', ''])}`, () => `Connection: ${random.pick(['close', 'keep-alive', 'upgrade', 'x'])}`,
    () => `Upgrade: ${random.pick(['websocket', 'h2c', 'TLS/1.0', ''])}`, () => `Host: ${random.pick(['', 'evil.example', 'a\tb'])}`, () => `Origin: ${random.printable(20)}`,
    () => `${random.chance(0.05) ? random.printable(9) : `X-${random.word(9)}`}: ${random.printable(random.below(60))}`,
    () => `X-Long: ${'a'.repeat(random.below(random.chance(0.1) ? 200_000 : 2000))}`, () => `__proto__: ${random.word(5)}`,
    () => `Content-Encoding: ${random.pick(['gzip', 'br', 'x'])}`, () => random.chance(0.1) ? ` folded: ${random.printable(5)}` : 'Accept: */*',
    () => `X-Raw: ${random.chance(0.1) ? random.noise(random.below(30)) : 'x'}`, () => 'X-Forwarded-For: 1.2.3.4', () => `Trailer: ${random.printable(5)}`,
    () => `Access-Control-Request-Method: ${random.printable(8)}`, () => 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA'
  ])
}

function payload ({ random, tiny, hashes, signer }: Ground): string {
  return random.make([
    () => JSON.stringify({ title: `34235:${signer.pubkey}:${random.printable(random.below(40))}`, key: random.pick([hashes[0]!.slice(0, 32), random.printable(32), 5]) }),
    () => '', () => '', () => tiny.bytes.toString('latin1'), () => random.noise(random.below(400)), () => '{}', () => '{"url":"blossom:x"}',
    () => `{"url":"http://127.0.0.1:1/${hashes[2]}"}`, () => '{"url":5}', () => '[[[[', () => '5\r\nhello\r\n0\r\n\r\n',
    () => 'ffffffffffffffffff\r\nx', () => '-1\r\n\r\n', () => '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
    () => JSON.stringify(signer.sign({ kind: 1984, created_at: random.below(2 ** 31), tags: [['x', random.pick(hashes), 'spam']], content: '' })),
    () => `28\r\n${tiny.bytes.toString('latin1')}\r\n0\r\nTrailing: x\r\n\r\n`
  ])
}

/** Any of everything. */
function wild (ground: Ground): Shot {
  const { random } = ground
  if (random.chance(0.02)) return { kind: 'noise', text: random.noise(random.below(300) + 1), method: 'GET', answers: 0 }
  const method = random.chance(0.9) ? random.pick(METHODS.slice(0, 5)) : random.pick([...METHODS, 'CONNECT'])
  const body = method === 'PUT' || random.chance(0.1) ? payload(ground) : ''
  const fields = Array.from({ length: random.below(6) }, () => field(ground))
  if (random.chance(0.97)) fields.unshift('Host: x')
  const framed = fields.some((each) => /^(content-length|transfer)/i.test(each))
  if (body !== '' && !framed && random.chance(0.95)) fields.push(`Content-Length: ${body.length + (random.chance(0.1) ? random.below(20) - 10 : 0)}`)
  const end = random.chance(0.99) ? '\r\n' : random.pick(['\n', '\r', '\0'])
  const version = random.chance(0.99) ? '1.1' : random.pick(['1.0', '2.0', '0.9', 'x'])
  return { kind: 'wild', text: `${method} ${target(ground)} HTTP/${version}${end}${fields.join(end)}${end}${end}${body}`, method, answers: 0 }
}

/** Reads of blobs that are here, with ranges and conditions of every silly shape. */
function silly (ground: Ground): Shot {
  const { random, hashes } = ground
  const fields = ['Host: x', ...(random.chance(0.8) ? [`Range: ${range(ground)}`] : []), ...Array.from({ length: random.chance(0.5) ? 0 : random.below(4) }, () => condition(ground))]
  const method = random.pick(['GET', 'GET', 'GET', 'HEAD'])
  return { kind: 'range', text: Buffer.from(`${method} /${hashes[random.below(2)]} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`).toString('latin1'), method, answers: 1 }
}

/** Heads that never end, and bodies that stand still. */
function slow (ground: Ground): Shot {
  const { random } = ground
  const text = random.make([
    () => 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a', () => `PUT /upload HTTP/1.1\r\nHost: x\r\nAuthorization: ${ground.signer.token('upload', { hashes: [ground.tiny.sha256] })}\r\nContent-Length: 500\r\n\r\nabc`,
    () => 'G', () => '\r\n\r\n\r\n'
  ])
  return { kind: 'slow', text, method: 'GET', answers: 1, slow: true }
}

/** The next request; which kind is chance. */
export function hostileRequest (ground: Ground): Shot {
  const share = ground.random.next()
  if (share < 0.45) return wild(ground)
  if (share < 0.57) return silly(ground)
  if (share < 0.73) return hostileFraming(ground)
  if (share < 0.85) return hostileDocument(ground)
  if (share < 0.995) return mutatedToken(ground)
  return slow(ground)
}
