// Reports as the operator reads them, from a running server or from the store itself.

import { REPORTS } from './buds/bud-09-report.ts'
import type { KeptReport } from './buds/bud-09-report.ts'
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
}

/** Every report kept, newest first. */
export async function listReports (state: StateStore): Promise<ReportLine[]> {
  const lines: ReportLine[] = []
  for await (const name of state.list(REPORTS)) {
    const report = await state.get(name) as KeptReport | null
    if (report === null) continue
    const { event, received, blobs } = report
    const types = event.tags.filter((tag) => tag[0] === 'x').map((tag) => tag[2] ?? '')
    lines.push({ id: event.id, received, reporter: event.pubkey, types, blobs, content: event.content })
  }
  return lines.sort((a, b) => b.received - a.received || (a.id < b.id ? -1 : 1))
}
