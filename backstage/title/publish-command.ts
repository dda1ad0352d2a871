// `marquee film publish FILE|FOLDER`: a film file, or a finished build, to servers, keys, catalogs and relays.

import { stat } from 'node:fs/promises'
import { runBuild } from '../film/build.ts'
import { BUILD_OPTIONS, BUILD_OPTIONS_HELP, requestOf } from '../film/build-request.ts'
import { readBuild } from '../film/film-build.ts'
import { prepareBuild } from '../film/prepare.ts'
import { TitleFault } from './faults.ts'
import { expectedBlobs, preflight } from './preflight.ts'
import { publishBuild } from './publish.ts'
import { readPublishState } from './publish-state.ts'
import { COMMON_HELP, originsOf, placesOf, textIn, titleCommand } from './session.ts'
import type { FilmBuild } from '../film/film-build.ts'
import type { BlobFacts } from '../http/blossom.ts'
import type { Signer } from '../signer.ts'
import type { Parts, Places, Session } from './session.ts'

export const publish = titleCommand({
  name: 'publish',
  help: `marquee film publish FILE|FOLDER --title TEXT [--server URL]… [--relay URL]… [options]

Publishes a film: builds it, as \`marquee film build\` does, uploads what the servers do not have, hands its keys to the first server that
keeps keys, signs the title and tells it to the servers' catalogs and to relays. What can be known to fail is told before any work. Broken
off anywhere, it is run again and goes on. A FOLDER is that of a build which is finished.
  --out FOLDER          of the build; FILE.marquee beside the film
${BUILD_OPTIONS_HELP}
  --mirror              upload to the first server alone, and have the others fetch from it
  --keys URL            the server that keeps the keys, where it is not the first of those that do
  --plan                says what it would make, and makes nothing
Servers and relays of an earlier run hold on; a --server or --relay replaces them.
${COMMON_HELP}`,
  options: { ...BUILD_OPTIONS, out: { type: 'string' }, mirror: { type: 'boolean' }, keys: { type: 'string' }, plan: { type: 'boolean' } },
  words: true,
  run: async (session, parts) => {
    const [word, ...more] = parts.words
    if (word === undefined || more.length > 0) throw new TitleFault('one film, a file or the folder of a finished build', 2)
    const isFolder = (await stat(word).catch(() => null))?.isDirectory() === true
    const folder = isFolder ? word : textIn(parts.values, 'out') ?? `${word}.marquee`
    const places = await placesFor(folder, parts)
    session.stoppable()
    const signer = await session.signer()
    const access = isFolder ? await judgeBuilt(session, parts, signer, { folder, places }) : await build(session, parts, signer, { folder, places })
    if (parts.values['plan'] === true) return 0
    return publishBuild(session, signer, { folder, ...places, access, mirror: parts.values['mirror'] === true })
  }
})

interface Publishing {
  folder: string
  places: Places
}

/** The URL of the keys, after everything was asked for that can be known to fail. */
async function judgeBuilt (session: Session, { values }: Parts, signer: Signer, { folder, places }: Publishing): Promise<string | null> {
  const stray = Object.keys(BUILD_OPTIONS).find((name) => values[name] !== undefined)
  if (stray !== undefined) throw new TitleFault(`--${stray} is for a film file: what is built stays as it is, see \`film update\``, 2)
  const film = await readBuild(folder)
  return preflight(session, signer, { ...places, encrypted: film.encrypted, keysAt: keysIn({ values }), largest: largestOf(film), strictRelays: false })
}

/** The same, and then the build. */
async function build (session: Session, { words, values, terminal }: Parts, signer: Signer, { folder, places }: Publishing): Promise<string | null> {
  const path = terminal.env['PATH'] ?? ''
  const prepared = await prepareBuild(requestOf(words, values, { folder, pubkey: signer.pubkey }), { path })
  const { found, plan, expected, lines, request: { format }, trailer } = prepared
  const finished = found.is === 'finished'
  const access = await preflight(session, signer, {
    ...places, encrypted: values['open'] !== true, keysAt: keysIn({ values }), strictRelays: !finished,
    largest: finished ? largestOf(found.film) : expectedBlobs({ format, subtitles: plan.subtitles.length > 0, trailer: trailer !== null })
  })
  session.progress.tell({ plan: { ...plan, ...expected } })
  if (!session.json) for (const line of lines) terminal.err(line)
  if (values['plan'] !== true) await runBuild(prepared, { progress: session.progress, path, signal: session.signal })
  return access
}

/** Those of the options, else of an earlier run. Rejects with TitleFault. */
async function placesFor (folder: string, parts: Parts): Promise<Places> {
  const given = placesOf(parts)
  const before = await readPublishState(folder)
  const places = { servers: given.servers.length > 0 ? given.servers : before?.servers ?? [], relays: given.relays.length > 0 ? given.relays : before?.relays ?? [] }
  if (places.servers.length === 0) throw new TitleFault('where to? --server URL, or MARQUEE_SERVERS', 2)
  return places
}

function keysIn ({ values }: Pick<Parts, 'values'>): string | null {
  const url = textIn(values, 'keys')
  return url === null ? null : originsOf([url], '--keys')[0]!
}

/** Of each type the largest. */
function largestOf ({ files }: Pick<FilmBuild, 'files'>): Pick<BlobFacts, 'type' | 'size'>[] {
  const sizes = new Map<string, number>()
  for (const { type, size } of files) sizes.set(type, Math.max(size, sizes.get(type) ?? 0))
  return [...sizes].map(([type, size]) => ({ type, size }))
}
