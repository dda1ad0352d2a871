// `marquee release pointer`: the latest pointer signed anew, every day, so that withheld news shows. Of the release in a folder, or of what a server says is
// the latest, which is verified first: nothing is vouched for that a node would not install.

import { join } from 'node:path'
import { stat } from 'node:fs/promises'
import { ReleaseFault } from '../../server/release/faults.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { RELEASE_MANIFEST_LIMIT, nameOfBytes, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { nextPointer, pointedOf } from '../../server/release/next-pointer.ts'
import { emptyState } from '../../server/release/state.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { openSigner } from '../signer.ts'
import { postEvent, tellAll, uploadAll } from './announcing.ts'
import { readLimited, readRoleKey, writeDurably } from './files.ts'
import { POINTER_FILE } from './folder.ts'
import { MANIFEST_FILE } from './make.ts'
import { Misuse, needed, onlyWord, textIn, textsIn, wholeIn } from './misuse.ts'
import { NETWORK_HELP, networkCommand, relaysIn, rootsIn, serversIn } from './networked.ts'
import { pointerDraft } from './release-events.ts'
import { readSet } from './set-reading.ts'
import type { Pointed } from '../../server/release/next-pointer.ts'
import type { Parts } from './networked.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)

export const pointer = networkCommand({
  help: `marquee release pointer [DIR] --key FILE… [--valid-days N] [--server URL… [--nostr FILE] [--relay URL]…] [more]

Signs a new latest pointer, good for 7 days at most. With DIR: to DIR/manifest.json, written to DIR/${POINTER_FILE}, offline where no --server is given. Without: to what the
first --server has as the latest of --app and --channel, which must verify under --root.
  --key FILE          a timestamp key (marquee release key); may stand often
  --server URL        publishes it there: as a blob, and in an event
  --nostr FILE        the operating key that signs the event. Else MARQUEE_NSEC or MARQUEE_NSEC_FILE
  --root HEX          the pinned root, 64 hex digits; --app ID, --channel NAME: of what
  --out FILE          also writes it there
${NETWORK_HELP}`,
  options: {
    'key': { type: 'string', multiple: true }, 'valid-days': { type: 'string' }, 'nostr': { type: 'string' }, 'root': { type: 'string', multiple: true },
    'app': { type: 'string' }, 'channel': { type: 'string' }, 'out': { type: 'string' }
  },
  words: true,
  run: async ({ values, words, terminal }, calls) => {
    const keys = textsIn(values, 'key')
    if (keys.length === 0) throw new Misuse('--key FILE is missing')
    const seeds = await Promise.all(keys.map(readRoleKey))
    const servers = serversIn(values)
    const folder = words.length === 0 ? null : onlyWord(words, 'DIR')
    if (folder === null && servers.length === 0) throw new Misuse('DIR or --server URL: a pointer to what?')
    const pointed = folder !== null ? await pointedIn(folder) : await pointedAt(servers[0]!, values)
    const bytes = nextPointer(pointed, seconds(), (wholeIn(values, 'valid-days', 1) ?? 7) * 86400, seeds)
    const out = textIn(values, 'out') ?? (folder !== null && (await stat(folder)).isDirectory() ? join(folder, POINTER_FILE) : null)
    if (out !== null) await writeDurably(out, bytes)
    const { app, channel, sequence, expires_at: until } = parseLatestPointer(bytes)
    terminal.out(`${app} ${channel}: ${sequence} is the latest, until ${new Date(until * 1000).toISOString()}`)
    if (servers.length === 0) return 0
    const signer = await openSigner({ key: textIn(values, 'nostr'), env: terminal.env, say: terminal.err })
    try {
      const announcing = { ...calls, signer, servers, relays: relaysIn(values), say: terminal.err }
      await uploadAll(announcing, [{ sha256: sha256Hex(bytes), size: bytes.length, type: 'application/json', body: bytes }])
      const sign = (at: number): ReturnType<typeof signer.sign> => signer.sign(pointerDraft(parseLatestPointer(bytes), bytes.toString('utf8'), at))
      const { event } = await postEvent(announcing, await sign(seconds()), (after) => sign(after + 1))
      return await tellAll(announcing, [event]) ? 0 : 1
    } finally {
      signer.close()
    }
  }
})

async function pointedIn (folder: string): Promise<Pointed> {
  const path = (await stat(folder)).isDirectory() ? join(folder, MANIFEST_FILE) : folder
  const bytes = await readLimited(path, RELEASE_MANIFEST_LIMIT)
  return pointedOf(parseReleaseManifest(bytes), nameOfBytes(bytes))
}

/** What a server has as the latest. Its pointer may have expired: that is what this is for. Rejects with the fault of anything else. */
async function pointedAt (server: string, values: Parts['values']): Promise<Pointed> {
  const [app, channel] = [needed(values, 'app'), needed(values, 'channel')]
  const set = await readSet(`${server}/catalog/releases/latest?app=${encodeURIComponent(app)}&channel=${encodeURIComponent(channel)}`)
  const { checks, manifest } = verifyRelease({ ...set, app, channel, roots: rootsIn(values), state: emptyState(), now: seconds(), installed: null })
  const failed = checks.find(({ result, name }) => result === 'failed' && name !== 'pointer.fresh' && name !== 'event')
  if (failed?.code !== undefined) throw new ReleaseFault(failed.code, failed.name)
  return pointedOf(manifest!, nameOfBytes(set.manifest!))
}
