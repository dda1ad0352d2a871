// The one door for bytes (server/stores/blobs.ts) over stores in memory: what comes in, whose it is, and what is left when it goes.

import t from 'tap'
import { Readable } from 'node:stream'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import { Failure } from '../../server/errors.ts'
import { openMemoryStores } from '../../server/stores/open.ts'
import { ALICE, BOB, START, keysOf, nodeOf } from '../suites/node-of.ts'
import { seededBlob } from '../support/keys.ts'

const UNTYPED = 'application/octet-stream'
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), Buffer.alloc(64)])
const node = () => nodeOf(openMemoryStores())

void t.test('bytes of every size come back, named by both hashes', async (t) => {
  const { put, get, blobs } = node()
  for (const size of [0, 1, 4095, 4096, 4097, 100_000, 1_048_577, 3_000_000]) {
    const { bytes, sha256 } = seededBlob(`size ${size}`, size)
    const { blob, created } = await put(bytes)
    t.equal(created, true)
    t.match(blob, { sha256, size, type: UNTYPED, uploaded: START / 1000, foreign: false, place: { kind: size <= 4096 ? 'inline' : 'own' } })
    const hasher = new Blake3Hasher()
    hasher.update(bytes)
    t.equal(blob.blake3, hasher.digestBuffer().toString('hex'))
    t.same(await blobs.find(sha256), blob)
    t.ok((await get(sha256))?.equals(bytes), `${size} bytes`)
  }
})

void t.test('exactly the asked range is read, of a pack as of a blob inside its record', async (t) => {
  const { put, blobs } = node()
  for (const size of [3000, 300_000]) {
    const { bytes } = seededBlob(`range ${size}`, size)
    const { blob } = await put(bytes)
    for (const [start, length] of [[0, 1], [10, 100], [size - 1, 1], [0, size]] as const) {
      const reading = (await blobs.read(blob, start, length))!
      const found: Uint8Array[] = []
      for (let piece = await reading.next(); piece !== null; piece = await reading.next()) found.push(Buffer.from(piece.bytes))
      await reading.close()
      t.ok(Buffer.concat(found).equals(bytes.subarray(start, start + length)))
    }
  }
})

void t.test('what is not here is null for find, adopt and disown', async (t) => {
  const { blobs } = node()
  const sha256 = 'ab'.repeat(32)
  t.equal(await blobs.find(sha256), null)
  t.equal(await blobs.adopt(sha256, ALICE, null), null)
  t.equal(await blobs.disown(sha256, ALICE), null)
  t.equal(blobs.cursor(ALICE, sha256), null)
})

void t.test('bytes that are refused at any point leave nothing', async (t) => {
  const { bytes, sha256 } = seededBlob('refused', 50_000)
  const small = seededBlob('small and refused', 100)
  const { put, blobs, stores, listed } = nodeOf(openMemoryStores(), { maxSize: 60_000 })
  const refuse = (): never => { throw new Failure('TYPE_REFUSED') }
  const broken = (): Readable => Readable.from((async function * () {
    yield bytes.subarray(0, 20_000)
    throw new Error('reset')
  })())
  for (const blob of [{ bytes, sha256 }, small]) {
    await t.rejects(put(blob.bytes, { promised: 'cd'.repeat(32) }), { code: 'HASH_MISMATCH' })
    await t.rejects(put(blob.bytes, { promised: 'cd'.repeat(32), likely: 'cd'.repeat(32) }), { code: 'HASH_MISMATCH' })
    await t.rejects(put(blob.bytes, { size: blob.bytes.length + 1 }), { code: 'LENGTH_WRONG' })
    await t.rejects(put(blob.bytes, { size: blob.bytes.length - 1 }), { code: 'LENGTH_WRONG' })
    await t.rejects(put(blob.bytes, { acceptType: refuse }), { code: 'TYPE_REFUSED' })
    await t.rejects(put(blob.bytes, { acceptHash: refuse }), { code: 'TYPE_REFUSED' })
    t.equal(await blobs.find(blob.sha256), null)
  }
  await t.rejects(put(broken()), { code: 'BODY_BROKEN' })
  await t.rejects(put(Buffer.alloc(60_001)), { code: 'TOO_LARGE' })
  t.equal(await blobs.find('cd'.repeat(32)), null)
  t.same(await keysOf(stores), [])
  t.same(listed(), [])
  t.equal((await put(bytes, { promised: sha256, size: bytes.length })).created, true, 'and the same bytes are taken when all is right')
})

