// What a node has seen of releases, in a file of its own, which survives a reinstall where it is kept.

import { mkdir, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ReleaseFault } from '../../server/release/faults.ts'
import { emptyState, mergeStates, parseState, stateText } from '../../server/release/state.ts'
import { hold } from '../hold.ts'
import { readIfThere, writeDurably } from './files.ts'
import type { ReleaseState } from '../../server/release/state.ts'

const STATE_LIMIT = 1024 * 1024
/** Milliseconds between looks, and for how long: others hold it for as long as a write takes. */
const LOOK = 20
const PATIENCE = 30_000

/** A file that cannot be read is an error: as an empty one it would let old releases in. Rejects with STATE_INVALID or what the system says. */
export async function readState (path: string | null): Promise<ReleaseState> {
  const bytes = path === null ? null : await readIfThere(path, STATE_LIMIT)
  if (bytes === null) return emptyState()
  try {
    return parseState(bytes)
  } catch (error) {
    throw error instanceof ReleaseFault ? new ReleaseFault('STATE_INVALID', `${path} (${error.message})`) : error
  }
}

/** Another verification may have learnt something meanwhile, and none may write over what another is about to. */
export async function keepState (path: string, learnt: ReleaseState): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const real = join(await realpath(dirname(path)), basename(path))
  for (let waited = 0; ; waited += LOOK) {
    const letGo = await hold('state', real)
    if (letGo === null) {
      if (waited >= PATIENCE) throw new Error(`${path} is held by another program`)
      await pause(LOOK)
      continue
    }
    try {
      await writeDurably(path, `${stateText(mergeStates(await readState(path), learnt))}\n`, 0o600)
      return
    } finally {
      letGo()
    }
  }
}
