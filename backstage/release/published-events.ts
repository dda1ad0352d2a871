// What was signed for a release, kept beside it: a publication that was broken off goes on with the same events, and one that is run again makes no new
// ones. An event is signed anew only where what it says has changed, or a server has a newer version.

import { join } from 'node:path'
import { isSigned } from '../../server/auth/signature.ts'
import { readIfThere, writeDurably } from './files.ts'
import type { EventDraft, SignedEvent } from '../../server/auth/signature.ts'
import type { Signer } from '../signer.ts'

const FILE = 'published-events.json'
const NAME = 'marquee.release-events/1'
const LIMIT = 4 * 1024 * 1024

export class PublishedEvents {
  readonly #path: string
  readonly #signer: Pick<Signer, 'pubkey' | 'sign'>
  readonly #events: Map<string, SignedEvent>

  private constructor (path: string, signer: Pick<Signer, 'pubkey' | 'sign'>, events: Map<string, SignedEvent>) {
    this.#path = path
    this.#signer = signer
    this.#events = events
  }

  /** Events of another key, and what cannot be read, are passed over: they are signed anew. */
  static async open (folder: string, signer: Pick<Signer, 'pubkey' | 'sign'>): Promise<PublishedEvents> {
    const path = join(folder, FILE)
    const bytes = await readIfThere(path, LIMIT)
    const events = new Map<string, SignedEvent>()
    try {
      const said = bytes === null ? null : JSON.parse(bytes.toString('utf8')) as { schema?: unknown, events?: Record<string, SignedEvent> }
      if (said?.schema === NAME) for (const [name, event] of Object.entries(said.events ?? {})) if (event.pubkey === signer.pubkey && isSigned(event)) events.set(name, event)
    } catch {
      // half of it was written by somebody else: we write it whole
    }
    return new PublishedEvents(path, signer, events)
  }

  /**
   * The event of this name, signed before where it says the same. `build` is given the time, unix seconds; `after`: it must be later than that.
   * Rejects with what the signer or the disk says.
   */
  async sign (name: string, now: number, build: (createdAt: number) => EventDraft, after: number | null = null): Promise<SignedEvent> {
    const before = this.#events.get(name)
    if (before !== undefined && after === null && says(before, build(before.created_at))) return before
    const draft = build(Math.max(now, (before?.created_at ?? 0) + 1, (after ?? 0) + 1))
    const event = await this.#signer.sign(draft)
    this.#events.set(name, event)
    await writeDurably(this.#path, `${JSON.stringify({ schema: NAME, events: Object.fromEntries(this.#events) })}\n`)
    return event
  }
}

function says ({ kind, tags, content }: SignedEvent, draft: EventDraft): boolean {
  return kind === draft.kind && content === draft.content && JSON.stringify(tags) === JSON.stringify(draft.tags)
}
