// Metrics of damaged blobs and of the scrub that looks for them.

import type { Definition } from './exposition.ts'

export const DAMAGE: readonly Definition[] = [
  { name: 'marquee_damaged_blobs', type: 'gauge', help: 'Blobs known to be damaged now', read: ({ care }) => [{ value: care.damaged.size }] },
  { name: 'marquee_damage_found_total', type: 'counter', help: 'Blobs that this node found damaged', read: ({ care }) => [{ value: care.damaged.found }] },
  { name: 'marquee_damage_repaired_total', type: 'counter', help: 'Damaged blobs that were repaired through this node', read: ({ care }) => [{ value: care.damaged.repaired }] },
  { name: 'marquee_scrub_position_ratio', type: 'gauge', help: 'How much of the pass of the scrub is done', read: ({ care }) => [{ value: care.scrubber.progress.position }] },
  { name: 'marquee_scrub_started_timestamp_seconds', type: 'gauge', help: 'When the pass of the scrub began', read: ({ care }) => [{ value: care.scrubber.progress.started }] },
  { name: 'marquee_scrub_blobs_total', type: 'counter', help: 'Blobs that this node scrubbed', read: ({ care }) => [{ value: care.scrubber.blobs }] },
  { name: 'marquee_scrub_bytes_total', type: 'counter', help: 'Bytes that this node scrubbed', read: ({ care }) => [{ value: care.scrubber.bytes }] },
  { name: 'marquee_scrub_skipped_total', type: 'counter', help: 'Blobs that the scrub could not read', read: ({ care }) => [{ value: care.scrubber.skipped }] }
]
