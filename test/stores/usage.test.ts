// The counts of blobs and bytes are what a scan would say, whatever comes and goes, and a database that was filled before has them too.

import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../server/database.ts'
import { Descriptors } from '../../server/stores/descriptors.ts'
import { Usage } from '../../server/stores/usage.ts'
import { seeded } from '../support/judging.ts'
import { ROOT } from '../support/source.ts'
import type { Test } from 'tap'
import type { Database } from '../../server/database.ts'

const OWNERS = ['11'.repeat(32), '22'.repeat(32), 'none']
const HASHES = Array.from({ length: 12 }, (_, i) => `${i.toString(16).padStart(2, '0')}`.repeat(32))
const sizeOf = (sha256: string): number => 10 + parseInt(sha256.slice(0, 2), 16) ** 5

function scan (database: Database): Record<string, unknown> {
  const sum = 'count(*) AS blobs, coalesce(sum(b.size), 0) AS bytes'
  const of = database.prepare(`SELECT ${sum} FROM owners o JOIN blobs b ON b.sha256 = o.sha256 WHERE o.pubkey = ?`)
  return {
    all: database.prepare(`SELECT ${sum} FROM blobs b WHERE alien = 0`).get(),
    ...Object.fromEntries(OWNERS.map((owner) => [owner, of.get(owner === 'none' ? Buffer.alloc(0) : Buffer.from(owner, 'hex'))]))
  }
}

function counted (database: Database): Record<string, unknown> {
  const usage = new Usage(database)
  return { all: usage.all(), ...Object.fromEntries(OWNERS.map((owner) => [owner, usage.of(owner)])) }
}

/** Comings and goings of every kind. */
async function live (t: Test, descriptors: Descriptors, steps: number): Promise<void> {
  const { below, pick } = seeded(t)
  for (let i = 0; i < steps; i++) {
    const [sha256, owner] = [pick(HASHES), pick(OWNERS)]
    const blob = { sha256, size: sizeOf(sha256), type: pick(['image/png', 'application/octet-stream']), uploaded: below(1000) }
    const step = below(10)
    if (step < 3) descriptors.save({ ...blob, owner, blake3: sha256 }, { kind: 'own' })
    else if (step < 5) await descriptors.saveTogether({ ...blob, owner, blake3: sha256 }, { kind: 'inline' })
    else if (step < 8) {
      if (descriptors.ownership(sha256, owner) !== null) descriptors.removeOwner(sha256, owner, i)
    } else if (step === 8 && descriptors.get(sha256) === null) descriptors.saveForeign(blob, { kind: 'part', pack: Buffer.alloc(34, 1), offset: 0 })
    else if (below(20) === 0) pick([() => { descriptors.forget(sha256, i) }, () => { descriptors.forgetForeign() }, () => { descriptors.move(sha256, { kind: 'inline' }) }])()
  }
}

t.test('after any comings and goings the counts are what a scan says', async t => {
  const database = openDatabase(':memory:')
  const descriptors = new Descriptors(database)
  for (let round = 0; round < 40; round++) {
    await live(t, descriptors, 50)
    t.strictSame(counted(database), scan(database))
  }
  database.close()
})

t.test('a database that was filled before there were counts has them after its migration', async t => {
  const folder = t.testdir({ old: {} })
  const ours = join(ROOT, 'migrations')
  for (const name of readdirSync(ours).filter((name) => name < '003')) copyFileSync(join(ours, name), join(folder, 'old', name))
  const path = join(folder, 'marquee.db')
  const filled = openDatabase(join(folder, 'filled.db'))
  await live(t, new Descriptors(filled), 400)
  filled.close()
  const old = openDatabase(path, join(folder, 'old'))
  old.prepare('ATTACH ? AS filled').run(join(folder, 'filled.db'))
  old.exec(`INSERT INTO blobs SELECT sha256, blake3, size, type, uploaded, place, pack, offset, alien FROM filled.blobs;
    INSERT INTO owners SELECT pubkey, sha256, uploaded, type, expires FROM filled.owners`)
  const before = scan(old)
  old.close()
  const database = openDatabase(path)
  t.strictSame(scan(database), before)
  t.strictSame(counted(database), before)
  await live(t, new Descriptors(database), 100)
  t.strictSame(counted(database), scan(database))
  database.close()
})

t.test('who owns what, and what is somebody\'s, is told by name', async t => {
  const database = openDatabase(':memory:')
  const descriptors = new Descriptors(database)
  const usage = new Usage(database)
  const [own = '', foreign = ''] = HASHES
  descriptors.save({ sha256: own, owner: 'none', size: 3, type: 'a/b', uploaded: 1, blake3: own }, { kind: 'own' })
  descriptors.saveForeign({ sha256: foreign, size: 3, type: 'a/b', uploaded: 1 }, { kind: 'part', pack: Buffer.alloc(34), offset: 0 })
  t.strictSame([usage.has(own), usage.has(foreign), usage.owns('none', own), usage.owns('11'.repeat(32), own)], [true, false, true, false])
  database.close()
})
