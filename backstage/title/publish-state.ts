// How far the publishing of a build is: publish.json in its folder, written durably at each step that must not be taken twice. What is on the servers is
// not in it: they are asked. No secret is in it.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isEvent } from '../../server/auth/signature.ts'
import { writeDurably } from '../durable.ts'
import { TitleFault } from './faults.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

export const PUBLISH_FILE = 'publish.json'
const SCHEMA = 'marquee.film-publish/1'

export interface PublishState {
  schema: typeof SCHEMA
  /** `34235:<pubkey>:<d>` */
  address: string
  servers: string[]
  relays: string[]
  /** The keys, sealed to their creator (sealed-keys.ts): the sealed text, its sha256, the sha256 of what is sealed, and the sealed name of it. */
  sealed: { sha256: string, text: string, of: string, name: string } | null
  /** The signed title, and the sha256 of what it was made from: the same again is not signed again. */
  title: { event: SignedEvent, of: string } | null
  /** Unix seconds of the first title. */
  publishedAt: number | null
  /** Every place took the title. */
  done: boolean
}

/** Null where nothing was published from this folder. Rejects with TitleFault for a file that is none of ours. */
export async function readPublishState (folder: string): Promise<PublishState | null> {
  let text: string
  try {
    text = await readFile(join(folder, PUBLISH_FILE), 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
  const state = parse(text)
  if (state === null) throw new TitleFault(`${join(folder, PUBLISH_FILE)} is damaged; without it everything is looked for anew`)
  return state
}

function parse (text: string): PublishState | null {
  let value: Partial<PublishState> | null
  try {
    value = JSON.parse(text) as Partial<PublishState> | null
  } catch {
    return null
  }
  const texts = (list: unknown): boolean => Array.isArray(list) && list.every((each) => typeof each === 'string')
  const good = value?.schema === SCHEMA && typeof value.address === 'string' && texts(value.servers) && texts(value.relays) &&
    (value.title === null || isEvent(value.title?.event)) && (value.sealed === null || typeof value.sealed?.text === 'string')
  return good ? value as PublishState : null
}

export async function writePublishState (folder: string, state: PublishState): Promise<void> {
  await writeDurably(join(folder, PUBLISH_FILE), `${JSON.stringify(state, null, 2)}\n`)
}

export function newPublishState (address: string): PublishState {
  return { schema: SCHEMA, address, servers: [], relays: [], sealed: null, title: null, publishedAt: null, done: false }
}

/** A name for what something was made from. */
export function fingerprint (...facts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}
