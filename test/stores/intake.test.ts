// One pass over arriving bytes (server/stores/intake.ts): counted, hashed twice, written in order, bounded in memory and in patience.

import t from 'tap'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { Failure } from '../../server/errors.ts'
import { takeIn } from '../../server/stores/intake.ts'
import { SNIFFED_BYTES } from '../../server/stores/media-type.ts'
import { seededBlob } from '../support/keys.ts'
import type { Arrival, IntakeLimits } from '../../server/stores/intake.ts'

const MIB = 1024 * 1024
const LIMITS: IntakeLimits = { maxSize: 1e9, idleTimeout: 60_000, keepUpTo: 4096 }

function body (bytes: Uint8Array, piece = 65_521): Readable {
  return Readable.from((function * () {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
  })(), { objectMode: false })
}

/** Takes all in; what was written, batch by batch. */
async function taken (from: Readable, limits: Partial<IntakeLimits> = {}): Promise<{ arrival: Arrival, batches: Buffer[] }> {
  const batches: Buffer[] = []
  const arrival = await takeIn(from, { ...LIMITS, ...limits }, async (chunks) => { batches.push(Buffer.concat(chunks)) })
  return { arrival, batches }
}

/** A body that the test feeds by hand. */
function fed (): Readable {
  return new Readable({ read () {} })
}

t.test('both hashes are those that everybody knows', async (t) => {
  for (const [text, sha256, blake3] of [
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85']
  ] as const) t.match((await taken(body(Buffer.from(text)))).arrival, { sha256, blake3, size: text.length })
})

t.test('the empty body is whole and nothing of it is written', async (t) => {
  const { arrival, batches } = await taken(Readable.from([]))
  t.same(arrival, { ...arrival, size: 0, head: Buffer.alloc(0), whole: Buffer.alloc(0) })
  t.same(batches, [])
})

t.test('up to the limit a body is handed over whole, beyond it everything is written, in order', async (t) => {
  for (const size of [1, 4095, 4096, 4097, MIB - 1, MIB, MIB + 1, 5 * MIB + 3]) {
    const { bytes, sha256 } = seededBlob(`in ${size}`, size)
    const { arrival, batches } = await taken(body(bytes))
    t.match(arrival, { size, sha256 })
    t.ok(arrival.head.equals(bytes.subarray(0, SNIFFED_BYTES)), 'the first bytes for the sniffer')
    t.equal(arrival.whole !== null, size <= 4096)
    t.ok((arrival.whole ?? Buffer.concat(batches)).equals(bytes), `${size} bytes`)
    if (size <= 4096) t.same(batches, [])
    for (const batch of batches.slice(0, -1)) t.ok(batch.length >= MIB && batch.length < MIB + 70_000, 'a MiB a batch')
  }
})

t.test('one byte more than allowed is TOO_LARGE, and the limit itself is not', async (t) => {
  for (const limit of [0, 1, 4096, 100_000]) {
    t.equal((await taken(body(Buffer.alloc(limit)), { maxSize: limit })).arrival.size, limit)
    const over = body(Buffer.alloc(limit + 1))
    await t.rejects(taken(over, { maxSize: limit }), { code: 'TOO_LARGE' })
    t.ok(over.isPaused(), 'and the rest is left unread')
  }
})

t.test('a body that stands still is BODY_STALLED', async (t) => {
  const silent = fed()
  await t.rejects(taken(silent, { idleTimeout: 30 }), { code: 'BODY_STALLED' })
  const halted = fed()
  halted.push(Buffer.alloc(10_000))
  await t.rejects(taken(halted, { idleTimeout: 30 }), { code: 'BODY_STALLED' })
})

t.test('a body that keeps coming, however slowly, does not stall', async (t) => {
  const slow = fed()
  const arriving = taken(slow, { idleTimeout: 1500 })
  for (let i = 0; i < 10; i++) {
    slow.push(Buffer.from([i]))
    await wait(200)
  }
  slow.push(null)
  t.equal((await arriving).arrival.size, 10)
})

t.test('a body whose end comes while this machine stood still has not stalled, also while its last bytes are still written', async (t) => {
  const from = fed()
  const arriving = takeIn(from, { ...LIMITS, idleTimeout: 100 }, () => wait(50))
  from.push(Buffer.alloc(10_000))
  await turn()
  setTimeout(() => { from.push(null) }, 100) // right after the body's own timer
  setTimeout(() => {
    const until = performance.now() + 100
    while (performance.now() < until);
  }, 60)
  t.equal((await arriving).size, 10_000)
})

