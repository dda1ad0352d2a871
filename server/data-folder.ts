// The data folder belongs to one server at a time. A lock the kernel drops when its holder dies, and beside it a note of who that is, so that
// a second server can say so.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { holdAlone } from './database.ts'

export interface DataFolder {
  path: string
  release: () => void
}

export class FolderTaken extends Error {}

/** Makes the folder and holds it for the program `who` of process `pid`. Throws FolderTaken, with who has it, when another program does. */
export function holdDataFolder (path: string, who: string, pid: number | null): DataFolder {
  mkdirSync(path, { recursive: true })
  const note = join(path, 'holder.json')
  const held = holdAlone(join(path, 'lock.db'))
  if (held === null) throw new FolderTaken(`${path} is in use by ${holderOf(note)}`)
  writeFileSync(note, JSON.stringify({ who, pid, since: new Date().toISOString() }))
  return {
    path,
    release: () => {
      rmSync(note, { force: true })
      held.release()
    }
  }
}

function holderOf (note: string): string {
  try {
    const { who, pid, since } = JSON.parse(readFileSync(note, 'utf8')) as Record<string, unknown>
    return `${String(who)} (${typeof pid === 'number' ? `process ${pid}, ` : ''}since ${String(since)})`
  } catch {
    return 'another program'
  }
}
