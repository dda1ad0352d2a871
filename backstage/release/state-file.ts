// What a node has seen of releases, in a file of its own, which survives a reinstall where it is kept.

import { emptyState, mergeStates, parseState, stateText } from '../../server/release/state.ts'
import { readIfThere, writeDurably } from './files.ts'
import type { ReleaseState } from '../../server/release/state.ts'

const STATE_LIMIT = 1024 * 1024

/** A file that cannot be read is an error: as an empty one it would let old releases in. */
export async function readState (path: string | null): Promise<ReleaseState> {
  const bytes = path === null ? null : await readIfThere(path, STATE_LIMIT)
  return bytes === null ? emptyState() : parseState(bytes)
}

/** Another verification may have learnt something meanwhile. */
export async function keepState (path: string, learnt: ReleaseState): Promise<void> {
  await writeDurably(path, `${stateText(mergeStates(await readState(path), learnt))}\n`, 0o600)
}
