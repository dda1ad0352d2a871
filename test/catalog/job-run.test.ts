// One mirror job by itself: what may come later is asked for again after a pause, what cannot is not, and a store that is away ends nothing.

import t from 'tap'
import { Failure, StoreError } from '../../server/errors.ts'
import { JobRun } from '../../server/catalog/mirrors/job-run.ts'
import type { Blob } from '../../server/stores/descriptors.ts'
import type { Job } from '../../server/catalog/mirrors/job-rows.ts'
import type { JobRunParts } from '../../server/catalog/mirrors/job-run.ts'
import type { BlobWanted, Obtained } from '../../server/catalog/mirrors/obtaining.ts'

const sha256 = 'ab'.repeat(32)
const blob = { sha256, size: 1000, blake3: 'cd'.repeat(32) } as Blob

/** A job of one blob, whose tries end as `tries` says, one after the other. */
function oneBlob (tries: ((wanted: BlobWanted) => Obtained | Promise<Obtained>)[]): { run: JobRun, job: Job, tried: () => number } {
  let tried = 0
  const job: Job = {
    id: 'x', pubkey: 'ef'.repeat(32), wanted: { sha256, blake3: null, title: null }, state: 'running', have: 7, ofAll: null, bytes: 50, faultCount: 0, faults: [], providers: [], createdAt: 0, updatedAt: 0
  }
  const obtaining = { obtain: async (wanted: BlobWanted) => tries[tried++]!(wanted) }
  const parts = { obtaining, places: { of: () => [] }, sizeOf: () => null, save: () => {}, now: () => 0, pauses: [1, 1] }
  return { run: new JobRun(job, parts as unknown as JobRunParts), job, tried: () => tried }
}

t.test('who could not be asked now is asked again after a pause; bytes that came to nothing do not count', async t => {
  const { run, job, tried } = oneBlob([
    ({ onBytes }) => { onBytes(600); return { blob: null, hopeful: true } },
    ({ onBytes }) => { onBytes(400); onBytes(600); return { blob, created: true } }
  ])
  await run.run()
  t.equal(tried(), 2)
  t.match(job, { have: 1, ofAll: 1, bytes: 1050 })
})

t.test('it is given up when no try is left, and at once where nobody has it', async t => {
  const hopeful = oneBlob(Array.from({ length: 9 }, () => () => ({ blob: null, hopeful: true })))
  await t.rejects(hopeful.run.run(), { code: 'BLOBS_MISSING' })
  t.equal(hopeful.tried(), 3)
  const hopeless = oneBlob([({ places }) => { places(); return { blob: null, hopeful: false } }])
  await t.rejects(hopeless.run.run(), { code: 'BLOBS_MISSING' })
  t.match(hopeless.job.faults, [{ sha256, provider: null, code: 'ORIGIN_FAILED', reason: /nobody is known/ }])
})

t.test('a store that is away is waited for, a full quota is not, and a stop ends a pause', async t => {
  const away = oneBlob([() => { throw new StoreError('fs', 'put', sha256, new Error('EIO')) }, () => ({ blob, created: false })])
  await away.run.run()
  t.match(away.job, { have: 1, bytes: 50, faultCount: 1, faults: [{ sha256, code: 'STORE_FAILED', status: 503, reason: 'storage is unavailable' }] })
  const full = oneBlob([() => { throw new Failure('KEY_FULL') }])
  await t.rejects(full.run.run(), { code: 'KEY_FULL' })
  t.equal(full.tried(), 1)
  const stopped = oneBlob([() => { setImmediate(() => { stopped.run.stop(new Error('enough')) }); return { blob: null, hopeful: true } }])
  await t.rejects(stopped.run.run(), { message: 'enough' })
})

t.test('only the last twenty faults are kept, and all are counted', async t => {
  const { run, job } = oneBlob([])
  for (let i = 0; i < 30; i++) run.note(null, `https://${i}.example`, { code: 'ORIGIN_FAILED', status: 502, reason: 'x' })
  t.equal(job.faultCount, 30)
  t.equal(job.faults.length, 20)
  t.equal(job.faults.at(-1)!.provider, 'https://29.example')
})
