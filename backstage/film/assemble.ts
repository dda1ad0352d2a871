// The last step of a build, when every rendition is sealed: playlists with the hashes in them, in the order segments → media playlists → master,
// then manifest, hash sequence and the title's template. The same journals always give the same blobs.

import { buildHashSequence, buildManifest } from '../../server/catalog/manifest.ts'
import { MANIFEST_TYPE, TITLE_KIND } from '../../server/catalog/kinds/title.ts'
import { endings } from './encode.ts'
import { FilmFault } from './faults.ts'
import { FILM_SCHEMA_NAME } from './film-build.ts'
import { AUDIO_CHANNELS } from './plan.ts'
import { buildMasterPlaylist, buildMediaPlaylist } from './playlist.ts'
import { rewriteUris } from './playlist-uris.ts'
import { keyAt } from './sealing.ts'
import { templateOf } from './template.ts'
import type { BlobRef, Rendition } from '../../server/catalog/manifest.ts'
import type { BlobFolder } from './blob-folder.ts'
import type { BuildRequest } from './build-request.ts'
import type { PublicFile, TrailerFacts } from './extras.ts'
import type { BuiltFile, FileRole, FilmBuild, FilmKeys } from './film-build.ts'
import type { JournalFacts, SealedSegment } from './journal.ts'
import type { BuildPlan, SubtitlePlan, VideoPlan } from './plan.ts'
import type { SourceFilm } from './source.ts'

export interface AssembleParts {
  source: SourceFilm
  request: BuildRequest
  plan: BuildPlan
  d: string
  recipe: string
  keys: FilmKeys | null
  blobs: BlobFolder
  /** Of every rendition of the plan, by its name, complete. */
  journals: ReadonlyMap<string, Readonly<JournalFacts>>
  poster: PublicFile
  trailer: (PublicFile & TrailerFacts) | null
  /** Unix seconds. */
  now: number
}

const TYPES: Readonly<Record<string, string>> = {
  m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t', m4s: 'video/iso.segment', mp4: 'video/mp4', vtt: 'text/vtt', json: MANIFEST_TYPE, bin: 'application/octet-stream'
}

interface Made {
  rendition: Rendition
  /** Bits a second of its largest segment, and on average. */
  peak: number
  average: number
}

