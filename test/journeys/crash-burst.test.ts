// kill -9 at any moment of a burst of small uploads and deletes, again and again over the same store: however far the shared log, its files,
// the index and the rows had come, what was acknowledged holds, and the rest is whole or absent.

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { runMarquee, startServer, storeEnv } from '../support/children.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Child } from '../support/children.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 3)
const BURST = 100
const AT_ONCE = 12

const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))
let state = seed | 1
function random (below: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}
t.comment(`SEED=${seed}`)

type Fate = 'there' | 'gone' | 'either'

/** Uploads, and now and then deletes, until the server is killed; writes down what is known of each blob. */
async function burst (server: Child, signer: Signer, round: number, fates: Map<string, { fate: Fate, size: number }>): Promise<void> {
  const killAfter = random(BURST)
  let [next, acknowledged] = [0, 0]
  let killed: Promise<unknown> | null = null
  const work = async (): Promise<void> => {
    while (next < BURST && killed === null) {
      const index = next++
      // inline, journaled, and too large for the journal
      const size = [20, 300, 4096, 4097, 30_000, 120_000, 200_000][random(7)]!
      const blob = seededBlob(`${round} ${index} ${size}`, size)
      const known = { fate: 'either' as Fate, size }
      fates.set(blob.sha256, known)
      try {
        const { status } = await upload(server.url, signer, blob)
        if (status !== 201) throw new Error(`upload: ${status}`)
        known.fate = 'there'
        if (random(4) === 0) {
          known.fate = 'either'
          if ((await remove(server.url, signer, blob.sha256)).status === 204) known.fate = 'gone'
        }
      } catch (error) {
        if (killed === null) throw error
      }
      if (++acknowledged === killAfter) {
        await sleep(random(120))
        killed ??= server.kill('SIGKILL')
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await (killed ?? server.kill('SIGKILL'))
}

await onBothStores(t, 'whatever the moment of kill -9 in a burst of small uploads and deletes, what was acknowledged holds', async (t, newPlace) => {
  const place = await newPlace()
  const env = storeEnv(newFolder(t), place)
  const signer = new Signer()
  const fates = new Map<string, { fate: Fate, size: number }>()
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServer(t, env)
    await burst(server, signer, round, fates)
  }

  const { url, kill } = await startServer(t, env)
  const wrong: unknown[] = []
  const there = new Set<string>()
  for (const [sha256, { fate, size }] of fates) {
    const found = await hashed(await fetch(`${url}/${sha256}`))
    const whole = found.status === 200 && found.size === size && found.sha256 === sha256
    if (whole) there.add(sha256)
    if (fate === 'there' ? !whole : fate === 'gone' ? found.status !== 404 : !whole && found.status !== 404) wrong.push({ sha256, fate, size, found })
  }
  t.same(wrong, [], `of ${fates.size} blobs, SEED=${seed}`)
  const fated = (fate: Fate): number => [...fates.values()].filter((each) => each.fate === fate).length
  t.comment(`${fated('there')} acknowledged, ${fated('gone')} deleted, ${fated('either')} open`)
  t.ok(fated('there') > 0)
  t.same(new Set((await listed(url, signer)).map(({ sha256 }) => sha256)), there, 'the list is what is there')
  await kill('SIGTERM')

  const repair = await runMarquee(t, ['verify', '--repair', '--json'], env)
  t.equal(repair.code, 0, 'verify --repair exits with 0', { output: repair.output })
  // what nobody owns may lie about; nothing that somebody owns may be amiss
  const kinds = new Set(repair.output.split('\n').filter((line) => line.startsWith('{"kind"')).map((line) => (JSON.parse(line) as { kind: string }).kind))
  for (const harmless of ['pack-unused', 'record-ownerless']) kinds.delete(harmless)
  t.same([...kinds], [], `SEED=${seed}`)
  const second = await runMarquee(t, ['verify'], env)
  t.equal(second.code, 0, 'then verify exits with 0', { output: second.output })
  t.match(second.output, /all is well/)
})
