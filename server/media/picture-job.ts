// The program that works on one picture: started for it, bounded by who starts it (bounded-child.ts), gone with it. Reads `job.json` and `in` in its
// folder; leaves `out` and `result.json`, or a result that says what is wrong. The only importer of sharp, whose start costs 0.2 s: less than a
// worker kept alive would have to be watched for.

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { isWholeGif } from './whole.ts'
import type { Sharp } from 'sharp'
import type { PictureKind } from './kinds.ts'

/** What the program is told. */
export interface PictureTask {
  kind: PictureKind
  to: PictureKind
  maxPixels: number
  maxSide: number
}

/** `costly`: more pixels than it may have; `broken`: the program itself does not run. */
export type PictureResult = { fault: 'damaged' | 'costly' | 'broken', reason: string } | { fault: null, width: number, height: number, size: number }

/** libvips' readers: each job may open its own and no other. */
const READERS: Readonly<Record<PictureKind, string>> = {
  jpeg: 'VipsForeignLoadJpegFile', png: 'VipsForeignLoadPngFile', webp: 'VipsForeignLoadWebpFile', avif: 'VipsForeignLoadHeifFile', gif: 'VipsForeignLoadNsgifFile'
}

/** Lines and letters of what was drawn, not photographed, keep their edges. */
const DRAWN: readonly PictureKind[] = ['png', 'gif']

async function work (task: PictureTask): Promise<PictureResult> {
  if (task.kind === 'gif' && !isWholeGif(readFileSync('in'))) return { fault: 'damaged', reason: 'it breaks off' }
  let sharp
  try {
    ({ default: sharp } = await import('sharp'))
  } catch (error) {
    return { fault: 'broken', reason: String(error) }
  }
  sharp.cache(false)
  sharp.concurrency(2)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: [READERS[task.kind]] })
  try {
    // metadata is dropped, colours become sRGB; a first look tells one frame from many
    const { pages = 1 } = await sharp('in', { limitInputPixels: task.maxPixels }).metadata()
    const frames = pages > 1 && task.kind !== 'avif' && (task.to === 'webp' || task.to === 'gif')
    const picture = sharp('in', { limitInputPixels: task.maxPixels, failOn: 'error', animated: frames })
    // EXIF can only turn what has one frame
    const upright = frames ? picture : picture.autoOrient()
    const bounded = upright.resize({ width: task.maxSide, height: task.maxSide, fit: 'inside', withoutEnlargement: true })
    const { width, height, pageHeight = height } = await encode(bounded, task).toFile('out')
    return { fault: null, width, height: pageHeight, size: statSync('out').size }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { fault: /pixel limit|too large/i.test(reason) ? 'costly' : 'damaged', reason }
  }
}

function encode (picture: Sharp, { kind, to }: PictureTask): Sharp {
  if (to === 'webp') return picture.webp(DRAWN.includes(kind) ? { quality: 90, smartSubsample: true } : { quality: 82 })
  if (to === 'jpeg') return picture.jpeg({ quality: 85, progressive: true })
  if (to === 'png') return picture.png({ compressionLevel: 9 })
  if (to === 'avif') return picture.avif({ quality: 60, effort: 2 })
  return picture.gif()
}

writeFileSync('result.json', JSON.stringify(await work(JSON.parse(readFileSync('job.json', 'utf8')) as PictureTask)))
