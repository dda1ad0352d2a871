// What a configured value may look like and what it becomes: sizes in bytes, times in milliseconds, keys in lowercase hex,
// URLs in one spelling. Design §6. Pure but for the working directory that paths are resolved against. A refused value is `undefined`
// and its text is never repeated: it may be a secret typed into the wrong place.
import { isIP, isIPv6 } from 'node:net'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { decode } from 'nostr-tools/nip19'
import { normalizeURL } from 'nostr-tools/utils'

const HEX_64 = /^[0-9a-f]{64}$/
const HOST_NAME = /^[a-z0-9._-]+$/i
const MEDIA_TYPE = /^(\*\/\*|[a-z0-9!#$&^_.+-]+\/(\*|[a-z0-9!#$&^_.+-]+))$/
/** Of secp256k1. */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const SIZE = /^(\d+) ?(B|[KMGT]i?B)?$/i
const SECONDS = /^(\d+(?:\.\d+)?)s?$/
const DURATION = /^(\d+(?:\.\d+)?)([smhd])?$/
const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 }
/** A century: an end of a blob must stay a date of four-digit years. */
const LONGEST_DURATION = 36_500 * UNITS.d
/** Node fires a longer timer at once. */
const LONGEST_TIMER = 2 ** 31 - 1
const POWERS = ['', 'K', 'M', 'G', 'T']

/** Bytes from `10GiB`, `10GB`, `512MiB`, `1000` or 1000; `undefined` unless it is a safe integer from `least` to `most`. */
export function parseSize (value: unknown, least = 0, most = Number.MAX_SAFE_INTEGER): number | undefined {
  const [text, digits, unit = ''] = SIZE.exec(String(value)) ?? []
  if (text === undefined || (typeof value !== 'string' && typeof value !== 'number')) return undefined
  const base = /i/i.test(unit) ? 1024 : 1000
  const bytes = Number(digits) * base ** POWERS.indexOf(unit.replace(/i?B$/i, '').toUpperCase())
  return bytes >= least && bytes <= most ? bytes : undefined
}

/** Milliseconds from seconds: 30, `30` or `30s`. */
export function parseSeconds (value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const milliseconds = Math.round(Number(SECONDS.exec(String(value))?.[1] ?? NaN) * 1000)
  return milliseconds > 0 && milliseconds <= LONGEST_TIMER ? milliseconds : undefined
}

/** Whole seconds from `30d`, `12h`, `90m`, `45s` or 3600. */
export function parseDuration (value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const [, count = NaN, unit = 's'] = DURATION.exec(String(value)) ?? []
  const seconds = Math.round(Number(count) * UNITS[unit as keyof typeof UNITS])
  return seconds > 0 && seconds <= LONGEST_DURATION ? seconds : undefined
}

/** Lowercase hex of 64 hex digits or of a bech32 name of the kind asked for. */
function parseKey (value: unknown, kind: 'npub' | 'nsec'): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.toLowerCase()
  if (HEX_64.test(text)) return text
  try {
    const { type, data } = decode(value)
    if (type !== kind) return undefined
    const hex = typeof data === 'string' ? data : Buffer.from(data as Uint8Array).toString('hex')
    return HEX_64.test(hex) ? hex : undefined
  } catch {
    return undefined
  }
}

function parseSecretKey (value: unknown): string | undefined {
  const hex = parseKey(value, 'nsec')
  if (hex === undefined) return undefined
  // 0 and everything from the order of the curve on are no keys, though they are 64 hex digits
  const number = BigInt(`0x${hex}`)
  return number > 0n && number < CURVE_ORDER ? hex : undefined
}

function parseURL (text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** `scheme://host[:port]`, lowercase, without default port and trailing slash; a path, query, fragment or user is refused. */
export function parseOrigin (value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^https?:\/\//i.test(value)) return undefined
  const url = parseURL(value)
  return url?.href === `${url?.origin}/` ? url.origin : undefined
}

/** An origin, or a domain with or without a port: what the `server` tag of a token may say. */
function parseAlias (value: unknown): string | undefined {
  if (typeof value !== 'string' || value.includes('://')) return parseOrigin(value)
  return /[/\\@?#\s]/.test(value) ? undefined : parseOrigin(`http://${value}`)?.slice('http://'.length)
}

/** A relay's URL in the spelling that nostr-tools' pool keys it by. */
function parseRelay (value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^wss?:\/\//i.test(value)) return undefined
  const url = parseURL(value)
  return url === undefined || url.username + url.password + url.hash !== '' ? undefined : normalizeURL(value)
}

function parseHost (value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  return isIP(value) !== 0 || (HOST_NAME.test(value) && URL.canParse(`http://${value}`)) ? value : undefined
}

/** An IP address, or a range as address/bits. */
function parseNetwork (value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const [address = '', bits, ...more] = value.split('/')
  if (isIP(address) === 0 || address.includes('%') || more.length > 0) return undefined
  if (bits === undefined) return ipaddr.process(address).toString()
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv6(address) ? 128 : 32) ? `${ipaddr.parse(address).toString()}/${Number(bits)}` : undefined
}

/** The base of our URLs when none is given; an IPv6 zone is of no use to others and falls away. */
export function originOf (host: string, port: number): string {
  return new URL(`http://${isIPv6(host) ? `[${host.replace(/%.*/, '')}]` : host}:${port}`).origin
}

function matching (pattern: RegExp): (value: unknown) => string | undefined {
  return value => typeof value === 'string' && pattern.test(value.toLowerCase()) ? value.toLowerCase() : undefined
}

export interface Meaning {
  /** Completes "/place …". */
  words: string
  parse: (value: unknown) => unknown
}

const SIZES = 'in bytes, or like 512MiB or 10GB'

/** Every meaning a schema may ask for with `becomes`. */
export const MEANINGS: Readonly<Record<string, Meaning>> = {
  host: { words: 'must be an IP address or a host name', parse: parseHost },
  folder: { words: 'must be a path', parse: value => typeof value === 'string' && value !== '' ? resolve(value) : undefined },
  origin: { words: 'must be an http or https URL without a path', parse: parseOrigin },
  alias: { words: 'must be a domain, or an http or https URL without a path', parse: parseAlias },
  relay: { words: 'must be a ws or wss URL', parse: parseRelay },
  secretKey: { words: 'must be a secret key: nsec or 64 hex digits', parse: parseSecretKey },
  pubkey: { words: 'must be a public key: npub or 64 hex digits', parse: value => parseKey(value, 'npub') },
  hex64: { words: 'must be 64 hex digits', parse: matching(HEX_64) },
  network: { words: 'must be an IP address or a range like 10.0.0.0/8', parse: parseNetwork },
  mediaType: { words: 'must be a media type like image/png, image/* or */*', parse: matching(MEDIA_TYPE) },
  size: { words: `must be a size ${SIZES}`, parse: value => parseSize(value) },
  blobSize: { words: `must be a size of at least 1 byte, ${SIZES}`, parse: value => parseSize(value, 1) },
  inlineSize: { words: `must be a size of at most 65536 bytes, ${SIZES}`, parse: value => parseSize(value, 0, 65536) },
  duration: { words: 'must be a time above 0 and up to 36500d, like 30d, 12h or seconds', parse: parseDuration },
  seconds: { words: 'must be seconds above 0, like 30 or 30s', parse: parseSeconds },
}
