// The thread that turns journal entries into files while the server goes on: reads them from the log by their place, makes the files, and when
// a whole log is done syncs the file system once and removes the log. Messages are done in order. A fault (a full disk) is told once and tried
// again each second: the log stands for the files until then.

import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { parentPort, workerData } from 'node:worker_threads'
import { parseEntry } from './journal-record.ts'
import { Settlement } from './settle.ts'

export type SettlerTask =
  | { kind: 'apply', log: string, /** Offset and length of each entry. */ spans: [number, number][] }
  | { kind: 'retire', log: string }

export type SettlerNews =
  | { kind: 'applied', log: string, count: number }
  | { kind: 'retired', log: string }
  | { kind: 'fault', message: string }

/** Everything written so far to the file system that holds `root` survives a power cut when this returns (syncfs by coreutils). */
export function syncFileSystem (root: string): void {
  const { status, error } = spawnSync('sync', ['-f', root])
  if (status !== 0) throw error ?? new Error(`sync -f ended with ${String(status)}`)
}

function apply (settlement: Settlement, log: string, spans: [number, number][]): void {
  const file = openSync(log, 'r')
  try {
    for (const [at, length] of spans) {
      const bytes = Buffer.allocUnsafe(length)
      readSync(file, bytes, 0, length, at)
      const parsed = parseEntry(bytes, 0)
      if (parsed === null) throw new Error(`${log}: the entry at ${at} cannot be read back`)
      settlement.apply(parsed.entry)
    }
  } finally {
    closeSync(file)
  }
}

function untilDone (work: () => void): void {
  const still = new Int32Array(new SharedArrayBuffer(4))
  for (let told = false; ; told = true) {
    try {
      return work()
    } catch (error) {
      if (!told) parentPort?.postMessage({ kind: 'fault', message: String(error) } satisfies SettlerNews)
      Atomics.wait(still, 0, 0, 1000)
    }
  }
}

if (parentPort !== null && (workerData as { settler?: string } | null)?.settler !== undefined) {
  const { settler: root } = workerData as { settler: string }
  const settlement = new Settlement(root)
  const port = parentPort
  port.on('message', (task: SettlerTask) => {
    if (task.kind === 'apply') {
      untilDone(() => { apply(settlement, task.log, task.spans) })
      port.postMessage({ kind: 'applied', log: task.log, count: task.spans.length } satisfies SettlerNews)
    } else {
      untilDone(() => {
        syncFileSystem(root)
        rmSync(task.log, { force: true })
      })
      port.postMessage({ kind: 'retired', log: task.log } satisfies SettlerNews)
    }
  })
}
