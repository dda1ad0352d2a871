// A remote signer (NIP-46, "bunker"): the creator's key stays on another machine, and each signature is asked for over relays, sealed with NIP-44
// between a key of this program and that of the signer. What comes back is checked: it must be the event that was asked for, rightly signed.

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { v2 as nip44 } from 'nostr-tools/nip44'
import { isEvent, isSigned, pubkeyOf, signEvent } from '../server/auth/signature.ts'
import { RelayLink } from '../server/catalog/relay-link.ts'
import { KeyFault } from './key-fault.ts'
import type { EventDraft, SignedEvent } from '../server/auth/signature.ts'
import type { Signer } from './signer.ts'

const KIND = 24133

export interface BunkerParts {
  /** `bunker://<signer's key>?relay=wss://…&secret=…` */
  uri: string
  env: Readonly<Record<string, string | undefined>>
  say: (line: string) => void
  /** Milliseconds that a person has to approve. */
  patience?: number
}

interface Pointer {
  signer: string
  relays: string[]
  secret: string
}

/** What this program asks leave for. */
const PERMISSIONS = 'sign_event:24242,sign_event:27235,sign_event:22242,sign_event:34235,sign_event:5,nip44_encrypt,nip44_decrypt'

/** Rejects with KeyFault. */
export async function openBunker ({ uri, env, say, patience = 120_000 }: BunkerParts): Promise<Signer> {
  const pointer = parseBunker(uri)
  const place = placeOf(pointer.signer, env)
  const known = place === null ? null : await readSecret(place)
  const secret = known ?? randomBytes(32).toString('hex')
  const bunker = new Bunker(pointer, secret, say, patience)
  try {
    // a signer takes the secret of its URI once; who has used it is known by its own key from then on
    let pubkey = known === null ? null : await bunker.ask('get_public_key', [], 15_000).catch(() => null)
    if (pubkey === null) {
      const said = await bunker.ask('connect', [pointer.signer, pointer.secret, PERMISSIONS])
      if (said !== 'ack' && said !== pointer.secret) throw new KeyFault('the remote signer did not take us')
      if (place !== null && known === null) await keepSecret(place, secret)
      pubkey = await bunker.ask('get_public_key', [])
    }
    if (!/^[0-9a-f]{64}$/.test(pubkey)) throw new KeyFault('the remote signer names no key')
    return bunker.signerFor(pubkey)
  } catch (error) {
    bunker.close()
    throw error
  }
}

function parseBunker (uri: string): Pointer {
  const url = URL.canParse(uri) ? new URL(uri) : null
  const relays = url?.searchParams.getAll('relay').filter((relay) => /^wss?:\/\//.test(relay)) ?? []
  if (url === null || !/^[0-9a-f]{64}$/.test(url.hostname) || relays.length === 0) throw new KeyFault('a bunker URI is bunker://<64 hex digits>?relay=wss://…&secret=…')
  return { signer: url.hostname, relays, secret: url.searchParams.get('secret') ?? '' }
}

/** Where our own key for this signer is kept; null where there is no home for it. */
function placeOf (signer: string, env: BunkerParts['env']): string | null {
  const home = env['XDG_CONFIG_HOME'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.config'))
  return home === undefined ? null : join(home, 'marquee', 'bunkers', `${signer}.key`)
}

async function readSecret (path: string): Promise<string | null> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    return /^[0-9a-f]{64}$/.test(text) ? text : null
  } catch {
    return null // then it is paired anew
  }
}

