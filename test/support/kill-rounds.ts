// Kill -9 under a load of mixed clients, then boot, again and again over one store: every acknowledged blob is whole and listed, nothing else is
// visible, and no draft and no multipart upload is left. The short and the long form are this with other numbers.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'minio'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { newFolder } from './both-stores.ts'
import { runMarquee, startServer, storeEnv } from './children.ts'
import { seeded } from './judging.ts'
import { Ledger } from './ledger.ts'
import { auditLoad, runLoad } from './killed-load.ts'
import type { Test } from 'tap'
import type { StorePlace } from './children.ts'
import type { LoadBlob } from './ledger.ts'

export const CLIENTS = 16
/** MinIO drafts of this many bytes come in parts. */
const IN_PARTS = 8 * 1024 * 1024

/** What has to have happened by the end, however slow the machine. */
const DOINGS = ['upload 201', 'upload 200', 'mirror 200', 'delete 204', 'half an upload', 'range 206']
const AT_MOST_MS = 120_000

export interface KillRounds {
  kills: number
  /** Of load before each kill: at least, and up to so much more. */
  seconds: [least: number, more: number]
  /** Of a hundred uploads so many are of several MiB. */
  large: number
}

/** Draft files, or multipart uploads and temporary objects; MinIO lists uploads only by their exact key. */
async function unfinished (place: StorePlace, dataDir: string, blobs: Iterable<LoadBlob>): Promise<string[]> {
  if (place === null) return readdirSync(join(dataDir, 'store', 'drafts'))
  const { hostname, port } = new URL(place.minio.endpoint)
  const { accessKey, secretKey, region } = place.minio
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
  const journal = join(dataDir, 'uploads')
  const found = existsSync(journal) ? readdirSync(journal) : []
  for await (const item of client.listObjectsV2(place.bucket, 'tmp/', true)) found.push((item as { name: string }).name)
  for (const { sha256, size } of blobs) {
    if (size <= IN_PARTS) continue
    for await (const item of client.listIncompleteUploads(place.bucket, new Layout(true).pack(sha256Multihash(sha256)), true)) found.push((item as { key: string }).key)
  }
  return found
}

/** The lines of a log that tell of something amiss. */
function complaints (output: string): string[] {
  return output.split('\n').filter((line) => /"level":[56]0/.test(line))
}

export async function killUnderLoad (t: Test, place: StorePlace, { kills, seconds: [least, more], large }: KillRounds): Promise<void> {
  const dataDir = newFolder(t)
  process.setMaxListeners(100) // one for each program of a test
  const env = { ...storeEnv(dataDir, place), RATE_LIMIT: 'off' }
  const random = seeded(t)
  const ledger = new Ledger()
  const done = new Map<string, number>()
  for (let kill = 1; kill <= kills; kill++) {
    const server = await startServer(t, env)
    let goesOn = true
    const load = runLoad({ url: server.url, ledger, random, clients: CLIENTS, goesOn: () => goesOn, excused: [], round: `kill ${kill}`, large, done })
    await sleep(least * 1000 + random.below(more * 1000 + 1))
    const giveUp = Date.now() + AT_MOST_MS
    while (kill === kills && !DOINGS.every((doing) => done.has(doing)) && Date.now() < giveUp) await sleep(50)
    t.equal(await server.kill('SIGKILL'), 'SIGKILL', `kill ${kill}`)
    goesOn = false
    t.same((await load).wrong, [], 'no answer was wrong')

    const started = Date.now()
    const again = await startServer(t, env)
    const boot = Date.now() - started
    t.same(complaints(again.output()), [], 'the boot complains of nothing')
    t.same(await unfinished(place, dataDir, [...ledger.entries.values()].map(({ blob }) => blob)), [], 'no draft and no multipart upload is left')
    t.same(await auditLoad(again.url, ledger, CLIENTS), [], 'what was acknowledged is whole and listed, and nothing else is visible')
    const { there, gone, either } = ledger.counts()
    t.comment(`after kill ${kill}: boot ${boot} ms, ${there} blobs there, ${gone} gone, ${either} open`)
    await again.kill(kill % 2 === 0 ? 'SIGKILL' : 'SIGTERM')
  }
  t.comment([...done].sort().map(([what, times]) => `${what} ×${times}`).join(', '))
  for (const doing of DOINGS) t.ok((done.get(doing) ?? 0) > 0, doing)

  const repair = await runMarquee(t, ['verify', '--repair', '--json'], env)
  t.equal(repair.code, 0, 'verify --repair exits with 0', { output: repair.output })
  // what nobody owns may lie about in a bucket that others share; nothing that somebody owns may be amiss
  const kinds = new Set(repair.output.split('\n').filter((line) => line.startsWith('{"kind"')).map((line) => (JSON.parse(line) as { kind: string }).kind))
  if (place !== null) for (const harmless of ['pack-unused', 'record-ownerless']) kinds.delete(harmless)
  t.same([...kinds], [], 'nothing is amiss')
  const second = await runMarquee(t, ['verify'], env)
  t.match(second.output, /all is well/)
}
