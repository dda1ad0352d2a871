// A built film's title before it has servers: what a client of NIP-71 that knows nothing else plays of it.

import t from 'tap'
import { templateOf } from '../../../backstage/film/template.ts'

const [film, clip, poster, ref] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [string, string, string, string]

function filesOf (encrypted: boolean, withTrailer: boolean): string[] {
  const { tags } = templateOf({
    d: 'one', text: { title: 'One', summary: '', topics: [], language: null }, encrypted, durationMs: 60_000, manifest: { sha256: ref, blake3: ref, size: 10 },
    hashseq: { sha256: ref, blake3: ref, count: 3 }, master: film, aggregate: ref, poster: `${poster}.jpg`,
    film: { name: `${film}.m3u8`, type: 'application/vnd.apple.mpegurl', width: 1280, height: 720, bitrate: 2_000_000 },
    trailer: withTrailer ? { name: `${clip}.mp4`, type: 'video/mp4', width: 640, height: 360, durationMs: 5000, size: 1000 } : null
  })
  return tags.filter(([name]) => name === 'imeta').map(([, url]) => url!)
}

t.test('of an open film the first file is the film, of an encrypted one the trailer: any client plays the first', t => {
  t.strictSame(filesOf(false, true), [`url ${film}.m3u8`, `url ${clip}.mp4`])
  t.strictSame(filesOf(true, true), [`url ${clip}.mp4`, `url ${film}.m3u8`])
  t.strictSame([filesOf(false, false), filesOf(true, false)], [[`url ${film}.m3u8`], [`url ${film}.m3u8`]])
  t.end()
})
