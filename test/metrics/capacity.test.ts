// GET /metrics on how full the server is: the line of uploads, the quotas, the disk, and whose signatures were checked.

import { request } from 'node:http'
import { statfsSync } from 'node:fs'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { onBothStores } from '../support/both-stores.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sampleOf, scrape } from '../support/metrics.ts'

await onBothStores(t, 'blobs, bytes, keys and limits are what is stored and what is set; the disk is told where it is ours', async (t, newPlace) => {
  const place = await newPlace()
  const { url, dataDir, marquee } = await startMarquee(t, { minio: place, env: { MAX_STORE_BYTES: '1MB', MAX_KEY_BLOBS: '7', DISK_RESERVE: '12345' } })
  const [one, two] = [new Signer(), new Signer()]
  const shared = seededBlob('shared', 30_000)
  for (const signer of [one, two]) t.ok((await upload(url, signer, shared)).ok)
  t.equal((await upload(url, one, seededBlob('own', 500))).status, 201)
  const now = await scrape(url)
  const value = (name: string): number | undefined => sampleOf(now, `marquee_${name}`)
  t.strictSame([value('stored_blobs'), value('stored_bytes'), value('keys'), value('key_most_blobs'), value('key_most_bytes')], [2, 30_500, 2, 2, 30_500])
  t.strictSame([value('store_limit_bytes'), value('key_limit_blobs')], [1_000_000, 7])
  const text = await (await fetch(`${url}/metrics`)).text()
  for (const name of ['store_limit_blobs', 'key_limit_bytes']) t.match(text, new RegExp(`^marquee_${name} \\+Inf$`, 'm'))
  if (place === null) {
    const { blocks, bsize } = statfsSync(dataDir)
    t.equal(value('disk_reserve_bytes'), 12345)
    t.ok(value('disk_free_bytes')! > 12345 && value('disk_free_bytes')! < blocks * bsize)
  } else {
    t.strictSame([value('disk_free_bytes'), value('disk_reserve_bytes')], [undefined, undefined])
  }
  marquee.settings.take({ ...marquee.settings.current, maxStoreBytes: 2_000_000 })
  t.equal(sampleOf(await scrape(url), 'marquee_store_limit_bytes'), 2_000_000, 'as it is now')
})

t.test('uploads under way and waiting, their places, and the bytes they announced', async t => {
  const { url } = await startMarquee(t, { env: { MAX_UPLOADS: '1' } })
  const signer = new Signer()
  const begin = (name: string): { end: () => void, status: Promise<number | undefined> } => {
    const { bytes, sha256 } = seededBlob(name, 50_000)
    const sending = request(`${url}/upload`, { method: 'PUT', headers: { 'authorization': signer.token('upload', { hashes: [sha256] }), 'content-length': '50000' } })
    sending.write(bytes.subarray(0, 10_000))
    return { end: () => { sending.end(bytes.subarray(10_000)) }, status: new Promise((resolve) => { sending.on('response', (response) => { resolve(response.resume().statusCode) }) }) }
  }
  const until = async (name: string, least: number): Promise<void> => { while (!(sampleOf(await scrape(url), name)! >= least)) await new Promise((resolve) => setTimeout(resolve, 5)) }
  const first = begin('first')
  await until('marquee_uploads_announced_bytes', 1)
  const second = begin('second')
  await until('marquee_uploads_waiting', 1)
  const now = await scrape(url)
  const value = (name: string): number | undefined => sampleOf(now, `marquee_${name}`)
  t.strictSame([value('uploads_under_way'), value('uploads_waiting'), value('upload_places')], [1, 1, 1])
  t.ok(value('uploads_announced_bytes')! > 0 && value('uploads_announced_bytes')! <= 50_000)
  first.end()
  second.end()
  t.strictSame([await first.status, await second.status], [201, 201])
  const after = await scrape(url)
  for (const name of ['under_way', 'waiting', 'announced_bytes']) t.equal(sampleOf(after, `marquee_uploads_${name}`), 0, name)
})

t.test('signature checks are told by kind of event and outcome', async t => {
  const { url } = await startMarquee(t)
  const before = await scrape(url)
  const signer = new Signer()
  const blob = seededBlob('signed', 100)
  t.equal((await upload(url, signer, blob)).status, 201)
  const list = `${url}/list/${signer.pubkey}`
  t.equal((await fetch(list, { headers: { authorization: signer.httpToken('GET', list) } })).status, 200)
  const report = (spoil: boolean): Promise<Response> => {
    const event = signer.sign({ kind: 1984, created_at: 1_700_000_000, tags: [['x', blob.sha256, 'spam']], content: '' })
    return fetch(`${url}/report`, { method: 'PUT', body: JSON.stringify(spoil ? { ...event, content: 'else' } : event) })
  }
  t.strictSame([(await report(false)).status, (await report(true)).status], [200, 400])
  const after = await scrape(url)
  const grown = (kind: string, outcome: string): number => sampleOf(after, 'marquee_signature_checks_total', { kind, outcome })! - sampleOf(before, 'marquee_signature_checks_total', { kind, outcome })!
  t.strictSame([grown('24242', 'good'), grown('27235', 'good'), grown('1984', 'good'), grown('1984', 'bad'), grown('other', 'good')], [1, 1, 1, 1, 0])
})
