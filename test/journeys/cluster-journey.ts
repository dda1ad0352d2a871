// Three servers as processes of their own over one real MinIO, under mixed uploads, mirrors, deletes, blocks and kills, against a model of what
// was acknowledged. One code with a duration: seconds in many-nodes.test.ts, ten minutes in test/long/nodes.ts. What happens is drawn from a seed.

import { createServer } from 'node:http'
import { rmSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'minio'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Hex, sha256Multihash } from '../../server/stores/multihash.ts'
import { upload } from '../support/app.ts'
import { hashed, listed, mirror, remove } from '../support/asking.ts'
import { newFolder } from '../support/both-stores.ts'
import { startServer, storeEnv } from '../support/children.ts'
import { runCommand } from '../support/command.ts'
import { seeded } from '../support/judging.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Child } from '../support/children.ts'
import type { Seeded } from '../support/judging.ts'
import type { Minio } from '../support/minio.ts'

/** Milliseconds until a delete or a block that does not show on the others is given up: five seconds is what is promised, of a machine that has time for it. */
const SHOWN_MS = 90_000
/** The same for lists of all nodes that do not agree. */
const AGREED_MS = 120_000
/** Milliseconds of load, at most, beyond the duration, until each thing has happened. */
const LONGER_MS = 120_000
/** What must have happened. */
const KINDS = ['upload', 'mirror', 'own', 'delete', 'block', 'race']
const LANES = 5

interface Node {
  index: number
  dataDir: string
  env: Record<string, string>
  /** Null while it is dead. */
  child: Child | null
}

interface Item {
  name: string
  size: number
  sha256: string
  /** What each signer was told last: 'either' where the answer never came. */
  owners: Map<Signer, 'in' | 'out' | 'either'>
  /** Operations begun: who waits for something to show gives up when another begins. */
  turn: number
  busy: number
  /** Kept for blocks: nothing else happens to it. */
  apart: boolean
}

export interface ClusterOptions {
  /** Milliseconds of load. */
  duration: number
  /** Milliseconds from one kill to the next. */
  killEvery: number
  /** So many kills at least, however long it takes. */
  kills: number
}

export async function playCluster (t: Test, options: ClusterOptions): Promise<void> {
  process.setMaxListeners(500) // one for each server that is started again
  const minio = await startMinio(t)
  if (minio !== null) await new Cluster(t, minio, options).play()
}

class Cluster {
  readonly #t: Test
  readonly #minio: Minio
  readonly #options: ClusterOptions
  readonly #random: Seeded
  readonly #signers = Array.from({ length: 4 }, () => new Signer())
  readonly #operator = new Signer()
  readonly #items: Item[] = []
  readonly #blocked = new Set<string>()
  readonly #nodes: Node[] = []
  readonly #counts: Record<string, number> = {}
  readonly #waiting = new Set<Promise<void>>()
  #origin = ''
  #killing = true
  #slowest = 0

  constructor (t: Test, minio: Minio, options: ClusterOptions) {
    this.#t = t
    this.#minio = minio
    this.#options = options
    this.#random = seeded(t)
  }

