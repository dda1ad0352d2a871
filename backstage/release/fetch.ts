// `marquee release fetch`: what a node does with a release, up to the point where it would install it: finds the latest, verifies it against what it has
// seen before, and gets its files, from peers first. What was learnt is durable before anything else happens.

import { mkdir, readFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { plain, progressOf } from '../../server/commands/terminal.ts'
import { artifactsOf } from '../../server/release/manifest-v2.ts'
import { channelOf } from '../../server/release/state.ts'
import { openSigner } from '../signer.ts'
import { hold } from '../hold.ts'
import { judgeAddress, lookupPublic } from './addresses.ts'
import { DownloadFailed, download } from './download.ts'
import { writeDurably } from './files.ts'
import { findRelease } from './finding.ts'
import { BUNDLE_FILE, POINTER_FILE } from './folder.ts'
import { MANIFEST_FILE } from './make.ts'
import { Misuse, needed, textIn, wholeIn } from './misuse.ts'
import { NETWORK_HELP, networkCommand, relaysIn, rootsIn, serversIn } from './networked.ts'
import { peersOf } from './peers.ts'
import { seed } from './seeding.ts'
import { keepState, readState } from './state-file.ts'
import { needsIntermediate, stepsTo } from './through.ts'
import type { ReleaseArtifact, ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { Verdict } from '../../server/release/verify.ts'
import type { CallParts } from '../http/json-calls.ts'
import type { Source } from './download.ts'
import type { FindParts } from './finding.ts'
import type { Parts } from './networked.ts'
import type { Wanted } from './part-file.ts'
import type { Seed } from './seeding.ts'

export const fetchRelease = networkCommand({
  help: `marquee release fetch --app ID --channel NAME --platform P --root HEX… --state FILE --out DIR [--server URL]… [--relay URL]… [more]

Finds the latest release at servers and relays, verifies it, and gets its files into DIR: from peers that advertise them, and from the origin where they fail. Each
file is checked by both hashes; what came of one goes on where it was, after a kill too. Nothing is installed. The documents are in DIR/.release.
  --platform P        as linux-x86_64; --image NAME: that OCI image, as a layout in DIR/NAME
  --root HEX          the pinned release root; --state FILE: what was seen before is kept here
  --server URL        a server with the catalog, or --relay URL, or both; each may stand often
  --installed N       the sequence that runs here
  --through           where the latest cannot be upgraded to from N: also the releases on the way there, each verified; every release into DIR/VERSION.
                      Install them in the order in which they are told, and tell what runs after each
  --advertise URL     tells others that these files are had at this Blossom server, the node's own; --key FILE: the node's Nostr key, else MARQUEE_NSEC
  --private-peers     peers may be in private networks
  --json              for programs
${NETWORK_HELP}
Exit codes: 0 the files are there, or it is installed; 1 it is refused, too old (stale), or a file could not be had; 2 the command is off.`,
  options: {
    'app': { type: 'string' }, 'channel': { type: 'string' }, 'platform': { type: 'string' }, 'image': { type: 'string' }, 'root': { type: 'string', multiple: true }, 'state': { type: 'string' },
    'out': { type: 'string' }, 'installed': { type: 'string' }, 'advertise': { type: 'string' }, 'key': { type: 'string' }, 'private-peers': { type: 'boolean' }, 'through': { type: 'boolean' }, 'json': { type: 'boolean' }
  },
  run: async (parts, calls) => {
    const out = needed(parts.values, 'out')
    await mkdir(join(out, DOCUMENTS), { recursive: true })
    // two that write one file would each have hashed other bytes than lie there in the end
    const letGo = await hold('fetch', await realpath(out))
    if (letGo === null) {
      parts.terminal.err(`marquee release: another fetch is at work in ${out}`)
      return 1
    }
    return fetchInto(out, parts, calls).finally(letGo)
  }
})

async function fetchInto (out: string, { values, terminal }: Parts, calls: CallParts): Promise<number> {
  const [app, channel, statePath] = [needed(values, 'app'), needed(values, 'channel'), needed(values, 'state')]
  const [platform, image] = [textIn(values, 'platform'), textIn(values, 'image')]
  if (platform === null && image === null) throw new Misuse('--platform or --image is missing')
  const [servers, relays, roots] = [serversIn(values), relaysIn(values), rootsIn(values)]
  if (servers.length + relays.length === 0) throw new Misuse('--server URL or --relay URL: from whom?')
  const installed = wholeIn(values, 'installed', 1)
  const say = (line: string): void => { terminal.err(plain(line)) }
  const getting = new Getting({ values, calls, servers, relays, say, onProgress: progressOf(terminal) })
  const through = values['through'] === true
  const state = await readState(statePath)
  const finding: FindParts = {
    app, channel, servers, relays, roots, say, state, now: seconds(), ...(installed === null ? {} : { installed }),
    fetchManifest: async (named, origins) => {
      // those on the way are several
      const path = join(out, DOCUMENTS, through ? `${named.sha256}.json` : MANIFEST_FILE)
      try {
        // what events say is the word of one key on Nostr, and no more than a peer's
        await getting.get(path, named, [], origins)
        return await readFile(path)
      } catch (error) {
        if (!(error instanceof DownloadFailed)) throw error
        say(error.message)
        return null
      }
    }
  }
  const found = await findRelease(finding)
  const { verified: { verdict, checks, newState, manifest } } = found
  await keepState(statePath, newState)
  const runs = installed ?? channelOf(newState, app, channel)?.installed ?? null
  const steps = through && runs !== null && needsIntermediate(found) ? await stepsTo(found, { ...finding, installed: runs, suits: (each) => lacks(each, platform, image) === null }) : []
  const faults = checks.flatMap(({ name, code, reason }) => code === undefined ? [] : [{ check: name, code, reason }])
  const into = { values, terminal, calls, servers, relays, say, getting, app, channel, platform, image, bundle: found.bundle, pointer: found.pointer }
  if (steps !== null && steps.length > 0) {
    const way = [...steps, { manifest: manifest!, bytes: found.manifest! }]
    say(`${way.length} releases, to be installed in this order: ${way.map(({ manifest: { version, sequence } }) => `${version} (${sequence})`).join(', ')}`)
    // what an event says otherwise of the latest changes nothing, and is told
    const others = faults.filter(({ code }) => code !== 'INTERMEDIATE_REQUIRED')
    for (const { check, code, reason = '' } of others) say(`${check}: ${reason} (${code})`)
    for (const step of way) {
      const code = await getRelease(join(out, step.manifest.version), { ...into, ...step, faults: step.manifest === manifest ? others : [] })
      if (code !== 0) return code
    }
    return 0
  }
  if (steps === null) say('no way there is known: no server or relay tells of releases between them that may be installed')
  for (const { check, code, reason = '' } of faults) say(`${check}: ${reason} (${code})`)
  if (verdict !== 'install') {
    if (values['json'] === true) terminal.out(factsOf({ app, channel, verdict, manifest, faults }, []))
    if (values['json'] !== true) terminal.out(`${app} ${channel}: ${{ stay: 'the latest is installed', stale: 'stale: nothing new is installed, what runs runs on', refused: 'refused' }[verdict]}`)
    return verdict === 'stay' ? 0 : 1
  }
  return getRelease(through ? join(out, manifest!.version) : out, { ...into, manifest: manifest!, bytes: found.manifest!, faults })
}

function factsOf ({ app, channel, verdict, manifest, faults }: { app: string, channel: string, verdict: Verdict, manifest: ReleaseManifest | null, faults: readonly object[] }, files: readonly object[]): string {
  return JSON.stringify({ app, channel, verdict, version: manifest?.version ?? null, sequence: manifest?.sequence ?? null, faults, files })
}

interface Release extends Pick<Parts, 'values' | 'terminal'> {
  calls: CallParts
  servers: string[]
  relays: string[]
  say: (line: string) => void
  getting: Getting
  app: string
  channel: string
  platform: string | null
  image: string | null
  bundle: Buffer | null
  pointer: Buffer | null
  /** Verified, and its bytes. */
  manifest: ReleaseManifest
  bytes: Buffer
  /** What was found and changed no verdict. */
  faults: readonly object[]
}

/** The files of a release that may be installed, into a folder. The exit code. */
async function getRelease (out: string, release: Release): Promise<number> {
  const { values, terminal, calls, servers, relays, say, getting, app, channel, platform, image, manifest } = release
  await mkdir(join(out, DOCUMENTS), { recursive: true })
  const tell = (files: object[]): void => { if (values['json'] === true) terminal.out(factsOf({ ...release, verdict: 'install' }, files)) }
  const files = filesOf(manifest, platform, image)
  const lacking = lacks(manifest, platform, image)
  if (lacking !== null) throw new Misuse(`the release has nothing for ${lacking}`)
  await getting.askPeers(files.map(({ artifact }) => artifact.sha256))
  const got: { path: string, sha256: string, from: string[], resumed: number }[] = []
  try {
    for (const { name, artifact } of files) {
      const path = join(out, name)
      await mkdir(dirname(path), { recursive: true })
      const wanted = { sha256: artifact.sha256, blake3: artifact.blake3, size: artifact.size_bytes }
      got.push({ path, sha256: artifact.sha256, ...await getting.get(path, wanted, artifact.urls) })
    }
  } catch (error) {
    if (!(error instanceof DownloadFailed)) throw error
    say(error.message)
    tell(got)
    return 1
  }
  if (image !== null) await writeDurably(join(out, image, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  // so that `marquee release verify` of them says the same
  for (const [name, bytes] of [[BUNDLE_FILE, release.bundle], [POINTER_FILE, release.pointer], [MANIFEST_FILE, release.bytes]] as const) if (bytes !== null) await writeDurably(join(out, DOCUMENTS, name), bytes)
  tell(got)
  if (values['json'] !== true) {
    for (const { path, from } of got) terminal.out(`${path}: ${from.length === 0 ? 'was there' : `from ${from.join(', ')}`}`)
    terminal.out(`${app} ${manifest.version} (${channel}, sequence ${manifest.sequence}): it may be installed`)
  }
  await advertise(values, terminal, calls, { servers, relays, say }, files.map(({ artifact }, i) => (
    { path: got[i]!.path, sha256: artifact.sha256, blake3: artifact.blake3, size: artifact.size_bytes, type: artifact.m })))
  return 0
}

/** Below the folder: no file of a release is named so. */
const DOCUMENTS = '.release'

const seconds = (): number => Math.floor(Date.now() / 1000)

/** What of a release is wanted, and its name below the folder. A manifest's names are no paths: its schema sees to that. */
function filesOf (manifest: ReleaseManifest, platform: string | null, image: string | null): { name: string, artifact: ReleaseArtifact }[] {
  const seen = new Set<string>()
  return artifactsOf(manifest).flatMap((artifact) => {
    const { name, role, sha256 } = artifact
    if (role === 'component') return artifact.platform === platform ? [{ name, artifact }] : []
    if (name !== image) return []
    // the first index is the layout's own; an index within it is a blob as all others are
    const top = role === 'index' && !seen.has('index.json')
    const path = top ? join(name, 'index.json') : join(name, 'blobs', 'sha256', sha256)
    if (seen.has(path)) return []
    seen.add(path)
    if (top) seen.add('index.json')
    return [{ name: path, artifact }]
  })
}

/** What was asked for and is not in it. */
function lacks (manifest: ReleaseManifest, platform: string | null, image: string | null): string | null {
  const files = filesOf(manifest, platform, image)
  if (platform !== null && !files.some(({ artifact }) => artifact.role === 'component')) return platform
  return image !== null && !files.some(({ artifact }) => artifact.role !== 'component') ? image : null
}

async function advertise (values: Parts['values'], terminal: Parts['terminal'], calls: CallParts, to: { servers: string[], relays: string[], say: (line: string) => void }, files: readonly Seed[]): Promise<void> {
  const [at] = serversIn({ server: textIn(values, 'advertise') === null ? [] : [textIn(values, 'advertise')!] })
  if (at === undefined) return
  const signer = await openSigner({ key: textIn(values, 'key'), env: terminal.env, say: to.say })
  try {
    const told = await seed(files, { calls, signer, at, ...to })
    to.say(`${told} of ${files.length} files are advertised at ${at}`)
  } finally {
    signer.close()
  }
}

interface GettingParts {
  values: Parts['values']
  calls: CallParts
  servers: string[]
  relays: string[]
  say: (line: string) => void
  onProgress: { show: (line: string) => void, end: () => void }
}

/** Gets one file after the other, and remembers who failed. */
class Getting {
  readonly #parts: GettingParts
  readonly #dropped = new Map<string, string>()
  readonly #peers = new Map<string, string[]>()
  #bytes = 0

  constructor (parts: GettingParts) {
    this.#parts = parts
  }

  async askPeers (hashes: readonly string[]): Promise<void> {
    const { calls, servers, relays, say, values } = this.#parts
    const wanted = hashes.filter((hash) => !this.#peers.has(hash))
    const own = textIn(values, 'advertise')
    const found = await peersOf(wanted, { calls, servers, relays, say, now: seconds(), except: own === null ? null : new URL(own).origin })
    for (const [hash, origins] of found) this.#peers.set(hash, origins)
  }

  /** Rejects with DownloadFailed or what the disk said. */
  async get (path: string, wanted: Wanted, places: readonly string[], hearsay: readonly string[] = []): Promise<{ from: string[], resumed: number }> {
    const { values, servers, say, onProgress } = this.#parts
    await this.askPeers([wanted.sha256])
    const origins = places.filter((url) => /^https?:\/\//.test(url) && URL.canParse(url))
    const known = new Set([...origins, ...servers].map((url) => new URL(url).origin))
    // who is an origin and advertises what it has is asked as the origin that it is
    const isOrigin = (server: string): boolean => origins.some((url) => new URL(url).origin === server)
    const sources: Source[] = [
      ...[...new Set([...this.#peers.get(wanted.sha256) ?? [], ...hearsay])].filter((server) => !isOrigin(server)).map((server) => (
        // one that the operator named may be anywhere, whoever else names it
        { url: `${server}/${wanted.sha256}`, peer: !servers.includes(server) })),
      ...[...new Set([...origins, ...servers.map((server) => `${server}/${wanted.sha256}`)])].map((url) => ({ url, peer: false }))
    ]
    const before = new Set(this.#dropped.keys())
    // one that failed with another file is another matter where it is the origin: it always has its chance
    const dropped = new Map([...this.#dropped].filter(([server]) => !known.has(server)))
    try {
      const got = await download(path, {
        wanted, sources, dropped, mayAsk: (url, peer) => judgeAddress(url, peer, values['private-peers'] === true),
        lookup: values['private-peers'] === true ? undefined : lookupPublic,
        onProgress: (bytes) => { onProgress.show(`${this.#bytes += bytes} bytes`) }
      })
      return got
    } finally {
      onProgress.end()
      for (const [server, why] of dropped) {
        if (!before.has(server)) say(`${server} ${why}`)
        this.#dropped.set(server, why)
      }
    }
  }
}
