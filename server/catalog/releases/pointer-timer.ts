// TIMESTAMP_KEY: this server signs the latest pointers anew once a day, with a key that the root has delegated that to and nothing else. Only for what
// verifies, and one node of several does it: each day's turn is taken in the store they share.

import { sha256Hex } from '../../stores/multihash.ts'
import { didKeyOf } from '../../release/did-key.ts'
import { publicKeyOf } from '../../release/ed25519.ts'
import { POINTER_VALIDITY, nextPointer } from '../../release/next-pointer.ts'
import { revokedKeys } from '../../release/trust-bundle.ts'
import { buildCarrier, latestPointerName } from '../kinds/application-data.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { StateStore } from '../../stores/state.ts'
import type { Publisher } from '../publish.ts'
import type { PointerInForce, ReleaseTrust } from './trust.ts'

export interface PointerTimerParts {
  trust: ReleaseTrust
  publisher: Pick<Publisher, 'publishOwn' | 'pubkey'>
  state: Pick<StateStore, 'add' | 'list' | 'remove'>
  /** 32 bytes. */
  seed: Uint8Array
  /** Of a manifest that is here; null: it is not. */
  manifestText: (sha256: string) => string | null
  announce: (event: SignedEvent) => Promise<unknown>
  /** Hears why a channel's pointer is not signed, when that is new. */
  onRefusal: (channel: string, why: string) => void
  /** Unix milliseconds. */
  now: () => number
}

/** Seconds after which a pointer is signed anew. */
const EVERY = 24 * 3600
/** Seconds of one turn: who took it and failed is followed by another. */
const TURN = 3600
const TURNS = 'release/turns/'

export class PointerTimer {
  readonly #parts: PointerTimerParts
  readonly #did: string
  readonly #told = new Map<string, string>()

  constructor (parts: PointerTimerParts) {
    this.#parts = parts
    this.#did = didKeyOf(publicKeyOf(parts.seed))
  }

  /** Looks at every channel; how many pointers were signed. Rejects with StoreError, CatalogFault or ReleaseFault. */
  async round (): Promise<number> {
    let signed = 0
    for (const inForce of this.#parts.trust.pointers) if (await this.#sign(inForce)) signed++
    return signed
  }

  async #sign (inForce: PointerInForce): Promise<boolean> {
    const { trust, publisher, seed, announce, onRefusal, now } = this.#parts
    const { app, channel, issued_at: issued } = inForce.pointer
    const seconds = Math.floor(now() / 1000)
    if (issued > seconds - EVERY) return false
    const name = `${app}/${channel}`
    const why = this.#whyNot(inForce)
    if (why !== null) {
      if (this.#told.get(name) !== why) onRefusal(name, why)
      this.#told.set(name, why)
      return false
    }
    this.#told.delete(name)
    if (!await this.#takeTurn(name, seconds)) return false
    const { bundle } = trust.bundleFor(app)!
    const bytes = nextPointer(inForce.pointer, seconds, Math.min(POINTER_VALIDITY, bundle.roles.timestamp.max_validity_s), [seed])
    const { parsed } = await publisher.publishOwn((at) => buildCarrier({
      d: latestPointerName(app, channel), content: bytes.toString('utf8'), tags: [['x', inForce.pointer.manifest.sha256]]
    }, at))
    await announce(parsed.event)
    return true
  }

  /** Null: the pointer may be signed anew by us. */
  #whyNot ({ pointer: { app, channel, manifest: { sha256 } }, text }: PointerInForce): string | null {
    const { trust, manifestText, publisher } = this.#parts
    const inForce = trust.bundleFor(app)
    if (inForce === null) return 'no trust bundle in force is for this application'
    const { roles: { timestamp, release } } = inForce.bundle
    if (!timestamp.keys.includes(this.#did) || revokedKeys(inForce.bundle).has(this.#did)) return `the trust bundle does not list ${this.#did} as a timestamp key`
    if (timestamp.threshold > 1) return `the trust bundle asks for ${timestamp.threshold} timestamp keys, and one is here`
    // relays and other servers take the event from listed keys alone
    if (![...timestamp.nostr, ...release.nostr].includes(publisher.pubkey)) return `the trust bundle does not list the node key ${publisher.pubkey} for its events`
    const manifest = manifestText(sha256)
    const { checks } = trust.verify(app, channel, { pointer: Buffer.from(text), manifest: manifest === null ? null : Buffer.from(manifest) })
    // an expired pointer is what this is for
    const failed = checks.find(({ result, name }) => result === 'failed' && name !== 'pointer.fresh')
    return failed === undefined ? null : `${failed.name}: ${failed.reason}`
  }

  /** Did we take this hour's turn? Turns of earlier hours are cleared away. */
  async #takeTurn (name: string, seconds: number): Promise<boolean> {
    const { state } = this.#parts
    const folder = `${TURNS}${sha256Hex(Buffer.from(name)).slice(0, 32)}/`
    const turn = `${folder}${Math.floor(seconds / TURN)}`
    if (!await state.add(turn, { v: 1, of: name })) return false
    for await (const each of state.list(folder)) if (each !== turn) await state.remove(each)
    return true
  }
}
