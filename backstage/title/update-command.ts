// `marquee film update`: another text, poster or list of servers for a film that stays as it is.

import { readFile } from 'node:fs/promises'
import { blake3 } from '@napi-rs/blake-hash'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { buildManifest } from '../../server/catalog/manifest.ts'
import { valueOf } from '../../server/catalog/tags.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { BlossomTokens } from '../http/tokens.ts'
import { eachOf } from '../http/parallel.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { TitleFault } from './faults.ts'
import { blobsOfTitle, readManifest } from './film-blobs.ts'
import { nameTitle, requireCreator, requireTitle } from './finding.ts'
import { SEALED_TAG } from './sealed-keys.ts'
import { COMMON_HELP, originsOf, textIn, textsIn, titleCommand } from './session.ts'
import { nextVersionAt, signChecked } from './signing.ts'
import { report, tellAll } from './telling.ts'
import { editTitle } from './title-edit.ts'
import { missingAt, uploadAll } from './uploading.ts'
import type { FilmManifest } from '../../server/catalog/manifest.ts'
import type { Title } from '../../server/catalog/kinds/title.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Signer } from '../signer.ts'
import type { Parts, Session } from './session.ts'
import type { TitleEdit } from './title-edit.ts'
import type { LocalBlob } from './uploading.ts'

export const update = titleCommand({
  name: 'update',
  help: `marquee film update FILM [--title TEXT] [--summary TEXT] [--tag WORD]… [--poster FILE] [--add-server URL]… [--drop-server URL]…

Publishes a newer version of a title; the film itself stays as it is.
FILM is naddr1…, 34235:<pubkey>:<d>, or the folder it was published from.
  --tag WORD          a topic; those given take the place of all before, and an empty one of none
  --poster FILE       a JPEG, PNG or WebP
  --add-server URL    brings every blob there first
  --drop-server URL   names it no more; its blobs stay there
${COMMON_HELP}`,
  options: {
    'title': { type: 'string' }, 'summary': { type: 'string' }, 'tag': { type: 'string', multiple: true }, 'poster': { type: 'string' },
    'add-server': { type: 'string', multiple: true }, 'drop-server': { type: 'string', multiple: true }
  },
  words: true,
  run: async (session, parts) => {
    const edit = textEdit(parts)
    const [added, dropped] = [originsOf(textsIn(parts.values, 'add-server'), '--add-server'), originsOf(textsIn(parts.values, 'drop-server'), '--drop-server')]
    const poster = textIn(parts.values, 'poster')
    if (Object.keys(edit).length + added.length + dropped.length === 0 && poster === null) throw new TitleFault('what is to change?', 2)
    if (parts.words.length > 1) throw new TitleFault('one film at a time', 2)
    const named = await nameTitle(parts.words[0], parts)
    const signer = await requireCreator(session, named)
    const found = await requireTitle(session, named)
    const { title, event } = found
    if (title.status === 'withdrawn') throw new TitleFault('this film is withdrawn')
    const servers = [...new Set([...title.servers, ...added])].filter((origin) => !dropped.includes(origin))
    if (servers.length === 0) throw new TitleFault('a title needs a server', 2)

    if (added.length + dropped.length > 0) edit.servers = servers
    const from = title.servers.map((origin) => session.server(origin))
    const manifest = added.length > 0 || poster !== null ? await readManifest(title, from) : null
    if (added.length > 0) await bringAll(session, signer, { title, event, manifest: manifest!, to: added.filter((origin) => !title.servers.includes(origin)) })
    if (poster !== null) Object.assign(edit, await newPoster(session, signer, { path: poster, manifest: manifest!, servers }))

    const next = await signChecked(editTitle(event, edit, nextVersionAt(found.versions)), signer)
    const told = await tellAll(session, { servers: [...new Set([...named.places.servers, ...title.servers, ...servers])], relays: named.places.relays }, [next], signer)
    session.tell(`updated: ${valueOf(next.tags, 'title') ?? named.text}`, { updated: named.text, id: next.id })
    return report(session, told, 'the title')
  }
})

function textEdit ({ values }: Parts): TitleEdit {
  const [title, summary, topics] = [textIn(values, 'title'), textIn(values, 'summary'), textsIn(values, 'tag')]
  if (title?.trim() === '') throw new TitleFault('a title needs a name', 2)
  return {
    ...(title === null ? {} : { title: title.trim() }), ...(summary === null ? {} : { summary }),
    ...(topics.length === 0 ? {} : { topics: [...new Set(topics.map((topic) => topic.trim().toLowerCase()).filter((topic) => topic !== ''))] })
  }
}

