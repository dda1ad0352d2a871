// What ffmpeg is told. Pure.
//
// One ffmpeg a rendition, one after the other, and not one for all: it decodes the film once for each rendition, which costs some percent beside
// the encoding, and a build that was broken off loses nothing: every segment has the same number of frames and begins with a key frame, so the next
// run seeks to the first frame that is missing and goes on there (startOf). Sound is a rendition of its own (EXT-X-MEDIA), so it has no seams at all.
// ffmpeg's own HLS encryption is not used: it has one IV for everything (nostr-and-releases.md §0, fact 8).

import { AUDIO_BITRATE, AUDIO_CHANNELS } from './plan.ts'
import { startOf } from './frame-rate.ts'
import { fileUrl } from './file-url.ts'
import type { BuildRequest } from './build-request.ts'
import type { AudioPlan, VideoPlan } from './plan.ts'
import type { VideoStream } from './source.ts'

/** Timestamp of the film's first frame, in seconds: above 0, so that no muxer moves a rendition whose first packets come before it. */
export const TIME_ZERO = 10

type Coding = Pick<BuildRequest, 'format' | 'codec' | 'preset' | 'threads'>

const NO_METADATA = ['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn', '-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact']
const PROGRESS = ['-progress', 'pipe:1', '-stats_period', '0.5']

/** In the folder that ffmpeg writes to. */
export const WRITTEN_PLAYLIST = 'index.m3u8'
export const WRITTEN_MASTER = 'master.m3u8'
export const WRITTEN_INIT = 'init.mp4'

function hlsArgs (folder: string, { format }: Pick<Coding, 'format'>, first: number, offset: number): string[] {
  return [
    '-muxdelay', '0', '-muxpreload', '0', '-output_ts_offset', offset.toFixed(6),
    '-f', 'hls', '-hls_time', '6', '-hls_list_size', '0', '-start_number', String(first),
    // written anew after each segment, which has its name when it is whole
    '-hls_playlist_type', 'event', '-hls_flags', 'independent_segments+temp_file', '-master_pl_name', WRITTEN_MASTER,
    ...(format === 'ts'
      ? ['-hls_segment_type', 'mpegts']
      // without frag_discont the timestamps would begin at 0 again where a run goes on
      : ['-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', WRITTEN_INIT, '-hls_segment_options', 'movflags=+frag_discont']),
    '-hls_segment_filename', `${folder}/%05d.${format === 'ts' ? 'ts' : 'm4s'}`, `${folder}/${WRITTEN_PLAYLIST}`
  ]
}

export interface VideoJob {
  source: { path: string, video: VideoStream }
  rendition: VideoPlan
  coding: Coding
  folder: string
  /** The first segment to be made. */
  first: number
}

export function videoArgs ({ source, rendition, coding, folder, first }: VideoJob): string[] {
  const { rate, frames } = rendition
  const start = source.video.phase + startOf(first, rate)
  // a quarter of a frame before it, so that neither a rounded timestamp nor a jittering one loses the frame
  const seek = first === 0 ? [] : ['-ss', (start - rate.den / rate.num / 4).toFixed(6)]
  return [
    ...seek, '-i', fileUrl(source.path), '-map', `0:${source.video.index}`, '-vf', filtersOf(source.video, rendition, first === 0),
    ...encoderArgs(rendition, coding), '-force_key_frames', `expr:gte(n,n_forced*${frames})`,
    ...NO_METADATA, ...PROGRESS, ...hlsArgs(folder, coding, first, TIME_ZERO + start)
  ]
}

function filtersOf ({ interlaced, hdr, phase }: VideoStream, { width, height, rate }: VideoPlan, whole: boolean): string {
  return [
    // a run that goes on has sought to its first frame
    ...(whole && phase > 0 ? [`setpts=PTS-${phase.toFixed(6)}/TB`] : []),
    ...(interlaced ? ['bwdif=mode=send_frame'] : []),
    // every frame at its place from 0 on, whatever the source's timestamps do
    `fps=fps=${rate.num}/${rate.den}:start_time=0`,
    ...toneOf(hdr),
    `scale=${width}:${height}:flags=bicubic`, 'setsar=1', 'format=yuv420p'
  ].join(',')
}

