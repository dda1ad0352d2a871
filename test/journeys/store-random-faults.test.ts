// A while of everything at once against a MinIO that fails in every way by chance: refuses, cuts, swallows, trickles, hangs, stops, is killed and
// comes back. Every answer must be right or 503; at the end what was acknowledged holds, and `marquee verify` finds nothing amiss. SEED repeats it, FAULT_SECONDS makes it
// longer.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { faultsLeft, startBehind } from '../support/behind-faults.ts'
import { SAYINGS } from '../support/faulty-proxy.ts'
import { seeded } from '../support/judging.ts'
import { Ledger } from '../support/ledger.ts'
import { startMinio } from '../support/minio.ts'
import { auditLoad, runLoad } from '../support/killed-load.ts'
import type { Seeded } from '../support/judging.ts'
import type { Behind } from '../support/behind-faults.ts'
import type { Fault } from '../support/faulty-proxy.ts'
import type { Minio } from '../support/minio.ts'

const SECONDS = Number(process.env['FAULT_SECONDS'] ?? 8)
/** On a slow machine until some things failed, and some did not. */
const AT_MOST_MS = 120_000
const CLIENTS = 8

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', undefined] as const
const FOLDERS = ['/pack/', '/index/', '/owners/', 'prefix=owners', '/state/', ''] as const

function randomFault ({ below, pick }: Seeded): Fault {
  const [saying] = [pick(Object.keys(SAYINGS))]
  return pick<Fault>([
    SAYINGS[saying]!, SAYINGS[saying]!, { do: 'delay', ms: below(400) }, { do: 'trickle', bytes: 1 + below(1000), ms: below(20) }, { do: 'cut request', after: below(3) * below(300_000) },
    { do: 'cut answer', after: below(3) * below(2000) }, { do: 'swallow' }, { do: 'swallow' }, { do: 'hang' }
  ])
}

/** A while of this and a while of that, until `goesOn` says no; leaves the store well. */
async function plague (behind: Behind, minio: Minio, random: Seeded, goesOn: () => boolean): Promise<number> {
  const { proxy } = behind
  let faults = 0
  while (goesOn()) {
    faults++
    const dice = random.below(20)
    if (dice === 0) {
      await minio.stop('SIGKILL')
      await sleep(random.below(300))
      await minio.start()
    } else if (dice === 1) {
      minio.signal('SIGSTOP')
      await sleep(random.below(1500))
      minio.signal('SIGCONT')
    } else if (dice === 2) {
      await proxy.goAway()
      await sleep(random.below(500))
      await proxy.comeBack()
    } else {
      const [method, folder] = [random.pick(METHODS), random.pick(FOLDERS)]
      proxy.break({
        ...(method === undefined ? {} : { method }), match: (path) => path.includes(folder) && random.below(3) === 0, fault: randomFault(random)
      })
      await sleep(random.below(500))
      proxy.heal()
      if (random.below(2) === 0) await sleep(random.below(300))
    }
  }
  return faults
}

await t.test('whatever befalls MinIO under load: right answers or 503, nothing acknowledged is lost, nothing is left half-way', async (t) => {
  const minio = await startMinio(t)
  if (minio === null) return
  const random = seeded(t)
  const behind = await startBehind(t, minio)
  const ledger = new Ledger()
  const end = Date.now() + SECONDS * 1000
  const done = new Map<string, number>()
  const answers = (pattern: RegExp): number => [...done].filter(([what]) => pattern.test(what)).reduce((sum, [, times]) => sum + times, 0)
  const enough = (): boolean => answers(/ 503$/) > 0 && answers(/^upload 20/) > 0 && answers(/^delete 204/) > 0
  const goesOn = (): boolean => Date.now() < end || (Date.now() < end + AT_MOST_MS && !enough())
  const [{ wrong }, faults] = await Promise.all([
    runLoad({ url: behind.url, ledger, random, clients: CLIENTS, goesOn, excused: [503], round: 'faults', large: 4, done }), plague(behind, minio, random, goesOn)
  ])
  t.same(wrong, [], 'no answer was wrong')
  const told = [...done].sort().map(([what, times]) => `${what} ×${times}`)
  t.comment(`${faults} faults; ${told.join(', ')}`)
  t.ok(enough(), 'some things failed, and some did not')
  t.same(await faultsLeft(behind), [], '`marquee verify` is clean')
  t.same(await auditLoad(behind.url, ledger, CLIENTS), [], 'what was acknowledged holds')
  await behind.close()

  const again = await startBehind(t, minio, { bucket: behind.bucket, dataDir: behind.dataDir, proxy: behind.proxy })
  t.same(await auditLoad(again.url, ledger, CLIENTS), [], 'and after a new start')
  t.comment(JSON.stringify(ledger.counts()))
})
