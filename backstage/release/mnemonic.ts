// The mnemonic of a release root: typed at the terminal, which shows nothing, or read from a file descriptor; never from arguments, the environment
// or a file by name, where it would be kept. It is written nowhere.

import { createReadStream } from 'node:fs'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { isatty } from 'node:tty'
import { releaseRootOf } from '../../server/release/derive.ts'
import { Misuse, textIn } from './misuse.ts'
import type { Terminal } from '../../server/commands/terminal.ts'
import type { ReleaseRoot } from '../../server/release/derive.ts'

const LONGEST = 4096

export const MNEMONIC_HELP = `The mnemonic is asked for at the terminal, which does not show it.
  --mnemonic-fd N   it is read from file descriptor N instead, as in 3< <(gpg -d words.gpg)`

/** The root of the mnemonic that is given by option `name` or typed. Rejects with Misuse, MNEMONIC_INVALID or SCALAR_INVALID. */
export async function askRoot (terminal: Terminal, values: Parameters<typeof textIn>[0], { name = 'mnemonic-fd', question = 'Mnemonic of the release root: ' } = {}): Promise<ReleaseRoot> {
  const fd = textIn(values, name)
  if (fd !== null) return releaseRootOf(await fromDescriptor(fd, name))
  const typed = await terminal.askSecretly(question)
  if (typed === null) throw new Misuse(`there is no terminal to ask for the mnemonic: --${name} N`)
  return releaseRootOf(typed)
}

async function fromDescriptor (text: string, name: string): Promise<string> {
  const fd = Number(text)
  if (!/^\d{1,4}$/.test(text)) throw new Misuse(`--${name} must be the number of an open file descriptor`)
  if (isatty(fd)) throw new Misuse(`file descriptor ${fd} is a terminal, which would show the words: leave --${name} out`)
  if (await isOurs(fd)) throw new Misuse(`file descriptor ${fd} is not open: --${name} ${fd} ${fd}< …`)
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of createReadStream('', { fd, autoClose: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      chunks.push(chunk)
      if (length > LONGEST) break
    }
    return Buffer.concat(chunks).toString('utf8')
  } catch (error) {
    throw new Misuse(`file descriptor ${fd} cannot be read: ${(error as Error).message}`)
  } finally {
    for (const chunk of chunks) chunk.fill(0)
  }
}

/** Node's own descriptors would block or break it: queues and timers, and pipes whose other end is here too. Where there is no /proc nothing is known. */
async function isOurs (fd: number): Promise<boolean> {
  const linkOf = (name: string | number): Promise<string> => readlink(`/proc/self/fd/${name}`).catch(() => '')
  const link = await linkOf(fd)
  if (!link.startsWith('pipe:')) return link.startsWith('anon_inode:')
  const names = await readdir('/proc/self/fd')
  return (await Promise.all(names.map(async (name) => await linkOf(name) === link && await writes(name)))).includes(true)
}

async function writes (name: string): Promise<boolean> {
  const flags = /^flags:\s*([0-7]+)$/m.exec(await readFile(`/proc/self/fdinfo/${name}`, 'latin1').catch(() => ''))?.[1]
  return flags !== undefined && (parseInt(flags, 8) & 3) !== 0
}
