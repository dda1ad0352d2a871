// What `marquee copy` put into its target, by name: what it may remove there again. On the disk, so that memory does not grow with the store. A row
// comes before what it names: after a kill the ledger may name too much, never too little.

import type { Database, Statement } from '../database.ts'

export class CopyLedger {
  readonly #database: Database
  readonly #add: Statement<[string]>
  readonly #remove: Statement<[string]>
  readonly #page: Statement<[string, number], { name: string }>

  constructor (database: Database) {
    this.#database = database
    this.#add = database.prepare('INSERT OR IGNORE INTO copied VALUES (?)')
    this.#remove = database.prepare('DELETE FROM copied WHERE name = ?')
    this.#page = database.prepare('SELECT name FROM copied WHERE name > ? ORDER BY name LIMIT ?')
  }

  add (name: string): void {
    this.#add.run(name)
  }

  remove (name: string): void {
    this.#remove.run(name)
  }

  /** Every name, in order; rows may come and go meanwhile. */
  * all (): Iterable<string> {
    for (let after = ''; ;) {
      const page = this.#page.all(after, 1000)
      for (const { name } of page) yield name
      if (page.length === 0) return
      after = page.at(-1)!.name
    }
  }

  fact (name: 'id' | 'ended'): string | null {
    return this.#database.prepare<[string], { value: string }>('SELECT value FROM facts WHERE name = ?').get(name)?.value ?? null
  }

  setFact (name: 'id' | 'ended', value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO facts VALUES (?, ?)').run(name, value)
  }
}
