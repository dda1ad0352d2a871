// Kill -9 under load of 16 mixed clients, then boot (issue 5): the short form of test/long/kills.ts.

import t from 'tap'
import { onBothStores } from '../support/both-stores.ts'
import { killUnderLoad } from '../support/kill-rounds.ts'

await onBothStores(t, 'after kill -9 under load of 16 mixed clients every acknowledged blob is whole and listed, and nothing else is visible', async (t, newPlace) =>
  killUnderLoad(t, await newPlace(), { kills: 2, seconds: [0.5, 1], large: 4 }))