async function keepSecret (path: string, secret: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, `${secret}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}

interface Waiting {
  resolve: (result: string) => void
  reject: (error: KeyFault) => void
}

class Bunker {
  readonly #pointer: Pointer
  readonly #secret: string
  readonly #pubkey: string
  readonly #conversation: Uint8Array
  readonly #say: (line: string) => void
  readonly #patience: number
  readonly #links = new Map<string, RelayLink>()
  readonly #waiting = new Map<string, Waiting>()
  #opening: Promise<RelayLink[]> | null = null

  constructor (pointer: Pointer, secret: string, say: (line: string) => void, patience: number) {
    this.#pointer = pointer
    this.#secret = secret
    this.#pubkey = pubkeyOf(secret)
    this.#conversation = nip44.utils.getConversationKey(Buffer.from(secret, 'hex'), pointer.signer)
    this.#say = say
    this.#patience = patience
  }

  /** The links that are open, after those that are not were tried. */
  #open (): Promise<RelayLink[]> {
    this.#opening ??= this.#openAll().finally(() => { this.#opening = null })
    return this.#opening
  }

  async #openAll (): Promise<RelayLink[]> {
    const opened = await Promise.allSettled(this.#pointer.relays.map(async (url) => {
      const known = this.#links.get(url)
      if (known?.isOpen === true) return known
      const link = new RelayLink({ url, sign: (draft) => signEvent(draft, this.#secret), now: Date.now })
      await link.open()
      this.#links.set(url, link)
      const since = Math.floor(Date.now() / 1000) - 60
      link.subscribe([{ 'kinds': [KIND], 'authors': [this.#pointer.signer], '#p': [this.#pubkey], since }], (event) => { this.#hear(event) }, () => {})
      return link
    }))
    const links = opened.flatMap((each) => each.status === 'fulfilled' ? [each.value] : [])
    if (links.length === 0) throw new KeyFault(`none of the remote signer's relays answers: ${this.#pointer.relays.join(', ')}`)
    return links
  }

  #hear (event: SignedEvent): void {
    if (event.kind !== KIND || event.pubkey !== this.#pointer.signer || !isSigned(event)) return
    let said: { id?: unknown, result?: unknown, error?: unknown }
    try {
      said = JSON.parse(nip44.decrypt(event.content, this.#conversation)) as typeof said
    } catch {
      return // not for us
    }
    const waiting = typeof said.id === 'string' ? this.#waiting.get(said.id) : undefined
    if (waiting === undefined) return
    // NIP-46, Auth Challenges: the person must go there, and the same request is answered after it
    if (said.result === 'auth_url' && typeof said.error === 'string') this.#say(`the remote signer asks you to open ${said.error.replace(/[\p{Cc}\p{Cf}\s]/gu, '')}`)
    else if (typeof said.error === 'string' && said.error !== '') waiting.reject(new KeyFault(`the remote signer refuses: ${said.error.slice(0, 200)}`))
    else if (typeof said.result === 'string') waiting.resolve(said.result)
  }

  /** One request's result. Rejects with KeyFault. */
  async ask (method: string, params: readonly string[], patience = this.#patience): Promise<string> {
    const links = await this.#open()
    const id = randomBytes(16).toString('hex')
    const draft = { kind: KIND, created_at: Math.floor(Date.now() / 1000), tags: [['p', this.#pointer.signer]], content: nip44.encrypt(JSON.stringify({ id, method, params }), this.#conversation) }
    const event = signEvent(draft, this.#secret)
    return new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => { end(() => { reject(new KeyFault(`the remote signer did not answer within ${patience / 1000} s`)) }) }, patience)
      const end = (tell: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        tell()
      }
      this.#waiting.set(id, { resolve: (result) => { end(() => { resolve(result) }) }, reject: (error) => { end(() => { reject(error) }) } })
      void Promise.all(links.map(async (link) => {
        try {
          const { accepted, words } = await link.publish(event)
          return accepted ? null : `${link.url}: ${words}`
        } catch (error) {
          return (error as Error).message
        }
      })).then((faults) => {
        // one relay that took it is enough
        if (faults.every((fault) => fault !== null)) this.#waiting.get(id)?.reject(new KeyFault(`the remote signer cannot be asked: ${faults.join('; ')}`))
      })
    })
  }

  signerFor (pubkey: string): Signer {
    return {
      pubkey,
      sign: async (draft) => checkSigned(await this.ask('sign_event', [JSON.stringify(draft)]), draft, pubkey),
      seal: (text) => this.ask('nip44_encrypt', [pubkey, text]),
      unseal: (sealed) => this.ask('nip44_decrypt', [pubkey, sealed]),
      close: () => { this.close() }
    }
  }

  close (): void {
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
  }
}

/** Throws KeyFault when it is not what was asked for. */
function checkSigned (text: string, draft: EventDraft, pubkey: string): SignedEvent {
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch {
    event = null
  }
  const asked = JSON.stringify([draft.kind, draft.created_at, draft.tags, draft.content])
  if (!isEvent(event) || event.pubkey !== pubkey || JSON.stringify([event.kind, event.created_at, event.tags, event.content]) !== asked || !isSigned(event)) {
    throw new KeyFault('the remote signer gave something else than what it was asked to sign')
  }
  const { id, sig, kind, created_at, tags, content } = event
  return { id, pubkey, sig, kind, created_at, tags, content }
}
