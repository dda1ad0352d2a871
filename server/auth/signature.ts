// Events as NIP-01 has them: their shape, their id, their signature. Verified natively (schnorr.ts), or by nostr-tools' wasm verifier where that
// cannot be; signed for our own key with @noble/secp256k1, whose only importer this is.

import { createHash } from 'node:crypto'
import { hashes, schnorr } from '@noble/secp256k1'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { IS_NATIVE, verifySchnorr } from './schnorr.ts'

// noble v3 comes without hashes: its sync calls throw until these are set (models.md §4, fact 9)
hashes.sha256 = sha256
hashes.hmacSha256 = (key, message) => hmac(sha256, key, message)

type Verify = (event: SignedEvent) => boolean

async function loadWasm (): Promise<Verify> {
  const [{ initNostrWasm }, { setNostrWasm, verifyEvent }] = await Promise.all([import('nostr-wasm'), import('nostr-tools/wasm')])
  setNostrWasm(await initNostrWasm())
  return verifyEvent
}

/** Its start costs 0.04 s, a tenth of a short command's: at once where it is the only quick way, else when it is first missed. */
let wasm: Verify | null = IS_NATIVE ? null : await loadWasm()
let loading = false

export interface SignedEvent {
  id: string
  pubkey: string
  sig: string
  kind: number
  /** Unix seconds. */
  created_at: number
  tags: string[][]
  content: string
}

export type EventDraft = Pick<SignedEvent, 'kind' | 'created_at' | 'tags' | 'content'>

const HEX64 = /^[0-9a-f]{64}$/
const HEX128 = /^[0-9a-f]{128}$/

/** Is this parsed JSON an event by its shape (NIP-01)? Says nothing of its signature. */
export function isEvent (value: unknown): value is SignedEvent {
  if (typeof value !== 'object' || value === null) return false
  const { id, pubkey, sig, kind, created_at: createdAt, tags, content } = value as Record<string, unknown>
  return typeof id === 'string' && HEX64.test(id) && typeof pubkey === 'string' && HEX64.test(pubkey) &&
    typeof sig === 'string' && HEX128.test(sig) && Number.isInteger(kind) && (kind as number) >= 0 && (kind as number) <= 65535 &&
    Number.isSafeInteger(createdAt) && typeof content === 'string' &&
    Array.isArray(tags) && tags.every((tag) => Array.isArray(tag) && tag.every((each) => typeof each === 'string'))
}

/** What an event's id is the sha256 of (NIP-01). */
export function serialize (pubkey: string, { kind, created_at: createdAt, tags, content }: EventDraft): string {
  return JSON.stringify([0, pubkey, createdAt, kind, tags, content])
}

/** How often signatures were checked in this process, by kind of event; 0 stands for every kind without a line of its own. */
export const signatureChecks: ReadonlyMap<number, { good: number, bad: number }> = new Map([24242, 27235, 1984, 0].map((kind) => [kind, { good: 0, bad: 0 }]))

/** Does the id name this event, and is it signed by its pubkey? The event has the shape that `isEvent` asks for. */
export function isSigned (event: SignedEvent): boolean {
  const good = holds(event)
  const checks = signatureChecks.get(event.kind) ?? signatureChecks.get(0)!
  checks[good ? 'good' : 'bad']++
  return good
}

function holds (event: SignedEvent): boolean {
  const { id, pubkey, sig, kind, created_at, tags, content } = event
  const message = createHash('sha256').update(serialize(pubkey, event)).digest()
  if (message.toString('hex') !== id) return false
  // the fields one by one: nostr-tools marks what it has verified with a symbol that survives a spread copy (models.md §4, fact 8)
  const [key, signature] = [Buffer.from(pubkey, 'hex'), Buffer.from(sig, 'hex')]
  const told = verifySchnorr(message, key, signature) ?? wasm?.({ id, pubkey, sig, kind, created_at, tags, content })
  if (told !== undefined) return told
  // who makes such numbers may send many: only those that come until the wasm is there cost us noble's two milliseconds
  if (!loading) loadWasm().then((verify) => { wasm = verify }, () => { loading = false })
  loading = true
  return schnorr.verify(signature, message, key)
}

/** The public key, 64 hex digits, of a secret key of 64 hex digits. */
export function pubkeyOf (secret: string): string {
  return Buffer.from(schnorr.getPublicKey(Buffer.from(secret, 'hex'))).toString('hex')
}

/** Signs an event with a secret key of 64 hex digits (NIP-01). */
export function signEvent (draft: EventDraft, secret: string): SignedEvent {
  const pubkey = pubkeyOf(secret)
  const { kind, created_at, tags, content } = draft
  const id = sha256(Buffer.from(serialize(pubkey, draft)))
  const sig = schnorr.sign(id, Buffer.from(secret, 'hex'))
  return { id: Buffer.from(id).toString('hex'), pubkey, sig: Buffer.from(sig).toString('hex'), kind, created_at, tags, content }
}
