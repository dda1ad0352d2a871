// Sends hostile requests at a server over raw sockets, many at once, and looks at everything that comes back: the faults it found, by what was sent.

import { setTimeout as sleep } from 'node:timers/promises'
import { hostileRequest } from './hostile-requests.ts'
import { RawClient } from './raw-http.ts'
import type { Ground, Shot } from './hostile-requests.ts'
import type { Answer } from './raw-http.ts'

const AT_ONCE = 32
/** Milliseconds without a byte after which an unfinished request is given up: nothing is owed. */
const PATIENCE = 500
const WHOLE_WITHIN = 60_000
/** Milliseconds for what is told only when the server's own patience is over. */
const TOLD_WITHIN = 30_000

export interface Volley {
  faults: string[]
  /** How many answers there were of each status. */
  statuses: Map<number, number>
  kinds: Map<string, number>
  silent: number
}

/** What is wrong with one answer; null for nothing. */
function faultOf ({ status, headers, whole }: Answer, method: string, bait: string): string | null {
  if (status >= 500 && status !== 502) return 'a 5xx' // 502: a mirror whose origin is none
  if (status < 200) return status === 100 ? null : 'an upgrade'
  if (headers['access-control-allow-origin'] !== '*') return 'no CORS'
  if (status >= 400 && !/^[\x20-\x7e]+$/.test(headers['x-reason'] ?? '')) return 'no X-Reason'
  if (status < 400 && headers['x-reason'] !== undefined) return 'a reason without a refusal'
  if (status === 404 && !/no-store/.test(headers['cache-control'] ?? '')) return 'a 404 that may be cached'
  if (headers['etag']?.includes(bait) === true) return 'an answer to what was hidden in a body'
  return whole || method === 'HEAD' || method === 'OPTIONS' ? null : 'a broken answer'
}

/** Every answer that comes, until the connection ends or is quiet. */
async function answersTo (client: RawClient, { method, answers, slow }: Shot): Promise<Answer[]> {
  const found: Answer[] = []
  for (let answer = await client.answer(method, slow === true ? TOLD_WITHIN : PATIENCE); answer !== null; answer = await client.answer(found.at(-1)!.status < 200 ? method : 'GET', 100)) {
    if (!answer.whole) answer = await client.answer(method, WHOLE_WITHIN) ?? answer // it has begun: the rest is owed, whatever else this machine does
    found.push(answer)
    if (answers === 0 && answer.status >= 200) break
    if (!answer.whole) break
  }
  return found
}

async function fire (ground: Ground, shot: Shot, volley: Volley): Promise<void> {
  const { random, url, bait } = ground
  const client = await RawClient.open(url)
  const tell = (fault: string): void => { volley.faults.push(`${fault} (${shot.kind}): ${JSON.stringify(shot.text.slice(0, 700))}`) }
  try {
    client.send(shot.text)
    // a client that has said all it will say: what is unfinished is then refused at once. Others stay, and are told in time or given up
    if (shot.slow !== true && random.chance(0.8)) client.socket.end()
    if (shot.slow === true && random.chance(0.5)) await sleep(50).then(() => { client.send('b') })
    const answers = await answersTo(client, shot)
    const last = answers.filter(({ status }) => status >= 200)
    if (last.length === 0) volley.silent++
    for (const [index, answer] of answers.entries()) {
      volley.statuses.set(answer.status, (volley.statuses.get(answer.status) ?? 0) + 1)
      const fault = faultOf(answer, answers.slice(0, index).every(({ status }) => status < 200) ? shot.method : 'GET', bait)
      if (fault !== null) tell(`${fault}: ${answer.status}`)
    }
    if (shot.answers > 0 && last.length > shot.answers) tell(`${last.length} answers: ${last.map(({ status }) => status).join(' ')}`)
    if (shot.refused === true && last.some(({ status }) => status < 400)) tell(`${last.map(({ status }) => status).join(' ')} to what nobody signed`)
  } catch (error) {
    tell(String(error))
  } finally {
    client.destroy()
  }
}

/** Fires `count` of them; what comes of it. */
export async function fireVolley (ground: Ground, count: number): Promise<Volley> {
  const volley: Volley = { faults: [], statuses: new Map(), kinds: new Map(), silent: 0 }
  let left = count
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const shot = hostileRequest(ground)
      volley.kinds.set(shot.kind, (volley.kinds.get(shot.kind) ?? 0) + 1)
      await fire(ground, shot, volley)
    }
  }))
  return volley
}