void t.test('the hash and the type are put to the question once, with what the bytes really are', async (t) => {
  const { put } = node()
  const asked: unknown[] = []
  const { blob } = await put(PNG, { acceptHash: (...args) => { asked.push(args) }, acceptType: (...args) => { asked.push(args) }, extension: 'txt' })
  t.same(asked, [[blob.sha256], ['image/png', PNG.length]])
})

void t.test('a second upload is not created again; its owner is one more, with a time of their own', async (t) => {
  for (const size of [1000, 50_000]) {
    const { put, pass, listed, stores } = node()
    const { bytes, sha256 } = seededBlob(`again ${size}`, size)
    await put(bytes)
    pass(5000)
    for (const likely of [null, sha256]) {
      const { blob, created } = await put(bytes, { owner: BOB, likely })
      t.equal(created, false)
      t.equal(blob.uploaded, START / 1000, 'the blob came with its earliest owner')
    }
    t.same(listed(ALICE), [{ sha256, size, type: UNTYPED, uploaded: START / 1000 }])
    t.same(listed(BOB), [{ sha256, size, type: UNTYPED, uploaded: START / 1000 + 5 }])
    pass(5000)
    await put(bytes)
    t.equal(listed(ALICE)[0]?.uploaded, START / 1000, 'the first time stays')
    t.same((await stores.owners.namesOf(sha256)).sort(), [ALICE, BOB])
  }
})

void t.test('who promises a hash that is here but sends other bytes becomes nobody’s owner', async (t) => {
  const { put, listed } = node()
  const here = seededBlob('here', 50_000)
  const other = seededBlob('other', 50_000)
  await put(here.bytes)
  await t.rejects(put(other.bytes, { owner: BOB, promised: here.sha256, likely: here.sha256 }), { code: 'HASH_MISMATCH' })
  t.same(listed(BOB), [])
})

void t.test('a blob has the type of its earliest owner with a specific one; the first stays, but for octet-stream (A10)', async (t) => {
  const { put, blobs, pass, stores } = node()
  const { bytes, sha256 } = seededBlob('typed', 5000)
  const typeNow = async () => (await blobs.find(sha256))?.type
  await put(bytes)
  t.equal(await typeNow(), UNTYPED)
  pass(1000)
  await put(bytes, { owner: BOB, type: 'video/mp4' })
  t.equal(await typeNow(), 'video/mp4', 'the only specific one')
  pass(1000)
  await put(bytes, { type: 'audio/mpeg' })
  t.equal(await typeNow(), 'audio/mpeg', 'the earlier owner’s, now that they have one')
  await put(bytes, { type: 'image/png' })
  await put(bytes, { type: UNTYPED })
  t.equal(await typeNow(), 'audio/mpeg', 'the first stays')
  t.equal((await stores.owners.get(sha256, ALICE))?.type, 'audio/mpeg', 'in the store as well')
  t.equal((await stores.owners.get(sha256, ALICE))?.uploaded, START / 1000)
  await blobs.disown(sha256, ALICE)
  t.equal(await typeNow(), 'video/mp4', 'the next owner’s when they leave')
  t.equal((await blobs.find(sha256))?.uploaded, START / 1000 + 1)
})

void t.test('an adopted blob is its new owner’s too, under the type it has', async (t) => {
  const { put, blobs, get, listed } = node()
  const { sha256 } = (await put(PNG)).blob
  t.equal((await blobs.adopt(sha256, BOB, null))?.sha256, sha256)
  t.match(listed(BOB), [{ sha256, type: 'image/png' }])
  t.equal(await blobs.disown(sha256, ALICE), 'disowned')
  t.ok((await get(sha256))?.equals(PNG))
})

void t.test('the blob goes with its last owner, and only owners end it', async (t) => {
  const { put, blobs, get, stores, listed } = node()
  for (const size of [1000, 50_000]) {
    const { bytes, sha256 } = seededBlob(`goes ${size}`, size)
    await put(bytes)
    await put(bytes, { owner: BOB })
    t.equal(await blobs.disown(sha256, 'c'.repeat(64)), 'not-owner')
    t.equal(await blobs.disown(sha256, ALICE), 'disowned')
    t.same(listed(ALICE), [])
    t.equal(await blobs.disown(sha256, ALICE), 'not-owner')
    t.ok((await get(sha256))?.equals(bytes))
    t.equal(await blobs.disown(sha256, BOB), 'disowned')
    t.equal(await blobs.find(sha256), null)
    t.equal(await blobs.disown(sha256, BOB), null)
    t.same(await keysOf(stores), [])
    t.equal((await put(bytes)).created, true, 'and may come again')
    t.ok((await get(sha256))?.equals(bytes))
    await blobs.disown(sha256, ALICE)
  }
})

