// Who may be asked for a file: an advert is a stranger's word, and must not send us to a machine of our own network.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

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
