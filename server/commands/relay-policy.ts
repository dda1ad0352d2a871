// `marquee relay-policy`: the write policy beside a relay of one's own, as its plugin or its admission service. Needs no data folder and no server.

import { readFile } from 'node:fs/promises'
import { WritePolicy } from '../catalog/write-policy.ts'
import { parseWriteRules } from '../catalog/write-rules.ts'
import { ConfigError } from '../errors.ts'
import type { Command } from './terminal.ts'

/** Unix seconds. */
const now = (): number => Math.floor(Date.now() / 1000)

export const relayPolicy: Command = {
  help: `marquee relay-policy --policy FILE (--strfry | --grpc HOST:PORT) [--config FILE]

Decides for a relay who may publish what (relay-config/README.md). The policy file is read once, at the start.
  --policy   who may: JSON as relay-config/policy.example.json
  --strfry   as strfry's write policy plugin: a JSON line in, a JSON line out, until the input ends
  --grpc     as nostr-rs-relay's event admission service, until SIGTERM or SIGINT`,
  options: { policy: { type: 'string' }, strfry: { type: 'boolean' }, grpc: { type: 'string' } },
  run: async ({ values, terminal }) => {
    const { policy: file, strfry, grpc } = values
    if (typeof file !== 'string' || (strfry === true) === (typeof grpc === 'string')) {
      terminal.err(`--policy FILE, and either --strfry or --grpc HOST:PORT\n\n${relayPolicy.help}`)
      return 2
    }
    const policy = new WritePolicy(parseWriteRules(await readPolicy(file), file))
    if (typeof grpc !== 'string') {
      const { serveStrfry } = await import('../catalog/strfry-plugin.ts')
      await serveStrfry(terminal.input(), terminal.out, policy, now)
      return 0
    }
    if (!/^[^\s/]+:\d{1,5}$/.test(grpc)) {
      terminal.err('--grpc takes HOST:PORT')
      return 2
    }
    // only here: gRPC costs every other command its loading
    const { startAdmission } = await import('../catalog/admission-service.ts')
    const stopped = new Promise<string>((resolve) => { terminal.onStop(resolve) })
    const admission = await startAdmission({ address: grpc, policy, now })
    terminal.err(`relay-policy: answers nostr-rs-relay on ${grpc.slice(0, grpc.lastIndexOf(':'))}:${admission.port}`)
    await stopped
    await admission.close()
    return 0
  }
}

async function readPolicy (file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`${file}: ${(error as Error).message}`])
  }
}
