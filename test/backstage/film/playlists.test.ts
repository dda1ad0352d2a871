// Playlists: every URI is found and replaced, nothing else changes; WebVTT cut into segments; keys and IVs. All pure.

import { createDecipheriv, createHmac } from 'node:crypto'
import t from 'tap'
import { readAv1Codecs } from '../../../backstage/film/av1-codecs.ts'
import { encryptSegment, keysFor, renditionKey, segmentIv } from '../../../backstage/film/film-keys.ts'
import { buildMasterPlaylist, buildMediaPlaylist, readCodecs, readWritten } from '../../../backstage/film/playlist.ts'
import { rewriteUris, urisOf } from '../../../backstage/film/playlist-uris.ts'
import { parseWebVtt, segmentWebVtt } from '../../../backstage/film/webvtt.ts'

const MASTER = [
  '#EXTM3U', '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="s.key"', '#EXT-X-SESSION-DATA:DATA-ID="com.example.a",URI="data.json"',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="URI="", tricky",URI="audio.m3u8",DEFAULT=YES',
  '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes.m3u8"', '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.4d401f,mp4a.40.2"', 'v.m3u8', ''
].join('\n')
const MEDIA = [
  '#EXTM3U', '# a comment with URI="nothing"', '#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x00', '#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"', '#EXTINF:6.0,title, URI="none"', 's0.m4s', '', '#EXT-X-KEY:METHOD=NONE',
  '#EXT-X-PART:DURATION=1,URI="p.m4s"', '#EXTINF:6.0,', 's1.m4s', '#EXT-X-ENDLIST', ''
].join('\r\n')

t.test('every URI is found: lines, and attributes of keys, maps, media, I-frame streams, session keys and data', t => {
  t.strictSame(urisOf(MEDIA).map(({ uri, tag }) => [uri, tag]), [['k1', 'EXT-X-KEY'], ['init.mp4', 'EXT-X-MAP'], ['s0.m4s', null], ['p.m4s', 'EXT-X-PART'], ['s1.m4s', null]])
  t.strictSame(urisOf(MASTER.replace('NAME="URI="", tricky"', 'NAME="URI=x"')).map(({ uri }) => uri), ['s.key', 'data.json', 'audio.m3u8', 'iframes.m3u8', 'v.m3u8'])
  t.end()
})

t.test('a rewritten playlist differs in its URIs alone, and the same ones back are the playlist byte for byte', t => {
  for (const playlist of [MEDIA, MASTER]) {
    t.equal(rewriteUris(playlist, ({ uri }) => uri), playlist)
    const there = rewriteUris(playlist, ({ uri }) => `x-${uri}`)
    t.not(there, playlist)
    t.equal(rewriteUris(there, ({ uri }) => uri.replace(/^x-/, '')), playlist)
  }
  t.throws(() => rewriteUris(MEDIA, ({ uri }) => { throw new Error(uri) }), { message: 'k1' })
  t.end()
})

t.test('the key of each segment stands before it, that of the init segment before the map', t => {
  const key = (byte: number): { id: string, iv: Buffer } => ({ id: '00112233aabbccdd', iv: Buffer.alloc(16, byte) })
  const playlist = buildMediaPlaylist({ target: 6, init: { uri: 'i', key: key(1) }, segments: [{ uri: 'a', us: 6_006_000, key: key(2) }, { uri: 'b', us: 1_042_778, key: key(3) }] })
  const iv = (byte: number): string => `#EXT-X-KEY:METHOD=AES-128,URI="keys/00112233aabbccdd",IV=0x${Buffer.alloc(16, byte).toString('hex')}`
  t.strictSame(playlist.split('\n').slice(5), [iv(1), '#EXT-X-MAP:URI="i"', iv(2), '#EXTINF:6.006000,', 'a', iv(3), '#EXTINF:1.042778,', 'b', '#EXT-X-ENDLIST', ''])
  t.notMatch(buildMediaPlaylist({ target: 6, init: null, segments: [{ uri: 'a', us: 1, key: null }] }), /KEY|MAP/)
  t.end()
})

t.test('names of tracks cannot break out of their quotes, and groups are named only where they are', t => {
  const variant = { uri: 'v', bandwidth: 2, average: 1, codecs: 'avc1.64001f', width: 2, height: 2, rate: { num: 25, den: 1 } }
  const master = buildMasterPlaylist({ variants: [variant], audios: [{ uri: 'a', name: 'x",URI="evil"\n#EXT', language: null, isDefault: true, channels: 2 }], subtitles: [] })
  t.strictSame(urisOf(master).map(({ uri }) => uri), ['a', 'v'])
  t.notMatch(master, /SUBTITLES/)
  t.notMatch(buildMasterPlaylist({ variants: [variant], audios: [], subtitles: [] }), /AUDIO=/)
  t.end()
})

