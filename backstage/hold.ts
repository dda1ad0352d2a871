// What one program at a time may work on. A hold is a name among Linux's abstract sockets, which the kernel drops when its holder dies and which leaves
// no file; elsewhere there is no such name, and two programs at once are their caller's to avoid.

import { createServer } from 'node:net'
import { platform } from 'node:os'
import { once } from 'node:events'
import { sha256Hex } from '../server/stores/multihash.ts'

/** Resolves with what lets go of it, null where another program has it. `path` must be the real one. */
export async function hold (kind: string, path: string): Promise<(() => void) | null> {
  if (platform() !== 'linux') return () => {}
  const server = createServer((socket) => { socket.destroy() })
  server.listen(`\0marquee-${kind}-${sha256Hex(Buffer.from(path))}`)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null
    throw error
  }
  server.unref()
  return () => { server.close() }
}
