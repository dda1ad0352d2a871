// How much memory a server process takes at its worst while a blob goes in and out: the kernel's own high-water mark, reset before.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { hashed, remove } from './asking.ts'
import { Signer, seededBlob } from './keys.ts'
import { startServer, storeEnv } from './children.ts'
import { newFolder } from './both-stores.ts'
import type { Test } from 'tap'
import type { Child, StorePlace } from './children.ts'

export const MIB = 1024 * 1024

/** Bytes of a film that never lies in memory: a MiB of noise over and over, each time with its number in front, and the film's. */
function * noise (size: number, film: number): Iterable<Buffer> {
  const { bytes } = seededBlob('noise', MIB)
  for (let at = 0; at < size; at += MIB) {
    const piece = Buffer.from(bytes.subarray(0, Math.min(MIB, size - at)))
    piece.writeUInt32LE(at / MIB, 0)
    piece.writeUInt32LE(film, 4)
    yield piece
  }
}

function hashOf (size: number, film: number): string {
  const hash = createHash('sha256')
  for (const piece of noise(size, film)) hash.update(piece)
  return hash.digest('hex')
}

/** The most resident memory since `reset`, in bytes. */
export class HighWater {
  readonly #pid: number

  constructor (pid: number) {
    this.#pid = pid
  }

  reset (): void {
    writeFileSync(`/proc/${this.#pid}/clear_refs`, '5')
  }

  read (): number {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8')) ?? []
    return Number(kib) * 1024
  }
}

/** Uploads a film that never lies in memory; the status. */
export async function put (url: string, signer: Signer, size: number, film: number, sha256 = hashOf(size, film), promised = true): Promise<number> {
  const request = http.request(`${url}/upload`, {
    method: 'PUT',
    headers: { 'authorization': signer.token('upload', { hashes: [sha256, '0'.repeat(64)] }), 'content-length': size, ...(promised ? { 'x-sha-256': sha256 } : {}) }
  })
  const answered = new Promise<number>((resolve, reject) => {
    request.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => { resolve(response.statusCode ?? 0) })
    })
  })
  await pipeline(Readable.from(noise(size, film)), request)
  return answered
}

export interface Peaks {
  /** Bytes each. */
  upload: number
  download: number
}

export interface Measured {
  /** Bytes. */
  size: number
  /** With X-SHA-256, as clients send it; else the store cannot write straight to the final place. */
  promised: boolean
  /** How often: what it needs is the least of the peaks, the rest is rubbish that was not collected yet. */
  times: number
}

/** A fresh server, warmed by small blobs, then blobs of `size` in and out of it, one at a time: its peaks. */
export async function measure (t: Test, place: StorePlace, { size, promised, times }: Measured): Promise<Peaks> {
  const server: Child = await startServer(t, storeEnv(newFolder(t), place))
  const signer = new Signer()
  const water = new HighWater(server.pid)
  const least = { upload: Infinity, download: Infinity }
  for (let film = -3; film < times; film++) {
    const bytes = film < 0 ? 20 * MIB : size
    const sha256 = hashOf(bytes, film + 3)
    water.reset()
    t.equal(await put(server.url, signer, bytes, film + 3, sha256, promised), 201)
    const upload = water.read()
    water.reset()
    t.same(await hashed(await fetch(`${server.url}/${sha256}`)), { status: 200, size: bytes, sha256 })
    const download = water.read()
    t.equal((await remove(server.url, signer, sha256)).status, 204)
    if (film < 0) continue
    least.upload = Math.min(least.upload, upload)
    least.download = Math.min(least.download, download)
  }
  await server.kill('SIGTERM')
  return least
}

/** Compares two sizes of blob on one kind of store; the line says what came out. */
export async function compare (t: Test, newPlace: () => Promise<StorePlace>, sizes: [number, number], promised: boolean, times: number): Promise<void> {
  const [small, large] = sizes
  const first = await measure(t, await newPlace(), { size: small, promised, times })
  const second = await measure(t, await newPlace(), { size: large, promised, times })
  for (const way of ['upload', 'download'] as const) {
    const [before, after] = [first[way] / MIB, second[way] / MIB]
    t.ok(after - before < 32, `peak of ${way}${promised ? ', hash promised' : ''}: ${Math.round(before)} MiB for ${small / MIB} MiB, ${Math.round(after)} MiB for ${large / MIB} MiB`)
  }
}
