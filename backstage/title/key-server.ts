// A client of a key room (docs/api.md, Keys): hands in keys, says who may have them, reads who asked. Every call is signed with NIP-98.

import { NetworkFault } from '../http/exchange.ts'
import { callJson } from '../http/json-calls.ts'
import { ServerRefusal } from '../http/refusal.ts'
import type { FilmKeys } from '../film/film-build.ts'
import type { CallParts } from '../http/json-calls.ts'
import type { Signer } from '../signer.ts'

export interface Access {
  /** `open`: anybody; `signed-in`: any key; `list`: those named. The creator always may. */
  who: 'open' | 'signed-in' | 'list'
  /** 64 hex digits each. */
  pubkeys: string[]
}

export interface AuditEntry {
  /** Unix milliseconds. */
  at: number
  /** 64 hex digits; null where nobody signed. */
  pubkey: string | null
  key: string | null
  action: string
  granted: boolean
  reason: string
}

/** Every method rejects with ServerRefusal or NetworkFault. */
export class KeyServer {
  /** `https://<origin>/keys`, as in a title's `access` tag. */
  readonly url: string
  readonly #calls: CallParts
  readonly #signer: Signer
  /** Of the title. */
  readonly #address: string

  constructor ({ url, calls, signer, address }: { url: string, calls: CallParts, signer: Signer, address: string }) {
    this.url = url.replace(/\/$/, '')
    this.#calls = calls
    this.#signer = signer
    this.#address = address
  }

  #call (method: string, path: string, body?: object): Promise<unknown> {
    return callJson(this.#calls, { method, url: `${this.url}/${path}`, signer: this.#signer, ...(body === undefined ? {} : { body }) })
  }

  async handIn (keys: FilmKeys['keys']): Promise<void> {
    for (const { id, key } of keys) await this.#call('PUT', id, { title: this.#address, key })
  }

  /** The ids that it has of this title. */
  async ids (): Promise<string[]> {
    return (await this.#call('GET', `titles/${encodeURIComponent(this.#address)}`) as { keys: string[] }).keys
  }

  /** One key, 32 hex digits, as a player gets it. */
  async key (id: string): Promise<string> {
    return (await callJson(this.#calls, { method: 'GET', url: `${this.url}/${id}`, signer: this.#signer, binary: true }) as Buffer).toString('hex')
  }

  async access (): Promise<Access> {
    return await this.#call('GET', `access/${encodeURIComponent(this.#address)}`) as Access
  }

  async setAccess (access: Access): Promise<void> {
    await this.#call('PUT', `access/${encodeURIComponent(this.#address)}`, access)
  }

  /**
   * From now on nobody but the creator gets the title's keys there: it keeps them no more, or need not hear of the catalog what becomes of the title.
   * False where it could not be told, or has none of them.
   */
  async shut (): Promise<boolean> {
    try {
      await this.setAccess({ who: 'list', pubkeys: [] })
      return true
    } catch (error) {
      if (error instanceof ServerRefusal || error instanceof NetworkFault) return false
      throw error
    }
  }

  /** Newest first, at most `limit`. */
  async audit (limit: number): Promise<AuditEntry[]> {
    const found: AuditEntry[] = []
    for (let before: string | null = ''; before !== null && found.length < limit;) {
      const query = new URLSearchParams({ limit: String(Math.min(100, limit - found.length)), ...(before === '' ? {} : { before }) })
      const page = await this.#call('GET', `audit/${encodeURIComponent(this.#address)}?${query.toString()}`) as { entries: AuditEntry[], next: string | number | null }
      found.push(...page.entries)
      before = page.next === null || page.entries.length === 0 ? null : String(page.next)
    }
    return found.slice(0, limit)
  }
}
