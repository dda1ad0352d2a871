// Damage that nobody has to look after (issue 5, "Faults"): the scrub of a running server finds it, and a real second marquee, the known mirror,
// gives the bytes back; a small blob is mended from its own second record.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { hashed, listed } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { runCommand } from '../support/command.ts'
import { damagerOf } from '../support/damage.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sampleOf, scrape } from '../support/metrics.ts'
import { operate } from '../support/operator.ts'
import { until } from '../support/raw-origin.ts'
import { storeEnv } from '../support/children.ts'

await onBothStores(t, 'what the scrub finds damaged a known mirror repairs: owners and types stay, the note goes, nothing is kept aside', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const mirror = await startMarquee(t, { env: { SCRUB_RATE: '0' } })
  const first = await startMarquee(t, { dataDir, minio: place, env: { SCRUB_RATE: '0' } })
  const [alice, bob] = [new Signer(), new Signer()]
  const blobs = [900, 60_000, 700_000, 6_000_000].map((size) => seededBlob(`scrubbed ${size}`, size))
  const damager = damagerOf(dataDir, place)
  for (const blob of blobs) {
    await upload(mirror.url, alice, blob)
    for (const owner of [alice, bob]) await upload(first.url, owner, blob, { 'content-type': 'image/webp' })
    await damager[blob.bytes.length === 900 ? 'record' : 'pack'](first, blob.sha256, blob.bytes.length === 60_000 ? 'remove' : 'flip')
  }
  await first.close()

  // no mirror yet: found, told, kept
  const finder = await startMarquee(t, { dataDir, minio: place, env: { SCRUB_RATE: '1GiB' } })
  finder.marquee.care.scrubber.start() // at once, and not when the start is over
  while ((await finder.marquee.damaged.notes()).length < blobs.length) await sleep(20)
  t.strictSame((await finder.marquee.damaged.notes()).map(({ sha256 }) => sha256).sort(), blobs.map(({ sha256 }) => sha256).sort())
  for (const { sha256 } of blobs) t.equal((await fetch(`${finder.url}/${sha256}`)).status, 503)
  t.equal(sampleOf(await scrape(finder.url), 'marquee_damaged_blobs'), 4)
  const answer = await (await operate(finder, 'GET', '/admin/damaged')).json() as { notes: { sha256: string, by: string }[] }
  t.equal(answer.notes.length, 4)
  t.ok(answer.notes.every(({ by }) => by === 'scrub'))
  await finder.close()
  const listing = await runCommand(t, ['damaged'], { ...storeEnv(dataDir, place), PORT: '1' })
  t.equal(listing.code, 1)
  for (const { sha256 } of blobs) t.match(listing.out, sha256)

  // a mirror that lies, and the real one
  const liar = await startMarquee(t, { env: { SCRUB_RATE: '0' } })
  const healed = await startMarquee(t, { dataDir, minio: place, env: { MIRRORS: `${liar.url},${mirror.url}`, MIRROR_ALLOW_PRIVATE: 'on' } })
  await until(() => healed.marquee.damaged.size === 0)
  for (const { sha256, bytes } of blobs) {
    t.same(await hashed(await fetch(`${healed.url}/${sha256}`)), { status: 200, size: bytes.length, sha256 })
    t.same(await damager.aside(sha256), [])
  }
  for (const owner of [alice, bob]) t.match(await listed(healed.url, owner), blobs.map(() => ({ type: 'image/webp' })))
  t.equal(sampleOf(await scrape(healed.url), 'marquee_damage_repaired_total'), 4)
  t.equal(healed.log.filter(({ msg }) => msg === 'a damaged blob is repaired').length, 4)
})

await onBothStores(t, 'a small blob whose record is damaged is mended from its BLAKE3 record, with no mirror at all', async (t, newPlace) => {
  const place = await newPlace()
  const dataDir = newFolder(t)
  const server = await startMarquee(t, { dataDir, minio: place, env: { SCRUB_RATE: '0' } })
  for (const damage of ['flip', 'cut'] as const) {
    const blob = seededBlob(`twin ${damage}`, 900)
    await upload(server.url, new Signer(), blob)
    await damagerOf(dataDir, place).record(server, blob.sha256, damage, false)
    const found = server.marquee.damaged.found
    t.equal((await fetch(`${server.url}/${blob.sha256}`)).status, 503)
    t.equal(server.marquee.damaged.found, found + 1)
    await until(() => server.marquee.damaged.size === 0)
    t.same(await hashed(await fetch(`${server.url}/${blob.sha256}`)), { status: 200, size: 900, sha256: blob.sha256 })
  }
})
