// Memory does not grow with the size of a blob (design §1.6): 1 GiB and 8 GiB in and out of a server process, over folders and over MinIO,
// with the hash promised and without. Run by test/long/run.ts, not by `npm test`.

import t from 'tap'
import { onBothStores } from '../support/both-stores.ts'
import { MIB, compare } from '../support/memory.ts'

for (const promised of [true, false]) {
  await onBothStores(t, `a blob of 8 GiB takes no more memory than one of 1 GiB${promised ? ', its hash promised' : ''}`, (t, newPlace) =>
    compare(t, newPlace, [1024 * MIB, 8192 * MIB], promised, 2))
}
