// What the catalog fetches from providers, put together: jobs that keys ask for, and reads that missed where FILL_MISSES is on.

import { BlobTypes } from './blob-types.ts'
import { MissFiller } from './miss-filler.ts'
import { Mirrors } from './mirrors.ts'
import type { Blob } from '../../stores/descriptors.ts'
import type { JobState } from './job-rows.ts'
import type { MirrorsParts } from './mirrors.ts'

/** Of those that name a blob, how many are asked what it is to them. */
const NAMERS = 20

export interface FetchingParts extends Omit<MirrorsParts, 'catalog'> {
  catalog: MirrorsParts['catalog']
  /** The server's own key: what is filled is its. */
  pubkey: string
  fillMisses: boolean
}

export interface Fetching {
  mirrors: Mirrors
  /** Null where misses are misses. */
  fill: ((sha256: string) => Promise<Blob | null>) | null
  /** Jobs by state; bytes fetched since the start. */
  counts: () => { jobs: Record<JobState, number>, mirrored: number, filled: number }
  /** Jobs that run go on at the next start. */
  close: () => Promise<void>
}

export function openFetching ({ fillMisses, pubkey, ...given }: FetchingParts): Fetching {
  const types = new BlobTypes(given.database)
  const { source } = given
  const parts: typeof given = {
    ...given,
    source: { own: (...asked) => source.own(...asked), fetch: (url, wanted) => source.fetch(url, { ...wanted, type: types.of(wanted.sha256, Math.floor(given.now() / 1000)) }) }
  }
  const mirrors = new Mirrors(parts)
  const { catalog, onFault, now } = parts
  const filler = !fillMisses
    ? null
    : new MissFiller({
      obtaining: mirrors.obtaining, places: mirrors.places, owner: pubkey, now,
      names: (sha256) => catalog.hashes.names(sha256, Math.floor(now() / 1000)),
      onHere: async (sha256) => {
        const mentions = catalog.hashes.mentions({ algorithm: 'sha256', hex: sha256 }, Math.floor(now() / 1000), NAMERS)
        if (mentions.some(({ of, role }) => of.type === 'title' && role === 'manifest')) await catalog.reader.read(sha256)
      },
      sizeOf: (sha256, at) => mirrors.sizeOf(sha256, at),
      onFault: (sha256, why) => { onFault({ sha256, ...why }, 'a blob that was asked for could not be fetched') }
    })
  return {
    mirrors,
    fill: filler === null ? null : (sha256) => filler.fill(sha256),
    counts: () => {
      const { jobs, bytes } = mirrors.counts()
      return { jobs, mirrored: bytes, filled: filler?.bytes ?? 0 }
    },
    close: async () => { await Promise.all([mirrors.close(), filler?.close()]) }
  }
}
