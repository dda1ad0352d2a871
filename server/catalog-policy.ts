// Whose events the catalog takes, as the configuration has it (design §6).

import type { Policy } from './auth/policy.ts'
import type { CatalogParts } from './catalog/catalog.ts'
import type { Config } from './config.ts'

export function catalogPolicy ({ titlePubkeys, adminPubkeys, uploadPubkeys, releaseRoot }: Config, policy: Policy, ownPubkey: string): Pick<CatalogParts, 'policy' | 'releaseRoots' | 'trusted'> {
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
    trusted: (pubkey) => known.has(pubkey)
  }
}
