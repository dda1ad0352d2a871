// Brings blobs to servers: each server is asked first for each blob, and only what is not there is sent, or fetched by the server itself from the first
// one (BUD-04). What was there before is never sent again, so this may be broken off and begun anew at any point.

import { NetworkFault } from '../http/exchange.ts'
import { eachOf } from '../http/parallel.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { BlossomTokens } from '../http/tokens.ts'
import type { BlobFacts, BlossomServer } from '../http/blossom.ts'
import type { FileBody } from '../http/exchange.ts'
import type { Signer } from '../signer.ts'
import type { Session } from './session.ts'

export interface LocalBlob extends BlobFacts {
  /** `<sha256>.<ext>` */
  name: string
  body: Buffer | FileBody
}

export interface UploadParts {
  blobs: readonly LocalBlob[]
  /** Origins, the first of which mirrors fetch from. */
  servers: readonly string[]
  /** Whether the others are asked to fetch from the first. */
  mirror: boolean
}

const ASKED_AT_ONCE = 16
const SENT_AT_ONCE = 4
/** A server that cannot fetch three times in a row is sent everything. */
const MIRROR_FAULTS = 3

/** Rejects with ServerRefusal, NetworkFault or KeyFault; what came is there, and this goes on from there. */
export async function uploadAll (session: Pick<Session, 'server' | 'progress'>, signer: Signer, { blobs, servers, mirror }: UploadParts): Promise<void> {
  const tokens = new BlossomTokens({ signer, verb: 'upload', servers, hashes: blobs.map(({ sha256 }) => sha256) })
  const bring = async (origin: string, from: string | null): Promise<void> => {
    const server = session.server(origin)
    const missing = await missingAt(server, blobs)
    const total = sizeOf(blobs)
    let done = total - sizeOf(missing)
    const stage = session.progress.stage(`upload ${new URL(origin).host}`, { total, unit: 'bytes', before: done })
    stage.at(done)
    const send = sender(server, tokens, from)
    try {
      await eachOf(missing, SENT_AT_ONCE, async (blob) => {
        await send(blob)
        stage.at(done += blob.size)
      })
    } finally {
      stage.end()
    }
  }
  const [first, ...others] = servers
  if (first === undefined) return
  if (!mirror) return void await allOf(servers.map((origin) => bring(origin, null)))
  await bring(first, null)
  await allOf(others.map((origin) => bring(origin, first)))
}

/** All are waited for: what others still send would break in the middle. */
async function allOf (jobs: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(jobs)).find((each) => each.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

const sizeOf = (blobs: readonly BlobFacts[]): number => blobs.reduce((sum, { size }) => sum + size, 0)

/** Those that the server has not, in their order; a size of -1 is any. */
export async function missingAt<T extends Pick<BlobFacts, 'sha256' | 'size'>> (server: BlossomServer, blobs: readonly T[]): Promise<T[]> {
  const there = new Set<string>()
  await eachOf(blobs, ASKED_AT_ONCE, async ({ sha256, size }) => {
    const length = await server.has(sha256)
    if (length !== null && (length === size || length === -1 || size === -1)) there.add(sha256)
  })
  return blobs.filter(({ sha256 }) => !there.has(sha256))
}

function sender (server: BlossomServer, tokens: BlossomTokens, from: string | null): (blob: LocalBlob) => Promise<void> {
  let faults = 0
  return async (blob) => {
    if (from !== null && faults < MIRROR_FAULTS) {
      try {
        await server.mirror(blob, `${from}/${blob.name}`, tokens)
        faults = 0
        return
      } catch (error) {
        if (!(error instanceof ServerRefusal) && !(error instanceof NetworkFault)) throw error
        faults++
      }
    }
    await server.upload(blob, blob.body, tokens)
  }
}
