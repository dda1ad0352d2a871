// MinIO fails at any one call of whatever is done to a blob (design §1.2, §3): 503 with Retry-After, never 404, never a 201 for what is not durable,
// never a short 200 that looks whole; and when it answers again nothing is left half-way, without a new start.

import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { blake3Multihash, sha256Multihash } from '../../server/stores/multihash.ts'
import { upload } from '../support/app.ts'
import { hashed, listed, remove } from '../support/asking.ts'
import { faultsLeft, isRefused, patiently, startBehind } from '../support/behind-faults.ts'
import { SAYINGS } from '../support/faulty-proxy.ts'
import { bytesOf, loadBlob } from '../support/ledger.ts'
import { Signer } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import { blake3 } from '@napi-rs/blake-hash'
import type { Test } from 'tap'
import type { Behind } from '../support/behind-faults.ts'
import type { Fault } from '../support/faulty-proxy.ts'

const FAULTS: Readonly<Record<string, Fault>> = {
  ...SAYINGS,
  'the connection cut before the request is whole': { do: 'cut request', after: 0 },
  'the answer lost after the work was done': { do: 'swallow' },
  'the answer cut short': { do: 'cut answer', after: 3 },
  'no answer ever': { do: 'hang' }
}
/** Those that differ most, for what takes longer. */
const FEWER = Object.fromEntries(['404 of something else', '200 with garbage', 'the answer lost after the work was done', 'no answer ever'].map((kind) => [kind, FAULTS[kind]!]))
/** More calls than anything takes: the last of them befalls nobody. */
const MOST_CALLS = 30
const AT_ONCE = 16

interface Sample { bytes: Buffer, sha256: string, size: number, about: (path: string) => boolean }

const layout = new Layout(true)

/** A blob, and which of the store's requests are about it. */
function sample (name: string, size: number): Sample {
  const { sha256 } = loadBlob(name, size)
  const bytes = bytesOf({ name, size })
  const keys = [layout.pack(sha256Multihash(sha256)).split('/')[1]!, layout.record(blake3Multihash(blake3(bytes).toString('hex'))).split('/')[1]!]
  return { bytes, sha256, size, about: (path) => keys.some((key) => path.includes(key)) }
}

interface Case { what: string, blob: Sample, fault: Fault, nth: number }

