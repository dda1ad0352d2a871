// Does a rendition decode? ffmpeg plays its playlist from the servers with the key from a file that only we may read; without the key it must show nothing.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FilmFault } from '../film/faults.ts'
import { rewriteUris } from '../film/playlist-uris.ts'
import { ToolFailed, runTool } from '../film/tools.ts'
import type { ReadPlaylist, Verdict } from './check.ts'

export interface Decoding {
  /** The server whose bytes are played. */
  origin: string
  /** Keys by their ids, 32 hex digits each. */
  keys: ReadonlyMap<string, string>
  /** Segments of the beginning that are decoded; null for all. */
  segments: number | null
  /** Where ffmpeg is looked for. */
  path: string
}

/** Of each rendition that has pictures or sound. Rejects with FilmFault NO_FFMPEG. */
export async function checkDecoding (playlists: readonly ReadPlaylist[], decoding: Decoding, verdict: Verdict): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'marquee-check-'))
  try {
    for (const [id, key] of decoding.keys) await writeFile(join(folder, `${id}.key`), Buffer.from(key, 'hex'), { mode: 0o600 })
    for (const playlist of playlists) {
      if (playlist.rendition.kind !== 'subs') await checkOne(playlist, decoding, folder, verdict)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function checkOne ({ rendition, text }: ReadPlaylist, { origin, segments, path }: Decoding, folder: string, verdict: Verdict): Promise<void> {
  const file = join(folder, `${rendition.name}.m3u8`)
  const local = rewriteUris(segments === null ? text : firstOf(text, segments), ({ uri }) => uri.startsWith('keys/') ? `${uri.slice(5)}.key` : `${origin}/${uri}`)
  await writeFile(file, local)
  try {
    const args = [
      '-v', 'error', '-nostdin', '-protocol_whitelist', 'file,http,https,tcp,tls,crypto', '-allowed_extensions', 'ALL', '-i', file, '-map', '0', '-f', 'null', '-progress', 'pipe:1', '-'
    ]
    const out = await runTool('ffmpeg', args, { path })
    const frames = Number(/frame=(\d+)(?![^]*frame=)/.exec(out)?.[1] ?? 0)
    const us = Number(/out_time_us=(\d+)(?![^]*out_time_us=)/.exec(out)?.[1] ?? 0)
    const good = rendition.kind === 'video' ? frames > 0 : us > 0
    verdict(`decodes ${rendition.name}`, good, good ? `${(us / 1e6).toFixed(1)} s${rendition.kind === 'video' ? `, ${frames} frames` : ''}` : 'nothing comes out of it')
  } catch (error) {
    if (error instanceof FilmFault) throw error
    verdict(`decodes ${rendition.name}`, false, error instanceof ToolFailed ? error.words.split('\n').slice(-2).join('; ') : (error as Error).message)
  }
}

/** A playlist with the first segments alone. */
function firstOf (text: string, count: number): string {
  const kept: string[] = []
  let seen = 0
  for (const line of text.split('\n')) {
    if (seen === count) break
    kept.push(line)
    if (line !== '' && !line.startsWith('#')) seen++
  }
  return [...kept, '#EXT-X-ENDLIST', ''].join('\n')
}
