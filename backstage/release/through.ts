// The way to the latest release through those before it, where the latest cannot be upgraded to from what runs here: which releases, in which order. Who lists
// releases only says where to look: each manifest is verified as the latest is, and stands in the way of what is installed as little (releases-node.md).

import { isEvent, isSigned } from '../../server/auth/signature.ts'
import { parseRelease } from '../../server/catalog/kinds/release.ts'
import { CatalogFault } from '../../server/catalog/faults.ts'
import { RELEASE_MANIFEST_LIMIT } from '../../server/release/manifest-v2.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { fetchLimited } from './set-reading.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { ReleaseManifest } from '../../server/release/manifest-v2.ts'
import type { FindParts, FoundRelease } from './finding.ts'

export interface Step {
  manifest: ReleaseManifest
  bytes: Buffer
}

export interface ThroughParts extends Pick<FindParts, 'app' | 'channel' | 'servers' | 'roots' | 'now' | 'say' | 'fetchManifest'> {
  /** The sequence that runs here. */
  installed: number
  /** Has it anything for this node? */
  suits: (manifest: ReleaseManifest) => boolean
}

interface Candidate {
  sequence: number
  named: { sha256: string, blake3: string, size: number }
}

const LIST_LIMIT = 8 * 1024 * 1024
/** Releases of a server's list that are looked at, the newest. */
const LISTED = 200
/** Manifests that are fetched at most. */
const MOST = 100

/** Is that the only thing in the way? A fault of an event is none. */
export function needsIntermediate ({ verified: { checks } }: FoundRelease): boolean {
  const codes = checks.flatMap(({ name, code }) => code === undefined || name === 'event' ? [] : [code])
  return codes.length > 0 && codes.every((code) => code === 'INTERMEDIATE_REQUIRED')
}

/** The releases to install before the latest, in order, as few as there must be; null when no way is known. */
export async function stepsTo (found: FoundRelease, parts: ThroughParts): Promise<Step[] | null> {
  const { verified: { newState: state, manifest: latest }, bundle, pointer } = found
  const { app, channel, roots, now, fetchManifest, suits } = parts
  if (latest === null) return null
  const candidates = await candidatesIn(found, parts)
  const fetched = new Map<string, Buffer | null>()
  const manifestOf = async ({ named }: Candidate): Promise<Buffer | null> => {
    if (!fetched.has(named.sha256)) fetched.set(named.sha256, fetched.size < MOST ? await fetchManifest(named, found.origins) : null)
    return fetched.get(named.sha256)!
  }
  const steps: Step[] = []
  // each has a folder of its own, which some disks name without regard to case
  const versions = new Set([latest.version.toLowerCase()])
  let at = parts.installed
  while (at < latest.min_sequence_to_upgrade_from) {
    let next: Step | null = null
    // from a higher one there is a way wherever there is one from a lower
    for (const candidate of candidates) {
      if (candidate.sequence <= at) break
      const bytes = await manifestOf(candidate)
      if (bytes === null) continue
      const { verdict, manifest } = verifyRelease({ bundle, pointer, manifest: bytes, app, channel, roots, state, now, installed: at, intent: 'intermediate' })
      if (verdict !== 'install' || manifest?.sequence !== candidate.sequence || !suits(manifest) || versions.has(manifest.version.toLowerCase())) continue
      next = { manifest, bytes }
      break
    }
    if (next === null) return null
    steps.push(next)
    versions.add(next.manifest.version.toLowerCase())
    at = next.manifest.sequence
  }
  const { verdict } = verifyRelease({ bundle, pointer, manifest: found.manifest, app, channel, roots, state, now, installed: at })
  return verdict === 'install' ? steps : null
}

/** Releases between what runs and the latest that servers and relays tell of, the newest first. */
async function candidatesIn ({ events, verified: { manifest: latest, bundle } }: FoundRelease, { app, channel, servers, installed, say }: ThroughParts): Promise<Candidate[]> {
  // another's word costs a download each; that of listed keys is enough
  const lists = ({ pubkey }: SignedEvent): boolean => bundle!.roles.release.nostr.includes(pubkey)
  const told = events.filter(lists)
  await Promise.all(servers.map(async (server) => {
    try {
      const bytes = await fetchLimited(`${server}/catalog/releases?app=${encodeURIComponent(app)}&channel=${encodeURIComponent(channel)}&limit=${LISTED}`, LIST_LIMIT)
      const { releases } = JSON.parse(bytes.toString('utf8')) as { releases: { event: unknown }[] }
      // a server's word is none: made up, its releases would take the place of those that others tell
      told.push(...releases.slice(0, LISTED).map(({ event }) => event).filter((event) => isEvent(event)).filter((event) => lists(event) && isSigned(event)))
    } catch (error) {
      say(`${server} does not list its releases: ${error instanceof Error ? error.message : String(error)}`)
    }
  }))
  const found = new Map<string, Candidate>()
  for (const event of told) {
    try {
      const release = parseRelease(event)
      const { sequence, manifest: named } = release
      if (named === null || sequence === null || release.app !== app || release.channel !== channel || named.size > RELEASE_MANIFEST_LIMIT) continue
      if (sequence > installed && sequence < latest!.sequence) found.set(`${sequence} ${named.sha256}`, { sequence, named })
    } catch (error) {
      if (!(error instanceof CatalogFault)) throw error
    }
  }
  return [...found.values()].sort((a, b) => b.sequence - a.sequence)
}
