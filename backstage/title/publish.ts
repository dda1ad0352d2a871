// Publishes a finished build: blobs to every server, keys to the one that keeps them, then the signed title to catalogs and relays. Each step is asked for
// or written down before the next, so that a run that was broken off anywhere is simply run again.

import { join } from 'node:path'
import { formatNaddr, parseAddressName } from '../../server/catalog/address.ts'
import { completeTitle } from '../film/title-of.ts'
import { BLOBS_FOLDER, readBuild, readKeys } from '../film/film-build.ts'
import { holdFolder } from '../film/folder-hold.ts'
import { TitleFault } from './faults.ts'
import { findTitle } from './finding.ts'
import { KeyServer } from './key-server.ts'
import { fingerprint, newPublishState, readPublishState, writePublishState } from './publish-state.ts'
import { SEALED_TAG, SEALED_TYPE, sealKeys } from './sealed-keys.ts'
import { checkDraft, nextVersionAt, signChecked } from './signing.ts'
import { report, tellAll } from './telling.ts'
import { uploadAll } from './uploading.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { FilmBuild, FilmKeys } from '../film/film-build.ts'
import type { Signer } from '../signer.ts'
import type { Named } from './finding.ts'
import type { PublishState } from './publish-state.ts'
import type { Places, Session } from './session.ts'
import type { LocalBlob } from './uploading.ts'

export interface PublishParts extends Places {
  folder: string
  /** URL of the keys; null for an open film. */
  access: string | null
  mirror: boolean
}

export function addressOfBuild ({ event: { kind }, pubkey, d }: FilmBuild): string {
  return `${kind}:${pubkey}:${d}`
}

/** The exit code. Rejects with TitleFault, KeyFault, ServerRefusal, NetworkFault or FilmFault; IN_USE where another program publishes the folder. */
export async function publishBuild (session: Session, signer: Signer, parts: PublishParts): Promise<0 | 1> {
  const release = await holdFolder(parts.folder)
  try {
    return await publishHeld(session, signer, parts)
  } finally {
    release()
  }
}

async function publishHeld (session: Session, signer: Signer, parts: PublishParts): Promise<0 | 1> {
  const { folder, servers, relays, access, mirror } = parts
  const [film, keys] = [await readBuild(folder), await readKeys(folder)]
  if (film.pubkey !== signer.pubkey) throw new TitleFault('this folder was built for another key')
  if (film.encrypted && keys === null) throw new TitleFault('the keys of this build are gone: keys.json is not in its folder')
  const address = addressOfBuild(film)
  const before = await readPublishState(folder)
  const state: PublishState = { ...(before?.address === address ? before : newPublishState(address)), servers: [...servers], relays: [...relays], done: false }
  // what nobody would take is told before hours of upload
  checkDraft(completeTitle(film, { servers, access, createdAt: 0, publishedAt: 0 }), signer.pubkey)

  if (keys !== null) state.sealed = await sealKeys(keys, signer, state.sealed)
  const of = fingerprint(film.event, servers, access, state.sealed?.sha256 ?? null)
  if (state.title?.of === of) await newestOf(session, parts, state)
  await writePublishState(folder, state)
  const blobs = [...blobsOf(film, folder), ...sealedBlobs(state)]
  await uploadAll(session, signer, { blobs, servers, mirror })
  if (keys !== null) await handIn(session, signer, { access: access!, address, keys })

  const event = await titleEvent(session, signer, film, parts, { state, of })
  await writePublishState(folder, state)
  let told = await tellAll(session, { servers, relays }, [event], signer)
  // a server that lost something since it was asked is sent it again, once
  if (told.some(({ missing }) => missing.length > 0)) {
    await uploadAll(session, signer, { blobs, servers, mirror: false })
    told = await tellAll(session, { servers, relays }, [event], signer)
  }
  const naddr = formatNaddr(parseAddressName(address))
  session.tell(`${film.text.title}\n  ${naddr}`, { published: address, naddr, id: event.id, servers, relays, keys: access })
  const code = report(session, told, 'the title')
  state.done = code === 0
  await writePublishState(folder, state)
  if (code === 1) session.progress.note('not everybody was told: run it again, and those who were not are told')
  return code
}

function blobsOf ({ files }: FilmBuild, folder: string): LocalBlob[] {
  return files.map(({ sha256, size, type, name }) => ({ sha256, size, type, name, body: { path: join(folder, BLOBS_FOLDER, name), size } }))
}

function sealedBlobs ({ sealed }: PublishState): LocalBlob[] {
  if (sealed === null) return []
  const body = Buffer.from(sealed.text)
  return [{ sha256: sealed.sha256, size: body.length, type: SEALED_TYPE, name: `${sealed.sha256}.txt`, body }]
}

/** Keys come before the title that needs them; the same again changes nothing. */
export async function handIn ({ calls, progress }: Pick<Session, 'calls' | 'progress'>, signer: Signer, { access, address, keys }: { access: string, address: string, keys: FilmKeys }): Promise<void> {
  const stage = progress.stage('keys', { total: keys.keys.length, unit: 'blobs' })
  await new KeyServer({ url: access, calls, signer, address }).handIn(keys.keys)
  stage.at(keys.keys.length)
  stage.end()
}

/** The title to be told: that of an earlier run where nothing about it changed, else a new version. Changes `state`. */
async function titleEvent (session: Session, signer: Signer, film: FilmBuild, parts: PublishParts, { state, of }: { state: PublishState, of: string }): Promise<SignedEvent> {
  const { servers, access } = parts
  if (state.title?.of === of) {
    await newestOf(session, parts, state)
    return state.title.event
  }
  const found = await findTitle(session, namedBy(state, parts))
  const createdAt = nextVersionAt(found?.versions ?? [])
  state.publishedAt ??= found?.title.publishedAt ?? createdAt
  const draft = completeTitle(film, { servers, access, createdAt, publishedAt: state.publishedAt })
  if (state.sealed !== null) draft.tags.push([SEALED_TAG, state.sealed.name])
  state.title = { event: await signChecked(draft, signer), of }
  return state.title.event
}

/** Rejects with TitleFault when what was published from this folder is no longer what stands. */
async function newestOf (session: Session, parts: Places, state: PublishState): Promise<void> {
  const found = await findTitle(session, namedBy(state, parts))
  if (found === null || found.event.id === state.title?.event.id) return
  throw new TitleFault('a newer version of this title stands already, made by `film update` or elsewhere: nothing is published over it')
}

function namedBy (state: PublishState, { servers, relays }: Places): Named {
  return { address: parseAddressName(state.address), text: state.address, places: { servers: [...servers], relays: [...relays] }, state, folder: null }
}
