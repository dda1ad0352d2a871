// Whose events are taken, by what they are (design §6, TITLE_PUBKEYS). A relay may bring a withdrawal before what it takes back: so keys whose titles
// are taken may always withdraw. Pure.

import { valueOf } from './tags.ts'
import { carrierRole } from './kinds/application-data.ts'
import type { AcceptFacts } from './accept.ts'

export interface AuthorFacts {
  /** 64 hex digits each. Empty: over HTTP whoever may upload, from relays only keys that published here before. */
  titlePubkeys: ReadonlySet<string>
  /** The server's own key: what it signs comes back to it from relays. */
  ownPubkey: string
  from: 'http' | 'relay'
  mayUpload: (pubkey: string) => boolean
  /** Has an event of this key been taken over HTTP here, or is an advert of it kept? */
  publishedHere: (pubkey: string) => boolean
  /** Keys of the trust bundles in force. */
  mayRelease: (pubkey: string) => boolean
  /** Trust bundles are read, whoever brings them: they say themselves who may (releases/trust.ts). */
  takesTrust?: boolean
  /** Servers whose snapshots are read. */
  maySnapshot: (pubkey: string) => boolean
}

export function authorPolicy (facts: AuthorFacts): AcceptFacts['mayAuthor'] {
  const { titlePubkeys, ownPubkey, from, mayUpload, publishedHere, mayRelease, maySnapshot, takesTrust = false } = facts
  const mayTitle = (pubkey: string): boolean => {
    if (titlePubkeys.size > 0) return titlePubkeys.has(pubkey)
    return from === 'http' ? mayUpload(pubkey) : publishedHere(pubkey)
  }
  return (type, { pubkey, tags }) => {
    if (pubkey === ownPubkey) return true
    switch (type) {
      case 'title': case 'collection': return mayTitle(pubkey)
      case 'application': case 'release': case 'artifact': return mayRelease(pubkey)
      case 'carrier': {
        const role = carrierRole(valueOf(tags, 'd') ?? '')?.role
        return role === 'snapshot' ? maySnapshot(pubkey) : mayRelease(pubkey) || (role === 'trust' && takesTrust)
      }
      // any node may say what it has: caps bound it (accept.ts)
      case 'advert': return true
      case 'servers': case 'relays': case 'withdrawal': return mayTitle(pubkey) || mayRelease(pubkey) || publishedHere(pubkey)
    }
  }
}
