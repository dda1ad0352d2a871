// `marquee release make`: the manifest of a release from its files and images, ready to be signed, in a folder that says where each file lies.

import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import mime from 'mime'
import { PLATFORMS } from '../../server/catalog/kinds/platforms.ts'
import { RELEASE_MANIFEST_LIMIT, RELEASE_MANIFEST_NAME, buildReleaseManifest, parseReleaseManifest } from '../../server/release/manifest-v2.ts'
import { readImageLayout } from './image-layout.ts'
import { readLimited, writeDurably } from './files.ts'
import { measure } from './measure.ts'
import { Misuse, needed, releaseCommand, textIn, textsIn, wholeIn } from './misuse.ts'
import type { Component, ReleaseImage, ReleaseManifest } from '../../server/release/manifest-v2.ts'

/** Where `make` writes into its folder, and `publish` reads. */
export const MANIFEST_FILE = 'manifest.json'
export const FILES_FILE = 'files.json'
export const FILES_NAME = 'marquee.release-files/1'

export const make = releaseCommand({
  help: `marquee release make --app ID --channel NAME --version V --sequence N --server URL… --out DIR
                     [--component NAME:PLATFORM:FILE]… [--image DIR]… [--previous FILE] [--changelog WORDS]… [more]

Measures the files of a release and writes DIR/${MANIFEST_FILE}, to be signed (marquee release sign DIR), and DIR/${FILES_FILE}, which tells \`marquee release
publish\` where each file lies.
  --app ID                  as org.example.app
  --channel NAME            as stable
  --version V               as 1.8.0; --sequence N counts releases of the application on the channel and only grows
  --server URL              where the files will be, at URL/<sha256>; the first is the origin
  --component N:P:FILE      a file, for a platform of NIP-82 as linux-x86_64
  --image DIR               an OCI image layout, named after its folder; each of its blobs becomes a file
  --previous FILE           the manifest before: fills in current_version, the floor and from where one may upgrade
  --min-sequence N          from where one may upgrade; older nodes go through an intermediate release
  --rollback-floor N        nodes at N or above may not go below it
  --changelog WORDS         a line of it
  --release-date DATE       today
  --probe NAME:PROBE        what a node does after installing the component, as archipelago:health
  --valid-days N            after which it is not installed any more; without it is good for ever`,
  options: {
    'app': { type: 'string' }, 'channel': { type: 'string' }, 'version': { type: 'string' }, 'sequence': { type: 'string' }, 'server': { type: 'string', multiple: true }, 'out': { type: 'string' },
    'component': { type: 'string', multiple: true }, 'image': { type: 'string', multiple: true }, 'previous': { type: 'string' }, 'min-sequence': { type: 'string' },
    'rollback-floor': { type: 'string' }, 'changelog': { type: 'string', multiple: true }, 'release-date': { type: 'string' }, 'probe': { type: 'string', multiple: true }, 'valid-days': { type: 'string' }
  },
  run: async ({ values, terminal }) => {
    const [app, channel, version, out] = [needed(values, 'app'), needed(values, 'channel'), needed(values, 'version'), needed(values, 'out')]
    const sequence = wholeIn(values, 'sequence', 1)
    if (sequence === null) throw new Misuse('--sequence is missing')
    const servers = textsIn(values, 'server').map(originOf)
    if (servers.length === 0) throw new Misuse('--server URL is missing: where will the files be?')
    const before = await previousOf(textIn(values, 'previous'), { app, channel, sequence })
    const paths = new Map<string, string>()
    const images: ReleaseImage[] = []
    for (const folder of textsIn(values, 'image')) {
      const image = await readImageLayout(resolve(folder))
      images.push({ name: basename(resolve(folder)), artifacts: image.artifacts })
      for (const [sha256, path] of image.paths) paths.set(sha256, path)
    }
    const probes = new Map(textsIn(values, 'probe').map((text) => splitOnce(text, 'probe')))
    const components: Component[] = []
    for (const text of textsIn(values, 'component')) {
      const { name, platform, path } = componentIn(text)
      const { sha256, blake3, size } = await measure(path)
      paths.set(sha256, path)
      const probe = probes.get(name)
      components.push({
        name, platform, new_version: version, current_version: before?.components.find((each) => each.name === name && each.platform === platform)?.new_version ?? before?.version ?? '',
        download_url: `${servers[0]!}/${sha256}`, ...(servers.length === 1 ? {} : { urls: servers.slice(1).map((server) => `${server}/${sha256}`) }), sha256, blake3, size_bytes: size,
        m: mime.getType(path) ?? 'application/octet-stream', ...(probe === undefined ? {} : { post_apply_probe: probe })
      })
    }
    const now = Math.floor(Date.now() / 1000)
    const validDays = wholeIn(values, 'valid-days', 1)
    const manifest: ReleaseManifest = {
      schema: RELEASE_MANIFEST_NAME, app, channel, version, sequence,
      min_sequence_to_upgrade_from: wholeIn(values, 'min-sequence') ?? before?.min_sequence_to_upgrade_from ?? 0,
      rollback_floor: wholeIn(values, 'rollback-floor') ?? before?.rollback_floor ?? 0,
      release_date: textIn(values, 'release-date') ?? new Date(now * 1000).toISOString().slice(0, 10),
      changelog: textsIn(values, 'changelog'), ...(validDays === null ? {} : { expires_at: now + validDays * 86400 }),
      servers, components, ...(images.length === 0 ? {} : { images }), signatures: []
    }
    const bytes = buildReleaseManifest(manifest)
    await writeDurably(join(out, FILES_FILE), `${JSON.stringify({ schema: FILES_NAME, files: Object.fromEntries(paths) })}\n`)
    await writeDurably(join(out, MANIFEST_FILE), bytes)
    terminal.out(`${app} ${version} (${channel}, sequence ${sequence}): ${paths.size} files, to be signed: ${join(out, MANIFEST_FILE)}`)
    return 0
  }
})

async function previousOf (path: string | null, { app, channel, sequence }: Pick<ReleaseManifest, 'app' | 'channel' | 'sequence'>): Promise<ReleaseManifest | null> {
  if (path === null) return null
  const file = (await stat(path)).isDirectory() ? join(path, MANIFEST_FILE) : path
  const before = parseReleaseManifest(await readLimited(file, RELEASE_MANIFEST_LIMIT))
  if (before.app !== app || before.channel !== channel) throw new Misuse(`--previous is of ${before.app} (${before.channel})`)
  if (before.sequence >= sequence) throw new Misuse(`--sequence must be above ${before.sequence}`)
  return before
}

function originOf (url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new Misuse(`--server must be an http or https URL: ${url}`)
  return new URL(url).origin
}

function splitOnce (text: string, option: string): [string, string] {
  const at = text.indexOf(':')
  if (at < 1) throw new Misuse(`--${option} must be NAME:…: ${text}`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function componentIn (text: string): { name: string, platform: string, path: string } {
  const [name, rest] = splitOnce(text, 'component')
  const [platform, path] = splitOnce(rest, 'component')
  if (!PLATFORMS.includes(platform)) throw new Misuse(`${platform} is no platform of ${PLATFORMS.join(', ')}`)
  return { name, platform, path: resolve(path) }
}
