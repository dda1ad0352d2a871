// Clients that do everything to a server at once, each its own things in turn: uploads of every size, with a length and without, mirrors of each
// other's, the same blob by several, deletes, reads of all or a part, lists, and bodies that break off. They keep a ledger of what they were told,
// and complain of every answer that cannot be right.

import http from 'node:http'
import { hashed, listed, mirror, remove } from './asking.ts'
import { Signer } from './keys.ts'
import { bytesOf, loadBlob } from './ledger.ts'
import type { Seeded } from './judging.ts'
import type { Fate, Ledger, LoadBlob } from './ledger.ts'

const MIB = 1024 * 1024
/** Inline, shared sync, packs; the last may come in parts. */
const SMALL = [1, 20, 500, 4096, 4097, 30_000, 131_072, 131_073, 300_000] as const
const LARGE = [MIB + 1, 3 * MIB, 9 * MIB, 17 * MIB] as const
/** How many blobs everybody uploads and deletes. */
const SHARED = 12

export interface LoadParts {
  url: string
  ledger: Ledger
  random: Seeded
  clients: number
  /** False ends it. */
  goesOn: () => boolean
  /** Statuses that say "not now". */
  excused: readonly number[]
  /** Told apart in blobs' names: another round has other blobs, but for the shared ones. */
  round: string
  /** Of a hundred uploads so many are of several MiB. */
  large: number
  /** Counted here as it goes, and in the result. */
  done?: Map<string, number>
}

export interface LoadResult {
  /** What no server may answer. */
  wrong: string[]
  /** How often each thing was done and answered. */
  done: Map<string, number>
}

const signers: Signer[] = []

/** The signer of a client: the same in every round. */
export function signerOf (client: number): Signer {
  return signers[client] ??= new Signer()
}

const shared = new Map<number, LoadBlob>()

function sharedBlob (index: number): LoadBlob {
  const known = shared.get(index)
  if (known !== undefined) return known
  const blob = loadBlob(`shared ${index}`, SMALL[index % SMALL.length]! + index)
  shared.set(index, blob)
  return blob
}

