// Tells the death of a server from the death of its machine. When a process is killed, every byte it wrote is still the kernel's: the folders and
// SQLite's log are whole, synced or not, and in the order of writing, so rows and store differ at most in what was under way (unsettled.ts). A
// power cut takes from each what was not synced. The kernel draws a boot id at every start: the same id at the next start of the server means that
// no such cut lay between. The ids of the database file and of the store's folder go with it: a copy of either is not what that kernel held.
//
// Assumed: one kernel, whose page cache all writes go through, and a disk that stays. A folder on a network file system that moves to another machine
// meets another boot id; a disk torn out of a running machine, and a store put back from a backup in place, under the same kernel, are not seen
// here: `marquee verify --repair` compares everything.

import { readFileSync, statSync } from 'node:fs'

/** Where Linux tells which boot this is. */
export const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/** A line that stays the same as long as this kernel runs and `paths` are the same files; null where no kernel tells. */
export function kernelOf (paths: readonly string[], bootIdFile: string): string | null {
  try {
    const id = readFileSync(bootIdFile, 'utf8').trim()
    if (id === '') return null
    return [id, ...paths.map((path) => {
      const { dev, ino, birthtimeNs } = statSync(path, { bigint: true }) // inode numbers come back, the first of a folder's files at once
      return `${dev}:${ino}:${birthtimeNs}`
    })].join(' ')
  } catch {
    return null // not Linux, or a path that is not there: then nothing is taken for granted
  }
}
