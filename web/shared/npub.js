// Public keys as people write them: npub1… (NIP-19, bech32 of BIP-173) or 64 hex digits.

import { hexOf } from './sha256.js'

const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
/** The letters of `npub` as the checksum takes them: their high bits, a zero, their low bits. */
const PREFIX = [...'npub'].map((letter) => letter.charCodeAt(0) >> 5).concat(0, [...'npub'].map((letter) => letter.charCodeAt(0) & 31))

/** BIP-173's polymod: 1 for what has its right checksum. @param {number[]} values of five bits each */
function checksum (values) {
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = (sum & 0x1ffffff) << 5 ^ value
    GENERATOR.forEach((each, bit) => { if (top >>> bit & 1) sum ^= each })
  }
  return sum
}

/** The same bits in groups of another size. @param {Iterable<number>} values @param {number} from bits @param {number} to bits */
function regroup (values, from, to) {
  const groups = []
  let [rest, bits] = [0, 0]
  for (const value of values) {
    rest = rest << from | value
    bits += from
    while (bits >= to) {
      bits -= to
      groups.push(rest >>> bits & (1 << to) - 1)
    }
    rest &= (1 << bits) - 1
  }
  return { groups, rest, bits }
}

/** The 64 hex digits that a text means, or null: hex in any case, npub1…, nostr:npub1…. @param {string} text */
export function pubkeyIn (text) {
  const given = text.trim().replace(/^nostr:/i, '')
  if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase()
  // BIP-173: capitals and small letters are not mixed
  if (!/^(npub1[a-z0-9]{58}|NPUB1[A-Z0-9]{58})$/.test(given)) return null
  const values = [...given.toLowerCase().slice(5)].map((letter) => LETTERS.indexOf(letter))
  if (values.includes(-1) || checksum([...PREFIX, ...values]) !== 1) return null
  const { groups, rest } = regroup(values.slice(0, -6), 5, 8)
  return rest === 0 && groups.length === 32 ? hexOf(Uint8Array.from(groups)) : null
}

/** @param {string} pubkey 64 hex digits */
export function npubOf (pubkey) {
  const { groups, rest, bits } = regroup(pubkey.match(/../g).map((pair) => parseInt(pair, 16)), 8, 5)
  const values = [...groups, ...(bits > 0 ? [rest << 5 - bits] : [])]
  const sum = checksum([...PREFIX, ...values, 0, 0, 0, 0, 0, 0]) ^ 1
  return `npub1${[...values, ...[25, 20, 15, 10, 5, 0].map((shift) => sum >>> shift & 31)].map((value) => LETTERS[value]).join('')}`
}
