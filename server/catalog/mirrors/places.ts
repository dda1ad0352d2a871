// Where a blob may be had: at those who advertise it, the best first, then at those who advertise its title's manifest (which does not list the hash
// sequence), then at the servers that its titles name, then at the URLs that titles and artifacts give for this very blob.

import { parseArtifact } from '../kinds/artifact.ts'
import { parseTitle } from '../kinds/title.ts'
import type { SignedEvent } from '../../auth/signature.ts'
import type { EventLog } from '../event-log.ts'
import type { Title } from '../kinds/title.ts'
import type { HashViews, Mention } from '../views/hash-views.ts'
import type { ProviderViews } from '../views/provider-views.ts'
import type { TitleViews } from '../views/title-views.ts'

export interface Place {
  /** An origin: what is remembered of a place is remembered of its server. */
  server: string
  url: URL
}

export interface PlacesParts {
  providers: ProviderViews
  titles: TitleViews
  hashes: HashViews
  log: EventLog
  /** URLs that lead back here: what is looked for is not here. */
  isOurs: (url: URL) => boolean
}

/** More than anybody needs to try for one blob. */
const MOST = 20
/** Titles and artifacts that name a hash and are asked for places. */
const NAMERS = 5

export class Places {
  readonly #parts: PlacesParts

  constructor (parts: PlacesParts) {
    this.#parts = parts
  }

  /** The best first. `title`: what the blob is wanted for; null: whatever names it. @param now unix seconds */
  of (sha256: string, title: Title | null, now: number): Place[] {
    const { providers, isOurs } = this.#parts
    const found = new Map<string, Place>()
    const add = (text: string): void => {
      const url = URL.canParse(text) ? new URL(text) : null
      if (url !== null && /^https?:$/.test(url.protocol) && !found.has(url.href) && !isOurs(url)) found.set(url.href, { server: url.origin, url })
    }
    const blossom = (server: string): void => { add(`${server.replace(/\/+$/, '')}/${sha256}`) }
    const advertised = (hex: string): void => {
      for (const { servers } of providers.of({ algorithm: 'sha256', hex }, now)) for (const server of servers) blossom(server)
    }
    advertised(sha256)
    const { titles, urls } = title === null ? this.#namersOf(sha256, now) : { titles: [title], urls: [] }
    for (const { manifest } of titles) if (manifest !== null && manifest.sha256 !== sha256) advertised(manifest.sha256)
    for (const { servers } of titles) for (const server of servers) blossom(server)
    for (const { media } of titles) {
      for (const each of media) if (each.sha256 === sha256) for (const url of [each.url, ...each.fallbacks]) add(url)
    }
    for (const url of urls) add(url)
    return [...found.values()].slice(0, MOST)
  }

  #namersOf (sha256: string, now: number): { titles: Title[], urls: string[] } {
    const { hashes, titles, log } = this.#parts
    const found = new Map<string, Title>()
    const urls: string[] = []
    for (const { of } of hashes.mentions({ algorithm: 'sha256', hex: sha256 }, now, NAMERS)) {
      if (of.type === 'artifact') {
        const event = log.get(of.event)
        if (event !== null) urls.push(...parseArtifact(JSON.parse(event.raw) as SignedEvent).urls)
      }
      const row = of.type === 'title' ? titles.get(of.address, now) : null
      if (row !== null && !found.has(row.event.id)) found.set(row.event.id, parseTitle(row.event))
    }
    return { titles: [...found.values()], urls }
  }
}

/** The sha256 that titles and releases name beside a BLAKE3; null when none does. */
export function sha256In (mentions: readonly Mention[], blake3: string): string | null {
  return mentions.find((each) => each.blake3 === blake3 && each.sha256 !== null)?.sha256 ?? null
}
