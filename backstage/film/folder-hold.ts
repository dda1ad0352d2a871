// A build folder belongs to one program at a time. The hold is a name among Linux's abstract sockets, which the kernel drops when its holder dies
// and which leaves no file; elsewhere there is no such name, and two builds into one folder at once are the creator's to avoid.

import { realpath } from 'node:fs/promises'
import { createServer } from 'node:net'
import { platform } from 'node:os'
import { once } from 'node:events'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { FilmFault } from './faults.ts'

/** Resolves with what lets go of it. Rejects with FilmFault IN_USE. */
export async function holdFolder (folder: string): Promise<() => void> {
  if (platform() !== 'linux') return () => {}
  const server = createServer((socket) => { socket.destroy() })
  server.listen(`\0marquee-film-${sha256Hex(Buffer.from(await realpath(folder)))}`)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new FilmFault('IN_USE', folder)
    throw error
  }
  server.unref()
  return () => { server.close() }
}
