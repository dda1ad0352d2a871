// The write policy as nostr-rs-relay's event admission service (relay-config/nauthz.proto, 0.8.12). The relay waits for each answer without a time
// limit, puts `blocked: ` before whatever is refused, and admits everything while it cannot reach us. The only importer of gRPC.

import { fileURLToPath } from 'node:url'
import { Server, ServerCredentials, loadPackageDefinition } from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import type { ServiceClientConstructor, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'
import type { SignedEvent } from '../auth/signature.ts'
import type { WritePolicy } from './write-policy.ts'

export const PROTO = fileURLToPath(new URL('../../../relay-config/nauthz.proto', import.meta.url))

/** As proto-loader gives it: bytes as Buffers, 64-bit numbers as text. */
interface EventRequest {
  event: null | {
    id: Buffer
    pubkey: Buffer
    created_at: string
    kind: string
    content: string
    tags: { values: string[] }[]
    sig: Buffer
  }
}

interface EventReply {
  decision: 'DECISION_PERMIT' | 'DECISION_DENY'
  message?: string
}

export interface AdmissionParts {
  /** `host:port`; port 0 for any. */
  address: string
  policy: WritePolicy
  /** Unix seconds. */
  now: () => number
}

export interface Admission {
  port: number
  /** Answers what was asked and takes no more. */
  close: () => Promise<void>
}

/** Rejects when it cannot listen there. */
export async function startAdmission ({ address, policy, now }: AdmissionParts): Promise<Admission> {
  const definition = await load(PROTO, { keepCase: true, longs: String, enums: String, defaults: true })
  const { nauthz } = loadPackageDefinition(definition) as unknown as { nauthz: { Authorization: ServiceClientConstructor } }
  const server = new Server()
  server.addService(nauthz.Authorization.service, {
    EventAdmit: ({ request }: ServerUnaryCall<EventRequest, EventReply>, answer: sendUnaryData<EventReply>) => {
      answer(null, replyTo(request, policy, now()))
    }
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
  return {
    port,
    close: () => new Promise((resolve) => {
      // a relay keeps its connection for ever
      const cut = setTimeout(() => { server.forceShutdown() }, 1000)
      server.tryShutdown(() => {
        clearTimeout(cut)
        resolve()
      })
    })
  }
}

function replyTo ({ event }: EventRequest, policy: WritePolicy, now: number): EventReply {
  let words: string
  try {
    const decision = policy.judge(event === null ? null : readEvent(event), now)
    if (decision.accepted) return { decision: 'DECISION_PERMIT' }
    words = decision.words
  } catch {
    // an error to the relay would be a yes
    words = 'error: the policy could not judge this event'
  }
  return { decision: 'DECISION_DENY', message: words.replace(/^blocked: /, '') }
}

function readEvent ({ id, pubkey, created_at: createdAt, kind, content, tags, sig }: NonNullable<EventRequest['event']>): SignedEvent {
  return {
    id: id.toString('hex'), pubkey: pubkey.toString('hex'), created_at: Number(createdAt), kind: Number(kind), tags: tags.map(({ values }) => values), content,
    sig: sig.toString('hex')
  }
}
