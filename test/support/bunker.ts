// A remote signer of a test (NIP-46), on a relay: it holds a key, answers who is paired with it, and counts what it was asked for.

import { randomBytes } from 'node:crypto'
import { v2 as nip44 } from 'nostr-tools/nip44'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import { Signer } from './keys.ts'
import type { Test } from 'tap'
import type { SignedEvent } from '../../server/auth/signature.ts'

export interface TestBunker {
  /** `bunker://…` with its secret, which is taken once. */
  uri: string
  /** Whose signatures it gives. */
  user: Signer
  /** Methods in the order in which they were asked for. */
  asked: string[]
  /** What it says instead of an answer to this method. */
  refusals: Map<string, string>
  /** Changes what it signed before it gives it. */
  spoil: ((event: SignedEvent) => object) | null
  /** Sent before each answer to a `connect`, as an auth challenge. */
  authUrl: string | null
}

/** Signs until the test ends. */
export async function startBunker (t: Test, relay: string): Promise<TestBunker> {
  const own = new Signer()
  const user = new Signer()
  let secret: string | null = randomBytes(8).toString('hex')
  const paired = new Set<string>()
  const bunker: TestBunker = { uri: `bunker://${own.pubkey}?relay=${encodeURIComponent(relay)}&secret=${secret}`, user, asked: [], refusals: new Map(), spoil: null, authUrl: null }
  const link = new RelayLink({ url: relay, sign: null, now: Date.now })
  await link.open()
  t.teardown(() => { link.close() })
  const answer = async (to: string, body: object): Promise<void> => {
    const content = nip44.encrypt(JSON.stringify(body), nip44.utils.getConversationKey(own.secret, to))
    await link.publish(own.sign({ kind: 24133, created_at: Math.floor(Date.now() / 1000), tags: [['p', to]], content }))
  }
  const self = nip44.utils.getConversationKey(user.secret, user.pubkey)

  function resultOf (from: string, method: string, params: string[]): string | null {
    if (method === 'connect') {
      if (!paired.has(from) && params[1] !== secret) return null // NIP-46: old secrets are ignored
      secret = null
      paired.add(from)
      return 'ack'
    }
    if (!paired.has(from)) throw new Error('not paired')
    if (method === 'get_public_key') return user.pubkey
    if (method === 'nip44_encrypt') return nip44.encrypt(params[1]!, self)
    if (method === 'nip44_decrypt') return nip44.decrypt(params[1]!, self)
    if (method !== 'sign_event') throw new Error('no such method')
    const event = user.sign(JSON.parse(params[0]!) as Parameters<Signer['sign']>[0])
    return JSON.stringify(bunker.spoil === null ? event : bunker.spoil(event))
  }

  link.subscribe([{ 'kinds': [24133], '#p': [own.pubkey] }], (event) => {
    if (event.pubkey === own.pubkey) return // @nostr-relay gives ephemeral events to everybody, whatever the filter
    const { id, method, params } = JSON.parse(nip44.decrypt(event.content, nip44.utils.getConversationKey(own.secret, event.pubkey))) as { id: string, method: string, params: string[] }
    bunker.asked.push(method)
    void (async () => {
      if (method === 'connect' && bunker.authUrl !== null) await answer(event.pubkey, { id, result: 'auth_url', error: bunker.authUrl })
      try {
        const refusal = bunker.refusals.get(method)
        if (refusal !== undefined) throw new Error(refusal)
        const result = resultOf(event.pubkey, method, params)
        if (result !== null) await answer(event.pubkey, { id, result })
      } catch (error) {
        await answer(event.pubkey, { id, result: '', error: (error as Error).message })
      }
    })()
  }, () => {})
  return bunker
}
