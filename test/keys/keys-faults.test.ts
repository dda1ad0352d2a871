// MinIO fails at any one call of handing in a key, letting somebody have it, asking for it: 503 with Retry-After, never 404 or 409 for what is there or is
// theirs, never a key to whom may not; and who tries again succeeds.

import t from 'tap'
import { parseTitleName } from '../../server/keys/title-name.ts'
import { PATIENCE } from '../../server/stores/s3/patience.ts'
import { startBehind } from '../support/behind-faults.ts'
import { SAYINGS } from '../support/faulty-proxy.ts'
import { bytesOf, getKey, newFilmKey, putAccess, putKey, titleOf } from '../support/film-keys.ts'
import { Signer } from '../support/keys.ts'
import { startMinio } from '../support/minio.ts'
import type { Fault } from '../support/faulty-proxy.ts'

/** Those that differ most. */
const FAULTS: Readonly<Record<string, Fault>> = {
  '404 of something else': SAYINGS['404 of something else']!, '200 with garbage': SAYINGS['200 with garbage']!, '503 SlowDown': SAYINGS['503 SlowDown']!,
  'the answer lost after the work was done': { do: 'swallow' }, 'the answer cut short': { do: 'cut answer', after: 3 }
}
/** More calls than any of these takes. */
const MOST_CALLS = 6

t.test('MinIO fails at any one call', async t => {
  const minio = await startMinio(t)
  if (minio === null) return
  const behind = await startBehind(t, minio, { patience: PATIENCE })
  const { url, proxy } = behind
  const fan = new Signer()
  const wrong: string[] = []
  let refused = 0
  let befallen = 0

  const one = async (kind: string, fault: Fault, nth: number): Promise<void> => {
    const [creator, film] = [new Signer(), newFilmKey()]
    const { hash } = parseTitleName(titleOf(creator))
    const about = (path: string): boolean => path.includes(`/keys/${film.id}`) || path.includes(hash) || path.includes(creator.pubkey)
    const asking = async (what: string, good: readonly number[], ask: () => Promise<Response>): Promise<void> => {
      const rule = proxy.break({ match: about, nth, fault })
      const answer = await ask()
      const body = await bytesOf(answer)
      const told = `${what}, call ${nth}, ${kind}: ${answer.status} ${answer.headers.get('x-reason')}`
      proxy.rules.splice(proxy.rules.indexOf(rule), 1)
      befallen += rule.hits
      if (answer.status === 503) refused++
      if (answer.status === 503 ? answer.headers.get('retry-after') === null : !good.includes(answer.status)) wrong.push(told)
      if (what === 'a key' && answer.status === 200 && body !== film.key.toString('hex')) wrong.push(`${told}: other bytes`)
      const again = answer.status === 503 ? await ask() : answer
      if (!good.includes(again.status)) wrong.push(`${told}, then ${again.status}`)
    }
    await asking('handing in', [200, 201], () => putKey(url, creator, film))
    await asking('a key', [200], () => getKey(url, creator, film.id))
    await asking('a key refused', [403], () => getKey(url, fan, film.id))
    await asking('access', [200], () => putAccess(url, creator, { who: 'list', pubkeys: [fan.pubkey] }))
    await asking('a key', [200], () => getKey(url, fan, film.id))
    await asking('taking it away', [200], () => putAccess(url, creator, { who: 'list' }))
    await asking('a key refused', [403], () => getKey(url, fan, film.id))
  }
  const calls = Array.from({ length: MOST_CALLS }, (_, index) => index + 1)
  await Promise.all(Object.entries(FAULTS).flatMap(([kind, fault]) => calls.map((nth) => one(kind, fault, nth))))
  t.strictSame(wrong, [])
  t.ok(befallen > 60 && refused > 50, `${befallen} faults, ${refused} told`)
})
