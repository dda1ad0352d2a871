// Two minutes of film from a file to the screen. The long form is test/long/publish.ts.

import t from 'tap'
import { playFilm } from './publish-journey.ts'

await t.test('a film of two minutes is published, killed five times on the way, and plays everywhere', (t) =>
  playFilm(t, { seconds: 120, heights: [180, 120, 90], watched: 3, deep: false }))
