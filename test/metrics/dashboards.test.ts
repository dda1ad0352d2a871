// docs/grafana.json, docs/alerts.yaml and the table of docs/operations.md speak of metrics and labels that a running server really exports.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { openDatabase } from '../../server/database.ts'
import { DEFINITIONS } from '../../server/metrics/exposition.ts'
import { startMarquee, upload } from '../support/app.ts'
import { Signer } from '../support/keys.ts'
import { scrape } from '../support/metrics.ts'
import { fillOutbox, relayReportOf } from '../support/relay-report.ts'
import type { Test } from 'tap'
import type { Sources } from '../../server/metrics/exposition.ts'
import type { Scraped } from '../support/metrics.ts'

interface Panel { id: number, title: string, gridPos: { x: number, y: number, w: number, h: number }, targets: { expr: string, legendFormat: string }[] }
interface Rule { alert: string, expr: string, annotations: { summary: string, description: string } }

const { panels } = JSON.parse(readFileSync('docs/grafana.json', 'utf8')) as { panels: Panel[] }
const { groups } = parse(readFileSync('docs/alerts.yaml', 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap(({ rules }) => rules)

/** What Prometheus adds to every sample of a target. */
const ADDED = ['job', 'instance']

async function exported (t: Test): Promise<Scraped> {
  const { url } = await startMarquee(t)
  const bytes = Buffer.from('a blob')
  await upload(url, new Signer(), { bytes, sha256: createHash('sha256').update(bytes).digest('hex') })
  const scraped = await scrape(url)
  // a server without relays has no samples of them
  const database = openDatabase(':memory:')
  fillOutbox(database)
  const sources = { relays: relayReportOf(database) } as unknown as Sources
  for (const { name, read } of DEFINITIONS.filter(({ name }) => /^marquee_(relay|outbox|adverts)_/.test(name))) {
    scraped.samples.push(...(await read(sources)).map(({ labels = {}, value }) => ({ name, labels: labels as Record<string, string>, value })))
  }
  return scraped
}

/** Metrics that an expression names, and labels it speaks of. */
function namesIn (expr: string): { metrics: string[], labels: string[] } {
  const plain = expr.replace(/"[^"]*"/g, '""')
  return {
    metrics: [...plain.matchAll(/\b(?:marquee|process|nodejs|up)(?:_\w+)?\b/g)].map(([name]) => name),
    labels: [
      ...[...plain.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map((each) => each.trim())),
      ...[...plain.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*""/g)].map(([, label]) => label!)
    ]
  }
}

function strangers (expr: string, { samples }: Scraped): string[] {
  const { metrics, labels } = namesIn(expr)
  const unknown = metrics.filter((name) => name !== 'up' && samples.every((sample) => sample.name !== name))
  const known = new Set([...ADDED, ...samples.filter(({ name }) => metrics.includes(name)).flatMap((sample) => Object.keys(sample.labels))])
  return [...(metrics.length === 0 ? ['no metric'] : []), ...unknown, ...labels.filter((label) => !known.has(label))]
}

t.test('every expression of the dashboard and the alerts names metrics and labels that are exported', async t => {
  const now = await exported(t)
  t.strictSame(strangers('rate(marquee_request_total{colour="red"}[5m])', now), ['marquee_request_total', 'colour'], 'a wrong name is found')
  t.ok(panels.length >= 10 && rules.length >= 8)
  for (const { title, targets } of panels) {
    t.ok(targets.length > 0)
    for (const { expr } of targets) t.strictSame(strangers(expr, now), [], `panel ${title}: ${expr}`)
  }
  for (const { alert, expr } of rules) t.strictSame(strangers(expr, now), [], `alert ${alert}`)
})

t.test('what a legend or a summary puts in braces is a label that its expression keeps', async t => {
  const kept = (expr: string): string[] => [...namesIn(expr).labels, ...(/\bsum\b|\bcount\b/.test(expr) ? [] : ADDED)]
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) t.ok(kept(expr).includes(label!), `panel ${title}: ${label}`)
    }
  }
  for (const { alert, expr, annotations } of rules) {
    t.ok(annotations.summary.length > 0 && annotations.description.length > 0)
    for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) t.ok(kept(expr).includes(label!), `alert ${alert}: ${label}`)
  }
})

t.test('docs/operations.md has every metric with its type and labels, and no other; every one of ours is on the dashboard', async t => {
  const { samples, types } = await exported(t)
  const page = readFileSync('docs/operations.md', 'utf8')
  const rows = [...page.matchAll(/^\| `(marquee_\w+)` \| (\w+) \|([^|]*)\|/gm)].map(([, name, type, labels]) => `${name} ${type} ${labels!.replace(/[`,]/g, '').trim()}`)
  const really = DEFINITIONS.map(({ name }) => {
    const sample = samples.find((each) => each.name === name || each.name === `${name}_sum`)
    return `${name} ${types.get(name)} ${Object.keys(sample?.labels ?? {}).join(' ')}`
  })
  t.strictSame(rows, really)
  const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr).metrics))
  for (const { name } of DEFINITIONS) t.ok(shown.some((each) => each === name || each.startsWith(`${name}_`)), name)
})

t.test('metrics are named as Prometheus asks: marquee_, base units, counters in _total', async t => {
  for (const { name, type, help } of DEFINITIONS) {
    t.match(name, /^marquee_[a-z_]+$/)
    t.equal(name.endsWith('_total'), type === 'counter', name)
    t.notMatch(name, /_(ms|milliseconds|kb|mb|kib|mib|percent)(_|$)/)
    t.notMatch(help, /\.$/)
  }
})

t.test('the panels of the dashboard have ids of their own and do not lie on each other', async t => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, i) => `${x + i % w},${y + Math.floor(i / w)}`))
  t.equal(new Set(cells).size, cells.length)
  t.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
})
