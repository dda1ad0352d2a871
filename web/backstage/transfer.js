// Blobs into this server: asked for first, sent where they are missing, three at a time, and tried again where the network or the server stumbles.

import { Refusal } from '../shared/catalog.js'
import { Problem } from './account.js'

/** @typedef {{sha256: string, size: number, type: string, file: Blob, name: string}} Outgoing */

const AT_ONCE = 3
/** Milliseconds to wait before each further try. */
const PATIENCE = [1000, 3000, 8000]

/** Runs `work` over all items, some at a time; the first failure ends it. @template T @param {T[]} items @param {number} count @param {(item: T) => Promise<void>} work */
async function eachOf (items, count, work) {
  const left = items.values()
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, async () => {
    for (const item of left) await work(item)
  }))
}

/** @param {string} sha256 @param {AbortSignal} signal */
async function isHere (sha256, signal) {
  const { ok } = await fetch(`/${sha256}`, { method: 'HEAD', cache: 'no-store', signal })
  return ok
}

/**
 * Would the server take this blob from this key? Rejects with Problem or Refusal; asks for one signature.
 * @param {import('./account.js').Account} account @param {Outgoing} blob @param {{headerFor: (hash: string) => Promise<string>}} tokens @param {AbortSignal} signal
 */
export async function askPermission (account, { sha256, size, type, name }, tokens, signal) {
  const headers = { 'authorization': await tokens.headerFor(sha256), 'x-sha-256': sha256, 'x-content-length': String(size), 'x-content-type': type }
  const { ok, status, headers: told } = await fetch('/upload', { method: 'HEAD', headers, cache: 'no-store', signal })
  if (ok) return
  const reason = told.get('x-reason') ?? `the server answered ${status}`
  if (status === 403) throw new Problem(`This server does not take this upload from you: ${reason}. Its operator decides what is taken from whom; your key is ${account.npub}.`)
  throw new Refusal(status, '', `${name}: ${reason}`)
}

/** Sends one blob; a fetch tells nothing of how far it is. Rejects with Refusal. @returns {Promise<void>} */
function send ({ sha256, type, file }, authorization, { onBytes, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const stop = () => { request.abort() }
    const end = (settle) => {
      signal.removeEventListener('abort', stop)
      settle()
    }
    request.open('PUT', '/upload')
    request.setRequestHeader('authorization', authorization)
    request.setRequestHeader('x-sha-256', sha256)
    request.setRequestHeader('content-type', type)
    request.upload.addEventListener('progress', ({ loaded }) => { onBytes(loaded) })
    request.addEventListener('load', () => {
      const { status } = request
      if (status === 200 || status === 201) return end(resolve)
      const wait = Number(request.getResponseHeader('retry-after'))
      end(() => { reject(Object.assign(new Refusal(status, '', request.getResponseHeader('x-reason') ?? `the server answered ${status}`), { wait: Number.isFinite(wait) ? wait : 0 })) })
    })
    request.addEventListener('error', () => { end(() => { reject(new Refusal(0, '', 'the server does not answer')) }) })
    request.addEventListener('abort', () => { end(() => { reject(signal.reason) }) })
    signal.addEventListener('abort', stop, { once: true })
    request.send(file)
  })
}

function pause (milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    }, { once: true })
  })
}

/** What may be better in a moment: no answer, too many requests, a full queue, a store that does not answer. */
function mayPass (error) {
  return error instanceof Refusal && (error.status === 0 || error.status === 408 || error.status === 429 || error.status === 503)
}

/**
 * Brings all blobs here. Rejects with Problem, Refusal, or the signal's reason.
 * @param {import('./account.js').Account} account @param {Outgoing[]} blobs
 * @param {{check: (blob: Outgoing) => Promise<void>, tell: (what: {bytes: number, files: number, there: number}) => void, signal: AbortSignal}} parts
 * `check` rejects for a file that is not what it is called; `tell` hears how much is here, and how many files of it were here before
 */
export async function bringAll (account, blobs, { check, tell, signal }) {
  const missing = []
  const done = { bytes: 0, files: 0, there: 0 }
  await eachOf(blobs, AT_ONCE, async (blob) => {
    signal.throwIfAborted()
    if (!await isHere(blob.sha256, signal)) return void missing.push(blob)
    done.bytes += blob.size
    done.files++
    done.there++
    tell(done)
  })
  if (missing.length === 0) return
  const tokens = account.uploadTokens(missing.map(({ sha256 }) => sha256))
  // the largest is the first to be refused
  await askPermission(account, missing.reduce((largest, blob) => blob.size > largest.size ? blob : largest), tokens, signal)
  /** Of each blob that is on its way. */
  const sent = new Map()
  const report = () => { tell({ ...done, bytes: done.bytes + [...sent.values()].reduce((sum, bytes) => sum + bytes, 0) }) }
  await eachOf(missing, AT_ONCE, async (blob) => {
    signal.throwIfAborted()
    await check(blob)
    for (let tried = 0; ; tried++) {
      try {
        await send(blob, await tokens.headerFor(blob.sha256), { signal, onBytes: (loaded) => {
          sent.set(blob.sha256, Math.min(loaded, blob.size))
          report()
        } })
        break
      } catch (error) {
        sent.delete(blob.sha256)
        if (!mayPass(error) || tried === PATIENCE.length) throw error instanceof Refusal ? new Refusal(error.status, error.code, `${blob.name}: ${error.message}`) : error
        await pause(Math.max(PATIENCE[tried], (error.wait ?? 0) * 1000), signal)
      }
    }
    sent.delete(blob.sha256)
    done.bytes += blob.size
    done.files++
    report()
  })
}
