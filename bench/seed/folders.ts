// Seeded data folders, made once a run, or once for many runs where they are kept (`--keep`).

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removeFolder, settleDisk, startProgram } from '../parts.ts'
import type { Bench } from '../plan.ts'

const SEEDER = fileURLToPath(new URL('./seeder.js', import.meta.url))

/** A data folder with `count` blobs of seed/blobs.ts. Rejects when the seeder failed. */
export async function seededFolder ({ options, work, say }: Bench, count: number): Promise<string> {
  const dataDir = join(options.keep ?? work, `seeded-${count}`)
  const mark = join(dataDir, 'seeded')
  if (existsSync(mark)) return dataDir
  removeFolder(dataDir) // half of one
  mkdirSync(dataDir, { recursive: true })
  const started = performance.now()
  const { child } = startProgram(process.execPath, [SEEDER, options.dist, dataDir, String(count)], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = await once(child, 'exit') as [number | null]
  if (code !== 0) throw new Error(`the seeder ended with ${code ?? 'a signal'}`)
  settleDisk(dataDir)
  writeFileSync(mark, new Date().toISOString())
  say(`  ${count} blobs seeded in ${((performance.now() - started) / 1e3).toFixed(1)} s`)
  return dataDir
}
