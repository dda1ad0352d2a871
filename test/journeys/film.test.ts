// The main job on real input, in a size that every test run can bear; test/long/film.ts has the full one.

import t from 'tap'
import { onBothStores } from '../support/both-stores.ts'
import { playFilm } from './film-journey.ts'

await onBothStores(t, 'a film of 32 MiB goes in by a published client, out whole and by ranges, to a second server and away', (t, newPlace) =>
  playFilm(t, newPlace, 32 * 1024 * 1024))
