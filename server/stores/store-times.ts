// How long each action of the stores takes and how often it fails, for /metrics. The interfaces are wrapped once, where the stores are put
// together (open.ts): no store counts for itself, and a new one is counted as it comes. Plain numbers: nothing is looked up a call.

import type { Journal } from './fs/journal.ts'
import type { ObjectEntry, Objects } from './objects.ts'
import type { PackDraft, PackReading, PackStore } from './pack-store.ts'

/** Upper bounds of the classes of duration, seconds: from a page in memory to a store that hangs. */
export const BOUNDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const

export type Part = 'packs' | 'objects' | 'journal'

/** Hears of a call as it begins; what it gives back hears how it ended: null, or what it rejected with. Null for a call that is not traced. */
export type CallTracer = (call: { readonly store: string, readonly part: Part, readonly action: string }) => ((fault: unknown) => void) | null

export class ActionTimes {
  readonly store: string
  readonly part: Part
  readonly action: string
  /** Calls by class of duration; the last is above all bounds. */
  readonly classes = new Float64Array(BOUNDS.length + 1)
  /** In all. */
  seconds = 0
  /** Calls that rejected; they are among the classes too. */
  faults = 0
  readonly #tracer: CallTracer | null

  constructor (store: string, part: Part, action: string, tracer: CallTracer | null = null) {
    this.#tracer = tracer
    this.store = store
    this.part = part
    this.action = action
  }

  /** Notes a call that lasted so many milliseconds. */
  note (ms: number): void {
    const seconds = ms / 1000
    this.seconds += seconds
    let index = 0
    while (index < BOUNDS.length && seconds > BOUNDS[index]!) index++
    this.classes[index]!++
  }

  /** Called where a call begins; as a CallTracer, and undefined where nobody traces. */
  trace (): ReturnType<CallTracer> | undefined {
    return this.#tracer?.(this)
  }

  async time<T> (run: () => Promise<T>): Promise<T> {
    const ended = this.trace()
    const started = performance.now()
    let fault: unknown = null
    try {
      return await run()
    } catch (error) {
      this.faults++
      fault = error
      throw error
    } finally {
      this.note(performance.now() - started)
      ended?.(fault)
    }
  }

  /** One call that gives many: what the caller does between them is not the store's time. */
  async * each<T> (items: AsyncIterable<T>): AsyncGenerator<T> {
    const ended = this.trace()
    let fault: unknown = null
    let ms = 0
    let started = performance.now()
    try {
      for await (const item of items) {
        ms += performance.now() - started
        yield item
        started = performance.now()
      }
    } catch (error) {
      this.faults++
      fault = error
      throw error
    } finally {
      this.note(ms + performance.now() - started)
      ended?.(fault)
    }
  }
}

export class StoreTimes {
  readonly actions: ActionTimes[] = []
  readonly #tracer: CallTracer | null

  constructor (tracer: CallTracer | null = null) {
    this.#tracer = tracer
  }

  #of (store: string, part: Part, action: string): ActionTimes {
    const times = new ActionTimes(store, part, action, this.#tracer)
    this.actions.push(times)
    return times
  }

  packs (packs: PackStore): PackStore {
    const of = (action: string): ActionTimes => this.#of(packs.name, 'packs', action)
    const [draft, write, commit, discard] = [of('draft'), of('write'), of('commit'), of('discard')]
    const [stat, read, next, remove, list, sweep] = [of('stat'), of('read'), of('next'), of('remove'), of('list'), of('sweep')]
    const watchDraft = (under: PackDraft): PackDraft => ({
      write: (chunks) => write.time(() => under.write(chunks)),
      commit: (pack, over) => commit.time(() => under.commit(pack, over)),
      discard: () => discard.time(() => under.discard())
    })
    const watchReading = (under: PackReading): PackReading => ({ next: () => next.time(() => under.next()), close: () => under.close() })
    const watched: PackStore = {
      name: packs.name,
      draft: async (hints) => watchDraft(await draft.time(() => packs.draft(hints))),
      stat: (pack) => stat.time(() => packs.stat(pack)),
      read: async (pack, offset, length) => {
        const reading = await read.time(() => packs.read(pack, offset, length))
        return reading === null ? null : watchReading(reading)
      },
      remove: (pack) => remove.time(() => packs.remove(pack)),
      setAside: (pack) => packs.setAside(pack),
      dropAside: (pack) => packs.dropAside(pack),
      list: () => list.each(packs.list()),
      sweep: () => sweep.time(() => packs.sweep())
    }
    if (packs.readNow !== undefined) {
      const readNow = of('readNow')
      watched.readNow = (pack, offset, length) => {
        const ended = readNow.trace()
        const started = performance.now()
        const piece = packs.readNow!(pack, offset, length)
        if (piece === null) return null // it was no call: `read` follows
        readNow.note(performance.now() - started)
        ended?.(null)
        return piece
      }
    }
    if (packs.endLate !== undefined) watched.endLate = () => packs.endLate!()
    if (packs.path !== undefined) watched.path = (pack) => packs.path!(pack)
    if (packs.presign !== undefined) watched.presign = (pack, type, name, maxAge) => packs.presign!(pack, type, name, maxAge)
    return watched
  }

  objects (objects: Objects): Objects {
    const of = (action: string): ActionTimes => this.#of(objects.name, 'objects', action)
    const [get, put, add, remove, list, names] = [of('get'), of('put'), of('add'), of('remove'), of('list'), of('names')]
    return {
      name: objects.name,
      get: (key) => get.time(() => objects.get(key)),
      put: (key, bytes) => put.time(() => objects.put(key, bytes)),
      add: (key, bytes) => add.time(() => objects.add(key, bytes)),
      remove: (key) => remove.time(() => objects.remove(key)),
      list: (prefix, after): AsyncIterable<ObjectEntry> => list.each(objects.list(prefix, after)),
      names: (prefix) => names.each(objects.names(prefix))
    }
  }

  /** The journal is a class and not an interface: its one slow method is put in place of itself. */
  journal (journal: Journal, store: string): void {
    const times = this.#of(store, 'journal', 'append')
    const append = journal.append.bind(journal)
    journal.append = (entry) => times.time(() => append(entry))
  }
}
