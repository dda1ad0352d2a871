// Random histories of catalog events: versions of a few addresses, ties, deletions by id and by address, of events that came and that never did.
// Ids are true, signatures are not: who folds does not look at them.

import { eventId } from '../../server/catalog/event-id.ts'
import { buildCollection } from '../../server/catalog/kinds/collection.ts'
import { buildProviderAdvert, buildWithdrawnAdvert } from '../../server/catalog/kinds/provider-advert.ts'
import { buildServerList } from '../../server/catalog/kinds/server-list.ts'
import { buildTitle, buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { buildWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { addressOf } from '../../server/catalog/address.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'

/** A number from 0 up to `below`, the same for the same seed. */
export type Dice = (below: number) => number

/** Mulberry32. */
export function diceOf (seed: number): Dice {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

export const hashNamed = (name: string): string => sha256Hex(Buffer.from(name))

export function unsigned (pubkey: string, draft: EventDraft): SignedEvent {
  return { ...draft, pubkey, id: eventId(pubkey, draft), sig: '0'.repeat(128) }
}

const START = 1_700_000_000

/** `length` events of three keys around START. */
export function randomHistory (dice: Dice, length: number): SignedEvent[] {
  const keys = ['a', 'b', 'c'].map(hashNamed)
  const events: SignedEvent[] = []
  const oneOf = <T>(all: readonly T[]): T => all[dice(all.length)]!
  while (events.length < length) {
    const pubkey = oneOf(keys)
    const at = START + dice(8) // few seconds for many events: ties
    const d = `title-${dice(3)}`
    const hash = hashNamed(`blob ${dice(3)}`)
    const draft = ((): EventDraft | null => {
      switch (dice(9)) {
        case 0: case 1: case 2: return buildTitle({
          d, title: `Title ${dice(100)}`, synopsis: `words ${dice(5)}`, topics: [`topic${dice(3)}`], duration: dice(9000),
          manifest: { sha256: hash, blake3: hashNamed(`b3 ${hash}`), size: 100 }, hashSequence: { blake3: hashNamed('seq'), sha256: hashNamed('seq256'), count: 3 }
        }, at)
        case 3: return buildWithdrawnTitle({ kind: 34235, d, title: 'gone' }, 'rights', at)
        case 4: return buildCollection({ d: 'best', title: `Best ${dice(9)}`, titles: [`34235:${oneOf(keys)}:title-0`] }, at)
        case 5: return dice(4) === 0 ? buildWithdrawnAdvert({ blake3: hash }, at) : buildProviderAdvert({ blake3: hash, sha256: hashNamed(`s${hash}`), servers: [`https://node${dice(3)}.example`] }, at)
        case 6: return buildServerList({ servers: [`https://blossom${dice(4)}.example`] }, at)
        default: {
          const mine = events.filter((event) => event.pubkey === pubkey)
          const foreign = events.filter((event) => event.pubkey !== pubkey)
          const ids = [mine, foreign].flatMap((some) => some.length > 0 && dice(2) === 0 ? [oneOf(some).id] : [])
          const addresses = mine.flatMap((event) => dice(4) === 0 ? [addressOf(event)] : []).filter((each) => each !== null).slice(0, 2)
          return ids.length + addresses.length === 0 ? null : buildWithdrawal({ ids, addresses }, START + dice(8))
        }
      }
    })()
    if (draft !== null) events.push(unsigned(pubkey, draft))
  }
  return events
}

/** The same events in another order, some of them twice. */
export function shuffled (dice: Dice, events: readonly SignedEvent[]): SignedEvent[] {
  const all = [...events, ...events.filter(() => dice(4) === 0)]
  for (let i = all.length - 1; i > 0; i--) {
    const j = dice(i + 1)
    const other = all[j]!
    all[j] = all[i]!
    all[i] = other
  }
  return all
}
