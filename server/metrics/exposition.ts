// Every metric's name, in one table, and the text Prometheus reads, written by prom-client. What is counted is plain numbers elsewhere; they are
// read here when somebody asks. Names end in their base unit, counters in `_total`. The process's own metrics keep the names every dashboard
// knows (`process_…`, `nodejs_…`).

import { hotBlobCounts } from '../stores/hot-blobs.ts'
import { bodiesArriving } from '../stores/intake.ts'
import { retentionCounts } from '../stores/retention-sweep.ts'
import { BOUNDS } from '../stores/store-times.ts'
import { signatureChecks } from '../auth/signature.ts'
import { VERSION } from '../version.ts'
import { CAPACITY } from './capacity.ts'
import { DAMAGE } from './damage.ts'
import { MEDIA } from './media.ts'
import type { Metric } from 'prom-client'
import type { Guard } from '../auth/guard.ts'
import type { ReadCounts } from '../buds/read-counts.ts'
import type { RelayReport } from '../catalog/relay-report.ts'
import type { Room } from '../buds/room.ts'
import type { UploadQueue } from '../buds/upload-queue.ts'
import type { MediaLine } from '../media/line.ts'
import type { MediaWork } from '../media/work.ts'
import type { CatchUp } from '../stores/catch-up.ts'
import type { Care } from '../stores/care.ts'
import type { StoreTimes } from '../stores/store-times.ts'
import type { Answers } from './answers.ts'
import type { JobState } from '../catalog/mirrors/job-rows.ts'
import type { Traffic } from './traffic.ts'

export interface Sources {
  answers: Answers
  reads: ReadCounts
  traffic: Traffic
  times: StoreTimes
  guard: Guard
  queue: UploadQueue
  media: { line: MediaLine, work: MediaWork }
  room: Room
  catchUp?: CatchUp | null
  care: Care
  /** Null: nothing is published or followed. */
  relays: RelayReport | null
  /** Mirror jobs of the catalog by state; bytes fetched from providers for them, and for reads that missed. */
  fetched: () => { jobs: Record<JobState, number>, mirrored: number, filled: number }
}

export interface Sample {
  value: number
  labels?: Record<string, string | number>
  /** Where it differs from the metric's, as the parts of a histogram do. */
  metricName?: string
}

export interface Definition {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  read: (sources: Sources) => Sample[] | Promise<Sample[]>
}

function hitsOf ({ hits, misses }: { hits: number, misses: number }): Sample[] {
  return [{ labels: { outcome: 'hit' }, value: hits }, { labels: { outcome: 'miss' }, value: misses }]
}

function requests ({ answers, reads }: Sources): Sample[] {
  const samples: Sample[] = [...answers.all()].map(({ method, route, status, count }) => ({ labels: { method, route, status }, value: count }))
  for (const [method, counts] of [['GET', reads.get], ['HEAD', reads.head]] as const) {
    counts.forEach((value, status) => { if (value > 0) samples.push({ labels: { method, route: '/<sha256>', status }, value }) })
  }
  return samples
}

function durations ({ times }: Sources): Sample[] {
  return times.actions.flatMap(({ store, part, action, classes, seconds }) => {
    const labels = { store, part, action }
    const samples: Sample[] = []
    let count = 0
    classes.forEach((calls, index) => {
      count += calls
      samples.push({ metricName: `${STORE_DURATION}_bucket`, labels: { ...labels, le: BOUNDS[index] ?? '+Inf' }, value: count })
    })
    return [...samples, { metricName: `${STORE_DURATION}_sum`, labels, value: seconds }, { metricName: `${STORE_DURATION}_count`, labels, value: count }]
  })
}

function byRelay (values: readonly { relay: string, value: number }[] = []): Sample[] {
  return values.map(({ relay, value }) => ({ labels: { relay }, value }))
}

const STORE_DURATION = 'marquee_store_duration_seconds'

