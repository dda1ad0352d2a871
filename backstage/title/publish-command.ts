// `marquee film publish FOLDER`: a finished build to servers, keys, catalogs and relays.

import { readBuild } from '../film/film-build.ts'
import { TitleFault } from './faults.ts'
import { preflight } from './preflight.ts'
import { publishBuild } from './publish.ts'
import { readPublishState } from './publish-state.ts'
import { COMMON_HELP, originsOf, placesOf, textIn, titleCommand } from './session.ts'
import type { FilmBuild } from '../film/film-build.ts'
import type { BlobFacts } from '../http/blossom.ts'
import type { Parts, Places } from './session.ts'

export const publish = titleCommand({
  name: 'publish',
  help: `marquee film publish FOLDER [--server URL]… [--relay URL]… [--mirror]

Publishes a finished build: uploads what the servers do not have, hands its keys to the first server that keeps keys, signs the
title and tells it to the servers' catalogs and to relays. Broken off anywhere, it is run again and goes on.
  --mirror     upload to the first server alone, and have the others fetch from it
  --keys URL   the server that keeps the keys, where it is not the first of those that do
Servers and relays of an earlier run hold on; a --server or --relay replaces them.
${COMMON_HELP}`,
  options: { mirror: { type: 'boolean' }, keys: { type: 'string' } },
  words: true,
  run: async (session, parts) => {
    const [folder, ...more] = parts.words
    if (folder === undefined || more.length > 0) throw new TitleFault('one folder of a finished build, see `marquee film build`', 2)
    const signer = await session.signer()
    const places = await placesFor(folder, parts)
    const film = await readBuild(folder)
    const access = await preflight(session, signer, { ...places, encrypted: film.encrypted, keysAt: keysIn(parts), largest: largestOf(film), strictRelays: false })
    return publishBuild(session, signer, { folder, ...places, access, mirror: parts.values['mirror'] === true })
  }
})

/** Those of the options, else of an earlier run. Rejects with TitleFault. */
export async function placesFor (folder: string, parts: Parts): Promise<Places> {
  const given = placesOf(parts)
  const before = await readPublishState(folder)
  const places = { servers: given.servers.length > 0 ? given.servers : before?.servers ?? [], relays: given.relays.length > 0 ? given.relays : before?.relays ?? [] }
  if (places.servers.length === 0) throw new TitleFault('where to? --server URL, or MARQUEE_SERVERS', 2)
  return places
}

export function keysIn ({ values }: Parts): string | null {
  const url = textIn(values, 'keys')
  return url === null ? null : originsOf([url], '--keys')[0]!
}

/** Of each type the largest. */
export function largestOf ({ files }: Pick<FilmBuild, 'files'>): Pick<BlobFacts, 'type' | 'size'>[] {
  const sizes = new Map<string, number>()
  for (const { type, size } of files) sizes.set(type, Math.max(size, sizes.get(type) ?? 0))
  return [...sizes].map(([type, size]) => ({ type, size }))
}
