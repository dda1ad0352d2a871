// Proves the test support itself: that what other tests hold for a MinIO server is one, alone, restartable and gone afterwards.
import { existsSync, readdirSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { Client } from 'minio'
import t from 'tap'
import { startMinio } from './minio.ts'
import type { Minio } from './minio.ts'
import { findOnPath, requirePart } from './parts.ts'

function connect (minio: Minio): Client {
  const { hostname, port } = new URL(minio.endpoint)
  const { accessKey, secretKey, region } = minio
  return new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
}

t.test('a MinIO server keeps an object through stop and start, on the same endpoint, and refuses connections in between', async t => {
  const minio = await startMinio(t)
  if (minio === null) return
  t.match(minio.endpoint, /^http:\/\/127\.0\.0\.1:\d+$/)
  const client = connect(minio)

  const bucket = await minio.newBucket()
  t.not(await minio.newBucket(), bucket, 'each bucket has a name of its own')
  t.ok(await client.bucketExists(bucket))
  const bytes = Buffer.from('the reel')
  await client.putObject(bucket, 'films/reel', bytes)
  t.same(await buffer(await client.getObject(bucket, 'films/reel')), bytes)

  await t.rejects(minio.start(), /already running/)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await minio.stop(signal)
    await t.rejects(fetch(minio.endpoint), { cause: { code: 'ECONNREFUSED' } }, `refused after ${signal}`)
    await minio.start()
    t.same(await buffer(await client.getObject(bucket, 'films/reel')), bytes, `still there after ${signal}`)
  }
  t.match(minio.logs(), /minio ended: SIGKILL/)
})

t.test('credentials of one MinIO server open no other', async t => {
  const one = await startMinio(t)
  const other = await startMinio(t)
  if (one === null || other === null) return
  t.not(one.endpoint, other.endpoint)
  const bucket = await one.newBucket()
  const stranger = connect({ ...one, accessKey: other.accessKey, secretKey: other.secretKey })
  await t.rejects(stranger.putObject(bucket, 'key', 'text'), { code: 'InvalidAccessKeyId' })
})

t.test('a MinIO server and its folder are gone after its test', async t => {
  // A temporary folder of our own, so that only this test's MinIO is seen in it.
  const outside = process.env['TMPDIR']
  const inside = t.testdir()
  t.teardown(() => {
    if (outside === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = outside
  })
  process.env['TMPDIR'] = inside

  let endpoint = ''
  await t.test('while it runs', async t => {
    const minio = await startMinio(t)
    if (minio === null) return
    endpoint = minio.endpoint
    await minio.newBucket()
    t.equal(readdirSync(inside).length, 1)
  })
  if (endpoint === '') return
  await t.rejects(fetch(endpoint), { cause: { code: 'ECONNREFUSED' } })
  t.same(readdirSync(inside), [])
})

t.test('a program that is on PATH is found by its full path, and one that is not is a skip, or a failure when REQUIRE_REAL is 1', async t => {
  const node = requirePart(t, 'node')
  t.ok(node !== null && node.startsWith('/') && existsSync(node))
  t.equal(findOnPath('no-such-program-here'), null)

  const said: string[] = []
  const witness = {
    fail: (reason: string) => { said.push(`fail ${reason}`) },
    pass: (_name: string, { skip }: { skip: string }) => { said.push(`skip ${skip}`) }
  } as unknown as typeof t
  const before = process.env['REQUIRE_REAL']
  t.teardown(() => {
    if (before === undefined) delete process.env['REQUIRE_REAL']
    else process.env['REQUIRE_REAL'] = before
  })
  delete process.env['REQUIRE_REAL']
  t.equal(requirePart(witness, 'no-such-program-here'), null)
  process.env['REQUIRE_REAL'] = '1'
  t.equal(requirePart(witness, 'no-such-program-here'), null)
  t.match(said, [/^skip no-such-program-here is not on PATH/, /^fail no-such-program-here is not on PATH/])
})
