// When an advert of ours is said anew: after a day with hours of chance, so that a thousand made together do not come back together; sooner when what
// it says has changed. Pure.

import type { StandingAdvert } from './rows/own-advert-rows.ts'
import type { Target } from './advert-targets.ts'
import type { ProviderAdvert } from './kinds/provider-advert.ts'

/** Seconds after which an advert is refreshed: half of its life. */
export const REFRESH_AFTER = 24 * 3600

/** Seconds by which that may be sooner or later. */
export const JITTER = 4 * 3600

/** Seconds between two versions of an advert whose coverage goes on changing. */
export const LEAST_BETWEEN = 10 * 60

/** When an advert made at `createdAt` is due, unix seconds. @param random from 0 to 1 */
export function dueAt (createdAt: number, random: number): number {
  return createdAt + REFRESH_AFTER + Math.round((2 * random - 1) * JITTER)
}

/** Does it say anything else than what is so now? */
export function isOutdated (advert: StandingAdvert, target: Target, servers: readonly string[], coverage: ProviderAdvert['coverage']): boolean {
  return advert.sha256 !== target.sha256 || advert.scope !== target.scope || advert.size !== target.size || advert.servers.join(' ') !== servers.join(' ') ||
    advert.coverage?.held !== coverage?.held || advert.coverage?.listed !== coverage?.listed
}