/** Every blob of the film to new servers: they fetch it from those that have it, and where they cannot it goes by way of this machine. */
async function bringAll (session: Session, signer: Signer, { title, event, manifest, to }: { title: Title, event: SignedEvent, manifest: FilmManifest, to: readonly string[] }): Promise<void> {
  const blobs = blobsOfTitle(title, manifest).map(({ sha256, size, type, name }) => ({ sha256, size: size ?? -1, type, name }))
  const sealed = valueOf(event.tags, SEALED_TAG)
  if (sealed !== null) {
    const sha256 = await signer.unseal(sealed)
    blobs.push({ sha256, size: -1, type: 'text/plain', name: `${sha256}.txt` })
  }
  const sources = title.servers.map((origin) => session.server(origin))
  const tokens = new BlossomTokens({ signer, verb: 'upload', servers: to, hashes: blobs.map(({ sha256 }) => sha256) })
  for (const origin of to) {
    const server = session.server(origin)
    const there = new Set(blobs.map(({ sha256 }) => sha256))
    for (const { sha256 } of await missingAt(server, blobs)) there.delete(sha256)
    const wanted = blobs.filter(({ sha256 }) => !there.has(sha256))
    const stage = session.progress.stage(`copy to ${new URL(origin).host}`, { total: blobs.length, unit: 'blobs', before: there.size })
    let done = there.size
    await eachOf(wanted, 4, async ({ sha256, size, type, name }) => {
      await bring(server, sources, { sha256, size, type, name }, tokens)
      stage.at(++done)
    })
    stage.end()
  }
}

const MOST_BY_WAY_OF_HERE = 256 * 1024 * 1024

type Source = ReturnType<Session['server']>

async function bring (server: Source, sources: readonly Source[], blob: { sha256: string, size: number, type: string, name: string }, tokens: BlossomTokens): Promise<void> {
  for (const { origin } of sources) {
    try {
      return await server.mirror(blob, `${origin}/${blob.name}`, tokens)
    } catch (error) {
      if (!(error instanceof ServerRefusal)) throw error
    }
  }
  for (const source of sources) {
    const bytes = await source.bytes(blob.sha256, MOST_BY_WAY_OF_HERE)
    if (bytes === null || sha256Hex(bytes) !== blob.sha256) continue
    return server.upload({ ...blob, size: bytes.length }, bytes, tokens)
  }
  throw new TitleFault(`no server of this title has ${blob.sha256}`)
}

const PICTURES: readonly (readonly [type: string, extension: string, is: (bytes: Buffer) => boolean])[] = [
  ['image/jpeg', 'jpg', (bytes) => bytes.subarray(0, 3).toString('hex') === 'ffd8ff'],
  ['image/png', 'png', (bytes) => bytes.subarray(0, 8).toString('hex') === '89504e470d0a1a0a'],
  ['image/webp', 'webp', (bytes) => bytes.subarray(0, 4).toString('latin1') === 'RIFF' && bytes.subarray(8, 12).toString('latin1') === 'WEBP']
]

/** Uploads a poster, and the manifest that names it. */
async function newPoster (session: Session, signer: Signer, { path, manifest, servers }: { path: string, manifest: FilmManifest, servers: readonly string[] }): Promise<TitleEdit> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw new TitleFault(`the poster cannot be read: ${(error as Error).message}`)
  }
  const [type, extension] = PICTURES.find(([, , is]) => is(bytes)) ?? []
  if (type === undefined) throw new TitleFault(`${path} is no JPEG, PNG or WebP`)
  const blob = (content: Buffer, of: string, ext: string): LocalBlob & { blake3: string } => {
    const sha256 = sha256Hex(content)
    return { sha256, blake3: blake3(content).toString('hex'), size: content.length, type: of, name: `${sha256}.${ext}`, body: content }
  }
  const picture = blob(bytes, type, extension!)
  const { schema, aggregate, ...facts } = manifest
  void [schema, aggregate] // both are made anew
  const described = blob(manifestWith(facts, { sha256: picture.sha256, blake3: picture.blake3, size: picture.size, type }), 'application/vnd.indeehub.film+json', 'json')
  await uploadAll(session, signer, { blobs: [picture, described], servers, mirror: false })
  return { poster: picture.name, manifest: { sha256: described.sha256, blake3: described.blake3, size: described.size } }
}

function manifestWith (facts: Parameters<typeof buildManifest>[0], poster: NonNullable<FilmManifest['poster']>): Buffer {
  try {
    return buildManifest({ ...facts, poster }).bytes
  } catch (error) {
    if (error instanceof CatalogFault) throw new TitleFault(error.message)
    throw error
  }
}
