// Who may be asked for a file: an advert is a stranger's word, and must not send us to a machine of our own network.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { LookupFunction } from 'node:net'

/** Is this an address that the whole net can reach? */
export function isPublic (address: string): boolean {
  return ipaddr.process(address).range() === 'unicast'
}

/** Why this address is not asked, in words; null: it may be. Where the publisher says a file is may be anywhere. */
export async function judgeAddress (url: URL, peer: boolean, allowPrivate: boolean): Promise<string | null> {
  if (!/^https?:$/.test(url.protocol)) return `is no http or https URL (${url.protocol})`
  if (!peer || allowPrivate) return null
  const host = url.hostname.replace(/^\[|\]$/g, '')
  try {
    const addresses = isIP(host) !== 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address)
    return addresses.every(isPublic) ? null : 'is in a private network'
  } catch {
    return 'has no address'
  }
}

/** For connections to strangers: the addresses that are judged are those that are connected to, whatever the name means a moment later. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }).then((found) => {
    const [first] = found
    if (first === undefined || !found.every(({ address }) => isPublic(address))) callback(new Error('is in a private network'), '')
    else if (options.all === true) callback(null, found)
    else callback(null, first.address, first.family)
  }, (error: unknown) => { callback(error as Error, '') })
}