t.test('a slow disk is not the sender’s stall; a sender who stands still after it is', async (t) => {
  for (const stalls of [false, true]) {
    const from = fed()
    let writes = 0
    const arriving = takeIn(from, { ...LIMITS, idleTimeout: 100 }, async () => {
      if (writes++ === 0) await wait(400)
    })
    const outcome = arriving.then(() => 'arrived', (error: unknown) => (error as Failure).code)
    for (let i = 0; i < 5; i++) from.push(Buffer.alloc(600_000)) // more than the two batches that are held: the sender must wait
    if (!stalls) from.push(null)
    t.equal(await outcome, stalls ? 'BODY_STALLED' : 'arrived')
  }
})

t.test('a body that breaks off is BODY_BROKEN, wherever it does', async (t) => {
  const cut = fed()
  cut.push(Buffer.alloc(5000))
  const arriving = taken(cut)
  await turn()
  cut.destroy()
  await t.rejects(arriving, { code: 'BODY_BROKEN' })

  const broken = fed()
  const waiting = taken(broken)
  const cause = new Error('reset by peer')
  broken.destroy(cause)
  await t.rejects(waiting, { code: 'BODY_BROKEN', cause })

  const gone = fed()
  gone.destroy()
  await once(gone, 'close')
  await t.rejects(taken(gone), { code: 'BODY_BROKEN' })

  const told = fed()
  const failing = taken(told)
  told.destroy(new Failure('ORIGIN_FAILED'))
  await t.rejects(failing, { code: 'ORIGIN_FAILED' }, 'a Failure that the body itself tells stays')
})

t.test('a body that breaks while a batch is written is told once the store could not use it either', async (t) => {
  const from = fed()
  const arriving = takeIn(from, LIMITS, async () => {
    from.destroy(new Error('reset'))
    await turn()
    throw new Error('disk')
  })
  from.push(Buffer.alloc(2 * MIB))
  await t.rejects(arriving, { code: 'BODY_BROKEN' })
})

t.test('what the store fails with is what is told, and no more is read', async (t) => {
  const fault = new Error('disk')
  const from = body(Buffer.alloc(20 * MIB))
  await t.rejects(takeIn(from, LIMITS, async () => { throw fault }), fault)
  t.ok(from.isPaused())
  from.destroy(new Error('later'))
  await turn()
  t.pass('and a later break of the body harms nobody')
})

t.test('one batch is written at a time, and no more than two batches are ever held', async (t) => {
  let given = 0
  let written = 0
  let most = 0
  let writing = 0
  const { bytes, sha256 } = seededBlob('bounded', 16 * MIB)
  const from = Readable.from((function * () {
    for (let at = 0; at < bytes.length; at += 65_536) {
      given = Math.min(at + 65_536, bytes.length)
      yield bytes.subarray(at, given)
    }
  })(), { objectMode: false, highWaterMark: 65_536 })
  const found: Buffer[] = []
  const arrival = await takeIn(from, LIMITS, async (chunks) => {
    writing++
    t.equal(writing, 1)
    for (let i = 0; i < 20; i++) {
      await turn()
      most = Math.max(most, given - written)
    }
    found.push(Buffer.concat(chunks))
    written += found.at(-1)!.length
    writing--
  })
  t.equal(arrival.sha256, sha256)
  t.ok(Buffer.concat(found).equals(bytes))
  t.ok(most <= 2 * MIB + 4 * 65_536, `${most} bytes were held`)
  t.ok(most > MIB, 'one arrives while the other is written')
})

t.test('a body that ended while this machine stood still has not stalled, though its bytes are still being written', async (t) => {
  const from = fed()
  let written = (): void => {}
  const arriving = takeIn(from, { ...LIMITS, idleTimeout: 60 }, () => new Promise((resolve) => { written = resolve }))
  from.push(Buffer.alloc(8 * MIB))
  await turn()
  // due after the limit, and in the same turn as it
  setTimeout(() => { from.push(null) }, 61)
  for (const end = performance.now() + 100; performance.now() < end;);
  await wait(20)
  written()
  t.equal((await arriving).size, 8 * MIB)
})
