// What /metrics says, parsed: Prometheus' text format as far as marquee writes it.

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface Scraped {
  samples: Sample[]
  /** Type by name, as the `# TYPE` lines have it. */
  types: Map<string, string>
}

export async function scrape (url: string, headers: Record<string, string> = {}): Promise<Scraped> {
  const response = await fetch(`${url}/metrics`, { headers })
  if (response.status !== 200) throw new Error(`/metrics answers ${response.status}`)
  const text = await response.text()
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]))
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const [, name, labels = '', value] = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`no sample: ${line}`)
    return { name, labels: Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label!, text!])), value: Number(value) }
  })
  return { samples, types }
}

/** The sum of the samples that have these labels; undefined where there is none. */
export function sampleOf ({ samples }: Scraped, name: string, labels: Record<string, string> = {}): number | undefined {
  const found = samples.filter((each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value))
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}
