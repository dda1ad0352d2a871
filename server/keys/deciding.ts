// Who gets a key: the title stands, and its creator lets them. Asked anew each time, from the store, so that what changed holds at once; whatever is
// said to somebody who is known is noted for the creator.

import { Failure } from '../errors.ts'
import { grantOf } from './access-lists.ts'
import type { Access, AccessLists } from './access-lists.ts'
import type { TitleName } from './title-name.ts'

export interface DecidingParts {
  access: AccessLists
  /** Was the title withdrawn, here or at another node? Rejects with StoreError. */
  isGone: (title: TitleName) => Promise<boolean>
}

/** Tells who asks: their public key, 64 hex digits. Throws 401 or 429. */
export type Asker = () => string

export interface Decision {
  /** Null: nobody needed to say. */
  pubkey: string | null
  reason: string
}

export class Deciding {
  readonly #parts: DecidingParts

  constructor (parts: DecidingParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the key may be given, with whom to. Rejects with TITLE_GONE, KEY_NOT_GRANTED, what `asker` throws, or StoreError; `note` hears of
   * refusals too, but for those of nobody known.
   */
  async decide (title: TitleName, asker: Asker, note: (decision: Decision, granted: boolean) => void): Promise<Decision> {
    const { access, isGone } = this.#parts
    const [gone, rules] = await Promise.all([isGone(title), access.get(title)])
    const pubkey = this.#pubkeyOf(asker, gone || rules.who === 'open')
    const refusal = gone ? new Failure('TITLE_GONE') : this.#refusal(rules, title, pubkey)
    if (refusal === null) {
      const decision = { pubkey, reason: grantOf(rules, title.pubkey, pubkey)! }
      note(decision, true)
      return decision
    }
    if (pubkey !== null) note({ pubkey, reason: gone ? 'withdrawn' : 'not listed' }, false)
    throw refusal
  }

  #refusal (rules: Access, title: TitleName, pubkey: string | null): Failure | null {
    return grantOf(rules, title.pubkey, pubkey) === null ? new Failure('KEY_NOT_GRANTED') : null
  }

  /** Where nobody need say who they are, a token that does not hold is none. */
  #pubkeyOf (asker: Asker, optional: boolean): string | null {
    try {
      return asker()
    } catch (error) {
      if (optional && error instanceof Failure && (error.status === 401 || error.status === 403)) return null
      throw error
    }
  }
}
