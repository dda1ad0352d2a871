// Does a URL give the bytes of a hash? Fetched through the address guard (origin.ts), hashed as they come, and dropped.

import { createHash } from 'node:crypto'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { Failure } from '../errors.ts'
import { openOrigin } from './origin.ts'

export interface UrlCheckParts {
  allowPrivate: boolean
  /** Milliseconds the body may stand still. */
  idleTimeout: number
  /** Bytes: of more nothing is said. */
  most?: number
}

export interface UrlCheck {
  check: string
  outcome: 'pass' | 'fail' | 'skip'
  reason: string
}

const MOST = 64 * 1024 * 1024
const CONNECT_MS = 15_000
const MAX_REDIRECTS = 5

/** `fetch`, `size` and `hash`, in this order. `algorithm` null: either will do. */
export async function checkUrl (url: URL, { algorithm, hex }: { algorithm: 'sha256' | 'blake3' | null, hex: string }, parts: UrlCheckParts): Promise<UrlCheck[]> {
  const { most = MOST } = parts
  const checks: UrlCheck[] = []
  const say = (check: string, outcome: UrlCheck['outcome'], reason = ''): void => { checks.push({ check, outcome, reason }) }
  const skipRest = (after: string): UrlCheck[] => {
    for (const check of ['fetch', 'size', 'hash'].slice(checks.length)) say(check, 'skip', `${after} failed`)
    return checks
  }
  try {
    const { body, length } = await openOrigin(url, { allowPrivate: parts.allowPrivate, maxRedirects: MAX_REDIRECTS, connectTimeout: CONNECT_MS, idleTimeout: parts.idleTimeout })
    let size = 0
    const [sha256, blake3] = [createHash('sha256'), new Blake3Hasher()]
    try {
      if ((length ?? 0) <= most) {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          size += chunk.length
          if (size > most) break
          sha256.update(chunk)
          blake3.update(chunk)
        }
      }
    } finally {
      body.destroy()
    }
    say('fetch', 'pass')
    if ((length ?? 0) > most || size > most) {
      say('size', 'fail', `more than the ${most} bytes that are looked at here`)
      return skipRest('size')
    }
    say('size', 'pass')
    const found = { sha256: sha256.digest('hex'), blake3: blake3.digest('hex') }
    const good = algorithm === null ? found.sha256 === hex || found.blake3 === hex : found[algorithm] === hex
    say('hash', good ? 'pass' : 'fail', good ? '' : `the bytes have sha256 ${found.sha256}`)
    return checks
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    say('fetch', 'fail', error.message)
    return skipRest('fetch')
  }
}
