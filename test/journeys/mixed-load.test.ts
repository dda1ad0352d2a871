// Every kind of client at once for a second or two: the short form of test/long/load.ts, which judges memory, files and latency over half an hour.

import t from 'tap'
import { onBothStores, newFolder } from '../support/both-stores.ts'
import { startServer, storeEnv } from '../support/children.ts'
import { runMixedLoad } from '../support/mixed-load.ts'
import { growthOf } from '../support/steadiness.ts'

await onBothStores(t, 'clients that read, upload, mirror, list, delete and hang up at once all get what is right', async (t, newPlace) => {
  const server = await startServer(t, { ...storeEnv(newFolder(t), await newPlace()), RATE_LIMIT: 'off', MIRROR_ALLOW_PRIVATE: 'true' })
  const done = new Map<string, number>()
  const kinds = ['GET 64 KiB', 'GET 24 MiB', 'GET range', 'HEAD', '304', '404', 'list', 'PUT 10 KiB', 'PUT 8192 KiB', 'mirror', '401, 409']
  // a machine with other work may need more to come round to all
  for (let round = 0; round < 20 && !kinds.every((kind) => done.has(kind)); round++) {
    await runMixedLoad(t, { url: server.url, lasting: 1500, pause: 10, onDone: (kind) => { done.set(kind, (done.get(kind) ?? 0) + 1) } })
  }
  for (const kind of kinds) {
    t.ok((done.get(kind) ?? 0) > 0, `${kind}: ${done.get(kind) ?? 0}`)
  }
  t.notMatch(server.output(), /"level":(50|60)/, 'nothing was logged as our fault')
})

t.test('a slope is told from noise: a leak is seen, and a few bad moments are not one', t => {
  const noise = [0, 3, -2, 1, 40, -1, 2, 0, -3, 1, 35, 2, 0, 1, -2, 0]
  t.ok(Math.abs(growthOf(noise.map((each) => 100 + each)).growth) < 3)
  t.ok(growthOf(noise.map((each, index) => 100 + each + index * 2)).growth > 25)
  t.end()
})
