// What tests ask of the key room, with a fresh right token each time.

import { randomBytes } from 'node:crypto'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { Test } from 'tap'
import type { StorePlace } from './children.ts'
import type { Signer } from './keys.ts'
import type { Minio } from './minio.ts'

export interface FilmKey {
  /** 16 hex digits. */
  id: string
  key: Buffer
}

export function newFilmKey (): FilmKey {
  return { id: randomBytes(8).toString('hex'), key: randomBytes(16) }
}

export function titleOf ({ pubkey }: Signer, d = 'film'): string {
  return `34235:${pubkey}:${d}`
}

/** A NIP-98 header that is good once: two of one second that say the same would be one event. */
export function onceToken (url: string, signer: Signer, method: string, path: string, payload: string | null = null): string {
  const tags = [['u', `${url}${path}`], ['method', method], ...(payload === null ? [] : [['payload', payload]])]
  return signer.header({ kind: 27235, created_at: Math.floor(Date.now() / 1000), tags, content: randomBytes(8).toString('hex') })
}

/** A signed call of `path`, its body's hash in the token. */
export function callKeys (url: string, signer: Signer, method: string, path: string, body?: unknown): Promise<Response> {
  if (body === undefined) return fetch(`${url}${path}`, { method, headers: { authorization: onceToken(url, signer, method, path) } })
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const authorization = onceToken(url, signer, method, path, sha256Hex(Buffer.from(text)))
  return fetch(`${url}${path}`, { method, body: text, headers: { authorization, 'content-type': 'application/json' } })
}

export function putKey (url: string, signer: Signer, { id, key }: FilmKey, title = titleOf(signer)): Promise<Response> {
  return callKeys(url, signer, 'PUT', `/keys/${id}`, { title, key: key.toString('hex') })
}

export function getKey (url: string, signer: Signer | null, id: string): Promise<Response> {
  return signer === null ? fetch(`${url}/keys/${id}`) : callKeys(url, signer, 'GET', `/keys/${id}`)
}

export function putAccess (url: string, creator: Signer, rules: unknown, title = titleOf(creator)): Promise<Response> {
  return callKeys(url, creator, 'PUT', `/keys/access/${encodeURIComponent(title)}`, rules)
}

export async function bytesOf (response: Response): Promise<string> {
  return Buffer.from(await response.arrayBuffer()).toString('hex')
}

export function codeOf (response: Response): Promise<string> {
  return response.json().then((body) => (body as { code: string }).code)
}

const [SHA, B3] = ['11'.repeat(32), '22'.repeat(32)]

/** Publishes a version of a title at a server: a live one whose blobs are not there, or a withdrawn one. */
export async function publishTitle (url: string, creator: Signer, status: 'published' | 'withdrawn', createdAt: number, { d = 'film', more = [] as string[][] } = {}): Promise<string> {
  const live = [['title', 'Film'], ['manifest', SHA, B3, '9000', 'application/vnd.indeehub.film+json'], ['x', SHA, 'manifest'], ['access', 'nip98', `${url}/keys`]]
  return publish(url, creator.sign({ kind: 34235, created_at: createdAt, content: '', tags: [['d', d], ...(status === 'published' ? live : []), ['status', status], ...more] }))
}

/** Takes back what the tags name (kind 5). */
export async function takeBack (url: string, creator: Signer, tags: string[][], createdAt: number): Promise<string> {
  return publish(url, creator.sign({ kind: 5, created_at: createdAt, content: '', tags: [...tags, ['k', '34235']] }))
}

/** The event's id. */
async function publish (url: string, event: { id: string }): Promise<string> {
  const response = await fetch(`${url}/catalog/events?allow-missing=1`, { method: 'POST', body: JSON.stringify(event) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  return event.id
}

/** As onBothStores, with buckets of one MinIO, which is null where there is none. */
export async function onFoldersAnd (minio: Minio | null, t: Test, name: string, journey: (t: Test, newPlace: () => Promise<StorePlace>) => Promise<unknown>): Promise<void> {
  await t.test(`${name}: folders`, (t) => journey(t, async () => null))
  if (minio !== null) await t.test(`${name}: MinIO`, (t) => journey(t, async () => ({ minio, bucket: await minio.newBucket() })))
}