t.test('what ffmpeg has written so far is read from its playlist', t => {
  t.strictSame(readWritten('#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:6.006000,\n00000.ts\n#EXTINF:1.5,\n00001.ts\n#EXT-X-ENDLIST\n'), { segments: [{ name: '00000.ts', us: 6_006_000 }, { name: '00001.ts', us: 1_500_000 }], ended: true })
  t.strictSame(readWritten('#EXTM3U\n#EXTINF:6.0,\n'), { segments: [], ended: false })
  t.equal(readCodecs('#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64000c"\nx'), 'avc1.64000c')
  t.equal(readAv1Codecs(Buffer.concat([Buffer.from('....av1C'), Buffer.from([0x81, 0x08, 0x4c, 0])])), 'av01.0.08M.10')
  t.equal(readAv1Codecs(Buffer.from('no such box')), null)
  t.end()
})

t.test('WebVTT: cues stand in every segment they reach into, styles in all, and empty stretches are segments too', t => {
  const file = '\uFEFFWEBVTT\r\n\r\nSTYLE\n::cue { color: red }\n\nNOTE --> no cue\n\n1\n00:58.000 --> 01:02.500 align:start\nacross\n\n00:01.000 --> 00:02.000\nfirst\nin two lines\n\n00:03:00.000 --> 00:03:01.000\nlast\n'
  const parsed = parseWebVtt(file)!
  t.strictSame(parsed.cues.map(({ start, text, settings }) => [start, text, settings]), [[1000, 'first\nin two lines', ''], [58_000, 'across', ' align:start'], [180_000, 'last', '']])
  const segments = [...segmentWebVtt(parsed, { length: 60_000, duration: 200_500, mpegts: 900_000 })]
  t.strictSame(segments.map(({ us }) => us), [60e6, 60e6, 60e6, 20.5e6])
  t.equal(segments[1]!.text, 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\nSTYLE\n::cue { color: red }\n\n00:00:58.000 --> 00:01:02.500 align:start\nacross\n\n')
  t.strictSame(segments.map(({ text }) => [...text.matchAll(/^(first|across|last)/gm)].map(([, word]) => word)), [['first', 'across'], ['across'], [], ['last']])
  t.equal(parseWebVtt('1\n00:00:01,000 --> 00:00:02,000\nSubRip\n'), null)
  t.end()
})

t.test('keys come from the secret by rendition, IVs by key and place; none comes twice, and ciphertext opens with its own alone', t => {
  const secret = 'ab'.repeat(32)
  t.equal(renditionKey(secret, '1080p'), createHmac('sha256', Buffer.from(secret, 'hex')).update('hls/1080p').digest('hex').slice(0, 32))
  t.equal(segmentIv(secret, '0011223344556677', 5).toString('hex'), createHmac('sha256', Buffer.from(secret, 'hex')).update('0011223344556677/5').digest('hex').slice(0, 32))
  let count = 0
  const makeId = (): string => String(++count).padStart(16, '0')
  const first = keysFor({ d: 'd', pubkey: 'p', secret, keys: [] }, ['1080p', 'audio-en'], makeId)
  const all = keysFor({ d: 'd', pubkey: 'p', secret, keys: first }, ['1080p', '720p', 'audio-en'], makeId)
  t.strictSame(all.map(({ id, rendition }) => [id, rendition]), [['0000000000000001', '1080p'], ['0000000000000002', 'audio-en'], ['0000000000000003', '720p']], 'those that are there stay')
  const ivs = all.flatMap(({ id }) => ['init' as const, ...Array.from({ length: 2000 }, (_, seq) => seq)].map((place) => segmentIv(secret, id, place).toString('hex')))
  t.equal(new Set(ivs).size, ivs.length)
  const clear = Buffer.alloc(1000, 'the same beginning ')
  const [a, b] = [0, 1].map((seq) => encryptSegment(clear, all[0]!.key, segmentIv(secret, all[0]!.id, seq))) as [Buffer, Buffer]
  t.notSame(a.subarray(0, 16), b.subarray(0, 16), 'two segments that begin alike do not look alike')
  const decipher = createDecipheriv('aes-128-cbc', Buffer.from(all[0]!.key, 'hex'), segmentIv(secret, all[0]!.id, 0))
  t.same(Buffer.concat([decipher.update(a), decipher.final()]), clear)
  t.end()
})
