// WebVTT as ffmpeg writes it, cut into segments for HLS (RFC 8216 §3.5): each has the header and the mapping of its times, and a cue that reaches
// into the next segment stands in both. Pure.

export interface Cue {
  /** Milliseconds. */
  start: number
  end: number
  /** Its timing line's settings and its text, as they stand. */
  settings: string
  text: string
}

const TIMING = /^(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})[ \t]+-->[ \t]+(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})(.*)$/

/** The cues in order of time, and the STYLE and REGION blocks of the header. Null when it is no WebVTT. */
export function parseWebVtt (file: string): { head: string[], cues: Cue[] } | null {
  const blocks = file.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n').split(/\n{2,}/)
  if (!/^WEBVTT([ \t\n]|$)/.test(blocks[0] ?? '')) return null
  const head: string[] = []
  const cues: Cue[] = []
  for (const block of blocks.slice(1)) {
    const lines = block.split('\n').filter((line, at) => at > 0 || line !== '')
    const at = lines.findIndex((line) => TIMING.test(line))
    if (at < 0 && /^(STYLE|REGION)\b/.test(block)) head.push(block.trim())
    if (at < 0 || at > 1) continue
    const [, h1, m1, s1, f1, h2, m2, s2, f2, settings] = TIMING.exec(lines[at]!)!
    const [start, end] = [millis(h1, m1, s1, f1), millis(h2, m2, s2, f2)]
    const text = lines.slice(at + 1).join('\n').trimEnd()
    if (end > start && text !== '') cues.push({ start, end, settings: settings!.trimEnd(), text })
  }
  return { head, cues: cues.sort((a, b) => a.start - b.start || a.end - b.end) }
}

function millis (h: string | undefined, m: string | undefined, s: string | undefined, f: string | undefined): number {
  return ((Number(h ?? 0) * 60 + Number(m)) * 60 + Number(s)) * 1000 + Number(f)
}

function timeText (ms: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0')
  return `${two(ms / 3_600_000)}:${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}.${String(ms % 1000).padStart(3, '0')}`
}

export interface VttSegment {
  text: string
  /** Microseconds. */
  us: number
}

/**
 * `length` milliseconds a segment, over a film of `duration`; `mpegts`: the timestamp (90 kHz) at which the film's own time is 0. Every segment of
 * the film is there, those without a cue too.
 */
export function * segmentWebVtt ({ head, cues }: { head: readonly string[], cues: readonly Cue[] }, { length, duration, mpegts }: { length: number, duration: number, mpegts: number }): Generator<VttSegment> {
  const top = ['WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:' + mpegts + ',LOCAL:00:00:00.000', ...head].join('\n\n')
  let open: Cue[] = []
  let next = 0
  for (let from = 0; from < duration; from += length) {
    const to = Math.min(from + length, duration)
    while (next < cues.length && cues[next]!.start < to) open.push(cues[next++]!)
    open = open.filter(({ end }) => end > from)
    yield { text: [top, ...open.map(cueText), ''].join('\n\n'), us: (to - from) * 1000 }
  }
}

function cueText ({ start, end, settings, text }: Cue): string {
  return `${timeText(start)} --> ${timeText(end)}${settings}\n${text}`
}
