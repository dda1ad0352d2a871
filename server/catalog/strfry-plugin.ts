// The write policy as strfry's plugin (its docs/plugins.md, 1.1.1): one JSON line in, one out, strictly in order. strfry waits for each answer, and
// starts a plugin anew whose answer names another event; what cannot be read is refused and never ends us. `shadowReject` is not used: who is
// refused is told so.

import { isEvent } from '../auth/signature.ts'
import type { WritePolicy } from './write-policy.ts'

/** Characters of one line: far more than an event of strfry's largest size with all that stands around it. */
export const LINE_LIMIT = 4 * 1024 * 1024

/** strfry reads 8192 bytes of an answer at most. */
const WORDS_LIMIT = 300

export interface StrfryAnswer {
  id: string
  action: 'accept' | 'reject'
  msg?: string
}

/** @param now unix seconds */
export function answerStrfry (line: string, policy: WritePolicy, now: number): StrfryAnswer {
  let request: unknown
  try {
    request = JSON.parse(line)
  } catch {
    return reject('', 'invalid: this line is not JSON')
  }
  const { type, event } = (typeof request === 'object' && request !== null ? request : {}) as Record<string, unknown>
  const { id } = (typeof event === 'object' && event !== null ? event : {}) as Record<string, unknown>
  const name = typeof id === 'string' ? id.slice(0, 64) : ''
  if (type !== 'new') return reject(name, 'invalid: nothing but new events is judged here')
  if (!isEvent(event)) return reject(name, 'invalid: this is no signed Nostr event')
  const decision = policy.judge(event, now)
  return decision.accepted ? { id: name, action: 'accept' } : reject(name, decision.words)
}

function reject (id: string, words: string): StrfryAnswer {
  return { id, action: 'reject', msg: words.slice(0, WORDS_LIMIT) }
}

/** Answers line by line until the input ends. `say` is given one line without its end. */
export async function serveStrfry (input: AsyncIterable<Buffer>, say: (line: string) => void, policy: WritePolicy, now: () => number): Promise<void> {
  for await (const line of linesOf(input)) {
    say(JSON.stringify(line === null ? reject('', 'invalid: this line is too long') : answerStrfry(line, policy, now())))
  }
}

/** Null for a line that is too long, of which nothing is kept. */
async function * linesOf (input: AsyncIterable<Buffer>): AsyncGenerator<string | null> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      size += end - from
      yield size > LINE_LIMIT ? null : Buffer.concat([...parts, chunk.subarray(from, end)]).toString('utf8')
      parts = []
      size = 0
      from = end + 1
    }
    size += chunk.length - from
    if (size > LINE_LIMIT) parts = []
    else if (from < chunk.length) parts.push(chunk.subarray(from))
  }
  if (size > 0) yield size > LINE_LIMIT ? null : Buffer.concat(parts).toString('utf8')
}
