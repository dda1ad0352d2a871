// The configuration in force while the server runs. It can be replaced as a whole: what config-fields.ts marks `live` takes effect at once, any
// other key keeps the value that it had at the start, and is told. Who reads a key for each request looks at `current`; who made something
// of it follows.

import { isDeepStrictEqual } from 'node:util'
import { FIELDS, putAt, valueAt } from './config-fields.ts'
import { ConfigError } from './errors.ts'
import type { Config } from './config.ts'

/** Keys as docs/config.md has them. */
export interface Taken {
  /** In force from now on. */
  changed: string[]
  /** Other than at the start, and ignored until the next. */
  waiting: string[]
}

/** Hears the configuration in force from now on and which of its keys are new; must not throw. */
export type Follower = (config: Config, changed: readonly string[]) => void

export class Settings {
  #current: Config
  readonly #followers: Follower[] = []

  constructor (config: Config) {
    this.#current = config
  }

  get current (): Config {
    return this.#current
  }

  /** Followers are told in the order in which they came, after `current` has changed. */
  follow (follower: Follower): void {
    this.#followers.push(follower)
  }

  /** Takes over what may change while the server runs: all of it or, where it throws ConfigError, nothing. */
  take (next: Config): Taken {
    const merged = structuredClone(this.#current) as unknown as Record<string, unknown>
    const taken: Taken = { changed: [], waiting: [] }
    for (const { key, live } of FIELDS) {
      if (isDeepStrictEqual(valueAt(this.#current, key), valueAt(next, key)) || isDerived(key, this.#current, next)) continue
      taken[live === true ? 'changed' : 'waiting'].push(key)
      if (live === true) putAt(merged, key, valueAt(next, key))
    }
    const config = merged as unknown as Config
    // config.ts has judged the new keys with each other, not with what stays
    if (config.readPubkeys.length > 0 && config.offload.mode !== 'off') {
      throw new ConfigError(['/readPubkeys may name who may read only when /offload/mode is off, and that needs a restart'])
    }
    this.#current = config
    for (const follower of this.#followers) follower(config, taken.changed)
    return taken
  }
}

/** A public URL that nobody gave is made of host and port, which are told. */
function isDerived (key: string, now: Config, next: Config): boolean {
  return key === 'publicUrl' && !now.publicUrlGiven && !next.publicUrlGiven
}
