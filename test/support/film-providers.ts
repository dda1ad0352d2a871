// Providers of a film for tests of what is fetched from them: one that holds blobs and can be held up, one that lies, one that is dead; and the calls of
// /catalog/mirrors.

import { setTimeout as wait } from 'node:timers/promises'
import { buildProviderAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { serve } from './raw-origin.ts'
import { Signer } from './keys.ts'
import { freePort } from './program.ts'
import type { Test } from 'tap'
import type { SmallFilm } from './film-blobs.ts'

export const seconds = (): number => Math.floor(Date.now() / 1000)

export interface Provider {
  url: string
  /** Sha256 of what was asked for, in order. */
  asked: string[]
  /** Whoever asks after so many others waits. */
  most: number
}

/** Holds these blobs; `change` makes other bytes of them. */
export async function startProvider (t: Test, blobs: readonly { sha256: string, bytes: Buffer }[], change: (bytes: Buffer) => Buffer = (bytes) => bytes): Promise<Provider> {
  const provider: Provider = { url: '', asked: [], most: Infinity }
  const place = await serve(t, (socket, head) => {
    const sha256 = /^GET \/([0-9a-f]{64})/.exec(head)?.[1] ?? ''
    const before = provider.asked.push(sha256) - 1
    const blob = blobs.find((each) => each.sha256 === sha256)
    const answer = async (): Promise<void> => {
      while (before >= provider.most && !socket.destroyed) await wait(5)
      if (blob === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      const body = change(blob.bytes)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`)
      socket.end(body)
    }
    void answer()
  })
  provider.url = place.url
  return provider
}

/** A URL at which nobody listens. */
export async function deadUrl (): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}

export async function publishAt (url: string, event: object): Promise<void> {
  const response = await fetch(`${url}/catalog/events?allow-missing`, { method: 'POST', body: JSON.stringify(event) })
  if (response.status !== 201) throw new Error(`publish: ${response.status} ${response.headers.get('x-reason') ?? ''}`)
}

/** A key says that this server has all that the film's manifest lists; `age` seconds ago. */
export async function advertise (at: string, film: SmallFilm, server: string, age = 0, signer = new Signer()): Promise<void> {
  const { sha256, blake3 } = film.manifestBlob
  await publishAt(at, signer.sign(buildProviderAdvert({ blake3, sha256, scope: 'manifest', servers: [server] }, seconds() - age)))
}

export interface JobAnswer {
  status: number
  reason: string
  body: {
    id: string, state: string, coverage: { have: number, of_all: number | null }, bytes: number, code?: string
    faults: { count: number, last: { sha256: string | null, provider: string | null, code: string, status: number, reason: string }[] }
    providers: { provider: string, blobs: number, faults: number }[]
  }
}

async function answerOf (response: Response): Promise<JobAnswer> {
  return { status: response.status, reason: response.headers.get('x-reason') ?? '', body: await response.json() as JobAnswer['body'] }
}

export async function startMirror (url: string, signer: Signer, wanted: object): Promise<JobAnswer> {
  const body = JSON.stringify(wanted)
  const authorization = signer.httpToken('POST', `${url}/catalog/mirrors`, { payload: sha256Hex(Buffer.from(body)) })
  return answerOf(await fetch(`${url}/catalog/mirrors`, { method: 'POST', body, headers: { authorization } }))
}

export async function mirrorAt (url: string, signer: Signer, id: string, method = 'GET'): Promise<JobAnswer> {
  return answerOf(await fetch(`${url}/catalog/mirrors/${id}`, { method, headers: { authorization: signer.httpToken(method, `${url}/catalog/mirrors/${id}`) } }))
}

/** Polls until the job is so; the test's own limit ends it otherwise. */
export async function mirrorUntil (url: string, signer: Signer, id: string, isSo: (job: JobAnswer['body']) => boolean): Promise<JobAnswer['body']> {
  for (;;) {
    const { body } = await mirrorAt(url, signer, id)
    if (isSo(body)) return body
    await wait(50)
  }
}

export const ended = ({ state }: JobAnswer['body']): boolean => state !== 'running'
