// The main job in full size: a film of at least 1 GiB. Run by test/long/run.ts, not by `npm test`.

import t from 'tap'
import { onBothStores } from '../support/both-stores.ts'
import { playFilm } from '../journeys/film-journey.ts'

await onBothStores(t, 'a film of 1 GiB goes in by a published client, out whole and by ranges, to a second server and away', (t, newPlace) =>
  playFilm(t, newPlace, 1024 ** 3))
