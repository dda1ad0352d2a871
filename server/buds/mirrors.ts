// The mirrors that the operator knows (`mirrors`): other Blossom servers that a damaged blob is fetched from, `<mirror>/<sha256>` (BUD-01), through the
// same guard as PUT /mirror (origin.ts). The bytes are checked where they come in.

import { openOrigin } from './origin.ts'
import type { Mirror } from '../stores/repairer.ts'

export interface MirrorSettings {
  /** Origins, without trailing slash. */
  mirrors: readonly string[]
  allowPrivate: boolean
  /** Milliseconds a body may stand still. */
  idleTimeout: number
  /** URLs that lead back to this server. */
  isOurs: (url: URL) => boolean
}

const CONNECT_MS = 15_000
const MAX_REDIRECTS = 5

export function openMirrors ({ mirrors, allowPrivate, idleTimeout, isOurs }: MirrorSettings): Mirror[] {
  return mirrors.map((mirror) => ({
    name: mirror,
    open: async (sha256, signal) => {
      const options = { allowPrivate, maxRedirects: MAX_REDIRECTS, connectTimeout: CONNECT_MS, idleTimeout, refuse: isOurs, signal }
      return (await openOrigin(new URL(`${mirror}/${sha256}`), options)).body
    }
  }))
}
