// One pass over arriving bytes: counted, hashed twice (sha256 and BLAKE3), the first of them kept for the sniffer, and written in
// batches of a MiB while the next arrives. Memory does not grow with the blob: two batches are the most that is ever held, and where many
// bodies arrive at once the batches are smaller.
//
// The socket's own chunks are kept and written with one `writev` a MiB, which is the cheapest way in (peers.md §4). sha256 by
// node:crypto (12 times @noble/hashes), BLAKE3 by @napi-rs/blake-hash.

import { createHash } from 'node:crypto'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { Failure } from '../errors.ts'
import { SNIFFED_BYTES } from './media-type.ts'
import type { Readable } from 'node:stream'

const BATCH_BYTES = 1024 * 1024
const SMALLEST_BATCH_BYTES = 256 * 1024
/** Bodies that are arriving now. */
let arriving = 0

/** How many bodies are arriving now, in this process. */
export function bodiesArriving (): number {
  return arriving
}

function batchSize (): number {
  return Math.max(SMALLEST_BATCH_BYTES, BATCH_BYTES / arriving)
}

export interface IntakeLimits {
  /** Bytes a blob may have; one more is TOO_LARGE. */
  maxSize: number
  /** Milliseconds a body may stand still; then BODY_STALLED. */
  idleTimeout: number
  /** A blob of up to this many bytes is handed back in memory and never written by us. */
  keepUpTo: number
}

export interface Arrival {
  size: number
  /** 64 hex digits each. */
  sha256: string
  blake3: string
  /** The first bytes, for the sniffer. */
  head: Buffer
  /** All of it when it has `keepUpTo` bytes or fewer; otherwise null, and everything went to `write`. */
  whole: Buffer | null
}

/**
 * Reads `body` to its end. `write` gets batches in order, one at a time, and only for blobs above `keepUpTo`. Rejects with a
 * Failure (TOO_LARGE, BODY_STALLED, BODY_BROKEN), with what `write` rejected with, or with a Failure that the body itself was
 * destroyed with; the body is then left unread and paused.
 */
export function takeIn (body: Readable, limits: IntakeLimits, write: (chunks: Buffer[]) => Promise<void>): Promise<Arrival> {
  return new Promise((resolve, reject) => {
    const sha256 = createHash('sha256')
    const blake3 = new Blake3Hasher()
    const head: Buffer[] = []
    let headBytes = 0
    let size = 0
    let batch: Buffer[] = []
    let batchBytes = 0
    let writing: Promise<void> | null = null
    let ended = false
    let settled = false
    let timer = startTimer()
    arriving++

    function startTimer (): NodeJS.Timeout {
      return setTimeout(() => {
        const before = size
        // where it was this machine that stood still, what came meanwhile lies in the socket and is read first: no client is judged by our own pause
        setImmediate(() => { if (!ended && size === before) fail(new Failure('BODY_STALLED')) })
      }, limits.idleTimeout)
    }

    function release (): void {
      settled = true
      arriving--
      clearTimeout(timer)
      body.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      body.on('error', () => {}) // it may still break after we have let go of it
    }

    function fail (error: unknown): void {
      if (settled) return
      release()
      body.pause()
      // a write under way may still be opening what the caller is about to discard
      const tell = (): void => { reject(error) }
      if (writing === null) tell()
      else writing.then(tell, tell)
    }

    function onData (chunk: Buffer): void {
      size += chunk.length
      if (size > limits.maxSize) return fail(new Failure('TOO_LARGE'))
      sha256.update(chunk)
      blake3.update(chunk)
      if (headBytes < SNIFFED_BYTES) {
        head.push(chunk.subarray(0, SNIFFED_BYTES - headBytes))
        headBytes += Math.min(chunk.length, SNIFFED_BYTES - headBytes)
      }
      batch.push(chunk)
      batchBytes += chunk.length
      timer.refresh()
      if (batchBytes >= batchSize()) flush()
    }

    function flush (): void {
      if (writing !== null) {
        body.pause()
        clearTimeout(timer) // our disk is slow, not the client
        return
      }
      const full = batch
      batch = []
      batchBytes = 0
      writing = write(full)
      writing.then(() => {
        writing = null
        if (settled) return
        if (ended) return finish()
        if (batchBytes >= batchSize()) flush()
        clearTimeout(timer)
        timer = startTimer() // refresh() would not wake a cleared one
        body.resume()
      }, fail)
    }

    function finish (): void {
      if (writing !== null) return
      if (batchBytes > 0 && size > limits.keepUpTo) return flush()
      release()
      resolve({
        size,
        sha256: sha256.digest('hex'),
        blake3: blake3.digestBuffer().toString('hex'),
        head: Buffer.concat(head),
        whole: size <= limits.keepUpTo ? Buffer.concat(batch) : null
      })
    }

    function onEnd (): void {
      ended = true
      clearTimeout(timer)
      finish()
    }

    function onError (error: Error): void {
      fail(error instanceof Failure ? error : new Failure('BODY_BROKEN', undefined, { cause: error }))
    }

    function onClose (): void {
      if (!ended) fail(new Failure('BODY_BROKEN'))
    }

    body.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
    if (body.destroyed && !body.readableEnded) onClose()
  })
}
