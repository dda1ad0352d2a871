// A picture as it may be shown to everybody: turned upright as its EXIF says, all metadata gone with it (place and camera), no larger than configured,
// WebP unless configured to stay what it was. BUD-05. Decoding happens in a child process (picture-job.ts).

import { readlinkSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../errors.ts'
import { runBounded } from './bounded-child.ts'
import { faultOf } from './faults.ts'
import type { PictureKind } from './kinds.ts'
import type { Job, Made } from './limits.ts'
import type { PictureResult, PictureTask } from './picture-job.ts'

const PROGRAM = fileURLToPath(new URL('./picture-job.js', import.meta.url))
/** Whatever it is encoded as, a pixel never takes more than these bytes. */
const PIXEL_BYTES = 8

/** The node that runs this server. */
function ourNode (): string {
  try {
    return readlinkSync('/proc/self/exe')
  } catch {
    return 'node'
  }
}

/** Makes `out` of `in`. Rejects with MEDIA_DAMAGED, MEDIA_COSTLY, the signal's reason, or an Error when the program does not run. */
export async function makePicture (kind: PictureKind, { folder, limits, isolation, signal }: Job): Promise<Made> {
  const { maxPixels, maxSide, time, memory, format } = limits
  const to = format === 'webp' ? 'webp' : kind
  const task: PictureTask = { kind, to, maxPixels, maxSide }
  await writeFile(join(folder, 'job.json'), JSON.stringify(task))
  const { code, late, err } = await runBounded({
    program: ourNode(), args: ['--max-semi-space-size=1', PROGRAM], folder, isolation, signal, bounds: { time, memory, fileSize: maxPixels * PIXEL_BYTES }
  })
  if (late) throw new Failure('MEDIA_COSTLY', 'time')
  const result = await readResult(folder)
  // it died without a word: of the memory that it may have, or of what it read
  if (result === null) throw new Failure('MEDIA_COSTLY', 'memory', { cause: new Error(`the picture program ended with ${code}: ${err.slice(-1000)}`) })
  if (result.fault !== null) {
    if (result.fault === 'broken') throw new Error(`pictures cannot be worked on: ${result.reason}`)
    if (result.fault === 'costly') throw new Failure('MEDIA_COSTLY', `${maxPixels} pixels at most`)
    throw faultOf(result.reason, folder)
  }
  return { path: join(folder, 'out'), type: `image/${to}`, size: result.size, width: result.width, height: result.height }
}

async function readResult (folder: string): Promise<PictureResult | null> {
  try {
    return JSON.parse(await readFile(join(folder, 'result.json'), 'utf8')) as PictureResult
  } catch {
    return null
  }
}
