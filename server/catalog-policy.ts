// Whose events the catalog takes, as the configuration has it (design §6).

import { ConfigError } from './errors.ts'
import { parseRoleKey } from './release/role-key.ts'
import type { Policy } from './auth/policy.ts'
import type { CatalogParts } from './catalog/catalog.ts'
import type { Config } from './config.ts'

/** Throws ConfigError. */
function roleKeyIn (text: string): Buffer {
  try {
    return parseRoleKey(text)
  } catch {
    throw new ConfigError(['/timestampKey must be 64 hex digits, as `marquee release key` writes them (env TIMESTAMP_KEY)'])
  }
}

export function catalogPolicy ({ titlePubkeys, adminPubkeys, uploadPubkeys, releaseRoot, timestampKey }: Config, policy: Policy, ownPubkey: string): Pick<CatalogParts, 'policy' | 'releaseRoots' | 'timestampKey' | 'trusted'> {
  const known = new Set([ownPubkey, ...adminPubkeys, ...titlePubkeys, ...uploadPubkeys])
  return {
    policy: {
      titlePubkeys: new Set(titlePubkeys),
      mayUpload: (pubkey) => {
        try {
          policy.judge({ pubkey, type: null, size: null })
          return true
        } catch {
          return false
        }
      },
      maySnapshot: () => false // but our own, which is always taken
    },
    releaseRoots: releaseRoot,
    timestampKey: timestampKey === null ? null : roleKeyIn(timestampKey),
    trusted: (pubkey) => known.has(pubkey)
  }
}
