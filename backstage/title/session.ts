// What every command about titles uses while it runs: connections, patience, progress and the signer; and how its end becomes an exit code.

import { setMaxListeners } from 'node:events'
import { serverOrigin } from '../../server/catalog/tags.ts'
import { FilmFault } from '../film/faults.ts'
import { BlossomServer } from '../http/blossom.ts'
import { Exchange, NetworkFault } from '../http/exchange.ts'
import { PATIENCE } from '../http/patience.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { KeyFault } from '../key-fault.ts'
import { openProgress } from '../progress.ts'
import { KEY_HELP, openSigner } from '../signer.ts'
import { TitleFault, TitleFaults } from './faults.ts'
import type { CommandParts, StandaloneCommand } from '../../server/commands/terminal.ts'
import type { CallParts } from '../http/json-calls.ts'
import type { Progress } from '../progress.ts'
import type { Signer } from '../signer.ts'

export type Parts = Omit<CommandParts, 'config' | 'loadConfig'>

export interface Session {
  /** For calls of the JSON API. */
  calls: CallParts
  progress: Progress
  /** Opens the signer, once. Rejects with KeyFault. */
  signer: () => Promise<Signer>
  server: (origin: string) => BlossomServer
  json: boolean
  /** Aborted when the program is asked to stop, by commands that say `stoppable`. */
  signal: AbortSignal
  /** From now on a request to stop ends what is under way and is told; until then it ends the program. */
  stoppable: () => void
  /** One line of the answer itself: `text` for people, `fact` for scripts. */
  tell: (text: string, fact: Record<string, unknown>) => void
}

/** Options that every command about titles has. */
export const COMMON_OPTIONS = { key: { type: 'string' }, server: { type: 'string', multiple: true }, relay: { type: 'string', multiple: true }, patience: { type: 'string' }, json: { type: 'boolean' } } as const

export const COMMON_HELP = `${KEY_HELP}
  --server URL, --relay URL   where it is looked for; may stand often. Else MARQUEE_SERVERS and MARQUEE_RELAYS, separated by commas
  --patience SECONDS          how long a server or network that is away is waited for (120)
  --json       an object a line`

/** Runs a command; its faults are told, and become the exit code. */
export async function inSession ({ values, terminal }: Parts, name: string, run: (session: Session) => Promise<number>): Promise<number> {
  const json = values['json'] === true
  const progress = openProgress(terminal, { json })
  const exchange = new Exchange()
  const stopping = new AbortController()
  // every request that waits for a server listens; Node would tell people of a leak after ten
  setMaxListeners(0, stopping.signal)
  let opened: Promise<Signer> | null = null
  let lastWait = 0
  const onWait = (error: Error, pause: number): void => {
    if (pause < 2000 || Date.now() - lastWait < 10_000) return
    lastWait = Date.now()
    progress.note(`${error.message}; trying again in ${Math.round(pause / 1000)} s`)
  }
  const fail = (message: string): void => {
    if (json) terminal.out(JSON.stringify({ error: message }))
    else terminal.err(`film ${name}: ${message}`)
  }
  try {
    const patience = { total: patienceIn(values['patience']), onWait, signal: stopping.signal }
    return await run({
      calls: { exchange, patience },
      progress,
      json,
      signal: stopping.signal,
      stoppable: () => {
        terminal.onStop(() => {
          stopping.abort()
          exchange.close()
        })
      },
      signer: () => opened ??= openSigner({ key: textIn(values, 'key'), env: terminal.env, say: progress.note }),
      server: (origin) => new BlossomServer({ origin, exchange, patience }),
      tell: (text, fact) => { terminal.out(json ? JSON.stringify(fact) : text) }
    })
  } catch (error) {
    if (stopping.signal.aborted) fail('stopped; run it again and it goes on where it was')
    else if (error instanceof TitleFaults) error.faults.forEach(fail)
    else if (error instanceof NetworkFault) fail(`${error.message}. Run it again and it goes on where it was`)
    else if (error instanceof TitleFault || error instanceof KeyFault || error instanceof FilmFault || error instanceof ServerRefusal) fail(error.message)
    else throw error
    return error instanceof TitleFault ? error.code : error instanceof FilmFault && error.code === 'OPTION_WRONG' ? 2 : 1
  } finally {
    exchange.close()
    await (opened as Promise<Signer> | null)?.then((signer) => { signer.close() }, () => {})
  }
}

function patienceIn (value: Parts['values'][string]): number {
  if (value === undefined) return PATIENCE.total
  if (typeof value !== 'string' || !/^\d{1,6}$/.test(value)) throw new TitleFault('--patience is a number of seconds', 2)
  return Number(value) * 1000
}

/** The text of an option; null without it. */
export function textIn (values: Parts['values'], name: string): string | null {
  const value = values[name]
  return typeof value === 'string' ? value : null
}

/** The texts of an option that may stand often. */
export function textsIn (values: Parts['values'], name: string): string[] {
  const value = values[name]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : typeof value === 'string' ? [value] : []
}

/** Origins, each once. Throws TitleFault for what is no http(s) URL. */
export function originsOf (urls: readonly string[], what: string): string[] {
  return [...new Set(urls.map((url) => {
    const origin = serverOrigin(url)
    // Blossom lives at the root of its host (BUD-01): a path would be lost without a word
    if (origin === null || new URL(url).pathname !== '/') throw new TitleFault(`${what} is the http or https URL of a server, without a path: ${url}`, 2)
    return origin
  }))]
}

/** Throws TitleFault. */
export function relaysOf (urls: readonly string[]): string[] {
  return [...new Set(urls.map((url) => {
    if (!/^wss?:\/\//i.test(url) || !URL.canParse(url)) throw new TitleFault(`--relay is a ws or wss URL: ${url}`, 2)
    return url
  }))]
}

export interface Places {
  servers: string[]
  relays: string[]
}

/** Where to publish or look: the options, else the environment. Throws TitleFault. */
export function placesOf ({ values, terminal: { env } }: Parts): Places {
  const listed = (option: string, variable: string): string[] => {
    const given = textsIn(values, option)
    return given.length > 0 ? given : (env[variable] ?? '').split(',').map((each) => each.trim()).filter((each) => each !== '')
  }
  return { servers: originsOf(listed('server', 'MARQUEE_SERVERS'), '--server'), relays: relaysOf(listed('relay', 'MARQUEE_RELAYS')) }
}

/** A command that runs in a session. */
export function titleCommand ({ name, help, options, words, run }: {
  name: string
  help: string
  options?: StandaloneCommand['options']
  words?: true
  run: (session: Session, parts: Parts) => Promise<number>
}): StandaloneCommand {
  return {
    standalone: true,
    help,
    options: { ...COMMON_OPTIONS, ...options },
    ...(words === undefined ? {} : { words }),
    run: (parts) => inSession(parts, name, (session) => run(session, parts))
  }
}
