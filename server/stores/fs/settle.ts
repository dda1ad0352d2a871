// A journal entry becomes files: pack, owner, BLAKE3 record, sha256 record, in the same order and under the same names as a large upload,
// but unsynced: until one sync covers them all the journal stands for them. Synchronous, since it runs in a thread of its own
// (fs/settler.ts) and at boot. Doing an entry twice gives the same files.

import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Layout } from '../layout.ts'
import { blake3Multihash, sha256Multihash } from '../multihash.ts'
import { buildOwner } from '../owners.ts'
import { recordFor } from '../places.ts'
import { buildRecord } from '../record.ts'
import type { Ownership } from '../owners.ts'
import type { JournalEntry } from './journal-record.ts'

export class Settlement {
  readonly #root: string
  readonly #layout = new Layout(false)
  #drafts = 0

  constructor (root: string) {
    this.#root = root
  }

  /** Makes the entry's files. Throws what the file system says. */
  apply (entry: JournalEntry): void {
    if (entry.op === 'drop') {
      const path = join(this.#root, this.#layout.owner(sha256Multihash(entry.sha256), entry.owner))
      rmSync(path, { force: true })
      return
    }
    const { ownership } = entry
    const self = sha256Multihash(ownership.sha256)
    if (entry.op === 'own') return this.#writeOwner(ownership)
    if (!entry.inline) this.#write(this.#layout.pack(self), entry.bytes)
    this.#writeOwner(ownership)
    const place = { kind: entry.inline ? 'inline' as const : 'own' as const }
    for (const multihash of [blake3Multihash(ownership.blake3), self]) {
      this.#write(this.#layout.record(multihash), buildRecord(recordFor(multihash, self, ownership.size, place, entry.bytes)))
    }
  }

  #writeOwner (ownership: Ownership): void {
    this.#write(this.#layout.owner(sha256Multihash(ownership.sha256), ownership.owner), buildOwner(ownership))
  }

  #write (key: string, bytes: Uint8Array): void {
    const path = join(this.#root, key)
    const draft = join(this.#root, 'drafts', `settle-${this.#drafts++}`)
    const file = openSync(draft, 'w')
    try {
      writeFileSync(file, bytes) // writeSync may write a part of them
    } finally {
      closeSync(file)
    }
    try {
      renameSync(draft, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      mkdirSync(dirname(path), { recursive: true })
      renameSync(draft, path)
    }
  }
}