  #count (what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
  }

  async play (): Promise<void> {
    const t = this.#t
    const bucket = await this.#minio.newBucket()
    const nodeKey = Buffer.from(new Signer().secret).toString('hex')
    for (let index = 0; index < 3; index++) {
      const dataDir = newFolder(t)
      const env = {
        ...storeEnv(dataDir, { minio: this.#minio, bucket }), NODE_KEY: nodeKey, ADMIN_PUBKEYS: this.#operator.pubkey, RATE_LIMIT: 'off', MIRROR_ALLOW_PRIVATE: 'true'
      }
      this.#nodes.push({ index, dataDir, env, child: null })
    }
    await Promise.all(this.#nodes.map((node) => this.#start(node)))
    await this.#openOrigin()
    const end = Date.now() + this.#options.duration
    await Promise.all([this.#kill(end), ...Array.from({ length: LANES }, () => this.#load(end))])
    t.ok((this.#counts['kill'] ?? 0) >= this.#options.kills, `${this.#counts['kill'] ?? 0} kills`)
    await Promise.all(this.#waiting)
    await this.#agree('after the load')
    t.comment(`${JSON.stringify(this.#counts)}; slowest to show on the others: ${this.#slowest} ms`)
    for (const kind of KINDS) t.ok(this.#counts[kind] ?? 0, `${kind}: ${this.#counts[kind] ?? 0} acknowledged`)
    await this.#readAll()

    // one more boot of all, and what dead runs left is gone
    for (const node of this.#nodes) t.equal(await node.child!.kill('SIGTERM'), null, 'SIGTERM ends it by itself')
    await Promise.all(this.#nodes.map((node) => this.#start(node)))
    await this.#agree('after another boot')
    for (const node of this.#nodes) await node.child!.kill('SIGTERM')
    t.same(await this.#begunUploads(bucket), [], 'no draft and no multipart upload is left')
    await this.#verify()
  }

  /** What a killed run had begun is in its database; where that is lost too, a record that nobody owns and nobody sees may be left, which `verify --repair` ends. */
  async #verify (): Promise<void> {
    const t = this.#t
    const verify = (...args: string[]): ReturnType<typeof runCommand> => runCommand(t, ['verify', '--json', ...args], this.#nodes[0]!.env)
    const first = await verify()
    const kinds = new Set(first.out.trim().split('\n').flatMap((line) => (JSON.parse(line) as { kind?: string }).kind ?? []))
    const output = first.out + first.err
    if (first.code === 0) t.strictSame(kinds, new Set(), 'verify is clean', { output })
    else {
      t.strictSame({ kinds, lost: this.#counts['lost database']! > 0 }, { kinds: new Set(['record-ownerless']), lost: true }, 'verify is clean, but for what went with a lost database', { output })
      await verify('--repair')
      const again = await verify()
      t.equal(again.code, 0, 'and after a repair it is', { output: again.out + again.err })
    }
  }

  async #start (node: Node): Promise<void> {
    node.child = await startServer(this.#t, node.env)
  }

  /** Where mirrors come from: any blob of ours by its name. */
  async #openOrigin (): Promise<void> {
    const server = createServer((request, response) => {
      const sha256 = request.url!.slice(1)
      const item = this.#items.find((each) => each.sha256 === sha256)
      response.writeHead(item === undefined ? 404 : 200).end(item === undefined ? undefined : this.#bytes(item))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#t.teardown(() => { server.close() })
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  #bytes ({ name, size }: Item): Buffer {
    return seededBlob(name, size).bytes
  }

  #newItem (apart = false): Item {
    const { below } = this.#random
    const kind = below(20)
    const size = kind === 0 ? 9_000_000 + below(1000) : kind < 8 ? 5000 + below(60_000) : below(4096)
    const name = `${this.#random.hex()} ${size}`
    const { sha256 } = seededBlob(name, size)
    const item: Item = { name, size, sha256, owners: new Map(), turn: 0, busy: 0, apart }
    this.#items.push(item)
    return item
  }

  #live (): Node[] {
    return this.#nodes.filter(({ child }) => child !== null)
  }

  /** One call of a node: its status, or null where the node died under it. A 503 says that nobody knows what became of it. */
  async #ask (node: Node, call: (url: string) => Promise<Response>): Promise<number | null> {
    const { child } = node
    if (child === null) return null
    try {
      const response = await call(child.url)
      await response.arrayBuffer()
      if (response.status === 503) this.#count('503')
      return response.status
    } catch (error) {
      if (node.child === child) throw error
      this.#count('broken by a kill')
      return null
    }
  }

  /** A change of one owner of one blob; true when it was acknowledged. */
  async #change (node: Node, item: Item, signer: Signer, to: 'in' | 'out', call: (url: string) => Promise<Response>, good: number[]): Promise<boolean> {
    item.turn++
    item.busy++
    const before = item.owners.get(signer) ?? 'out'
    item.owners.set(signer, 'either')
    const status = await this.#ask(node, call).finally(() => { item.busy-- })
    item.turn++
    const told = status !== null && good.includes(status)
    if (told) item.owners.set(signer, to)
    else if (status !== null && status !== 503) this.#t.fail(`${to}: ${status} for ${item.sha256}, whose owner was '${before}' at node ${node.index}`)
    return told
  }

  #upload (node: Node, item: Item, signer: Signer): Promise<boolean> {
    const blob = { bytes: this.#bytes(item), sha256: item.sha256 }
    return this.#change(node, item, signer, 'in', (url) => upload(url, signer, blob), [200, 201])
  }

  #remove (node: Node, item: Item, signer: Signer): Promise<boolean> {
    // what nobody knows may be gone already
    const good = item.owners.get(signer) === 'in' ? [204] : [204, 403, 404]
    return this.#change(node, item, signer, 'out', (url) => remove(url, signer, item.sha256), good)
  }

  /** An item that is wholly known and still: somebody owns it, and nobody is doing anything to it. */
  #owned (): [Item, Signer] | null {
    for (let tries = 0; tries < 20 && this.#items.length > 0; tries++) {
      const item = this.#random.pick(this.#items)
      const owner = [...item.owners].find(([, state]) => state === 'in')?.[0]
      if (!item.apart && item.busy === 0 && owner !== undefined) return [item, owner]
    }
    return null
  }

  async #load (end: number): Promise<void> {
    const { below, pick } = this.#random
    const goesOn = (): boolean => Date.now() < end || (this.#killing || KINDS.some((kind) => this.#counts[kind] === undefined)) && Date.now() < end + LONGER_MS
    while (goesOn()) {
      await sleep(20 + below(100))
      const live = this.#live()
      if (live.length === 0) continue
      const [node, signer, kind] = [pick(live), pick(this.#signers), below(100)]
      if (kind < 40) await this.#uploadNew(node, signer)
      else if (kind < 50) await this.#mirrorNew(node, signer)
      else if (kind < 60) await this.#ownToo(node, signer)
      else if (kind < 82) await this.#deleteOne(node)
      else if (kind < 92) await this.#race(node, pick(live))
      else this.#later(this.#block(node, pick(live), signer))
    }
  }

  #later (work: Promise<void>): void {
    const waiting: Promise<void> = work.finally(() => { this.#waiting.delete(waiting) })
    this.#waiting.add(waiting)
  }

  async #uploadNew (node: Node, signer: Signer): Promise<void> {
    const item = this.#newItem()
    if (!await this.#upload(node, item, signer)) return
    this.#count('upload')
    await this.#readEverywhere(item)
  }

  async #mirrorNew (node: Node, signer: Signer): Promise<void> {
    const item = this.#newItem()
    const source = `${this.#origin}/${item.sha256}`
    if (!await this.#change(node, item, signer, 'in', (url) => mirror(url, signer, source, item.sha256), [200, 201])) return
    this.#count('mirror')
    await this.#readEverywhere(item)
  }

  /** A blob written at one node is readable at all at once, and whole. */
  async #readEverywhere (item: Item): Promise<void> {
    const { turn } = item
    for (const node of this.#live()) {
      const { child } = node
      if (child === null) continue // killed while the others were asked
      try {
        const found = await hashed(await fetch(`${child.url}/${item.sha256}`))
        if (item.turn !== turn) return
        if (found.status !== 200 || found.sha256 !== item.sha256) this.#t.fail(`acknowledged, and ${found.status} (${found.size} bytes) at node ${node.index}: ${item.sha256}`)
      } catch (error) {
        if (node.child === child) throw error
      }
    }
  }

  async #ownToo (node: Node, signer: Signer): Promise<void> {
    const [item] = this.#owned() ?? []
    if (item === undefined) return
    const { child } = this.#random.pick(this.#live())
    const source = `${child?.url ?? this.#origin}/${item.sha256}`
    const told = this.#random.below(2) === 0
      ? await this.#upload(node, item, signer)
      : await this.#change(node, item, signer, 'in', (url) => mirror(url, signer, source, item.sha256), [200, 201])
    if (told) this.#count('own')
  }

  async #deleteOne (node: Node): Promise<void> {
    const [item, owner] = this.#owned() ?? []
    if (item === undefined || !await this.#remove(node, item, owner!)) return
    this.#count('delete')
    if ([...item.owners.values()].every((state) => state === 'out')) this.#later(this.#shows(item, 404, 'deleted'))
  }

  /** A blob deleted at one node while another adds an owner is whole. */
  async #race (one: Node, other: Node): Promise<void> {
    const [item, owner] = this.#owned() ?? []
    if (item === undefined) return
    const newcomer = this.#signers.find((each) => each !== owner && (item.owners.get(each) ?? 'out') === 'out')
    if (newcomer === undefined) return
    const [, added] = await Promise.all([this.#remove(one, item, owner!), this.#upload(other, item, newcomer)])
    if (!added) return
    this.#count('race')
    // who was just asked may remember for two seconds that it was not there
    this.#later(this.#shows(item, 200, 'owned by a newcomer'))
  }

  async #block (node: Node, other: Node, signer: Signer): Promise<void> {
    const item = this.#newItem(true)
    if (!await this.#upload(node, item, signer)) return
    const decide = (method: string) => (url: string): Promise<Response> => {
      const body = JSON.stringify({ hashes: [item.sha256] })
      const authorization = this.#operator.httpToken(method, `${url}/admin/blocked`, { payload: sha256Hex(Buffer.from(body)) })
      return fetch(`${url}/admin/blocked`, { method, headers: { authorization, 'content-type': 'application/json' }, body })
    }
    if (await this.#ask(node, decide('POST')) !== 200) return // its fate is not known, and nobody asks for it again
    this.#count('block')
    this.#blocked.add(item.sha256)
    await this.#shows(item, 404, 'blocked')
    if (this.#random.below(2) === 0) return
    if (await this.#ask(other, decide('DELETE')) !== 200) return
    this.#blocked.delete(item.sha256)
    await this.#shows(item, 200, 'unblocked')
  }

  /** All nodes that live answer so within five seconds, unless somebody changes it meanwhile. */
  async #shows (item: Item, status: number, what: string): Promise<void> {
    const { turn } = item
    const started = Date.now()
    for (;;) {
      const found = await Promise.all(this.#live().map((node) => this.#ask(node, (url) => fetch(`${url}/${item.sha256}`, { method: 'HEAD' }))))
      if (item.turn !== turn) return
      const took = Date.now() - started
      if (found.every((each) => each === null || each === status)) {
        this.#slowest = Math.max(this.#slowest, took)
        return
      }
      if (took > SHOWN_MS) {
        this.#t.fail(`${what}, and ${found.join()} after ${took} ms: ${item.sha256}`)
        return
      }
      await sleep(200)
    }
  }

  /** kill -9 of one node after the other, each started again; every second has lost its database. */
  async #kill (end: number): Promise<void> {
    const { below } = this.#random
    for (let kills = 1; Date.now() + this.#options.killEvery < end || kills <= this.#options.kills; kills++) {
      await sleep(this.#options.killEvery)
      const node = this.#nodes[below(3)]!
      const { child } = node
      node.child = null
      await child!.kill('SIGKILL')
      this.#count('kill')
      await sleep(below(1500))
      if (kills % 2 === 0) {
        for (const suffix of ['', '-wal', '-shm']) rmSync(join(node.dataDir, `marquee.db${suffix}`), { force: true })
        this.#count('lost database')
      }
      await this.#start(node)
    }
    this.#killing = false
  }

  /** The lists of all nodes are the same and what was acknowledged, within thirty seconds. */
  async #agree (when: string): Promise<void> {
    const started = Date.now()
    for (;;) {
      const problems = (await Promise.all(this.#signers.map((signer) => this.#compare(signer)))).flat()
      const late = Date.now() - started > AGREED_MS
      if (problems.length === 0 || late) {
        this.#t.same(problems.slice(0, 5), [], `${when} all lists agree with what was acknowledged, after ${Date.now() - started} ms`)
        return
      }
      await sleep(500)
    }
  }

  async #compare (signer: Signer): Promise<string[]> {
    const lists = await Promise.all(this.#nodes.map(async ({ child }) => {
      const found = new Map<string, string>()
      for (let cursor = ''; ;) {
        const page = await listed(child!.url, signer, cursor)
        for (const { sha256, size, type, uploaded } of page) found.set(sha256, `${size} ${type ?? ''} ${uploaded}`)
        if (page.length === 0) return found
        cursor = `?cursor=${page.at(-1)!.sha256}`
      }
    }))
    const problems: string[] = []
    for (const { sha256, owners } of this.#items) {
      const state = owners.get(signer) ?? 'out'
      const lines = lists.map((list) => list.get(sha256))
      if (new Set(lines).size > 1) problems.push(`${sha256} is ${lines.map((line) => line ?? '-').join(' | ')}`)
      else if ((state === 'in') !== (lines[0] !== undefined) && state !== 'either') problems.push(`${sha256} is listed as ${lines[0] ?? '-'} and was acknowledged as ${state}`)
    }
    return problems
  }

  /** Nothing acknowledged is lost: every blob that somebody owns is whole. */
  async #readAll (): Promise<void> {
    let whole = 0
    for (const [i, item] of this.#items.entries()) {
      if (![...item.owners.values()].includes('in') || item.apart) continue
      const found = await hashed(await fetch(`${this.#nodes[i % 3]!.child!.url}/${item.sha256}`))
      if (found.sha256 === item.sha256 && found.size === item.size) whole++
      else this.#t.fail(`lost: ${found.status}, ${found.size} bytes of ${item.size}: ${item.sha256}`)
    }
    this.#t.ok(whole, `${whole} blobs that were acknowledged are whole`)
  }

  async #begunUploads (bucket: string): Promise<string[]> {
    const { endpoint, accessKey, secretKey, region } = this.#minio
    const { hostname, port } = new URL(endpoint)
    const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
    const found: string[] = []
    for await (const { name } of client.listObjectsV2(bucket, 'tmp/', true) as AsyncIterable<{ name: string }>) found.push(name)
    const layout = new Layout(true)
    // MinIO lists uploads by their exact key only
    for (const { sha256, size } of this.#items) {
      if (size < 8 * 1024 * 1024) continue
      for await (const { key } of client.listIncompleteUploads(bucket, layout.pack(sha256Multihash(sha256)), true) as AsyncIterable<{ key: string }>) found.push(key)
    }
    return found
  }
}
