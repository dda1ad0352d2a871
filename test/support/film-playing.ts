// A built film played as a player has it: every blob at `/<sha256>.<ext>` of a small server, keys at `/keys/<id>` for those who may, and ffmpeg.

import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { builtBlob } from './film-build.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { BuiltFilm } from './film-build.ts'

const run = promisify(execFile)
const AUTHORIZATION = 'Nostr a-token'

export interface Stand {
  /** Of the master playlist. */
  master: string
  /** Of a rendition's media playlist. */
  playlist: (rendition: string) => string
  /** Paths that were asked for. */
  asked: string[]
}

/** Serves a build until the test is over; its keys only with our Authorization header. */
export async function serveBuild (t: Test, built: Pick<BuiltFilm, 'folder' | 'film' | 'keys'>): Promise<Stand> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url!
    asked.push(path)
    const id = /^\/keys\/([0-9a-f]{16})$/.exec(path)?.[1]
    const file = built.film.files.find(({ name }) => `/${name}` === path)
    if (id !== undefined) {
      const key = built.keys?.keys.find((each) => each.id === id)
      const may = request.headers.authorization === AUTHORIZATION
      response.writeHead(key === undefined ? 404 : may ? 200 : 401).end(key === undefined || !may ? '' : Buffer.from(key.key, 'hex'))
    } else if (file === undefined) response.writeHead(404).end()
    else void builtBlob(built, file.name).then((bytes) => response.writeHead(200, { 'content-type': file.type, 'content-length': bytes.length }).end(bytes))
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => { server.once('listening', resolve) })
  t.teardown(() => { server.close().closeAllConnections() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    asked,
    master: `${url}/${built.film.master.sha256}.m3u8`,
    playlist: (rendition) => `${url}/${built.film.files.find((file) => file.role === 'playlist' && file.rendition === rendition)!.name}`
  }
}

export interface Streams {
  /** Frames that were decoded, by stream. */
  frames: number[]
  types: string[]
  languages: (string | undefined)[]
  /** Seconds, of the first frame of each stream. */
  starts: number[]
  /** What ffmpeg complained of. */
  words: string
}

/** Decodes everything at a URL; with a token (that of our stand, unless another is given) or without. Where nothing can be decoded there are no streams. */
export async function decodeAll (url: string, { token = true }: { token?: boolean | string } = {}): Promise<Streams> {
  const args = ['-v', 'error', ...(token === false ? [] : ['-headers', `Authorization: ${token === true ? AUTHORIZATION : token}\r\n`]), '-count_frames', '-show_entries', 'stream=codec_type,nb_read_frames,start_time:stream_tags=language', '-of', 'json', url]
  const { stdout, stderr } = await run('ffprobe', args).catch((error: unknown) => error as { stdout: string, stderr: string })
  const { streams = [] } = JSON.parse(stdout === '' ? '{}' : stdout) as { streams?: { codec_type: string, nb_read_frames?: string, start_time?: string, tags?: { language?: string } }[] }
  return {
    frames: streams.map(({ nb_read_frames: frames }) => Number(frames ?? 0)), types: streams.map(({ codec_type: type }) => type), languages: streams.map(({ tags }) => tags?.language),
    starts: streams.map(({ start_time: start }) => Number(start)), words: stderr
  }
}
