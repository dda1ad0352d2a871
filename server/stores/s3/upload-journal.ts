// Which multipart uploads this server has begun and not ended, as one small file each in its data folder. At boot it aborts just
// those: another node's uploads in the same bucket may still be under way. What is lost here (a crash between the store's answer
// and our file) falls to the rule of 24 hours.

import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface BegunUpload {
  key: string
  uploadId: string
}

export class UploadJournal {
  readonly #folder: string

  constructor (folder: string) {
    this.#folder = folder
  }

  #path (upload: BegunUpload): string {
    const name = createHash('sha256').update(`${upload.key}\n${upload.uploadId}`).digest('hex').slice(0, 32)
    return join(this.#folder, `${name}.json`)
  }

  async add (upload: BegunUpload): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    await writeFile(this.#path(upload), JSON.stringify(upload))
  }

  async remove (upload: BegunUpload): Promise<void> {
    await rm(this.#path(upload), { force: true })
  }

  async list (): Promise<BegunUpload[]> {
    const found: BegunUpload[] = []
    await mkdir(this.#folder, { recursive: true })
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      try {
        const { key, uploadId } = JSON.parse(await readFile(path, 'utf8')) as Partial<BegunUpload>
        if (typeof key !== 'string' || typeof uploadId !== 'string') throw new Error('not an upload')
        found.push({ key, uploadId })
      } catch {
        await rm(path, { force: true }) // cut off while it was written: the rule of 24 hours has it
      }
    }
    return found
  }
}
