// How far long work is, stage by stage: a bar with rate and time left on a terminal, a plain line every five seconds elsewhere, and with `json` an
// object a line for scripts: {"stage","done","total","unit","rate","left_s"} (bytes or seconds of film; null where unknown), {"stage","ended":true},
// and {"note"} for what else is said.

import type { Terminal } from '../server/commands/terminal.ts'

/** What a stage counts; `seconds` are those of the film. */
export type Unit = 'bytes' | 'seconds' | 'blobs'

export interface Stage {
  /** So much is done by now, of the total, which may be told anew. */
  at: (done: number, total?: number) => void
  /** It is over: a last line says how long it took. */
  end: () => void
}

export interface Progress {
  /** `before`: what an earlier run had done already, which does not count for the rate. Stages may run side by side; a terminal shows the last that moved. */
  stage: (name: string, options: { total: number | null, unit: Unit, before?: number }) => Stage
  /** A line for people, that stays. */
  note: (line: string) => void
  /** For scripts alone: an object of its own on a line. */
  tell: (fact: Record<string, unknown>) => void
}

const BAR_CELLS = 24
const PLAIN_EVERY_MS = 5000
const LIVE_EVERY_MS = 100
const JSON_EVERY_MS = 1000

/** `now` in milliseconds. */
export function openProgress (terminal: Pick<Terminal, 'out' | 'err' | 'progress'>, { json, now = Date.now }: { json: boolean, now?: () => number }): Progress {
  const live = json ? null : terminal.progress
  const line = (fact: Record<string, unknown>): void => { terminal.out(JSON.stringify(fact)) }
  const every = json ? JSON_EVERY_MS : live === null ? PLAIN_EVERY_MS : LIVE_EVERY_MS
  const say = (text: string): void => {
    live?.('')
    terminal.err(text)
  }
  return {
    stage: (name, options) => {
      const { unit, before = 0 } = options
      let { total } = options
      const begun = now()
      // on a terminal the bar is there at once; a plain line is due only when the stage takes its time
      let last = live === null && !json ? begun : -Infinity
      let done = before
      const rateNow = (): number | null => now() - begun < 200 ? null : (done - before) / ((now() - begun) / 1000)
      return {
        at: (newDone, newTotal) => {
          done = newDone
          if (newTotal !== undefined) total = newTotal
          if (now() - last < every) return
          last = now()
          const rate = rateNow()
          const left = rate === null || rate <= 0 || total === null ? null : Math.max(0, (total - done) / rate)
          if (json) line({ stage: name, done: round(done), total: total === null ? null : round(total), unit, rate: rate === null ? null : round(rate), left_s: left === null ? null : Math.round(left) })
          else {
            const text = barOf({ name, done, total, unit, rate, left })
            if (live === null) terminal.err(text)
            else live(text)
          }
        },
        end: () => {
          if (json) line({ stage: name, ended: true, done: round(done), unit, took_s: round((now() - begun) / 1000) })
          else say(`${name.padEnd(18)} ${amount(done, unit)} in ${clock((now() - begun) / 1000)}${spoken(done - before > 0 ? rateText(rateNow(), unit) : '')}`)
        }
      }
    },
    note: (text) => { if (json) line({ note: text }); else say(text) },
    tell: (fact) => { if (json) line(fact) }
  }
}

function barOf ({ name, done, total, unit, rate, left }: { name: string, done: number, total: number | null, unit: Unit, rate: number | null, left: number | null }): string {
  const share = total === null ? null : total === 0 ? 1 : Math.min(1, done / total)
  const cells = Math.round((share ?? 0) * BAR_CELLS)
  const bar = share === null ? '' : `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}] ${String(Math.floor(share * 100)).padStart(3)} %  `
  return `${name.padEnd(18)} ${bar}${amount(done, unit)}${total === null ? '' : ` of ${amount(total, unit)}`}  ${rateText(rate, unit)}${left === null ? '' : `  ${clock(left)} left`}`.trimEnd()
}

function rateText (rate: number | null, unit: Unit): string {
  if (rate === null) return ''
  return unit === 'seconds' ? `${rate.toFixed(rate < 10 ? 2 : 0)}x` : `${amount(rate, unit)}/s`
}

/** After a comma, where there is anything to say. */
function spoken (text: string): string {
  return text === '' ? '' : `, ${text}`
}

function amount (count: number, unit: Unit): string {
  return unit === 'bytes' ? bytesText(count) : unit === 'seconds' ? clock(count) : String(Math.round(count))
}

/** Bytes for people, as `3.4 MiB`. */
export function bytesText (bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  let size = bytes
  for (; size >= 1024 && at < units.length - 1; at++) size /= 1024
  return `${at === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[at]}`
}

/** Seconds for people, as `1:02:03`, `2:03` or `3 s`. */
export function clock (seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

function round (count: number): number {
  return Math.round(count * 100) / 100
}
