// A build folder belongs to one program at a time.

import { realpath } from 'node:fs/promises'
import { hold } from '../hold.ts'
import { FilmFault } from './faults.ts'

/** Resolves with what lets go of it. Rejects with FilmFault IN_USE. */
export async function holdFolder (folder: string): Promise<() => void> {
  const held = await hold('film', await realpath(folder))
  if (held === null) throw new FilmFault('IN_USE', folder)
  return held
}
