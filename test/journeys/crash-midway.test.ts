// kill -9 in the middle of a film's upload: nothing of it is visible, and the next boot clears what lies about: the draft file, or the
// multipart upload that the store would keep (and charge for) until somebody aborts it.

import { readdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'minio'
import t from 'tap'
import { Layout } from '../../server/stores/layout.ts'
import { sha256Multihash } from '../../server/stores/multihash.ts'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { runMarquee, startServer, storeEnv } from '../support/children.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import type { StorePlace } from '../support/children.ts'

const film = seededBlob('half a film', 32 * 1024 * 1024)
const kept = seededBlob('kept', 50_000)

/** Sends the first half of the film and then nothing; `broken` settles when the connection is gone. */
function sendHalf (url: string, signer: Signer): { broken: Promise<unknown> } {
  const request = http.request(`${url}/upload`, {
    method: 'PUT',
    headers: { 'authorization': signer.token('upload', { hashes: [film.sha256] }), 'x-sha-256': film.sha256, 'content-length': film.bytes.length }
  })
  const broken = new Promise((resolve) => { request.on('error', resolve).on('response', (response) => { resolve(response.statusCode) }) })
  request.write(film.bytes.subarray(0, film.bytes.length / 2))
  return { broken }
}

/** What lies about of an unfinished upload: draft files, or the multipart upload under the film's own key. */
async function unfinished (place: StorePlace, dataDir: string): Promise<number> {
  if (place === null) return readdirSync(join(dataDir, 'store', 'drafts')).length
  const { hostname, port } = new URL(place.minio.endpoint)
  const { accessKey, secretKey, region } = place.minio
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
  const key = new Layout(true).pack(sha256Multihash(film.sha256))
  return await client.findUploadId(place.bucket, key) === undefined ? 0 : 1
}

await onBothStores(t, 'after kill -9 in the middle of an upload nothing of it is visible, and the next boot clears it away', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const signer = new Signer()
  const server = await startServer(t, storeEnv(dataDir, place))
  t.equal((await upload(server.url, signer, kept)).status, 201)
  const { broken } = sendHalf(server.url, signer)
  const noted = (): boolean => place === null || readdirSync(join(dataDir, 'uploads')).some((name) => !name.startsWith('intended-'))
  while (await unfinished(place, dataDir) === 0 || !noted()) await sleep(20)
  t.equal((await fetch(`${server.url}/${film.sha256}`)).status, 404, 'while it comes in nobody sees it')
  t.equal(await server.kill('SIGKILL'), 'SIGKILL')
  t.type(await broken, Error)
  t.equal(await unfinished(place, dataDir), 1, 'it lies about')

  const { url, close, log } = await startMarquee(t, { dataDir, minio: place })
  t.equal(await unfinished(place, dataDir), 0, 'it is gone before the port opens')
  t.ok(log.some((line) => line['swept'] === 1), 'and the log says so')
  t.equal((await fetch(`${url}/${film.sha256}`)).status, 404)
  t.same((await listed(url, signer)).map(({ sha256 }) => sha256), [kept.sha256])
  t.same(await hashed(await fetch(`${url}/${kept.sha256}`)), { status: 200, size: kept.bytes.length, sha256: kept.sha256 })
  t.equal((await upload(url, signer, film)).status, 201, 'the whole film can come again')
  t.same(await hashed(await fetch(`${url}/${film.sha256}`)), { status: 200, size: film.bytes.length, sha256: film.sha256 })
  await close()
  const verified = await runMarquee(t, ['verify'], storeEnv(dataDir, place))
  t.equal(verified.code, 0, 'verify exits with 0', { output: verified.output })
  t.match(verified.output, /2 packs .* all is well/)
})