function put (url: string, signer: Signer, blob: LoadBlob, { promised, measured }: { promised: boolean, measured: boolean }, upTo = blob.size): Promise<{ status: number, retryAfter: string | undefined }> {
  const bytes = bytesOf(blob)
  return new Promise((resolve, reject) => {
    const headers = {
      'authorization': signer.token('upload', { hashes: [blob.sha256] }),
      ...(promised ? { 'x-sha-256': blob.sha256 } : {}), ...(measured ? { 'content-length': blob.size } : { 'transfer-encoding': 'chunked' })
    }
    const request = http.request(`${url}/upload`, { method: 'PUT', headers })
    request.on('error', reject).on('response', (response) => {
      response.resume().on('error', reject).on('end', () => { resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'] }) })
    })
    if (upTo === blob.size) {
      request.end(bytes)
      return
    }
    request.write(bytes.subarray(0, upTo), () => { setTimeout(() => { request.destroy(new Error('broken off')) }, 20) })
  })
}

/** Runs the load until `goesOn` says no, or every client has lost the server. */
export async function runLoad (parts: LoadParts): Promise<LoadResult> {
  const result: LoadResult = { wrong: [], done: parts.done ?? new Map() }
  await Promise.all(Array.from({ length: parts.clients }, (_, index) => new LoadClient(parts, result, index).run()))
  return result
}

class LoadClient {
  readonly #parts: LoadParts
  readonly #result: LoadResult
  readonly #index: number
  readonly #signer: Signer
  #next = 0

  constructor (parts: LoadParts, result: LoadResult, index: number) {
    this.#parts = parts
    this.#result = result
    this.#index = index
    this.#signer = signerOf(index)
  }

  async run (): Promise<void> {
    while (this.#parts.goesOn()) {
      try {
        await this.#act()
      } catch {
        // the connection broke: nothing was acknowledged, and the ledger says so
        this.#count('broke')
        await new Promise((resolve) => { setTimeout(resolve, 20) })
      }
    }
  }

  #count (what: string): void {
    this.#result.done.set(what, (this.#result.done.get(what) ?? 0) + 1)
  }

  #new (): LoadBlob {
    const { random, round, large } = this.#parts
    const size = random.below(100) < large ? random.pick(LARGE) : random.pick(SMALL)
    return loadBlob(`${round} ${this.#index} ${this.#next++}`, size)
  }

  #any (): LoadBlob | null {
    const all = [...this.#parts.ledger.entries.values()]
    return all.length === 0 ? null : this.#parts.random.pick(all).blob
  }

  async #act (): Promise<void> {
    const { random } = this.#parts
    const dice = random.below(100)
    if (dice < 30) return this.#upload(this.#new())
    if (dice < 42) return this.#upload(sharedBlob(random.below(SHARED)))
    const mine = this.#parts.ledger.ofOwner(this.#signer.pubkey)
    if (dice < 54) return mine.length === 0 ? undefined : this.#delete(random.pick(mine).blob)
    const any = this.#any()
    if (any === null) return
    if (dice < 62) return this.#mirror(any)
    if (dice < 67) return this.#breakOff()
    if (dice < 71) return this.#list()
    await this.#read(any)
  }

  /** The fate that an answer acknowledges; complains of one that nobody may give. */
  #judge (doing: string, status: number, retryAfter: string | null | undefined, meanings: Readonly<Record<number, Fate | null>>): Fate | null {
    this.#count(`${doing} ${status}`)
    if (status in meanings) return meanings[status]!
    if (!this.#parts.excused.includes(status)) this.#result.wrong.push(`${doing}: ${status}`)
    else if (status === 503 && !/^\d+$/.test(retryAfter ?? '')) this.#result.wrong.push(`${doing}: 503 without Retry-After`)
    return null
  }

  #upload (blob: LoadBlob): Promise<void> {
    const { url, ledger, random } = this.#parts
    const way = { promised: random.below(3) > 0, measured: random.below(3) > 0 }
    return ledger.change(blob, this.#signer.pubkey, 'there', async () => {
      const { status, retryAfter } = await put(url, this.#signer, blob, way)
      return this.#judge('upload', status, retryAfter, { 200: 'there', 201: 'there' })
    })
  }

  #delete (blob: LoadBlob): Promise<void> {
    const { url, ledger } = this.#parts
    const sure = ledger.fate(blob.sha256, this.#signer.pubkey) === 'there'
    return ledger.change(blob, this.#signer.pubkey, 'gone', async () => {
      const { status, headers } = await remove(url, this.#signer, blob.sha256)
      if (sure && (status === 404 || status === 403)) this.#result.wrong.push(`delete of ${blob.name}, which is ours: ${status}`)
      return this.#judge('delete', status, headers.get('retry-after'), { 204: 'gone', 403: null, 404: null })
    })
  }

  /** Of somebody's blob by its own URL, which needs no network. */
  #mirror (blob: LoadBlob): Promise<void> {
    const { url, ledger } = this.#parts
    return ledger.change(blob, this.#signer.pubkey, 'there', async () => {
      const response = await mirror(url, this.#signer, `${url}/${blob.sha256}`, blob.sha256)
      await response.arrayBuffer()
      return this.#judge('mirror', response.status, response.headers.get('retry-after'), { 200: 'there', 201: 'there', 403: null, 404: null, 502: null })
    })
  }

  async #breakOff (): Promise<void> {
    const { url, ledger, random } = this.#parts
    const blob = this.#new()
    if (blob.size < 2) return
    ledger.abort(blob)
    await put(url, this.#signer, blob, { promised: random.below(2) === 0, measured: random.below(2) === 0 }, 1 + random.below(blob.size - 1)).then(
      ({ status }) => { this.#judge('half an upload', status, '5', {}) }, () => { this.#count('half an upload') })
  }

  async #list (): Promise<void> {
    const { url, ledger } = this.#parts
    const { pubkey } = this.#signer
    const before = new Map(ledger.ofOwner(pubkey).map(({ blob, fate }) => [blob.sha256, { fate, changes: ledger.changes(blob.sha256) }]))
    const names = new Set((await listed(url, this.#signer)).map(({ sha256 }) => sha256))
    this.#count('list')
    for (const [sha256, { fate, changes }] of before) {
      // a page has a thousand
      if (changes !== ledger.changes(sha256) || fate === 'either' || names.size >= 1000) continue
      if (names.has(sha256) !== (fate === 'there')) this.#result.wrong.push(`list: ${sha256} is ${fate}`)
    }
  }

  async #read (blob: LoadBlob): Promise<void> {
    const { url, ledger, random } = this.#parts
    const [fate, changes] = [ledger.fateOf(blob.sha256), ledger.changes(blob.sha256)]
    const start = random.below(blob.size)
    const end = Math.min(blob.size - 1, start + random.below(blob.size))
    const how = random.pick(['whole', 'range', 'HEAD'] as const)
    const response = await fetch(`${url}/${blob.sha256}`, { method: how === 'HEAD' ? 'HEAD' : 'GET', ...(how === 'range' ? { headers: { range: `bytes=${start}-${end}` } } : {}) })
    const { status, headers } = response
    const tell = (what: string): void => { this.#result.wrong.push(`${how} of ${blob.name}, ${blob.size} bytes, ${fate}: ${what}`) }
    const still = (): boolean => changes === ledger.changes(blob.sha256)
    if (how === 'range' && status === 206) {
      const bytes = Buffer.from(await response.arrayBuffer())
      if (!bytes.equals(bytesOf(blob).subarray(start, end + 1))) tell('other bytes')
    } else if (how === 'whole' && status === 200) {
      const found = await hashed(response)
      if (found.size !== blob.size || found.sha256 !== blob.sha256) tell(`a whole 200 of ${found.size} other bytes`)
    } else {
      await response.arrayBuffer()
      if (status === 200 && how === 'HEAD' && headers.get('content-length') !== String(blob.size)) tell('another length')
    }
    if (status < 300 && fate === 'gone' && still()) tell(`${status}, and nobody has it`)
    if (status === 404 && fate === 'there' && still()) tell('404, and somebody has it')
    this.#judge(how, status, headers.get('retry-after'), { 200: null, 206: null, 404: null })
  }
}

/** Compares a server at rest with the ledger: blob by blob, and each owner's list. What differs. */
export async function auditLoad (url: string, ledger: Ledger, clients: number): Promise<string[]> {
  const wrong: string[] = []
  const all = [...ledger.entries.values()]
  let at = 0
  const lane = async (): Promise<void> => {
    for (let entry = all[at++]; entry !== undefined; entry = all[at++]) {
      const { sha256, size, name } = entry.blob
      const fate = ledger.fateOf(sha256)
      const found = await hashed(await fetch(`${url}/${sha256}`))
      const whole = found.status === 200 && found.size === size && found.sha256 === sha256
      const right = fate === 'there' ? whole : fate === 'gone' ? found.status === 404 : whole || found.status === 404
      if (!right) wrong.push(`${name}, ${size} bytes, is ${fate}: ${found.status} with ${found.size} bytes`)
    }
  }
  await Promise.all(Array.from({ length: 4 }, lane))
  for (let client = 0; client < clients; client++) {
    const signer = signerOf(client)
    const names = new Set<string>()
    for (let cursor = ''; ;) {
      const page = await listed(url, signer, `?limit=1000${cursor}`)
      for (const { sha256 } of page) names.add(sha256)
      if (page.length < 1000) break
      cursor = `&cursor=${page.at(-1)!.sha256}`
    }
    for (const { blob, fate } of ledger.ofOwner(signer.pubkey)) {
      if (fate !== 'either' && names.has(blob.sha256) !== (fate === 'there')) wrong.push(`${blob.name} is ${fate}, and ${fate === 'there' ? 'not in' : 'in'} the list of ${client}`)
    }
    for (const sha256 of names) if (ledger.fate(sha256, signer.pubkey) === 'gone') wrong.push(`${sha256} is in the list of ${client}, who has it not`)
  }
  return wrong
}