/** `size` bytes under every fault at every call, until a call befalls nobody; several at a time, each with a blob of its own. */
async function atEveryCall (behind: Behind, size: number, kinds: Readonly<Record<string, Fault>>, run: (each: Case) => Promise<void>): Promise<Case[]> {
  const cases: Case[] = []
  const kindsLeft = Object.entries(kinds).flatMap(([kind, fault]) => [1, 2, 3].map((first) => [kind, fault, first] as const))
  const lane = async (): Promise<void> => {
    for (let next = kindsLeft.shift(); next !== undefined; next = kindsLeft.shift()) {
      const [kind, fault, first] = next
      for (let nth = first; nth < MOST_CALLS; nth += 3) {
        const each = { what: `${size} bytes, call ${nth}: ${kind}`, blob: sample(`${size} ${kind} ${nth} ${Math.random()}`, size), fault, nth }
        const hits = (): number => behind.proxy.rules.reduce((sum, rule) => sum + (rule.match === each.blob.about ? rule.hits : 0), 0)
        await run(each)
        if (hits() === 0) break
        cases.push(each)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return cases
}

function befall ({ proxy }: Behind, { blob, fault, nth }: Case): void {
  proxy.break({ match: blob.about, nth, fault })
}

async function isWhole (behind: Behind, blob: Sample): Promise<boolean> {
  const { status, size, sha256 } = await hashed(await patiently(() => fetch(`${behind.url}/${blob.sha256}`)))
  return status === 200 && size === blob.size && sha256 === blob.sha256
}

/** When the store is well again: every blob of `there` is whole and listed, every one of `gone` is neither, and of the rest both or neither. */
async function settled (t: Test, behind: Behind, signer: Signer, fates: Map<Case, 'there' | 'gone' | 'either'>): Promise<void> {
  t.same(await faultsLeft(behind), [], 'nothing is left half-way, as `marquee verify` sees it')
  const names = new Set((await listed(behind.url, signer)).map(({ sha256 }) => sha256))
  const wrong: string[] = []
  for (const [{ what, blob }, fate] of fates) {
    const [whole, inList] = [await isWhole(behind, blob), names.has(blob.sha256)]
    if (whole !== inList || (fate === 'there' && !whole) || (fate === 'gone' && whole)) wrong.push(`${what}: ${fate}, whole ${whole}, listed ${inList}`)
  }
  t.same(wrong, [])
}

await t.test('MinIO fails at any one call', async (t) => {
  const minio = await startMinio(t)
  if (minio === null) return

  for (const [size, kinds] of [[500, FAULTS], [300_000, FEWER], [9_000_000, { ...Object.fromEntries(Object.entries(FEWER).slice(1)), 'the connection cut in the middle of the request': { do: 'cut request', after: 1_000_000 } as const }]] as const) {
    await t.test(`of an upload of ${size} bytes: 201 only for what is durable, else 503; who tries again succeeds`, async (t) => {
      const behind = await startBehind(t, minio)
      const signer = new Signer()
      const fates = new Map<Case, 'there' | 'gone' | 'either'>()
      const cases = await atEveryCall(behind, size, kinds, async (each) => {
        befall(behind, each)
        const answer = await upload(behind.url, signer, each.blob)
        await answer.arrayBuffer()
        if (answer.status === 503) isRefused(t, answer, each.what)
        else t.ok([200, 201].includes(answer.status), `${each.what}: ${answer.status}`)
        fates.set(each, answer.status === 503 ? 'either' : 'there')
      })
      t.ok(cases.length > 10, `${cases.length} faults`)
      t.ok([...fates.values()].includes('either'), 'not all were told')
      await settled(t, behind, signer, fates)
      if (size > 1_000_000) return
      const wrong: string[] = []
      for (const [{ what, blob }, fate] of fates) {
        if (fate === 'there') continue
        const { status } = await patiently(() => upload(behind.url, signer, blob))
        if (![200, 201].includes(status)) wrong.push(`${what}: ${status}`)
        fates.set([...fates.keys()].find((each) => each.blob === blob)!, 'there')
      }
      t.same(wrong, [], 'the second try is taken')
      await settled(t, behind, signer, fates)
    })
  }

  for (const [size, kinds] of [[500, FAULTS], [300_000, FEWER]] as const) {
    await t.test(`of a delete of ${size} bytes: 204 only for what is gone, else 503; nothing stays half deleted`, async (t) => {
      const behind = await startBehind(t, minio)
      const signer = new Signer()
      const fates = new Map<Case, 'there' | 'gone' | 'either'>()
      const cases = await atEveryCall(behind, size, kinds, async (each) => {
        t.ok([200, 201].includes((await patiently(() => upload(behind.url, signer, each.blob))).status))
        befall(behind, each)
        const answer = await remove(behind.url, signer, each.blob.sha256)
        await answer.arrayBuffer()
        if (answer.status === 503) isRefused(t, answer, each.what)
        else t.equal(answer.status, 204, each.what)
        fates.set(each, answer.status === 503 ? 'either' : 'gone')
      })
      t.ok(cases.length > 10, `${cases.length} faults`)
      await settled(t, behind, signer, fates)
    })
  }

  for (const size of [500, 1_200_000]) {
    await t.test(`of a read of ${size} bytes: the right bytes, or 503, or an answer that breaks off; never 404`, async (t) => {
      const behind = await startBehind(t, minio, { env: { CACHE_SIZE: '0' } })
      const writer = await startBehind(t, minio, { bucket: behind.bucket })
      const signer = new Signer()
      const faults = { ...FAULTS, 'the answer cut in its middle': { do: 'cut answer', after: Math.floor(size / 2) } as const }
      let told = 0
      const cases = await atEveryCall(behind, size, faults, async (each) => {
        const { what, blob } = each
        t.ok([200, 201].includes((await patiently(() => upload(writer.url, signer, blob))).status))
        befall(behind, each) // this server has to ask the store whether there is such a blob
        const range = each.nth % 2 === 0 ? { range: 'bytes=10-99' } : {}
        const answer = await fetch(`${behind.url}/${blob.sha256}`, { headers: range }).catch(() => null)
        if (answer?.status === 503) {
          isRefused(t, answer, what)
          told++
          return
        }
        if (answer === null) return
        t.ok([200, 206].includes(answer.status), `${what}: ${answer.status}`)
        const bytes = await answer.arrayBuffer().then((all) => Buffer.from(all), () => null)
        const wanted = answer.status === 206 ? blob.bytes.subarray(10, 100) : blob.bytes
        if (bytes === null) told++
        else t.ok(bytes.equals(wanted), `${what}: the bytes`)
      })
      t.ok(cases.length > 10 && told > cases.length / 4, `${cases.length} faults, ${told} told`)
      t.same(await faultsLeft(writer), [])
    })
  }

  await t.test('a blob that nobody has is 404 only by the word of the store itself', async (t) => {
    const behind = await startBehind(t, minio)
    for (const [kind, fault] of Object.entries(FAULTS)) {
      for (const method of ['GET', 'HEAD']) {
        const blob = sample(`nobody has ${kind} ${method}`, 10)
        behind.proxy.break({ match: blob.about, fault })
        isRefused(t, await fetch(`${behind.url}/${blob.sha256}`, { method }), `${method}: ${kind}`)
      }
    }
    behind.proxy.heal()
    t.equal((await patiently(() => fetch(`${behind.url}/${'0'.repeat(64)}`))).status, 404)
  })
})