/** Every blob of the film, and what names them. */
export async function assemble (parts: AssembleParts): Promise<FilmBuild> {
  const { source, request, plan, d, keys, blobs, journals, poster, trailer } = parts
  const files = new Map<string, BuiltFile>()
  const list = ({ sha256, blake3, size }: BlobRef, ext: string, role: FileRole, rendition: string | null, type = TYPES[ext]!): string => {
    const name = `${sha256}.${ext}`
    if (!files.has(name)) files.set(name, { sha256, blake3, size, type, name, role, rendition })
    return name
  }
  const { ext, initExt } = endings(request)
  const factsOf = (name: string): Readonly<JournalFacts> => journals.get(name)!
  // RFC 8216bis §6.2.4: the target duration MUST be the same in all but subtitles
  const target = targetOf([...plan.videos, ...plan.audios].flatMap(({ name }) => factsOf(name).segments))

  async function make (name: string, kind: Rendition['kind'], facts: Partial<Rendition>): Promise<Made> {
    const { init, segments, codecs } = factsOf(name)
    const ending = kind === 'subs' ? 'vtt' : ext
    const role = kind === 'subs' ? 'subs' : 'segment'
    const names = new Map<string, string>()
    if (init !== null) names.set('init', list(init, initExt, 'init', name))
    for (const [seq, segment] of segments.entries()) names.set(String(seq), list(segment, ending, role, name))
    const clear = buildMediaPlaylist({
      target: kind === 'subs' ? targetOf(segments) : target,
      init: init === null ? null : { uri: 'init', key: keyAt(keys, name, 'init') },
      segments: segments.map(({ us }, seq) => ({ uri: String(seq), us, key: keyAt(keys, name, seq) }))
    })
    const playlist = await blobs.put(Buffer.from(named(clear, names)), 'm3u8')
    list(playlist, 'm3u8', 'playlist', name)
    const [bytes, us] = segments.reduce(([size, time], each) => [size + each.size, time + each.us], [0, 0])
    // RFC 8216 §4.1: the peak is that of stretches from half a target duration on; a crumb at the end is none
    const long = segments.filter((each) => each.us >= target * 5e5)
    const average = Math.ceil(bytes * 8e6 / us)
    const peak = Math.max(average, ...long.map((each) => Math.ceil(each.size * 8e6 / each.us)))
    return {
      rendition: {
        name, kind, type: TYPES[ending]!, ...(codecs === null ? {} : { codecs }), bandwidth: peak, ...facts, playlist, ...(init === null ? {} : { init }),
        segments: segments.map(({ sha256, blake3, size, us: micros }) => ({ sha256, blake3, size, duration_ms: Math.round(micros / 1000) }))
      },
      peak, average
    }
  }

  const videos: (Made & { plan: VideoPlan })[] = []
  for (const video of plan.videos) videos.push({ plan: video, ...await make(video.name, 'video', { width: video.width, height: video.height }) })
  const audios: Made[] = []
  for (const { name, language } of plan.audios) audios.push(await make(name, 'audio', langOf(language)))
  const subtitles: Made[] = []
  for (const { name, language } of plan.subtitles) subtitles.push(await make(name, 'subs', langOf(language)))

  const made = [...videos, ...audios, ...subtitles]
  const sound = { peak: Math.max(0, ...audios.map(({ peak }) => peak)), average: Math.max(0, ...audios.map(({ average }) => average)) }
  const variants = videos.map(({ plan: { name, width, height, rate }, peak, average, rendition }) => ({
    uri: name, width, height, rate, bandwidth: peak + sound.peak, average: average + sound.average,
    codecs: [rendition.codecs, audios[0]?.rendition.codecs].filter((each) => each !== undefined).join(',')
  }))
  const clear = buildMasterPlaylist({
    variants,
    audios: plan.audios.map(({ name, label, language, isDefault }) => ({ uri: name, name: label, language, isDefault, channels: AUDIO_CHANNELS })),
    subtitles: plan.subtitles.map(({ name, label, language, forced }: SubtitlePlan) => ({ uri: name, name: label, language, forced }))
  })
  const master = await blobs.put(Buffer.from(named(clear, new Map(made.map(({ rendition: { name, playlist } }) => [name, `${playlist.sha256}.m3u8`])))), 'm3u8')
  const masterName = list(master, 'm3u8', 'master', null)
  const posterName = list(poster, poster.ext, 'poster', null, poster.type)
  const trailerName = trailer === null ? null : list(trailer, trailer.ext, 'trailer', null, trailer.type)

  const { manifest, bytes } = buildManifest({
    title_ref: `${TITLE_KIND}:${request.pubkey}:${d}`,
    duration_ms: source.durationMs,
    master,
    poster: typed(poster),
    ...(trailer === null ? {} : { trailer: typed(trailer) }),
    renditions: made.map(({ rendition }) => rendition)
  })
  const manifestRef = await blobs.put(bytes, 'json')
  list(manifestRef, 'json', 'manifest', null)
  const sequence = buildHashSequence(manifest)
  const sequenceRef = await blobs.put(sequence, 'bin')
  list(sequenceRef, 'bin', 'hashseq', null)
  const hashseq = { blake3: sequenceRef.blake3, sha256: sequenceRef.sha256, count: sequence.length / 32 }

  const [top] = plan.videos
  return {
    schema: FILM_SCHEMA_NAME, d, pubkey: request.pubkey, encrypted: keys !== null, duration_ms: source.durationMs,
    source: { path: source.path, size: source.size, mtime_ms: source.mtimeMs }, recipe: parts.recipe, built_at: parts.now, text: request.text,
    files: [...files.values()], manifest: manifestRef, hashseq, master, aggregate: manifest.aggregate,
    event: templateOf({
      d, text: request.text, durationMs: source.durationMs, manifest: manifestRef, hashseq, master: master.sha256, aggregate: manifest.aggregate,
      film: { name: masterName, type: TYPES['m3u8']!, width: top!.width, height: top!.height, bitrate: Math.max(...variants.map(({ bandwidth }) => bandwidth)) },
      poster: posterName,
      trailer: trailer === null ? null : { name: trailerName!, type: trailer.type, width: trailer.width, height: trailer.height, durationMs: trailer.durationMs, size: trailer.size }
    })
  }
}

function typed ({ sha256, blake3, size, type }: PublicFile): BlobRef & { type: string } {
  return { sha256, blake3, size, type }
}

function langOf (language: string | null): { lang?: string } {
  return language === null ? {} : { lang: language }
}

/** RFC 8216 §4.3.3.1: each EXTINF, rounded, MUST be no more. */
function targetOf (segments: readonly SealedSegment[]): number {
  return Math.max(1, ...segments.map(({ us }) => Math.round(us / 1e6)))
}

/** The playlist with each file's public name; keys keep theirs. A URI that names no file of the build would lead nowhere. */
function named (playlist: string, names: ReadonlyMap<string, string>): string {
  return rewriteUris(playlist, ({ uri, tag, line }) => {
    if (tag === 'EXT-X-KEY' || tag === 'EXT-X-SESSION-KEY') return uri
    const name = names.get(uri)
    if (name === undefined) throw new FilmFault('BUILD_DAMAGED', `line ${line} of a playlist names ${uri}`)
    return name
  })
}
