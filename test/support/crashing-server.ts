// A marquee over the real stores that dies of its own SIGKILL right after one step of an upload or a delete, as a power cut would end it
// between that step and the next. A program: node crashing-server.js STEP SHA256 BLAKE3; the store is configured by the environment. With
// ARMED=later it does so only after a SIGUSR2, which it answers with `armed`; BOOT_ID_FILE names a file that stands for the kernel's boot id.

import { pino } from 'pino'
import { loadConfig } from '../../server/config.ts'
import { openMarquee } from '../../server/marquee.ts'
import { blake3Of, sha256Of } from '../../server/stores/multihash.ts'
import { openStores } from '../../server/stores/open.ts'
import type { JournalEntry } from '../../server/stores/fs/journal-record.ts'
import type { Multihash } from '../../server/stores/multihash.ts'
import type { Stores } from '../../server/stores/open.ts'
import type { Ownership } from '../../server/stores/owners.ts'
import type { DraftHints, PackDraft } from '../../server/stores/pack-store.ts'
import type { IndexRecord } from '../../server/stores/record.ts'

const [step, doomed, doomedBlake3] = process.argv.slice(2) as [string, string, string]

let armed = process.env['ARMED'] !== 'later'
process.on('SIGUSR2', () => {
  armed = true
  process.stdout.write('armed\n')
})

function die (): void {
  if (armed) process.kill(process.pid, 'SIGKILL')
}

/** The same object, but dying after a call of `method` that `is` it. */
function dyingAfter<T extends object> (target: T, method: keyof T, is: (...args: never[]) => boolean): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (name !== method) return value.bind(target) as unknown
      return async (...args: never[]) => {
        const result: unknown = await value.apply(target, args)
        if (is(...args)) die()
        return result
      }
    }
  })
}

/** Dies in the life of the doomed blob's draft. */
function dyingDraft (stores: Stores, method: 'write' | 'commit'): Stores {
  const { packs } = stores
  const mine = (hints: DraftHints): boolean => hints.promised !== null && sha256Of(hints.promised) === doomed
  return {
    ...stores,
    packs: new Proxy(packs, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(packs, name, packs)
        if (typeof value !== 'function') return value
        if (name !== 'draft') return value.bind(packs) as unknown
        return async (hints: DraftHints): Promise<PackDraft> => {
          const draft = await packs.draft(hints)
          return mine(hints) ? dyingAfter(draft, method, () => true) : draft
        }
      }
    })
  }
}

function dyingAfterEntry (stores: Stores, op: JournalEntry['op']): Stores {
  const { journal } = stores
  if (journal === null) throw new Error('this store has no journal')
  const is = (entry: JournalEntry): boolean => entry.op === op && (entry.op === 'drop' ? entry.sha256 : entry.ownership.sha256) === doomed
  return { ...stores, journal: dyingAfter(journal, 'append', is) }
}

const byHash = (multihash: Multihash): boolean => sha256Of(multihash) === doomed
const byName = (sha256: string): boolean => sha256 === doomed
const byBlake3 = (multihash: Multihash): boolean => blake3Of(multihash) === doomedBlake3

const STEPS: Readonly<Record<string, (stores: Stores) => Stores>> = {
  // in: pack → owner → record under BLAKE3 → record under sha256 → row → answer
  'draft written': (stores) => dyingDraft(stores, 'write'),
  'pack committed': (stores) => dyingDraft(stores, 'commit'),
  'owner put': (stores) => ({ ...stores, owners: dyingAfter(stores.owners, 'put', ({ sha256 }: Ownership) => byName(sha256)) }),
  'BLAKE3 record added': (stores) => ({ ...stores, index: dyingAfter(stores.index, 'add', ({ multihash }: IndexRecord) => byBlake3(multihash)) }),
  'sha256 record added': (stores) => ({ ...stores, index: dyingAfter(stores.index, 'add', ({ multihash }: IndexRecord) => byHash(multihash)) }),
  // small uploads to folders: log → row → answer; the files come later
  'upload logged': (stores) => dyingAfterEntry(stores, 'keep'),
  'row written': (stores) => stores, // below: when the answer is about to go out
  'owner logged': (stores) => dyingAfterEntry(stores, 'own'),
  // out: owner → row → record under sha256 → record under BLAKE3 → pack
  'delete logged': (stores) => dyingAfterEntry(stores, 'drop'),
  'owner removed': (stores) => ({ ...stores, owners: dyingAfter(stores.owners, 'remove', byName) }),
  'sha256 record removed': (stores) => ({ ...stores, index: dyingAfter(stores.index, 'remove', byHash) }),
  'BLAKE3 record removed': (stores) => ({ ...stores, index: dyingAfter(stores.index, 'remove', byBlake3) }),
  'pack removed': (stores) => ({ ...stores, packs: dyingAfter(stores.packs, 'remove', byHash) })
}

const wrap = STEPS[step]
if (wrap === undefined) throw new Error(`no such step: ${step}`)
const config = loadConfig({ file: null, env: process.env })
const bootIdFile = process.env['BOOT_ID_FILE']
const marquee = await openMarquee({
  config, logger: pino({ level: 'silent' }), stores: wrap(await openStores(config)), ...(bootIdFile === undefined ? {} : { bootIdFile })
})
if (step === 'row written') {
  marquee.app.server.prependListener('request', (request, response) => {
    if (armed && request.headers['x-sha-256'] === doomed) response.writeHead = die as never
  })
}
process.stdout.write(`listens on ${await marquee.listen()}\n`)
