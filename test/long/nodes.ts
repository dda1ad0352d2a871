// Ten minutes of three servers on one MinIO under load and kills. Run by test/long/run.ts, not by `npm test`.

import t from 'tap'
import { playCluster } from '../journeys/cluster-journey.ts'

await t.test('three servers on one MinIO under ten minutes of uploads, mirrors, deletes, blocks and kills: nothing acknowledged is lost, and all agree', (t) =>
  playCluster(t, { duration: 600_000, killEvery: 10_000, kills: 30 }))
