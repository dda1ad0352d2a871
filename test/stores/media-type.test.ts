// What a blob is said to be: the client's word, else its first bytes, else the extension (blossom.md T9, rules 02-3 and 10-2).

import t from 'tap'
import { essenceOf, extensionOf, matchesType, parseMediaType, playedType, resolveType } from '../../server/stores/media-type.ts'
import { seededBlob } from '../support/keys.ts'

const UNTYPED = 'application/octet-stream'
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(64)])

t.test('a Content-Type is kept in lower case, without parameters but for the charset of text', async (t) => {
  for (const [header, wanted] of [
    ['video/mp4', 'video/mp4'], ['Video/MP4', 'video/mp4'], ['  image/png ', 'image/png'], ['image/svg+xml', 'image/svg+xml'],
    ['video/mp4; codecs="avc1"', 'video/mp4'], ['text/plain', 'text/plain'], ['text/plain;charset=UTF-8', 'text/plain; charset=utf-8'],
    ['text/html ; charset="ISO-8859-1"', 'text/html; charset=iso-8859-1'], ['text/plain; format=flowed', 'text/plain'],
    ['application/json; charset=utf-8', 'application/json'], ['application/vnd.apple.mpegurl', 'application/vnd.apple.mpegurl'], ['a/b;', 'a/b']
  ] as const) t.equal(parseMediaType(header), wanted, header)
})

t.test('what is no media type is null', async (t) => {
  for (const header of ['', ' ', 'video', 'video/', '/mp4', 'video/mp4/x', 'video mp4', 'vi deo/mp4', 'video/mp4, image/png', 'a/b\u0000', 'a/ö', `a/${'b'.repeat(200)}`]) {
    t.equal(parseMediaType(header), null, JSON.stringify(header))
  }
})

t.test('a stored type matches the pattern of its essence', async (t) => {
  t.equal(essenceOf('text/plain; charset=utf-8'), 'text/plain')
  t.equal(essenceOf('video/mp4'), 'video/mp4')
  for (const pattern of ['*/*', '*', 'video/*', 'Video/*', 'video/mp4', 'VIDEO/mp4']) t.ok(matchesType(pattern, 'video/mp4'), pattern)
  for (const pattern of ['audio/*', 'video/mp', 'vide/*', 'video', '']) t.notOk(matchesType(pattern, 'video/mp4'), pattern)
  t.ok(matchesType('text/plain', 'text/plain; charset=utf-8'))
})

t.test('a specific type of the client wins; octet-stream or none is sniffed, then guessed by the extension', async (t) => {
  t.equal(await resolveType('text/plain', PNG, 'jpg'), 'text/plain')
  t.equal(await resolveType(UNTYPED, PNG, 'jpg'), 'image/png')
  t.equal(await resolveType(null, PNG, null), 'image/png')
  t.equal(await resolveType(null, Buffer.from('plain words'), 'txt'), 'text/plain')
  t.equal(await resolveType(null, Buffer.alloc(0), null), UNTYPED)
  t.equal(await resolveType(null, Buffer.alloc(0), 'mp4'), 'video/mp4')
  t.equal(await resolveType(null, Buffer.from('plain words'), 'no-such-extension'), UNTYPED)
})

t.test('§4.3 the files of a film are what their Blossom names say, whatever their first bytes look like', async (t) => {
  const sha256 = 'aB'.repeat(32)
  for (const [extension, type] of [['m3u8', 'application/vnd.apple.mpegurl'], ['ts', 'video/mp2t'], ['m4s', 'video/iso.segment'], ['mp4', 'video/mp4'], ['VTT', 'text/vtt']] as const) {
    t.equal(playedType(`${sha256}.${extension}`), type)
    t.equal(playedType(`film.${extension}`), null, 'any other name may lie')
  }
  for (const name of [sha256, `${sha256}.png`, `${sha256}.toString`, `${sha256}.ts.png`, `x${sha256}.ts`, '']) t.equal(playedType(name), null, name)
})

t.test('bytes that stay opaque are octet-stream, never a fault', async (t) => {
  for (let i = 0; i < 200; i++) {
    const { bytes } = seededBlob(`opaque ${i}`, 4100)
    bytes[0] = 0xf7 // begins no format
    t.match(await resolveType(null, bytes, null), /^[a-z]+\/[\w.+-]+$/)
  }
  for (const cut of [1, 2, 3, 8, 12, 20]) t.match(await resolveType(null, PNG.subarray(0, cut), null), /\//)
})

t.test('a type has the extension that players and people expect; bin when nothing better is known', async (t) => {
  for (const [type, wanted] of [
    ['video/mp4', 'mp4'], ['image/png', 'png'], ['image/jpeg', 'jpg'], ['audio/mpeg', 'mp3'], ['audio/mp4', 'm4a'], ['video/mp2t', 'ts'],
    ['application/vnd.apple.mpegurl', 'm3u8'], ['video/iso.segment', 'm4s'], ['video/quicktime', 'mov'], ['text/plain; charset=utf-8', 'txt'],
    ['application/pdf', 'pdf'], [UNTYPED, 'bin'], ['no/such', 'bin']
  ] as const) t.equal(extensionOf(type), wanted, type)
})
