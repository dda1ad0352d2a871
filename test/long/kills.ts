// Kill -9 under load of 16 mixed clients, then boot, ten times after a minute of load on each store; KILLS and KILL_SECONDS make it another number
// of another length. Run by test/long/run.ts, not by `npm test`.

import t from 'tap'
import { onBothStores } from '../support/both-stores.ts'
import { killUnderLoad } from '../support/kill-rounds.ts'

const kills = Number(process.env['KILLS'] ?? 10)
const seconds = Number(process.env['KILL_SECONDS'] ?? 60)

await onBothStores(t, `${kills} times: after ${seconds} s of load of 16 mixed clients and kill -9 every acknowledged blob is whole and listed, and nothing else is visible`,
  async (t, newPlace) => killUnderLoad(t, await newPlace(), { kills, seconds: [seconds, 1], large: 1 }))
