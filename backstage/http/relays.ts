// Nostr relays as a program that comes and goes uses them: connect, tell or ask, close. One that fails never stops the others.

import { isSigned } from '../../server/auth/signature.ts'
import { RelayLink } from '../../server/catalog/relay-link.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { Filter } from '../../server/catalog/relay-link.ts'
import type { Signer } from '../signer.ts'

export interface RelayTold {
  relay: string
  accepted: boolean
  /** The relay's words, or why it was not reached; '' for nothing. */
  words: string
}

async function withLink<T> (url: string, signer: Pick<Signer, 'sign'> | null, use: (link: RelayLink) => Promise<T>): Promise<T> {
  const link = new RelayLink({ url, sign: signer === null ? null : (draft) => signer.sign(draft), now: Date.now })
  try {
    await link.open()
    return await use(link)
  } finally {
    link.close()
  }
}

const wordsOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

/** Tells every relay of these events, in their order; what each made of the last that it did not take, or of the last of all. */
export function tellRelays (relays: readonly string[], events: readonly SignedEvent[], signer: Pick<Signer, 'sign'> | null): Promise<RelayTold[]> {
  return Promise.all(relays.map(async (relay) => {
    try {
      return await withLink(relay, signer, async (link) => {
        let told: RelayTold = { relay, accepted: true, words: '' }
        for (const event of events) {
          const { accepted, words } = await link.publish(event)
          // NIP-01: `duplicate:` is a yes, with whichever word a relay says it
          if (told.accepted) told = { relay, accepted: accepted || words.startsWith('duplicate:'), words }
        }
        return told
      })
    } catch (error) {
      return { relay, accepted: false, words: wordsOf(error) }
    }
  }))
}

/** Does each answer? Why not, by relay; empty when all do. */
export async function unreachableRelays (relays: readonly string[]): Promise<{ relay: string, words: string }[]> {
  const asked = await Promise.all(relays.map(async (relay) => {
    try {
      await withLink(relay, null, async () => {})
      return null
    } catch (error) {
      return { relay, words: wordsOf(error) }
    }
  }))
  return asked.filter((each) => each !== null)
}

/** Bytes of events that are taken of one relay for one question: a relay may send without end. */
const MOST_BYTES = 16 * 1024 * 1024

/** Rightly signed events that any of the relays has, each once. Relays that fail are passed over, and told to `onFault`. */
export async function askRelays (relays: readonly string[], filter: Filter, signer: Pick<Signer, 'sign'> | null, onFault: (relay: string, words: string) => void): Promise<SignedEvent[]> {
  const found = new Map<string, SignedEvent>()
  await Promise.all(relays.map(async (relay) => {
    let bytes = 0
    const take = (event: SignedEvent): void => {
      if (found.has(event.id)) return
      bytes += Buffer.byteLength(JSON.stringify(event))
      if (bytes <= MOST_BYTES && isSigned(event)) found.set(event.id, event)
    }
    try {
      await withLink(relay, signer, (link) => link.ask(filter, take, 5000))
    } catch (error) {
      onFault(relay, wordsOf(error))
    }
  }))
  return [...found.values()]
}
