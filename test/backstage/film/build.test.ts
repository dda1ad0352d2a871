// A film from file to folder with real ffmpeg: what comes out plays to the last frame with the keys and not at all without, and holds together by its
// hashes.

import { createDecipheriv, createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { segmentIv } from '../../../backstage/film/film-keys.ts'
import { urisOf } from '../../../backstage/film/playlist-uris.ts'
import { completeTitle } from '../../../backstage/film/title-of.ts'
import { signEvent } from '../../../server/auth/signature.ts'
import { parseHashSequence, parseManifest } from '../../../server/catalog/manifest.ts'
import { parseTitle } from '../../../server/catalog/kinds/title.ts'
import { FILM_RATE, builtBlob, builtFilm } from '../../support/film-build.ts'
import { decodeAll, serveBuild } from '../../support/film-playing.ts'
import type { BuiltFilm } from '../../support/film-build.ts'

const made = await builtFilm(t, { seconds: 14, renditions: [180, 90], audios: ['en', 'de'], subs: ['en', 'fr'] })
if (made !== null) tests(made)

/** Does it look like a transport stream: a sync byte every 188 bytes? */
function isTransportStream (bytes: Buffer): boolean {
  const packets = Math.min(20, Math.floor(bytes.length / 188))
  return packets > 1 && Array.from({ length: packets }, (_, at) => bytes[at * 188]).every((byte) => byte === 0x47)
}

function tests (built: BuiltFilm): void {
  const { film, folder } = built
  const keys = built.keys!
  const playlistOf = async (rendition: string): Promise<string> => (await builtBlob(built, film.files.find((file) => file.role === 'playlist' && file.rendition === rendition)!.name)).toString()

  t.test('with the keys every frame of each rendition is decoded, as many as the film has; without them none', async t => {
    const stand = await serveBuild(t, built)
    for (const rendition of ['180p', '90p']) {
      const { frames, types, words, starts } = await decodeAll(stand.playlist(rendition))
      t.strictSame([frames, types], [[built.frames], ['video']], `${rendition}: ${words}`)
      t.ok(starts[0]! >= 10 && starts[0]! < 10 + 1 / FILM_RATE, `it begins at ${starts[0]} s`)
      t.strictSame((await decodeAll(stand.playlist(rendition), { token: false })).frames.filter((count) => count > 0), [], rendition)
    }
    for (const rendition of ['audio-en', 'audio-de']) {
      const { frames, types } = await decodeAll(stand.playlist(rendition))
      t.strictSame(types, ['audio'])
      t.ok(Math.abs(frames[0]! * 1024 / 48000 - built.seconds) < 0.1, `${frames[0]} frames of sound`)
      t.strictSame((await decodeAll(stand.playlist(rendition), { token: false })).frames.filter((count) => count > 0), [], rendition)
    }
  })

  t.test('the master playlist offers each picture with both sound tracks, by their languages', async t => {
    const stand = await serveBuild(t, built)
    const { types, languages, frames } = await decodeAll(stand.master)
    t.strictSame(types.filter((type) => type === 'video').length, 2)
    t.strictSame(languages.filter((_, at) => types[at] === 'audio').sort(), ['de', 'en'])
    t.ok(frames.every((count) => count > 0))
    const master = (await builtBlob(built, `${film.master.sha256}.m3u8`)).toString()
    t.match(master, /#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES/)
    t.match(master, /#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="French",LANGUAGE="fr"/)
    t.match(master, /#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=25\.000,AUDIO="audio",SUBTITLES="subs"/)
  })

  t.test('film.json names every blob with its hashes and size, and nothing else lies there', async t => {
    for (const { name, sha256, blake3, size } of film.files) {
      const bytes = await builtBlob(built, name)
      t.strictSame([createHash('sha256').update(bytes).digest('hex'), new Blake3Hasher().update(bytes).digest('hex'), bytes.length], [sha256, blake3, size], name)
    }
    t.strictSame(readdirSync(join(folder, 'blobs')).sort(), film.files.map(({ name }) => name).sort())
    t.strictSame(readdirSync(folder).sort(), ['blobs', 'film.json', 'keys.json'])
    t.equal(statSync(join(folder, 'keys.json')).mode & 0o777, 0o600)
  })

  t.test('every URI of every playlist is the name of a blob of the film, or a key of its own rendition', async t => {
    const names = new Set(film.files.map(({ name }) => name))
    for (const { name, rendition } of film.files.filter(({ role }) => role === 'playlist' || role === 'master')) {
      for (const { uri, tag } of urisOf((await builtBlob(built, name)).toString())) {
        if (tag === 'EXT-X-KEY') t.equal(uri, `keys/${keys.keys.find((key) => key.rendition === rendition)?.id}`)
        else t.ok(names.has(uri), uri)
      }
    }
  })

  t.test('the manifest is canonical and names all that plays; hash sequence and title agree with it', async t => {
    const manifest = parseManifest(await builtBlob(built, `${film.manifest.sha256}.json`))
    t.equal(manifest.title_ref, `34235:${built.creator.pubkey}:${film.d}`)
    t.equal(manifest.aggregate, film.aggregate)
    t.strictSame(manifest.renditions.map(({ name, kind, lang }) => [name, kind, lang]), [
      ['180p', 'video', undefined], ['90p', 'video', undefined], ['audio-en', 'audio', 'en'], ['audio-de', 'audio', 'de'], ['subs-en', 'subs', 'en'], ['subs-fr', 'subs', 'fr']
    ])
    t.strictSame(manifest.renditions[0]!.segments.map(({ duration_ms: ms }) => ms), [6000, 6000, 2000])
    const listed = new Set([manifest.master, manifest.poster!, ...manifest.renditions.flatMap(({ playlist, segments }) => [playlist, ...segments])].map(({ sha256 }) => sha256))
    t.strictSame(film.files.filter(({ role }) => role !== 'manifest' && role !== 'hashseq').map(({ sha256 }) => sha256).filter((sha256) => !listed.has(sha256)), [])
    const sequence = parseHashSequence(await builtBlob(built, `${film.hashseq.sha256}.bin`))
    t.strictSame(sequence, manifest.renditions.flatMap(({ segments }) => segments.map(({ blake3 }) => blake3)))
    const title = parseTitle(signEvent(completeTitle(film, { servers: ['https://one.example'], access: 'https://one.example/keys', createdAt: 1, publishedAt: 1 }), Buffer.from(built.creator.secret).toString('hex')))
    t.match(title, {
      title: 'A film of our tests', duration: film.duration_ms / 1000, manifest: { sha256: film.manifest.sha256 }, aggregate: film.aggregate, master: film.master.sha256, access: { scheme: 'nip98' },
      media: [{ url: `https://one.example/${film.master.sha256}.m3u8`, dim: '320x180', images: [/\.jpg$/] }]
    })
  })

  t.test('nothing of the film stands in the clear: every segment opens with its own key and IV alone', async t => {
    const poster = film.files.filter(({ role }) => role === 'poster')
    t.equal(poster.length, 1)
    const ivs = new Set<string>()
    for (const { rendition, key } of keys.keys) {
      const playlist = await playlistOf(rendition)
      const [uris, found] = [urisOf(playlist).filter(({ tag }) => tag === null).map(({ uri }) => uri), [...playlist.matchAll(/IV=0x([0-9a-f]{32})/g)].map(([, iv]) => iv!)]
      t.equal(found.length, uris.length, 'an IV a segment')
      for (const [seq, uri] of uris.entries()) {
        const sealed = await builtBlob(built, uri)
        t.notOk(isTransportStream(sealed), `${rendition} ${seq} is no transport stream`)
        t.equal(found[seq], segmentIv(keys.secret, keys.keys.find((each) => each.rendition === rendition)!.id, seq).toString('hex'))
        const decipher = createDecipheriv('aes-128-cbc', Buffer.from(key, 'hex'), Buffer.from(found[seq]!, 'hex'))
        const clear = Buffer.concat([decipher.update(sealed), decipher.final()])
        if (rendition.startsWith('subs-')) t.match(clear.toString(), /^WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n/)
        else t.ok(isTransportStream(clear), `${rendition} ${seq} was one`)
        ivs.add(`${rendition} ${found[seq]}`)
        ivs.add(found[seq]!)
      }
    }
    const segments = film.files.filter(({ role }) => role === 'segment' || role === 'subs').length
    t.equal(ivs.size, 2 * segments, 'no IV comes twice in the whole film')
    t.equal(new Set(keys.keys.map(({ id }) => id)).size, keys.keys.length)
    t.equal(new Set(keys.keys.map(({ key }) => key)).size, keys.keys.length)
  })

  t.test('an open film plays without any key, and has none', async t => {
    const open = await builtFilm(t, { seconds: 7, renditions: [90], encrypted: false })
    const stand = await serveBuild(t, open!)
    const { frames, types } = await decodeAll(stand.master, { token: false })
    t.equal(frames[types.indexOf('video')], open!.frames)
    t.strictSame(readdirSync(open!.folder).sort(), ['blobs', 'film.json'])
    t.notOk(stand.asked.some((path) => path.startsWith('/keys')))
  })

  t.test('fMP4 plays as well, its init segment sealed like the others', async t => {
    const fragmented = (await builtFilm(t, { seconds: 7, renditions: [90], format: 'fmp4' }))!
    const stand = await serveBuild(t, fragmented)
    t.strictSame((await decodeAll(stand.playlist('90p'))).frames, [fragmented.frames])
    t.strictSame((await decodeAll(stand.playlist('90p'), { token: false })).frames.filter((count) => count > 0), [])
    const [init] = fragmented.film.files.filter(({ role }) => role === 'init')
    t.equal((await builtBlob(fragmented, init!.name)).includes('ftyp'), false)
  })
}
