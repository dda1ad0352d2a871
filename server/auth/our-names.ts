// Which names are ours: PUBLIC_URL and its configured aliases, never the Host header, which the sender chooses (blossom.md T5). Pure.

/** The part of a URL or name that is compared: host, and host with its port. */
function hostsOf (text: string): { host: string, hostPort: string } | null {
  try {
    const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    const url = new URL(withScheme ? text : `http://${text}`)
    // a URL drops the port that its scheme has by default, though it was written
    const written = /^[^/?#]*:0*80(?:[/?#]|$)/.test(text) ? '80' : ''
    const port = url.port !== '' ? url.port : withScheme ? (url.protocol === 'https:' ? '443' : '80') : written
    return { host: url.hostname, hostPort: port === '' ? url.hostname : `${url.hostname}:${port}` }
  } catch {
    return null
  }
}

export class OurNames {
  /** e.g. `https://cdn.example.com`, the public one first; a NIP-98 `u` begins with one of them. */
  readonly origins: readonly string[]
  readonly #hosts = new Set<string>()
  readonly #hostPorts = new Set<string>()

  /** @param publicUrl an origin @param aliases origins, domains or domain:port */
  constructor (publicUrl: string, aliases: readonly string[]) {
    this.origins = [publicUrl, ...aliases.filter((alias) => alias.includes('://'))].map((origin) => new URL(origin).origin)
    for (const name of [publicUrl, ...aliases]) {
      const hosts = hostsOf(name)
      if (hosts === null) continue
      this.#hosts.add(hosts.host)
      // a bare domain is ours at the ports that need no mention
      const ports = hosts.host === hosts.hostPort ? [`${hosts.host}:80`, `${hosts.host}:443`] : [hosts.hostPort]
      for (const each of ports) this.#hostPorts.add(each)
    }
  }

  get publicUrl (): string {
    return this.origins[0]!
  }

  /**
   * Does a `server` tag mean us? BUD-11 wants a lower-case domain; domain:port and whole URLs are in use too. A value with a port, or a
   * URL, must have our port as well; a bare domain stands for every port, since the SDK drops it.
   */
  isServerTag (value: string): boolean {
    const text = value.trim().toLowerCase()
    const hosts = hostsOf(text)
    if (hosts === null) return false
    const bare = !text.includes('://') && hosts.host === hosts.hostPort
    return bare ? this.#hosts.has(hosts.host) : this.#hostPorts.has(hosts.hostPort)
  }

  /** Does this URL lead back to us? */
  isOurs (url: URL): boolean {
    return this.#hostPorts.has(hostsOf(url.origin)?.hostPort ?? '') || this.origins.includes(url.origin)
  }
}
