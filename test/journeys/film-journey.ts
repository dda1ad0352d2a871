// The main job on real input: a film uploaded by a published client, fetched whole and by ranges, probed over HTTP, mirrored to a second
// running server, listed and deleted. Run short by film.test.ts and in full size by test/long/film.ts.

import { createHash } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { open } from 'node:fs/promises'
import { Actions, createDeleteAuth, createListAuth, createMirrorAuth, createUploadAuth } from 'blossom-client-sdk'
import { startMarquee } from '../support/app.ts'
import { hashed } from '../support/asking.ts'
import { newFolder } from '../support/both-stores.ts'
import { makeFilm, probe } from '../support/film.ts'
import { Signer } from '../support/keys.ts'
import { requirePart } from '../support/parts.ts'
import type { EventTemplate, SignedEvent } from 'blossom-client-sdk'
import type { Test } from 'tap'
import type { StorePlace } from '../support/children.ts'
import type { Film } from '../support/film.ts'

const { uploadBlob, hasBlob, downloadBlob, listBlobs, mirrorBlob, deleteBlob } = Actions

/** Fetches [start, end] and compares it with the file; the answer's Content-Range must say what was asked for. */
async function checkRange (t: Test, url: string, { path, size }: Film, start: number, end: number, header = `bytes=${start}-${end}`): Promise<void> {
  const response = await fetch(url, { headers: { range: header } })
  t.same([response.status, response.headers.get('content-range')], [206, `bytes ${start}-${end}/${size}`], header)
  const wanted = Buffer.alloc(end - start + 1)
  const file = await open(path)
  await file.read(wanted, 0, wanted.length, start)
  await file.close()
  t.ok(Buffer.from(await response.arrayBuffer()).equals(wanted), `${header}: the bytes`)
}

/** Runs it with a film of at least `size` bytes; `newPlace` gives each of the two servers a store. */
export async function playFilm (t: Test, newPlace: () => Promise<StorePlace>, size: number): Promise<void> {
  const film = await makeFilm(t, newFolder(t), size)
  const ffprobe = requirePart(t, 'ffprobe')
  if (film === null || ffprobe === null) return
  t.ok(film.size >= size, `${film.size} bytes, ${film.seconds} seconds`)
  const env = { MIRROR_ALLOW_PRIVATE: 'true' }
  const [a, b] = [await startMarquee(t, { env, minio: await newPlace() }), await startMarquee(t, { env, minio: await newPlace() })]
  const signer = new Signer()
  const sign = async (draft: EventTemplate): Promise<SignedEvent> => signer.sign(draft)

  const file = await openAsBlob(film.path, { type: 'video/mp4' })
  const uploaded = await uploadBlob(a.url, file, { onAuth: (_server, sha256) => createUploadAuth(sign, sha256) })
  t.match(uploaded, { url: `${a.url}/${film.sha256}.mp4`, sha256: film.sha256, size: film.size, type: 'video/mp4' })
  t.same(await hashed(await downloadBlob(a.url, film.sha256)), { status: 200, size: film.size, sha256: film.sha256 }, 'fetched whole')

  const last = film.size - 1
  await checkRange(t, uploaded.url, film, 0, 0)
  await checkRange(t, uploaded.url, film, 0, 999_999)
  await checkRange(t, uploaded.url, film, 1024 * 1024 - 1, 3 * 1024 * 1024 + 1)
  await checkRange(t, uploaded.url, film, last - 499, last, 'bytes=-500')
  await checkRange(t, uploaded.url, film, last - 70_000, last, `bytes=${last - 70_000}-`)
  await checkRange(t, uploaded.url, film, last, last, `bytes=${last}-${last + 1000}`)
  const pieces = createHash('sha256')
  for (let start = 0, step = 1_000_003; start < film.size; step = step * 3 % 29_000_017) {
    const response = await fetch(uploaded.url, { headers: { range: `bytes=${start}-${start + step - 1}` } })
    for await (const chunk of response.body ?? []) {
      pieces.update(chunk as Uint8Array)
      start += (chunk as Uint8Array).length
    }
  }
  t.equal(pieces.digest('hex'), film.sha256, 'put together from ranges it is the same film')

  const before = a.log.length
  const probed = await probe(ffprobe, uploaded.url)
  t.match(probed, { size: film.size, codecs: ['h264', 'aac'] }, 'a player reads it over HTTP')
  t.ok(Math.abs(probed.seconds / film.seconds - 1) < 0.02, `${probed.seconds} seconds`) // each repetition ends on a whole frame of sound
  t.ok(a.log.slice(before).some(({ method, status }) => method === 'GET' && status === 206), 'and jumps to the index at its end')

  const mirrored = await mirrorBlob(b.url, uploaded, { auth: await createMirrorAuth(sign, film.sha256) })
  t.match(mirrored, { url: `${b.url}/${film.sha256}.mp4`, sha256: film.sha256, size: film.size, type: 'video/mp4' })
  t.same(await hashed(await downloadBlob(b.url, film.sha256)), { status: 200, size: film.size, sha256: film.sha256 }, 'whole at the second server')
  for (const { url } of [a, b]) {
    t.match(await listBlobs(url, signer.pubkey, { auth: await createListAuth(sign) }), [{ url: `${url}/${film.sha256}.mp4`, sha256: film.sha256, size: film.size, type: 'video/mp4' }])
  }
  t.equal(await deleteBlob(a.url, film.sha256, { onAuth: (_server, sha256) => createDeleteAuth(sign, sha256) }), true)
  t.equal(await hasBlob(a.url, film.sha256), false)
  t.equal((await fetch(uploaded.url)).status, 404)
  t.same(await listBlobs(a.url, signer.pubkey, { auth: await createListAuth(sign) }), [])
  t.same(await hashed(await downloadBlob(b.url, film.sha256)), { status: 200, size: film.size, sha256: film.sha256 }, 'the second server keeps its own')
}
