// Who may have the keys of a title: `state/key-access/<sha256 of its address>`, written before it is acknowledged and read from the store for each
// question, so that a change holds at once, at every node. Until the creator says otherwise nobody may but they themselves.

import { Failure } from '../errors.ts'
import type { StateStore } from '../stores/state.ts'
import type { TitleName } from './title-name.ts'

export const MOST_LISTED = 10_000

export interface Access {
  /** `open`: anybody, without a token; `signed-in`: any key; `list`: those named. The creator always may. */
  who: 'open' | 'signed-in' | 'list'
  /** 64 hex digits each. */
  pubkeys: readonly string[]
}

const CLOSED: Access = { who: 'list', pubkeys: [] }
const HEX64 = /^[0-9a-f]{64}$/

/** Why a key may have it, or null. `pubkey`: null where nobody signed. */
export function grantOf ({ who, pubkeys }: Access, creator: string, pubkey: string | null): 'open' | 'creator' | 'signed-in' | 'listed' | null {
  if (who === 'open') return 'open'
  if (pubkey === null) return null
  if (pubkey === creator) return 'creator'
  if (who === 'signed-in') return 'signed-in'
  return pubkeys.includes(pubkey) ? 'listed' : null
}

/** The access that a body asks for. Throws BODY_INVALID. */
export function parseAccess ({ who, pubkeys = [], ...rest }: Record<string, unknown>): Access {
  if (Object.keys(rest).length > 0) throw new Failure('BODY_INVALID', 'only who and pubkeys')
  if (who !== 'open' && who !== 'signed-in' && who !== 'list') throw new Failure('BODY_INVALID', 'who must be open, signed-in or list')
  if (!Array.isArray(pubkeys) || pubkeys.length > MOST_LISTED) throw new Failure('BODY_INVALID', `pubkeys must be up to ${MOST_LISTED} public keys`)
  if (!pubkeys.every((each): each is string => typeof each === 'string' && HEX64.test(each))) throw new Failure('BODY_INVALID', 'each of pubkeys must be 64 lower-case hex digits')
  return { who, pubkeys: [...new Set(pubkeys)] }
}

export class AccessLists {
  readonly #state: StateStore

  constructor (state: StateStore) {
    this.#state = state
  }

  /** Rejects with StoreError. */
  async get (title: TitleName): Promise<Access> {
    const found = await this.#state.get(`key-access/${title.hash}`) as Partial<Access & { title: string }> | null
    if (found === null || found.title !== title.address) return CLOSED
    const { who, pubkeys } = found
    // what is damaged opens no door
    if (who !== 'open' && who !== 'signed-in' && who !== 'list') return CLOSED
    return { who, pubkeys: Array.isArray(pubkeys) ? pubkeys : [] }
  }

  /** Durable, and in force at every node, when it resolves. Rejects with StoreError. */
  put (title: TitleName, { who, pubkeys }: Access): Promise<void> {
    return this.#state.put(`key-access/${title.hash}`, { v: 1, title: title.address, who, pubkeys })
  }
}
