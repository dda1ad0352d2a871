// Documents and files to servers, events to their catalogs and to relays. What is there is not sent again; a server that has a newer version of an address
// gets one that is newer still.

import { eachOf } from '../http/parallel.ts'
import { callJson } from '../http/json-calls.ts'
import { BlossomServer } from '../http/blossom.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { BlossomTokens } from '../http/tokens.ts'
import { tellRelays } from '../http/relays.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { BlobFacts } from '../http/blossom.ts'
import type { CallParts } from '../http/json-calls.ts'
import type { FileBody } from '../http/exchange.ts'
import type { Signer } from '../signer.ts'

export interface Announcing extends CallParts {
  signer: Signer
  /** Origins. */
  servers: readonly string[]
  /** `ws(s)://` URLs that are told besides those that the servers tell. */
  relays: readonly string[]
  say: (line: string) => void
}

export interface Upload extends BlobFacts { body: Buffer | FileBody }

const AT_ONCE = 4
/** A clock that is ahead of the one that signed the newer version. */
const MOST_BUMPS = 5

/** Every server has every blob when it resolves; how many were sent. Rejects with ServerRefusal or NetworkFault. */
export async function uploadAll ({ exchange, patience, signer, servers, say }: Announcing, blobs: readonly Upload[]): Promise<number> {
  let sent = 0
  for (const origin of servers) {
    const server = new BlossomServer({ origin, exchange, patience })
    const tokens = new BlossomTokens({ signer, verb: 'upload', servers: [origin], hashes: blobs.map(({ sha256 }) => sha256) })
    await eachOf(blobs, AT_ONCE, async ({ body, ...facts }) => {
      if (await server.has(facts.sha256) !== null) return
      await server.upload(facts, body, tokens)
      sent++
      say(`${origin} has ${facts.sha256} (${facts.size} bytes)`)
    })
  }
  return sent
}

export interface Posted {
  /** As it is on every server: signed anew where one had a newer version. */
  event: SignedEvent
  /** What relays of the servers made of it. */
  told: { relay: string, state: string, words: string }[]
}

/** Puts an event into the catalog of every server. `signNewer` signs it for a later time. Rejects with ServerRefusal or NetworkFault. */
export async function postEvent (parts: Announcing, first: SignedEvent, signNewer: (after: number) => Promise<SignedEvent>): Promise<Posted> {
  let event = first
  for (let bump = 0; ; bump++) {
    try {
      const told: Posted['told'] = []
      for (const origin of parts.servers) told.push(...await postOne(parts, origin, event))
      return { event, told }
    } catch (error) {
      if (!(error instanceof ServerRefusal && error.code === 'EVENT_OLDER') || bump === MOST_BUMPS) throw error
      event = await signNewer(event.created_at)
    }
  }
}

async function postOne (parts: Announcing, origin: string, event: SignedEvent): Promise<Posted['told']> {
  const answer = await callJson(parts, { method: 'POST', url: `${origin}/catalog/events`, body: event }) as { relays?: Posted['told'] } | null
  return answer?.relays ?? []
}

/** False when a relay did not take an event; each is told of in words. */
export async function tellAll ({ relays, signer, say }: Announcing, events: readonly SignedEvent[]): Promise<boolean> {
  const told = await tellRelays(relays, events, signer)
  for (const { relay, accepted, words } of told) say(`${relay} ${accepted ? 'was told' : `was not told: ${words}`}`)
  return told.every(({ accepted }) => accepted)
}
