// Memory does not grow with the size of a blob (design §1.6), measured at the process: the short form of test/long/memory.ts.

import t from 'tap'
import { onBothStores } from '../support/both-stores.ts'
import { MIB, compare } from '../support/memory.ts'

await onBothStores(t, 'a blob four times as large takes no more memory on its way in or out', (t, newPlace) =>
  compare(t, newPlace, [128 * MIB, 512 * MIB], true, 2))
