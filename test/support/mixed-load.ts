// Clients of every kind at once, for as long as asked: they read, ask, upload, mirror, list, delete and hang up, each at a bounded pace, check
// every byte and status, and keep what is stored bounded. What each took is told to `onDone`.

import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { send, startOrigin } from './blob-origin.ts'
import { Signer, seededBlob } from './keys.ts'
import type { Test } from 'tap'

const KIB = 1024
const MIB = 1024 * KIB
/** So many uploads of one client stay; the oldest goes with each that comes. */
const KEPT = 40

interface Wanted {
  method: string
  path: string
  headers?: Record<string, string>
  body?: Uint8Array
  /** Hang up after so many bytes of the body, sent or received. */
  cutAfter?: number
}

interface Got {
  status: number
  size: number
  sha256: string
  headers: http.IncomingHttpHeaders
}

export interface LoadParts {
  url: string
  /** Milliseconds from when what is read has been uploaded. */
  lasting: number
  /** What one request of a kind took, in milliseconds. */
  onDone: (kind: string, ms: number) => void
  /** Pause between two requests of one client, in milliseconds. */
  pause: number
}

/** Rejects with what the first wrong answer was. */
export async function runMixedLoad (t: Test, { url, lasting, onDone, pause }: LoadParts): Promise<void> {
  const agent = new http.Agent({ keepAlive: true })
  const small = Array.from({ length: 200 }, (_, index) => seededBlob(`small ${index}`, 64 * KIB))
  const tiny = Array.from({ length: 100 }, (_, index) => seededBlob(`tiny ${index}`, 1000))
  const large = [0, 1].map((index) => seededBlob(`large ${index}`, 24 * MIB))
  const mirrored = Array.from({ length: 20 }, (_, index) => seededBlob(`mirrored ${index}`, 300 * KIB))
  const origin = await startOrigin(t, Object.fromEntries(mirrored.map(({ bytes, sha256 }) => [`/${sha256}`, send(bytes)])))
  const keeper = new Signer()
  let turn = 0
  const next = <T>(list: readonly T[]): T => list[turn++ % list.length]!

  /** Null when it was cut. */
  function ask ({ method, path, headers = {}, body, cutAfter = Infinity }: Wanted): Promise<Got | null> {
    return new Promise((resolve, reject) => {
      const request = http.request(`${url}${path}`, { method, agent, headers: { ...headers, ...(body === undefined ? {} : { 'content-length': body.length }) } })
      let cut = false
      const hangUp = (): void => {
        cut = true
        request.destroy()
        resolve(null)
      }
      request.on('error', (error) => { if (!cut) reject(new Error(`${method} ${path}: ${String(error)}`)) })
      request.on('response', (response) => {
        const hash = createHash('sha256')
        let size = 0
        response.on('data', (chunk: Buffer) => {
          hash.update(chunk)
          size += chunk.length
          if (size > cutAfter) hangUp()
        }).on('end', () => {
          resolve({ status: response.statusCode!, size, sha256: hash.digest('hex'), headers: response.headers })
        }).on('error', (error) => { if (!cut) reject(new Error(`${method} ${path}: ${String(error)}`)) })
      })
      if (body !== undefined && cutAfter < body.length) {
        request.write(body.subarray(0, cutAfter), () => { setTimeout(hangUp, 20) })
        return
      }
      request.end(body)
    })
  }

  function demand (got: Got | null, status: number, about: string): Got {
    if (got?.status === status) return got
    throw new Error(`${about}: ${got?.status ?? 'cut'} ${String(got?.headers['x-reason'] ?? '')} instead of ${status}`)
  }

  async function put (signer: Signer, { bytes, sha256 }: { bytes: Uint8Array, sha256: string }): Promise<void> {
    const headers = { 'authorization': signer.token('upload', { hashes: [sha256] }), 'x-sha-256': sha256 }
    const got = await ask({ method: 'PUT', path: '/upload', headers, body: bytes })
    if (got?.status !== 200) demand(got, 201, 'upload')
  }

  async function readOf ({ sha256, bytes }: { sha256: string, bytes: Uint8Array }): Promise<void> {
    const got = demand(await ask({ method: 'GET', path: `/${sha256}` }), 200, 'read')
    if (got.sha256 !== sha256 || got.size !== bytes.length) throw new Error(`read: ${got.size} bytes of ${got.sha256} for ${sha256}`)
  }

  /** Uploads and deletes: what it kept last is read back, what goes is gone. */
  function writing (size: number): () => Promise<void> {
    const signer = new Signer()
    const kept: string[] = []
    return async () => {
      const bytes = randomBytes(size)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      await timed(`PUT ${size / KIB} KiB`, () => put(signer, { bytes, sha256 }))
      await timed('GET what just came', () => readOf({ bytes, sha256 }))
      kept.push(sha256)
      if (kept.length <= (size > MIB ? 4 : KEPT)) return
      const gone = kept.shift()!
      await timed('DELETE', async () => {
        demand(await ask({ method: 'DELETE', path: `/${gone}`, headers: { authorization: signer.token('delete', { hashes: [gone] }) } }), 204, 'delete')
      })
      demand(await ask({ method: 'GET', path: `/${gone}` }), 404, 'read of what was deleted')
    }
  }

  async function timed (kind: string, work: () => Promise<unknown>): Promise<void> {
    const started = performance.now()
    await work()
    onDone(kind, performance.now() - started)
  }

  const mirroring = new Signer()
  const clients: Readonly<Record<string, () => Promise<void>>> = {
    small: () => timed('GET 64 KiB', () => readOf(next(small))),
    tiny: () => timed('GET 1 KB', () => readOf(next(tiny))),
    large: () => timed('GET 24 MiB', () => readOf(next(large))),
    ranges: () => timed('GET range', async () => {
      const { sha256, bytes } = next(large)
      const start = Math.floor(Math.random() * (bytes.length - 300 * KIB))
      const got = demand(await ask({ method: 'GET', path: `/${sha256}`, headers: { range: `bytes=${start}-${start + 256 * KIB - 1}` } }), 206, 'range')
      const expected = createHash('sha256').update(bytes.subarray(start, start + 256 * KIB)).digest('hex')
      if (got.sha256 !== expected) throw new Error(`range: other bytes from ${start} of ${sha256}`)
    }),
    asking: async () => {
      const { sha256 } = next(small)
      await timed('HEAD', async () => { demand(await ask({ method: 'HEAD', path: `/${sha256}` }), 200, 'head') })
      await timed('304', async () => { demand(await ask({ method: 'GET', path: `/${sha256}`, headers: { 'if-none-match': `"${sha256}"` } }), 304, 'condition') })
      await timed('404', async () => { demand(await ask({ method: 'GET', path: `/${randomBytes(32).toString('hex')}` }), 404, 'missing') })
    },
    listing: () => timed('list', async () => {
      demand(await ask({ method: 'GET', path: `/list/${keeper.pubkey}?limit=100`, headers: { authorization: keeper.token('list') } }), 200, 'list')
    }),
    inline: writing(2 * KIB),
    journaled: writing(10 * KIB),
    packed: writing(512 * KIB),
    big: writing(8 * MIB),
    mirroring: async () => {
      const { sha256 } = next(mirrored)
      await timed('mirror', async () => {
        const headers = { 'authorization': mirroring.token('upload', { hashes: [sha256] }), 'content-type': 'application/json' }
        const got = await ask({ method: 'PUT', path: '/mirror', headers, body: Buffer.from(JSON.stringify({ url: `${origin.url}/${sha256}` })) })
        demand(got, 201, 'mirror')
      })
      demand(await ask({ method: 'DELETE', path: `/${sha256}`, headers: { authorization: mirroring.token('delete', { hashes: [sha256] }) } }), 204, 'delete of a mirror')
    },
    refused: () => timed('401, 409', async () => {
      const bytes = randomBytes(5000)
      const token = keeper.token('upload', { hashes: ['0'.repeat(64)] })
      demand(await ask({ method: 'PUT', path: '/upload', headers: { authorization: token }, body: bytes }), 401, 'upload of another hash')
      const headers = { 'authorization': token, 'x-sha-256': '0'.repeat(64) }
      demand(await ask({ method: 'PUT', path: '/upload', headers, body: bytes }), 409, 'upload that is not what was announced')
    }),
    hangingUp: async () => {
      const bytes = randomBytes(3 * MIB)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const headers = { 'authorization': keeper.token('upload', { hashes: [sha256] }), 'x-sha-256': sha256 }
      await ask({ method: 'PUT', path: '/upload', headers, body: bytes, cutAfter: MIB })
      await ask({ method: 'GET', path: `/${next(large).sha256}`, cutAfter: MIB })
    }
  }

  for (const each of [...small, ...tiny, ...large]) await put(keeper, each)
  const until = Date.now() + lasting
  const failed = new AbortController()
  try {
    await Promise.all(Object.entries(clients).map(async ([name, work]) => {
      const heavy = ['large', 'big', 'packed', 'hangingUp'].includes(name)
      while (Date.now() < until && !failed.signal.aborted) {
        try {
          await work()
        } catch (error) {
          failed.abort()
          throw new Error(`${name}: ${(error as Error).message}`)
        }
        await sleep(heavy ? pause * 10 : pause)
      }
    }))
  } finally {
    agent.destroy()
  }
}