export const DEFINITIONS: readonly Definition[] = [
  { name: 'marquee_build_info', type: 'gauge', help: 'Always 1; the label tells the version', read: () => [{ labels: { version: VERSION }, value: 1 }] },
  { name: 'marquee_requests_total', type: 'counter', help: 'Requests answered', read: requests },
  { name: 'marquee_reads_broken_total', type: 'counter', help: 'Reads whose connection was cut because the store failed under way', read: ({ reads }) => [{ value: reads.broken }] },
  { name: 'marquee_received_bytes_total', type: 'counter', help: 'Bytes received from clients, heads and all', read: ({ traffic }) => [{ value: traffic.read().received }] },
  { name: 'marquee_sent_bytes_total', type: 'counter', help: 'Bytes sent to clients, heads and all', read: ({ traffic }) => [{ value: traffic.read().sent }] },
  { name: 'marquee_connections', type: 'gauge', help: 'Connections open now', read: ({ traffic }) => [{ value: traffic.read().connections }] },
  { name: 'marquee_uploads_active', type: 'gauge', help: 'Bodies of uploads and mirrors arriving now', read: () => [{ value: bodiesArriving() }] },
  { name: 'marquee_relay_up', type: 'gauge', help: 'Whether the link to a relay is open', read: ({ relays }) => byRelay(relays?.up()) },
  { name: 'marquee_outbox_waiting', type: 'gauge', help: 'Events that wait to be told to a relay', read: ({ relays }) => byRelay(relays?.waiting()) },
  {
    name: 'marquee_relay_events_total',
    type: 'counter',
    help: 'Events that came from a relay, by what became of them',
    read: ({ relays }) => relays?.events().map(({ relay, outcome, value }) => ({ labels: { relay, outcome }, value })) ?? []
  },
  { name: 'marquee_adverts_live', type: 'gauge', help: 'Provider adverts of our own that stand', read: ({ relays }) => relays === null ? [] : [{ value: relays.adverts }] },
  { name: STORE_DURATION, type: 'histogram', help: 'Time the store took, by action', read: durations },
  {
    name: 'marquee_store_faults_total',
    type: 'counter',
    help: 'Calls of the store that failed, by action',
    read: ({ times }) => times.actions.map(({ store, part, action, faults }) => ({ labels: { store, part, action }, value: faults }))
  },
  {
    name: 'marquee_signature_checks_total',
    type: 'counter',
    help: 'Signatures of events verified, by kind of event and outcome',
    read: () => [...signatureChecks].flatMap(([kind, checks]) =>
      Object.entries(checks).map(([outcome, value]) => ({ labels: { kind: kind === 0 ? 'other' : kind, outcome }, value })))
  },
  { name: 'marquee_token_cache_lookups_total', type: 'counter', help: 'Authorization headers looked for among those already verified', read: ({ guard }) => hitsOf(guard.tokenCache) },
  { name: 'marquee_blob_cache_lookups_total', type: 'counter', help: 'Blobs looked for in the memory of hot ones', read: () => hitsOf(hotBlobCounts) },
  { name: 'marquee_catch_up_ratio', type: 'gauge', help: 'How much of the bucket was compared with the rows since this node joined it; 1 when all', read: ({ catchUp }) => [{ value: catchUp?.ratio ?? 1 }] },
  { name: 'marquee_catch_up_owners_total', type: 'counter', help: 'Owners of blobs met in the bucket while catching up', read: ({ catchUp }) => [{ value: catchUp?.counts.seen ?? 0 }] },
  { name: 'marquee_catch_up_learned_total', type: 'counter', help: 'Of these, owners that were new to this node', read: ({ catchUp }) => [{ value: catchUp?.counts.learned ?? 0 }] },
  { name: 'marquee_catch_up_faults_total', type: 'counter', help: 'Times that catching up paused because the store failed', read: ({ catchUp }) => [{ value: catchUp?.counts.faults ?? 0 }] },
  { name: 'marquee_blob_cache_bytes', type: 'gauge', help: 'Bytes of hot blobs in memory', read: () => [{ value: hotBlobCounts.bytes }] },
  { name: 'marquee_retention_ended_total', type: 'counter', help: 'Ownerships ended since their time had come', read: () => [{ value: retentionCounts.ended }] },
  { name: 'marquee_retention_removed_total', type: 'counter', help: 'Blobs that went with the last ownership so ended', read: () => [{ value: retentionCounts.removed }] },
  {
    name: 'marquee_retention_last_sweep_timestamp_seconds',
    type: 'gauge',
    help: 'When a sweep of retention last came to its end; 0 before the first',
    read: () => [{ value: retentionCounts.sweptAt }]
  },
  ...CAPACITY,
  ...DAMAGE,
  ...MEDIA,
  {
    name: 'marquee_catalog_mirrors',
    type: 'gauge',
    help: 'Mirror jobs of the catalog, by state',
    read: ({ fetched }) => Object.entries(fetched().jobs).map(([state, value]) => ({ labels: { state }, value }))
  },
  {
    name: 'marquee_catalog_fetched_bytes_total',
    type: 'counter',
    help: 'Bytes of blobs fetched from providers',
    read: ({ fetched }) => {
      const { mirrored, filled } = fetched()
      return [{ labels: { purpose: 'mirror' }, value: mirrored }, { labels: { purpose: 'fill' }, value: filled }]
    }
  }
]

export interface Exposition {
  contentType: string
  text: () => Promise<string>
}

/** Loads prom-client, and begins with what it counts itself (event loop, garbage collection): a server that nobody asks pays for neither. */
export async function openExposition (sources: Sources): Promise<Exposition> {
  const { collectDefaultMetrics, Registry } = await import('prom-client')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name, help, type, read } of DEFINITIONS) {
    // all that a registry asks of a metric; prom-client's own classes would want each number pushed into them
    const metric = { name, help, type, aggregator: 'sum', get: async () => ({ name, help, type, aggregator: 'sum', values: await read(sources) }), reset: () => {} }
    registry.registerMetric(metric as unknown as Metric)
  }
  return { contentType: registry.contentType, text: () => registry.metrics() }
}
