// Which multipart uploads this server has begun and not ended, as one small file each in its data folder. At boot it aborts just
// those: another node's uploads in the same bucket may still be under way. The wish to begin one is noted too, before the store is asked:
// after a crash between its answer and our file the upload is found by its key.

import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface BegunUpload {
  key: string
  uploadId: string
}

/** An upload that the store was asked to begin; nobody knows whether it has. */
export interface IntendedUpload {
  key: string
  /** Unix milliseconds, by our clock: before the store was asked. */
  since: number
  id: string
}

export class UploadJournal {
  readonly #folder: string

  constructor (folder: string) {
    this.#folder = folder
  }

  async intend (key: string): Promise<IntendedUpload> {
    const intended = { key, since: Date.now(), id: randomUUID() }
    await mkdir(this.#folder, { recursive: true })
    await writeFile(join(this.#folder, `intended-${intended.id}.json`), JSON.stringify(intended))
    return intended
  }

  /** It has been begun and noted as such, or will never be. */
  async forgo ({ id }: IntendedUpload): Promise<void> {
    await rm(join(this.#folder, `intended-${id}.json`), { force: true })
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

  async list (): Promise<{ begun: BegunUpload[], intended: IntendedUpload[] }> {
    const begun: BegunUpload[] = []
    const intended: IntendedUpload[] = []
    await mkdir(this.#folder, { recursive: true })
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      try {
        const { key, uploadId, since, id } = JSON.parse(await readFile(path, 'utf8')) as Partial<BegunUpload & IntendedUpload>
        if (typeof key !== 'string') throw new Error('not an upload')
        if (typeof uploadId === 'string') begun.push({ key, uploadId })
        else if (typeof since === 'number' && typeof id === 'string') intended.push({ key, since, id })
        else throw new Error('not an upload')
      } catch (error) {
        // cut off while it was written: of an upload the wish is still there, and of a wish the store was not asked yet
        if ((error as { code?: string }).code !== 'ENOENT') await rm(path, { force: true })
      }
    }
    return { begun, intended }
  }
}