void t.test('two uploads of one blob at once make one blob, and both own it', async (t) => {
  for (const size of [1000, 200_000]) {
    const { put, get, stores } = node()
    const { bytes, sha256 } = seededBlob(`at once ${size}`, size)
    const owners = ['1', '2', '3', '4'].map((digit) => digit.repeat(64))
    const received = await Promise.all(owners.map((owner, i) => put(bytes, { owner, likely: i % 2 === 0 ? sha256 : null })))
    t.equal(received.filter(({ created }) => created).length, 1)
    t.same((await stores.owners.namesOf(sha256)).sort(), owners)
    t.equal((await keysOf(stores)).filter((key) => key.startsWith('pack/')).length, size > 4096 ? 1 : 0)
    t.ok((await get(sha256))?.equals(bytes))
  }
})

void t.test('an upload while the blob is deleted ends with all of it or nothing of it', async (t) => {
  for (const size of [1000, 200_000]) {
    for (const likely of [true, false]) {
      for (let turns = 0; turns < 25; turns++) {
        const { put, blobs, get, stores } = node()
        const { bytes, sha256 } = seededBlob(`while ${size}`, size)
        await put(bytes)
        const deleting = (async () => {
          for (let i = 0; i < turns; i++) await Promise.resolve()
          return blobs.disown(sha256, ALICE)
        })()
        const [upload] = await Promise.allSettled([put(bytes, { owner: BOB, likely: likely ? sha256 : null }), deleting])
        if (upload.status === 'fulfilled') {
          t.ok((await get(sha256))?.equals(bytes), 'acknowledged, so it is here')
          t.same(await stores.owners.namesOf(sha256), [BOB])
        } else {
          t.match(upload.reason, { name: 'StoreError' })
          t.same(await keysOf(stores), [], 'refused, so nothing is left')
        }
      }
    }
  }
})

void t.test('a list is newest first, equal seconds by sha256, and its pages join without a gap', async (t) => {
  const { put, blobs, pass, listed } = node()
  const all: { sha256: string, uploaded: number }[] = []
  for (let i = 0; i < 20; i++) {
    if (i % 4 === 0) pass(1000)
    const { blob } = await put(seededBlob(`item ${i}`, 10 + i).bytes)
    all.push({ sha256: blob.sha256, uploaded: blob.uploaded })
  }
  all.sort((a, b) => b.uploaded - a.uploaded || (a.sha256 < b.sha256 ? -1 : 1))
  t.same(listed().map(({ sha256 }) => sha256), all.map(({ sha256 }) => sha256))
  const found: string[] = []
  let after: { uploaded: number, sha256: string } | null = null
  for (;;) {
    const page: string[] = blobs.list({ owner: ALICE, limit: 3, since: 0, until: 1e12, after }).map(({ sha256 }) => sha256)
    found.push(...page)
    if (page.length < 3) break
    after = blobs.cursor(ALICE, page.at(-1)!)
  }
  t.same(found, all.map(({ sha256 }) => sha256))
  const [since, until] = [START / 1000 + 2, START / 1000 + 4]
  t.same(
    blobs.list({ owner: ALICE, limit: 100, since, until, after: null }).map(({ sha256 }) => sha256),
    all.filter(({ uploaded }) => uploaded >= since && uploaded <= until).map(({ sha256 }) => sha256), 'both ends count'
  )
})

void t.test('a cursor that names a deleted blob keeps its place', async (t) => {
  const { put, blobs, listed } = node()
  for (let i = 0; i < 9; i++) await put(seededBlob(`cursor ${i}`, 10 + i).bytes)
  const all = listed().map(({ sha256 }) => sha256)
  const cursor = all[3]!
  await blobs.disown(cursor, ALICE)
  const after = blobs.cursor(ALICE, cursor)
  t.not(after, null)
  t.same(blobs.list({ owner: ALICE, limit: 100, since: 0, until: 1e12, after }).map(({ sha256 }) => sha256), all.slice(4))
  t.equal(blobs.cursor(BOB, cursor), null, 'it was never in the list of another')
})
