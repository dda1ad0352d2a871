// Reports as the operator reads and decides them, at a running server or in the store itself.

import { REPORTS } from './buds/bud-09-report.ts'
import type { KeptReport } from './buds/bud-09-report.ts'
import type { HashLists } from './stores/hash-lists.ts'
import type { StateStore } from './stores/state.ts'

export interface ReportLine {
  id: string
  /** Unix seconds. */
  received: number
  reporter: string
  /** NIP-56 types, one a hash, '' where the reporter gave none. */
  types: string[]
  blobs: string[]
  content: string
  decided: KeptReport['decided'] | null
}

/** Every report kept, newest first. */
export async function listReports (state: StateStore): Promise<ReportLine[]> {
  const lines: ReportLine[] = []
  for await (const name of state.list(REPORTS)) {
    const report = await state.get(name) as KeptReport | null
    if (report === null) continue
    const { event, received, blobs, decided = null } = report
    const types = event.tags.filter((tag) => tag[0] === 'x').map((tag) => tag[2] ?? '')
    lines.push({ id: event.id, received, reporter: event.pubkey, types, blobs, content: event.content, decided })
  }
  return lines.sort((a, b) => b.received - a.received || (a.id < b.id ? -1 : 1))
}

/**
 * Accepts a report, which blocks those of its blobs that were here, or dismisses it. What was blocked; null when there is no such report.
 * Rejects with StoreError, and may then be asked again.
 */
export async function decideReport (state: StateStore, lists: HashLists, id: string, verdict: 'accepted' | 'dismissed', now: number): Promise<string[] | null> {
  const report = await state.get(`${REPORTS}${id}`) as KeptReport | null
  if (report === null) return null
  const blocked = verdict === 'accepted' ? report.blobs : []
  for (const sha256 of blocked) await lists.add('blocked', sha256, `report ${id}`)
  await state.put(`${REPORTS}${id}`, { ...report, decided: { verdict, at: Math.floor(now / 1000) } })
  return blocked
}
