// Whose address a request counts for. What a proxy says in `X-Forwarded-For` is believed only if the proxy is one that the operator named, and of
// the chain only as far back as such proxies wrote it: the rest is what a client likes to claim. IPv6 clients are told apart by /64, which
// is what one customer is given (RFC 6177). Pure.

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = [Address, number]

export interface Incoming {
  socket: { remoteAddress?: string | undefined }
  headers: Readonly<Record<string, string | string[] | undefined>>
}

/** More than any chain of proxies is long: what lies further back is not read. */
const MAX_HOPS = 16

/** IPv4 as IPv4, however a dual socket wrote it; null for what is no address. */
function parse (text: string): Address | null {
  const bare = text.replace(/%.*$/, '')
  return isIP(bare) === 0 ? null : ipaddr.process(bare)
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function parseHop (text: string): Address | null {
  const hop = text.trim()
  return parse(/^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop)
}

/** An address, or the /64 of an IPv6 one. */
function nameOf (address: Address): string {
  if (address.kind() === 'ipv4') return address.toString()
  return `${(address as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16)).join(':')}::/64`
}

export class ClientAddresses {
  readonly #trusted: readonly Network[]

  /** @param trusted addresses and CIDR ranges of proxies, as the configuration has checked them */
  constructor (trusted: readonly string[]) {
    this.#trusted = trusted.map((text) => {
      if (text.includes('/')) return ipaddr.parseCIDR(text)
      const address = ipaddr.process(text)
      return [address, address.kind() === 'ipv4' ? 32 : 128]
    })
  }

  /**
   * The client's name for counting. Null for a client on this machine where no proxy is named: it may be a proxy that nobody named, and then
   * everybody would share one bucket.
   */
  of ({ socket, headers }: Incoming): string | null {
    const remote = parse(socket.remoteAddress ?? '')
    if (remote === null) return 'unknown' // the socket is gone already
    if (this.#trusted.length === 0) return remote.range() === 'loopback' ? null : nameOf(remote)
    let client = remote
    const chain = headers['x-forwarded-for']
    const hops = (Array.isArray(chain) ? chain.join(',') : chain ?? '').split(',').slice(-MAX_HOPS)
    while (this.#trusts(client) && hops.length > 0) {
      const before = parseHop(hops.pop()!)
      if (before === null) break
      client = before
    }
    return nameOf(client)
  }

  #trusts (address: Address): boolean {
    return this.#trusted.some(([network, bits]) => network.kind() === address.kind() && address.match(network as never, bits))
  }
}
