// kill -9 between any two steps of an upload or a delete (design §1.2, §3): what was acknowledged is there and whole; what was not is
// wholly there or wholly absent; and no leftover survives the next boot and `marquee verify --repair`.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { startCrashing, storeEnv } from '../support/children.ts'
import { runCommand } from '../support/command.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { Test } from 'tap'
import type { StorePlace } from '../support/children.ts'

interface Aftermath {
  step: string
  /** Whether the blob is there when a server runs again. */
  there: boolean
}

/** A blob in a pack of its own, not journaled: pack → owner → records → row. */
const UPLOAD: readonly Aftermath[] = [
  { step: 'draft written', there: false },
  { step: 'pack committed', there: false },
  // The owner is durable and the pack is whole: the boot writes the missing records again.
  { step: 'owner put', there: true },
  { step: 'BLAKE3 record added', there: true },
  { step: 'sha256 record added', there: true },
  { step: 'row written', there: true }
]

/** A small blob where small uploads share a sync: log → row. The boot replays the log. */
const LOGGED_UPLOAD: readonly Aftermath[] = [
  { step: 'upload logged', there: true },
  { step: 'row written', there: true }
]

/** An inline blob in a bucket: its BLAKE3 record holds its bytes and stands for the pack. */
const INLINE_UPLOAD: readonly Aftermath[] = [
  { step: 'BLAKE3 record added', there: false },
  // The owner is durable and so are the bytes: the boot writes the sha256 record again.
  { step: 'owner put', there: true },
  { step: 'sha256 record added', there: true },
  { step: 'row written', there: true }
]

const DELETE: readonly Aftermath[] = [
  { step: 'owner removed', there: false },
  { step: 'sha256 record removed', there: false },
  { step: 'BLAKE3 record removed', there: false },
  { step: 'pack removed', there: false }
]

/** While a log still speaks of the blob its replay makes the files once more, and then ends the ownership as it was ended. */
const LOGGED_DELETE: readonly Aftermath[] = ['delete logged', 'owner removed', 'sha256 record removed', 'BLAKE3 record removed', 'pack removed']
  .map((step) => ({ step, there: false }))

const doomed = seededBlob('doomed', 300_000)
const small = seededBlob('doomed and small', 20_000)
const inline = seededBlob('doomed and inline', 500)
const kept = [seededBlob('kept whole', 40_000), seededBlob('kept inline', 400)]

/** The kinds of fault that `verify --json` printed. */
function faultsIn (output: string): string[] {
  return output.split('\n').filter((line) => line.startsWith('{"kind"')).map((line) => (JSON.parse(line) as { kind: string }).kind).sort()
}

async function crash (t: Test, place: StorePlace, step: string, blob: typeof doomed, deleting: boolean): Promise<{ dataDir: string, signer: Signer }> {
  const dataDir = newFolder(t)
  const signer = new Signer()
  const server = await startCrashing(t, storeEnv(dataDir, place), step, blob)
  for (const each of kept) t.equal((await upload(server.url, signer, each, { 'content-type': 'video/mp4' })).status, 201)
  if (deleting) t.equal((await upload(server.url, signer, blob)).status, 201)
  await t.rejects(deleting ? remove(server.url, signer, blob.sha256) : upload(server.url, signer, blob), 'nothing is acknowledged')
  t.equal(await Promise.race([server.gone, sleep(60_000, 'it lives', { ref: false })]), 'SIGKILL')
  return { dataDir, signer }
}

/** Boots on what the crash left, looks, and lets `marquee verify --repair` clear up; returns what it cleared. */
async function checkAfter (t: Test, place: StorePlace, dataDir: string, signer: Signer, blob: typeof doomed, there: boolean): Promise<string[]> {
  const { url, close, log } = await startMarquee(t, { dataDir, minio: place })
  t.same(log.filter((line) => Number(line['level']) >= 50), [], 'the boot complains of nothing')
  // what broke off in a bucket is ended in the background
  while ('catchingUp' in (await (await fetch(`${url}/readyz`)).json() as object)) await sleep(20)
  for (const each of kept) t.same(await hashed(await fetch(`${url}/${each.sha256}`)), { status: 200, size: each.bytes.length, sha256: each.sha256 })
  const found = await hashed(await fetch(`${url}/${blob.sha256}`))
  if (there) t.same(found, { status: 200, size: blob.bytes.length, sha256: blob.sha256 }, 'wholly there')
  else t.equal(found.status, 404, 'wholly absent')
  t.same(new Set((await listed(url, signer)).map(({ sha256 }) => sha256)), new Set([...kept, ...(there ? [blob] : [])].map(({ sha256 }) => sha256)))
  if (place === null) t.same(readdirSync(join(dataDir, 'store', 'drafts')), [], 'no draft is left')
  await close()

  const repair = await runCommand(t, ['verify', '--repair', '--json'], storeEnv(dataDir, place))
  t.equal(repair.code, 0, 'verify --repair exits with 0', { output: repair.out + repair.err })
  const second = await runCommand(t, ['verify', '--json'], storeEnv(dataDir, place))
  t.equal(second.code, 0, 'then verify exits with 0', { output: second.out + second.err })
  t.same(faultsIn(second.out), [], 'everything is clean')

  const again = await startMarquee(t, { dataDir, minio: place })
  t.equal((await upload(again.url, signer, blob)).status, there ? 200 : 201, 'the sender who tries again succeeds')
  t.same(await hashed(await fetch(`${again.url}/${blob.sha256}`)), { status: 200, size: blob.bytes.length, sha256: blob.sha256 })
  for (const each of kept) t.same(await hashed(await fetch(`${again.url}/${each.sha256}`)), { status: 200, size: each.bytes.length, sha256: each.sha256 })
  await again.close()
  return faultsIn(repair.out)
}


async function checkSteps (t: Test, newPlace: () => Promise<StorePlace>, steps: readonly Aftermath[], blob: typeof doomed, deleting: boolean): Promise<void> {
  for (const { step, there } of steps) {
    await t.test(`${blob.bytes.length} bytes: ${step}`, async (t) => {
      const place = await newPlace()
      const { dataDir, signer } = await crash(t, place, step, blob, deleting)
      if (place === null && step === 'draft written') t.equal(readdirSync(join(dataDir, 'store', 'drafts')).length, 1, 'the draft is there until the boot')
      t.same(await checkAfter(t, place, dataDir, signer, blob, there), [], 'the boot left nothing to mend')
    })
  }
}

await onBothStores(t, 'after kill -9 at any step of an upload it is wholly there or wholly absent, and nothing acknowledged is lost', async (t, newPlace) => {
  await checkSteps(t, newPlace, UPLOAD, doomed, false)
  if (await newPlace() === null) {
    await checkSteps(t, newPlace, LOGGED_UPLOAD, small, false)
    await checkSteps(t, newPlace, LOGGED_UPLOAD, inline, false)
  } else {
    await checkSteps(t, newPlace, INLINE_UPLOAD, inline, false)
  }
})

await onBothStores(t, 'after kill -9 at any step of a delete the blob is gone, and nothing else is', async (t, newPlace) => {
  if (await newPlace() === null) {
    await checkSteps(t, newPlace, DELETE, doomed, true)
    await checkSteps(t, newPlace, LOGGED_DELETE, small, true)
  } else {
    await checkSteps(t, newPlace, DELETE.slice(0, 3), doomed, true)
  }
})
