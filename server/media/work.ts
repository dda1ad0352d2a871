// From a body on the disk to what is stored of it: each job in a folder of its own, which is gone when the job is. What a kill left behind goes at
// the next start.

import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, StoreError } from '../errors.ts'
import { findIsolation, works } from './bounded-child.ts'
import { makePicture } from './picture.ts'
import { makeVideo } from './video.ts'
import type { MediaKind } from './kinds.ts'
import type { Job, Made, MadeVideo, MediaLimits } from './limits.ts'

export interface MediaWorkParts {
  /** A folder of ours alone; what is in it is removed. */
  folder: string
  /** Asked for each job. */
  limits: () => MediaLimits
  /** Hears once how far children can be shut in here. */
  onIsolation?: (way: readonly string[]) => void
}

export class MediaWork {
  readonly #parts: MediaWorkParts
  #isolation: Promise<readonly string[]> | null = null
  /** The programs that were there when they were last looked for. */
  #found = ''
  /** Jobs so far: `refused` by what was sent, `left` by who sent it, `failed` by us. */
  readonly ended = { done: 0, refused: 0, left: 0, failed: 0 }

  constructor (parts: MediaWorkParts) {
    this.#parts = parts
    rmSync(parts.folder, { recursive: true, force: true })
  }

  /** Throws MEDIA_NO_FFMPEG where a video would be: on this machine, now. */
  async judge (kind: MediaKind): Promise<void> {
    if (kind.is === 'picture') return
    const { ffmpeg, ffprobe } = this.#parts.limits()
    if (this.#found === `${ffmpeg}\n${ffprobe}`) return
    const there = await Promise.all([ffmpeg, ffprobe].map((program) => works(program, ['-version'])))
    if (!there.every(Boolean)) throw new Failure('MEDIA_NO_FFMPEG')
    this.#found = `${ffmpeg}\n${ffprobe}`
  }

  /** A folder for one job; `leave` removes it. Rejects with StoreError. */
  async begin (): Promise<{ folder: string, leave: () => Promise<void> }> {
    const folder = join(this.#parts.folder, randomBytes(12).toString('hex'))
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => { throw new StoreError('media', 'mkdir', folder, error) })
    return { folder, leave: () => rm(folder, { recursive: true, force: true }) }
  }

  /** Works on the file `in` of the folder. Rejects as `makePicture` and `makeVideo`. */
  async make (kind: MediaKind, { folder, size, head, signal }: Pick<Job, 'folder' | 'size' | 'head' | 'signal'>): Promise<Made | MadeVideo> {
    try {
      const made = await this.#make(kind, { folder, size, head, signal })
      this.ended.done++
      return made
    } catch (error) {
      this.ended[signal.aborted ? 'left' : error instanceof Failure ? 'refused' : 'failed']++
      throw error
    }
  }

  async #make (kind: MediaKind, body: Pick<Job, 'folder' | 'size' | 'head' | 'signal'>): Promise<Made | MadeVideo> {
    await this.judge(kind)
    const job: Job = { ...body, limits: this.#parts.limits(), isolation: await this.#isolate() }
    return kind.is === 'picture' ? makePicture(kind.kind, job) : makeVideo(kind, job)
  }

  #isolate (): Promise<readonly string[]> {
    this.#isolation ??= findIsolation().then((way) => {
      this.#parts.onIsolation?.(way)
      return way
    })
    return this.#isolation
  }
}
