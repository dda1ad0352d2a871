// What every PackStore promises (server/stores/pack-store.ts): whole or not at all, never overwritten, absent is null and broken is a
// StoreError, and nothing is left of a draft that came to nothing.

import { setTimeout as wait } from 'node:timers/promises'
import { StoreError } from '../../server/errors.ts'
import { keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { seededBlob } from '../support/keys.ts'
import { UNKNOWN, drafted, entries, readPack, writePack } from './packs.ts'
import type { Test } from 'tap'
import type { DraftHints, PackStore } from '../../server/stores/pack-store.ts'

export interface OpenedPacks {
  packs: PackStore
  /** How many things are left of drafts: files, uploads, temporary objects, journal entries. */
  drafts: () => Promise<number>
  /** The same store opened by the next life of the same server. */
  again?: () => Promise<PackStore>
  /** Breaks the backend; what it resolves with mends it. */
  lose?: () => Promise<() => Promise<void>>
}

const KIB = 1024
const MIB = 1024 * KIB

function promise (sha256: string, size: number): DraftHints {
  return { promised: sha256Multihash(sha256), size, type: 'video/mp4' }
}

export function packStoreSuite (t: Test, name: string, open: (t: Test) => Promise<OpenedPacks>): void {
  function test (sentence: string, body: (t: Test, opened: OpenedPacks) => Promise<unknown>): void {
    void t.test(`${name}: ${sentence}`, async (t) => {
      const opened = await open(t)
      await body(t, opened)
      t.equal(await opened.drafts(), 0, 'no draft is left')
    })
  }

  for (const size of [1, 4097, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, MIB - 1, MIB, MIB + 1, 2.5 * MIB]) {
    test(`${size} bytes come back as they went in, with and without a promised hash`, async (t, { packs }) => {
      for (const promised of [true, false]) {
        const { bytes, sha256 } = seededBlob(`${size} ${promised}`, size)
        const pack = sha256Multihash(sha256)
        t.equal(await writePack(packs, bytes, sha256, promised ? promise(sha256, size) : UNKNOWN), 'created')
        t.equal((await packs.stat(pack))?.size, size)
        t.ok((await readPack(packs, pack, 0, size))?.equals(bytes))
      }
    })
  }

  test('exactly the asked range of a pack is read', async (t, { packs }) => {
    const size = 2.5 * MIB + 3
    const { bytes, sha256 } = seededBlob('ranges', size)
    const pack = sha256Multihash(sha256)
    await writePack(packs, bytes, sha256)
    const ranges: [number, number][] = [
      [0, 1], [0, 100], [1, 65_536], [size >> 1, 777], [MIB - 1, 2], [MIB, MIB], [5, 2 * MIB + 1], [size - 1, 1], [size - 70_000, 70_000], [0, size]
    ]
    for (const [offset, length] of ranges) {
      t.ok((await readPack(packs, pack, offset, length))?.equals(bytes.subarray(offset, offset + length)), `${length} from ${offset}`)
    }
  })

  test('a reading may be closed at any point, more than once', async (t, { packs }) => {
    const { bytes, sha256 } = seededBlob('closed', 3 * MIB)
    await writePack(packs, bytes, sha256)
    for (const taken of [0, 1, 2]) {
      const reading = (await packs.read(sha256Multihash(sha256), 0, bytes.length))!
      let seen = 0
      for (let i = 0; i < taken; i++) {
        const piece = (await reading.next())!
        t.ok(bytes.subarray(seen, seen + piece.bytes.length).equals(piece.bytes))
        seen += piece.bytes.length
        piece.release()
        piece.release()
      }
      await reading.close()
      await reading.close()
    }
    t.ok((await readPack(packs, sha256Multihash(sha256), 0, bytes.length))?.equals(bytes), 'and the buffers are right afterwards')
  })

  test('several readings of one pack at once do not mix their bytes', async (t, { packs }) => {
    const { bytes, sha256 } = seededBlob('at once', 3 * MIB + 11)
    await writePack(packs, bytes, sha256)
    const starts = [0, 1, 700_000, MIB, 2 * MIB + 5]
    const read = await Promise.all(starts.map((start) => readPack(packs, sha256Multihash(sha256), start, bytes.length - start)))
    for (const [i, start] of starts.entries()) t.ok(read[i]?.equals(bytes.subarray(start)), `from ${start}`)
  })

  test("committing a pack that is there answers 'existed' and keeps the bytes", async (t, { packs }) => {
    const first = seededBlob('first', 70_000)
    const other = seededBlob('other', 80_000)
    t.equal(await writePack(packs, first.bytes, first.sha256), 'created')
    // under the same name: no caller would, so that it shows if it overwrote
    t.equal(await writePack(packs, other.bytes, first.sha256), 'existed')
    t.equal((await packs.stat(sha256Multihash(first.sha256)))?.size, first.bytes.length)
    t.ok((await readPack(packs, sha256Multihash(first.sha256), 0, first.bytes.length))?.equals(first.bytes))
  })

  test('two commits of one pack at once both succeed and leave one pack', async (t, { packs }) => {
    const { bytes, sha256 } = seededBlob('twice', 100_000)
    const drafts = await Promise.all([drafted(packs, bytes), drafted(packs, bytes), drafted(packs, bytes, promise(sha256, bytes.length))])
    const outcomes = await Promise.all(drafts.map((draft) => draft.commit(sha256Multihash(sha256))))
    for (const draft of drafts) await draft.discard()
    t.same(outcomes.sort(), ['created', 'existed', 'existed'])
    t.same([...(await entries(packs)).values()].map(({ size }) => size), [bytes.length])
    t.ok((await readPack(packs, sha256Multihash(sha256), 0, bytes.length))?.equals(bytes))
  })

  test('a draft may be discarded any number of times, and after its commit', async (t, { packs }) => {
    const { bytes, sha256 } = seededBlob('discarded', 10_000)
    const empty = await packs.draft(UNKNOWN)
    await empty.discard()
    await empty.discard()
    const draft = await drafted(packs, bytes)
    await draft.commit(sha256Multihash(sha256))
    await draft.discard()
    await draft.discard()
    t.ok((await readPack(packs, sha256Multihash(sha256), 0, bytes.length))?.equals(bytes))
  })

  test('nothing is visible before the commit', async (t, { packs }) => {
    const { bytes, sha256 } = seededBlob('invisible', 300_000)
    const pack = sha256Multihash(sha256)
    const draft = await drafted(packs, bytes, promise(sha256, bytes.length))
    t.equal(await packs.stat(pack), null)
    t.equal(await packs.read(pack, 0, 1), null)
    t.equal((await entries(packs)).size, 0)
    await draft.commit(pack)
    t.equal((await packs.stat(pack))?.size, bytes.length)
  })

  test('a source that stops half-way leaves nothing once it is discarded', async (t, { packs }) => {
    for (const hinted of [true, false]) {
      const { bytes, sha256 } = seededBlob(`half ${hinted}`, 13 * MIB)
      const draft = await drafted(packs, bytes.subarray(0, 11 * MIB), hinted ? promise(sha256, bytes.length) : UNKNOWN)
      await draft.discard()
      t.equal(await packs.stat(sha256Multihash(sha256)), null)
    }
    t.equal((await entries(packs)).size, 0)
  })

  test('what is asked of a pack that is not there is answered by null or false', async (t, { packs }) => {
    const missing = sha256Multihash('ab'.repeat(32))
    t.equal(await packs.stat(missing), null)
    t.equal(await packs.read(missing, 0, 10), null)
    t.equal(await packs.remove(missing), false)
  })

  test('every pack is listed with its size, and none that was removed', async (t, { packs }) => {
    const blobs = [1, 2, 3, 4].map((n) => seededBlob(`listed ${n}`, n * 1000))
    for (const { bytes, sha256 } of blobs) await writePack(packs, bytes, sha256)
    const gone = blobs.pop()!
    t.equal(await packs.remove(sha256Multihash(gone.sha256)), true)
    t.equal(await packs.remove(sha256Multihash(gone.sha256)), false)
    t.equal(await packs.read(sha256Multihash(gone.sha256), 0, 1), null)
    const listed = await entries(packs)
    t.same(
      [...listed].map(([key, { size }]) => [key, size]).sort(),
      blobs.map(({ bytes, sha256 }) => [keyOf(sha256Multihash(sha256)), bytes.length]).sort()
    )
    for (const { modified } of listed.values()) t.ok(modified > 0)
  })

  test('a pack that is shorter than asked is a StoreError, not a short end', async (t, { packs }) => {
    for (const size of [1000, MIB + 1000]) {
      const { bytes, sha256 } = seededBlob(`short ${size}`, size)
      await writePack(packs, bytes, sha256)
      await t.rejects(readPack(packs, sha256Multihash(sha256), 0, size + 1), StoreError, 'one byte more than there is')
      await t.rejects(readPack(packs, sha256Multihash(sha256), size + 10, 5), StoreError, 'wholly behind the end')
    }
  })

  test('what is read at once is exactly the range, or null', async (t, { packs }) => {
    if (packs.readNow === undefined) return t.pass('it cannot', { skip: 'reads nothing at once' })
    const { bytes, sha256 } = seededBlob('at once', 30_000)
    const pack = sha256Multihash(sha256)
    await writePack(packs, bytes, sha256)
    for (const [offset, length] of [[0, 30_000], [0, 1], [29_999, 1], [7, 5000], [5, 0]] as const) {
      let found = packs.readNow(pack, offset, length)
      while (found === null) { // a slow disk: it rests for a while
        await wait(50)
        found = packs.readNow(pack, offset, length)
      }
      t.ok(bytes.subarray(offset, offset + length).equals(found.bytes), `${length} from ${offset}`)
      found.release()
    }
    for (const [offset, length] of [[0, 30_001], [29_999, 2], [40_000, 1]] as const) t.equal(packs.readNow(pack, offset, length), null, 'more than there is')
    t.equal(packs.readNow(sha256Multihash('ab'.repeat(32)), 0, 1), null, 'no such pack')
    await packs.remove(pack)
    t.equal(packs.readNow(pack, 0, 1), null, 'removed')
  })

  test('an earlier life’s drafts are swept, its packs stay', async (t, opened) => {
    if (opened.again === undefined) return t.pass('nothing outlives a life here', { skip: 'no second life' })
    const kept = seededBlob('kept', 20_000)
    await writePack(opened.packs, kept.bytes, kept.sha256)
    const lost = seededBlob('lost', 11 * MIB)
    const drafts = [await drafted(opened.packs, lost.bytes, promise(lost.sha256, lost.bytes.length)), await drafted(opened.packs, lost.bytes)]
    t.equal(await opened.drafts() > 0, true)
    const next = await opened.again()
    t.equal(await next.sweep(), 2)
    t.equal(await opened.drafts(), 0)
    t.equal(await next.sweep(), 0)
    t.ok((await readPack(next, sha256Multihash(kept.sha256), 0, kept.bytes.length))?.equals(kept.bytes))
    t.equal((await entries(next)).size, 1)
    for (const draft of drafts) await draft.discard()
  })

  test('what is broken is a StoreError, never "not there"', async (t, opened) => {
    if (opened.lose === undefined) return t.pass('it cannot be lost', { skip: 'memory is never gone' })
    const { packs } = opened
    const { bytes, sha256 } = seededBlob('gone', 200_000)
    const pack = sha256Multihash(sha256)
    await writePack(packs, bytes, sha256)
    const late = seededBlob('late', 1000)
    const draft = await drafted(packs, late.bytes)
    const mend = await opened.lose()
    try {
      await t.rejects(packs.stat(pack), StoreError)
      await t.rejects(packs.read(pack, 0, 10), StoreError)
      await t.rejects(packs.remove(pack), StoreError)
      await t.rejects(entries(packs), StoreError)
      await t.rejects(packs.stat(sha256Multihash('00'.repeat(32))), StoreError, 'nor is what was never there')
      await t.rejects(draft.commit(sha256Multihash(late.sha256)), StoreError)
      await draft.discard()
    } finally {
      await mend()
    }
    t.ok((await readPack(packs, pack, 0, bytes.length))?.equals(bytes), 'and it is there when the store is')
    t.equal(await packs.stat(sha256Multihash(late.sha256)), null)
  })
}
