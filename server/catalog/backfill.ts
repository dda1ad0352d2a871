// Reads everything that a relay has stored for a filter, the newest first, a page at a time (nostr-and-releases.md §3.4). A relay may cut pages at any
// length and says nothing of it, and a page may lie within one second: so pages overlap by a second, and end where a page brings nothing.

import type { Filter } from './relay-link.ts'
import type { SignedEvent } from '../auth/signature.ts'

export interface BackfillParts {
  /** Resolves when the relay says that these were all. */
  ask: (filter: Filter, onEvent: (event: SignedEvent) => void) => Promise<unknown>
  filter: Filter
  /** Unix seconds, inclusive: nothing before is asked for. */
  since: number
  /** Unix seconds, inclusive: where to begin. */
  until: number
  /** Events asked for at a time. */
  page?: number
  onPage: (events: SignedEvent[]) => void
  /** Everything made at or after this second was read. */
  onProgress: (downTo: number) => void
  /** A relay that always finds something more is left after so many pages. */
  mostPages?: number
}

export interface Backfilled {
  pages: number
  events: number
  /** Events that the filter did not ask for. */
  strays: number
  /** Seconds with more events than the relay would tell of. */
  crowded: number[]
  /** Was it read to the end? */
  complete: boolean
}

const PAGE = 500
const MOST_PAGES = 20_000

export async function backfill ({ ask, filter, since, until, page = PAGE, onPage, onProgress, mostPages = MOST_PAGES }: BackfillParts): Promise<Backfilled> {
  const result: Backfilled = { pages: 0, events: 0, strays: 0, crowded: [], complete: false }
  /** Ids at the second where the pages meet. */
  let edge = new Set<string>()
  let top = until

  const read = async (asked: Filter): Promise<SignedEvent[]> => {
    const found = new Map<string, SignedEvent>()
    result.pages++
    await ask({ ...asked, limit: page }, (event) => {
      // what lies outside would move the place where we read, to wherever the relay likes
      if (matches(event, asked)) found.set(event.id, event)
      else result.strays++
    })
    return [...found.values()]
  }
  const tell = (events: SignedEvent[]): void => {
    result.events += events.length
    if (events.length > 0) onPage(events)
  }

  while (result.pages < mostPages) {
    const events = await read({ ...filter, since, until: top })
    const fresh = events.filter(({ id }) => !edge.has(id))
    if (events.length === 0 || (fresh.length === 0 && top <= since)) {
      onProgress(since)
      return { ...result, complete: true }
    }
    tell(fresh)
    const oldest = events.reduce((least, { created_at: at }) => Math.min(least, at), top)
    if (oldest < top) {
      edge = new Set(events.filter(({ created_at: at }) => at === oldest).map(({ id }) => id))
      onProgress(oldest + 1)
      top = oldest
      continue
    }
    // the whole page lies in one second: the rest of it is asked for in parts, and then the second is done
    const known = new Set([...edge, ...events.map(({ id }) => id)])
    const crowd = events.length > 1 ? await readSecond(read, { ...filter, since: top, until: top }, events) : { events: [], whole: true }
    tell(crowd.events.filter(({ id }) => !known.has(id)))
    if (!crowd.whole) result.crowded.push(top)
    onProgress(top)
    if (top <= since) return { ...result, complete: true }
    top--
    edge = new Set()
  }
  return result
}

/** One second, by kind and by author: relays have no other way to ask for a part of it. */
async function readSecond (read: (filter: Filter) => Promise<SignedEvent[]>, filter: Filter, seen: SignedEvent[]): Promise<{ events: SignedEvent[], whole: boolean }> {
  const found: SignedEvent[] = []
  let whole = true
  for (const kind of filter.kinds ?? [...new Set(seen.map(({ kind }) => kind))]) {
    const events = await read({ ...filter, kinds: [kind] })
    found.push(...events)
    // as many as in the crowded page itself: there may be more
    if (events.length < seen.length) continue
    for (const author of filter.authors ?? [...new Set(events.map(({ pubkey }) => pubkey))]) {
      const byAuthor = await read({ ...filter, kinds: [kind], authors: [author] })
      found.push(...byAuthor)
      if (byAuthor.length >= seen.length) whole = false
    }
    // authors that no page showed cannot be asked for
    if (filter.authors === undefined) whole = false
  }
  return { events: [...new Map(found.map((event) => [event.id, event])).values()], whole }
}

function matches ({ kind, pubkey, created_at: at }: SignedEvent, { kinds, authors, since, until }: Filter): boolean {
  return (kinds === undefined || kinds.includes(kind)) && (authors === undefined || authors.includes(pubkey)) && at >= (since ?? 0) && at <= (until ?? Infinity)
}
