// A film of the real build, ready to be published to servers of a test: its blobs, its keys, its title's event.

import { completeTitle } from '../../backstage/film/title-of.ts'
import { upload } from './app.ts'
import { builtBlob, builtFilm } from './film-build.ts'
import type { Test } from 'tap'
import type { EventDraft } from '../../server/auth/signature.ts'
import type { BuiltFile } from '../../backstage/film/film-build.ts'
import type { BuiltFilmOptions } from './film-build.ts'
import type { FilmKey } from './film-keys.ts'
import type { Signer } from './keys.ts'

export interface PlayedFilm {
  creator: Signer
  d: string
  blobs: (BuiltFile & { bytes: Buffer })[]
  /** Names of the segments of each rendition. */
  segments: Record<string, string[]>
  keys: FilmKey[]
  /** The title's event, to be signed by the creator. */
  title: (places: { servers: string[], access: string | null }) => EventDraft
}

/** Null when there is no ffmpeg, which has then been said on `t`. */
export async function playedFilm (t: Test, options: BuiltFilmOptions): Promise<PlayedFilm | null> {
  const built = await builtFilm(t, options)
  if (built === null) return null
  const { film, keys, creator } = built
  const segments: PlayedFilm['segments'] = {}
  for (const { role, rendition, name } of film.files) if (role === 'segment') (segments[rendition!] ??= []).push(name)
  return {
    creator, d: film.d, segments,
    blobs: await Promise.all(film.files.map(async (file) => ({ ...file, bytes: await builtBlob(built, file.name) }))),
    keys: keys?.keys.map(({ id, key }) => ({ id, key: Buffer.from(key, 'hex') })) ?? [],
    title: (places) => {
      const now = Math.floor(Date.now() / 1000)
      return completeTitle(film, { ...places, createdAt: now, publishedAt: now })
    }
  }
}

/** Uploads every blob of a film to a server. */
export async function putFilm (url: string, { creator, blobs }: PlayedFilm): Promise<void> {
  await Promise.all(blobs.map(async (blob) => {
    const { status, headers } = await upload(url, creator, blob, { 'content-type': blob.type })
    if (status !== 200 && status !== 201) throw new Error(`upload answered ${status}: ${headers.get('x-reason')}`)
  }))
}
