// Says which IP addresses a stranger's URL may lead to: only those that are plainly somebody's on the public internet. Pure.
// BUD-04 leaves it to the server what it mirrors; design §4: a mirror never reaches a private address.

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')
/** The 6bone's, given back in 2006 (RFC 3701): nobody's. */
const SIXBONE = ipaddr.IPv6.parseCIDR('3ffe::/16')

/**
 * Whether this IP address (as a resolver writes it: no port, no brackets) is public.
 * Loopback, private, shared, local, tunnelling, translating, documentation, reserved and multicast ranges are not, nor is
 * anything with a zone, nor text that is no IP address.
 */
export function isPublicAddress (ip: string): boolean {
  // ipaddr.js reads 0x7f.1 and 010.0.0.1 too, each system in its own way: only the plain spelling is judged.
  const family = isIP(ip)
  if (family === 0 || ip.includes('%')) return false
  if (family === 4) return ipaddr.IPv4.parse(ip).range() === 'unicast'
  const address = ipaddr.IPv6.parse(ip)
  // Mapped, compatible and translated IPv4, unique-local, link-local and multicast all lie outside 2000::/3.
  return address.match(GLOBAL_UNICAST) && address.range() === 'unicast' && !address.match(SIXBONE) && !isIsatap(address.parts)
}

/** RFC 5214: an interface id 0:5efe or 200:5efe carries an IPv4 address, private ones included, under any prefix. */
function isIsatap (parts: readonly number[]): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe
}
