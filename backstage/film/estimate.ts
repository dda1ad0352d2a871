// How long the encoding will take: a few seconds from the middle of the film are encoded to nowhere, as the largest rendition will be, and the
// others are reckoned by their pixels. A film that is over before that would be worth it is not estimated.

import { videoArgs } from './encode-args.ts'
import { FilmFault } from './faults.ts'
import { runFfmpeg } from './tools.ts'
import type { BuildRequest } from './build-request.ts'
import type { BuildPlan } from './plan.ts'
import type { SourceFilm } from './source.ts'

/** Shorter films are built without asking. */
const LEAST_MS = 60_000
const SAMPLE_SECONDS = 3
const PATIENCE_MS = 20_000
/** What each rendition costs that does not depend on its size: decoding, mostly; as a share of the largest one. */
const BASE = 0.12

/** Seconds; null for a short film, or where the sample did not come out. */
export async function estimateSeconds (source: SourceFilm, request: BuildRequest, { videos }: BuildPlan, { path, now = Date.now }: { path: string, now?: () => number }): Promise<number | null> {
  const [top] = videos
  if (source.durationMs < LEAST_MS || top === undefined) return null
  const all = videoArgs({ source, rendition: top, coding: request, folder: '', first: 0 })
  const coding = all.slice(0, all.indexOf('-muxdelay'))
  const patience = new AbortController()
  const timer = setTimeout(() => { patience.abort() }, PATIENCE_MS)
  const [begun, seconds] = [now(), { done: SAMPLE_SECONDS }]
  try {
    await runFfmpeg(['-ss', String(source.durationMs / 2000), '-t', String(SAMPLE_SECONDS), ...coding, '-f', 'null', '-'], {
      path, signal: patience.signal, onLine: (line) => {
        const frames = /^frame=(\d+)$/.exec(line)?.[1]
        if (frames !== undefined) seconds.done = Number(frames) * top.rate.den / top.rate.num
      }
    })
  } catch (error) {
    // too slow for the sample: what it did until then tells as well
    if (!(error instanceof FilmFault && error.code === 'STOPPED') || seconds.done === 0) return null
  } finally {
    clearTimeout(timer)
  }
  const pixels = top.width * top.height
  const share = videos.reduce((sum, { width, height }) => sum + BASE + (1 - BASE) * width * height / pixels, 0)
  return (now() - begun) / 1000 / seconds.done * share * source.durationMs / 1000
}
