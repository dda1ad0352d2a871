// What commands of releases that use the network share: connections, patience, who signs, where to; and how their faults become words and exit code 1.

import { Exchange, NetworkFault } from '../http/exchange.ts'
import { PATIENCE } from '../http/patience.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { KeyFault } from '../key-fault.ts'
import { serverOrigin } from '../../server/catalog/tags.ts'
import { Misuse, releaseCommand, textsIn, wholeIn } from './misuse.ts'
import type { CommandParts, StandaloneCommand } from '../../server/commands/terminal.ts'
import type { CallParts } from '../http/json-calls.ts'

export type Parts = Omit<CommandParts, 'config' | 'loadConfig'>

export const NETWORK_HELP = `  --patience SECONDS  how long a server or network that is away is waited for (120)`
export const NETWORK_OPTIONS = { server: { type: 'string', multiple: true }, relay: { type: 'string', multiple: true }, patience: { type: 'string' } } as const

/** A command that is given the network; it may throw what `releaseCommand` takes, and what servers, networks and signers do. */
export function networkCommand ({ run, ...shape }: Omit<StandaloneCommand, 'standalone' | 'run'> & { run: (parts: Parts, calls: CallParts) => Promise<number> }): StandaloneCommand {
  return releaseCommand({
    ...shape,
    options: { ...NETWORK_OPTIONS, ...shape.options },
    run: async (parts) => {
      const exchange = new Exchange()
      try {
        return await run(parts, { exchange, patience: { ...PATIENCE, total: (wholeIn(parts.values, 'patience') ?? PATIENCE.total / 1000) * 1000 } })
      } catch (error) {
        if (!(error instanceof NetworkFault || error instanceof ServerRefusal || error instanceof KeyFault)) throw error
        const code = error instanceof ServerRefusal && error.code !== '' ? ` (${error.code})` : ''
        parts.terminal.err(`marquee release: ${error.message}${code}`)
        return 1
      } finally {
        exchange.close()
      }
    }
  })
}

/** Origins of --server, each once. Throws Misuse. */
export function serversIn (values: Parts['values']): string[] {
  return [...new Set(textsIn(values, 'server').map((url) => {
    const origin = serverOrigin(url)
    if (origin === null || new URL(url).pathname !== '/') throw new Misuse(`--server is the http or https URL of a server, without a path: ${url}`)
    return origin
  }))]
}

/** URLs of --relay, each once. Throws Misuse. */
export function relaysIn (values: Parts['values']): string[] {
  return [...new Set(textsIn(values, 'relay').map((url) => {
    if (!/^wss?:\/\//i.test(url) || !URL.canParse(url)) throw new Misuse(`--relay is a ws or wss URL: ${url}`)
    return url
  }))]
}

/** Pinned roots of --root. Throws Misuse. */
export function rootsIn (values: Parts['values']): string[] {
  const roots = textsIn(values, 'root').map((root) => root.toLowerCase())
  if (roots.length === 0 || roots.some((root) => !/^[0-9a-f]{64}$/.test(root))) throw new Misuse('--root HEX must be the pinned root, 64 hex digits')
  return roots
}
