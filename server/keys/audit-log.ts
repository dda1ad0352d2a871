// Who asked for the keys of a title, and what they were told, for its creator: `state/key-audit/<sha256 of the title's address>/<time slot>-<random>`, a
// list of entries each. An entry is durable before the answer goes out, and those of every node lie in one folder. Who comes while an entry is being
// written shares the next write. Times in names count backwards, so that the newest is listed first.

import { randomBytes } from 'node:crypto'
import { Failure } from '../errors.ts'
import type { StateStore } from '../stores/state.ts'
import type { TitleName } from './title-name.ts'

export interface AuditEntry {
  /** Unix milliseconds. */
  at: number
  /** Who asked, 64 hex digits; null: nobody needed to say. */
  pubkey: string | null
  /** The id; null of a session. */
  key: string | null
  action: 'key' | 'session'
  granted: boolean
  reason: string
}

/** One object of the store while it grows. */
interface Page {
  readonly name: string
  readonly slot: number
  readonly entries: AuditEntry[]
  waiting: AuditEntry[]
  writing: Promise<void> | null
  following: Promise<void> | null
}

const SLOT_MS = 600_000
const PAGE_ENTRIES = 500
/** Pages that may grow at the same time; the one begun first is left as it is, and its title begins another. */
const PAGES = 1000
/** Days for which entries are kept. */
export const AUDIT_DAYS = 90
export const MOST_ENTRIES = 1000
const LAST = 10 ** 12

export class AuditLog {
  readonly #state: StateStore
  readonly #now: () => number
  readonly #pages = new Map<string, Page>()

  constructor (state: StateStore, now: () => number) {
    this.#state = state
    this.#now = now
  }

  /** Durable when it resolves. Rejects with StoreError, and then nothing was noted. */
  note (title: TitleName, facts: Omit<AuditEntry, 'at'>): Promise<void> {
    const at = this.#now()
    const page = this.#pageFor(title, Math.floor(at / SLOT_MS))
    page.waiting.push({ at, ...facts })
    if (page.writing === null && page.following === null) return this.#write(page)
    page.following ??= page.writing!.catch(() => {}).then(() => {
      page.following = null
      return this.#write(page)
    })
    return page.following
  }

  #write (page: Page): Promise<void> {
    const batch = page.waiting
    page.waiting = []
    page.writing = this.#state.put(page.name, { v: 1, entries: [...page.entries, ...batch] })
      .then(() => { page.entries.push(...batch) })
      .finally(() => { page.writing = null })
    return page.writing
  }

  #pageFor (title: TitleName, slot: number): Page {
    const known = this.#pages.get(title.hash)
    if (known !== undefined && known.slot === slot && known.entries.length + known.waiting.length < PAGE_ENTRIES) return known
    const page: Page = { name: `${folderOf(title)}${backwards(slot)}-${randomBytes(6).toString('hex')}`, slot, entries: [], waiting: [], writing: null, following: null }
    this.#pages.delete(title.hash)
    this.#pages.set(title.hash, page)
    if (this.#pages.size > PAGES) this.#pages.delete(this.#pages.keys().next().value!)
    this.#clear(title, slot).catch(() => {}) // with the next page
    return page
  }

  async #clear (title: TitleName, slot: number): Promise<void> {
    const oldest = slot - AUDIT_DAYS * 86_400_000 / SLOT_MS
    const over: string[] = []
    for await (const name of this.#state.list(folderOf(title), `${folderOf(title)}${backwards(oldest)}`)) over.push(name)
    for (const name of over) await this.#state.remove(name)
  }

  /** Newest first; `next` is null on the last page. `before`: the `next` of the page before. Throws QUERY_INVALID, rejects with StoreError. */
  async read (title: TitleName, limit: number, before: string | null): Promise<{ entries: AuditEntry[], next: string | null }> {
    const from = before === null ? null : cursorIn(before)
    const found: AuditEntry[] = []
    for await (const slot of this.#slots(title, from === null ? null : Math.floor(from.at / SLOT_MS))) {
      found.push(...from === null ? slot : slot.filter(({ at }) => at <= from.at))
      if (found.length > limit + (from?.skip ?? 0)) break
    }
    const rest = found.slice(from?.skip ?? 0)
    const entries = rest.slice(0, limit)
    if (rest.length <= limit) return { entries, next: null }
    const { at } = entries.at(-1)!
    const same = entries.filter((each) => each.at === at).length
    return { entries, next: `${at}.${from?.at === at ? from.skip + same : same}` }
  }

  /** The entries of each slot of time, newest first. */
  async * #slots (title: TitleName, newest: number | null): AsyncIterable<AuditEntry[]> {
    const folder = folderOf(title)
    let slot = ''
    let names: string[] = []
    for await (const name of this.#state.list(folder, `${folder}${newest === null ? '' : backwards(newest)}`)) {
      const its = name.slice(folder.length).split('-', 1)[0]!
      if (its !== slot && names.length > 0) yield this.#entriesIn(names.splice(0))
      slot = its
      names.push(name)
    }
    if (names.length > 0) yield this.#entriesIn(names)
  }

  async #entriesIn (names: readonly string[]): Promise<AuditEntry[]> {
    const pages = await Promise.all(names.map((name) => this.#state.get(name))) as ({ entries?: AuditEntry[] } | null)[]
    return pages.flatMap((page) => page?.entries ?? []).reverse().sort((a, b) => b.at - a.at)
  }
}

function folderOf ({ hash }: TitleName): string {
  return `key-audit/${hash}/`
}

/** A later slot sorts before an earlier one. */
function backwards (slot: number): string {
  return String(LAST - slot).padStart(12, '0')
}

/** Up to a moment, but for so many of that moment. Throws QUERY_INVALID. */
function cursorIn (text: string): { at: number, skip: number } {
  const [, at, skip] = /^(\d{1,15})\.(\d{1,9})$/.exec(text) ?? []
  if (at === undefined) throw new Failure('QUERY_INVALID', 'before is the next of the page before')
  return { at: Number(at), skip: Number(skip) }
}
