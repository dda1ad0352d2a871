// Twenty minutes of film from a file to the screen. Run by test/long/run.ts, not by `npm test`.

import t from 'tap'
import { playFilm } from '../journeys/publish-journey.ts'

await t.test('a film of twenty minutes is published, killed five times on the way, and plays everywhere', (t) =>
  playFilm(t, { seconds: 1200, heights: [720, 480, 360], watched: 30, deep: true }))