function toneOf (hdr: boolean): string[] {
  return hdr ? ['zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv'] : []
}

const SVT_PRESETS: Readonly<Record<string, number>> = { ultrafast: 12, superfast: 11, veryfast: 10, faster: 9, fast: 8, medium: 7, slow: 6, slower: 5, veryslow: 4 }

function encoderArgs ({ frames, bitrate, maxrate }: VideoPlan, { codec, preset, threads }: Coding): string[] {
  const common = ['-g', String(frames), '-b:v', String(bitrate), ...(threads === null ? [] : ['-threads', String(threads)])]
  const bounds = ['-maxrate', String(maxrate), '-bufsize', String(Math.round(bitrate * 1.5))]
  switch (codec) {
    case 'h264': return ['-c:v', 'libx264', '-preset', preset, '-profile:v', 'high', '-keyint_min', String(frames), '-sc_threshold', '0', ...bounds, ...common]
    case 'hevc': return [
      '-c:v', 'libx265', '-preset', preset, '-tag:v', 'hvc1', ...bounds, ...common,
      '-x265-params', `keyint=${frames}:min-keyint=${frames}:scenecut=0:open-gop=0:log-level=error${threads === null ? '' : `:pools=${threads}`}`
    ]
    case 'av1': return ['-c:v', 'libsvtav1', '-preset', String(SVT_PRESETS[preset]), ...common]
  }
}

export const ENCODERS: Readonly<Record<BuildRequest['codec'], string>> = { h264: 'libx264', hevc: 'libx265', av1: 'libsvtav1' }

/** A sound track is made in one go: it costs little beside a picture. */
export function audioArgs (path: string, { index }: AudioPlan, coding: Coding, folder: string): string[] {
  return [
    '-i', fileUrl(path), '-map', `0:${index}`,
    // silence where the track begins late or has a hole, so that it stays with the picture
    '-af', 'aresample=async=1:first_pts=0', '-c:a', 'aac', '-b:a', String(AUDIO_BITRATE), '-ac', String(AUDIO_CHANNELS), '-ar', '48000',
    ...NO_METADATA, ...PROGRESS, ...hlsArgs(folder, coding, 0, TIME_ZERO)
  ]
}

/** Text subtitles of any kind to one WebVTT file. */
export function subtitleArgs (path: string, index: number | null, to: string): string[] {
  return ['-i', fileUrl(path), '-map', index === null ? '0:s:0' : `0:${index}`, '-c:s', 'webvtt', '-f', 'webvtt', '-fflags', '+bitexact', to]
}

/** A frame that says something: the most typical of some seconds, a tenth into the film. */
export function posterArgs (path: string, video: VideoStream, durationMs: number, to: string): string[] {
  const width = Math.min(1280, video.width)
  const height = Math.round(video.height * width / video.width / 2) * 2
  const filters = ['thumbnail=50', ...toneOf(video.hdr), `scale=${width}:${height}`, 'setsar=1', 'format=yuvj420p']
  return [
    '-ss', (durationMs / 10_000).toFixed(3), '-i', fileUrl(path), '-map', `0:${video.index}`, '-vf', filters.join(','),
    '-frames:v', '1', '-q:v', '3', ...NO_METADATA, '-f', 'image2', '-update', '1', to
  ]
}

/** Pixels: a trailer is made no wider. */
export const TRAILER_WIDTH = 1280

/** A trailer that any player starts at once: H.264 and AAC with the index in front. `copies`: it has these codecs. */
export function trailerArgs (path: string, { copies, width, height }: { copies: boolean, width: number, height: number }, to: string): string[] {
  const coding = copies
    ? ['-c', 'copy']
    : ['-vf', `scale=${width}:${height},setsar=1,format=yuv420p`, '-c:v', 'libx264', '-preset', 'medium', '-crf', '22', '-c:a', 'aac', '-b:a', '128k', '-ac', '2']
  return ['-i', fileUrl(path), '-map', '0:v:0', '-map', '0:a:0?', ...coding, ...NO_METADATA, '-movflags', '+faststart', '-f', 'mp4', to]
}
