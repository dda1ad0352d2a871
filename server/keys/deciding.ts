// Who gets a key: the title stands, and its creator lets them. Asked anew each time, from the store, so that what changed holds at once; whatever is
// said to somebody who is known is in the creator's log before it is said.

import { Failure } from '../errors.ts'
import { grantOf } from './access-lists.ts'
import type { AccessLists } from './access-lists.ts'
import type { AuditEntry, AuditLog } from './audit-log.ts'
import type { TitleName } from './title-name.ts'
import type { TitleStops } from './title-stops.ts'

export interface DecidingParts {
  access: AccessLists
  stops: TitleStops
  audit: AuditLog
}

/** Tells who asks: their public key, 64 hex digits. Rejects with 401, 403, 429 or StoreError. */
export type Asker = () => Promise<string>

export class Deciding {
  readonly #parts: DecidingParts

  constructor (parts: DecidingParts) {
    this.#parts = parts
  }

  /** Resolves when what is asked for may be given. Rejects with TITLE_GONE, KEY_NOT_GRANTED, what `asker` rejects with, or StoreError. */
  async decide (title: TitleName, asker: Asker, asked: Pick<AuditEntry, 'key' | 'action'>): Promise<void> {
    const { access, stops, audit } = this.#parts
    const [gone, rules] = await Promise.all([stops.isGone(title), access.get(title)])
    const pubkey = await pubkeyOf(asker, gone || rules.who === 'open')
    const grant = gone ? null : grantOf(rules, title.pubkey, pubkey)
    if (grant !== null) return audit.note(title, { pubkey, ...asked, granted: true, reason: grant })
    // who is nobody known could fill the log
    if (pubkey !== null) await audit.note(title, { pubkey, ...asked, granted: false, reason: gone ? 'withdrawn' : 'not listed' })
    throw new Failure(gone ? 'TITLE_GONE' : 'KEY_NOT_GRANTED')
  }
}

/** Where nobody need say who they are, a token that does not hold is none. */
async function pubkeyOf (asker: Asker, optional: boolean): Promise<string | null> {
  try {
    return await asker()
  } catch (error) {
    if (optional && error instanceof Failure && (error.status === 401 || error.status === 403)) return null
    throw error
  }
}
