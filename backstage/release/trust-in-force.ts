// Whether a trust bundle that was told to a server counts there: a server that has the very event already says so, and may have a newer bundle.

import { ReleaseFault } from '../../server/release/faults.ts'
import { callJson } from '../http/json-calls.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { CallParts } from '../http/json-calls.ts'

interface TrustAnswer { bundles?: { bundle?: unknown, bundle_version?: unknown }[] }

/** Rejects with BUNDLE_OLDER where another is in force, with ServerRefusal or NetworkFault. */
export async function demandInForce (parts: CallParts & { servers: readonly string[] }, bundle: TrustBundle, text: string): Promise<void> {
  for (const origin of parts.servers) {
    const { bundles = [] } = await callJson(parts, { method: 'GET', url: `${origin}/catalog/trust` }) as TrustAnswer
    if (bundles.some((each) => each.bundle === text)) continue
    const versions = bundles.map(({ bundle_version: version }) => String(version)).join(', ')
    throw new ReleaseFault('BUNDLE_OLDER', `${origin} has ${versions === '' ? 'none' : versions} in force, not ${bundle.bundle_version}`)
  }
}
