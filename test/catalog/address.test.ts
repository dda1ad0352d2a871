// Addresses, which version wins, and our own created_at.

import t from 'tap'
import { nip19 } from 'nostr-tools'
import { addressOf, compareVersions, formatAddress, formatNaddr, formatNpub, nextCreatedAt, parseAddressName, parseKeyName, readAddress } from '../../server/catalog/address.ts'
import { faultOf } from './faults.ts'
import { CREATOR, eventOf } from './samples.ts'

t.test('NIP-01: replaceable kinds have an address without d, addressable ones with it, regular ones none', async (t) => {
  const at = (kind: number, tags: string[][] = []): string | null => addressOf(eventOf({ kind, tags }))
  t.equal(at(0), `0:${CREATOR}:`)
  t.equal(at(10063, [['d', 'x']]), `10063:${CREATOR}:`)
  t.equal(at(34235, [['d', 'a:b'], ['d', 'c']]), `34235:${CREATOR}:a:b`, 'the first d')
  t.equal(at(30081), `30081:${CREATOR}:`, 'a missing d is an empty one')
  for (const kind of [1, 5, 3063, 20000, 40000]) t.equal(at(kind), null, String(kind))
})

t.test('an address is read as it was written, colons in d too', async (t) => {
  for (const text of [`34235:${CREATOR}:a:b`, `30005:${CREATOR}:`, `10002:${CREATOR}:`, `30078:${CREATOR}:x\ny`]) t.equal(formatAddress(readAddress(text)!), text)
  for (const text of ['', `34235:${CREATOR}`, `034235:${CREATOR}:x`, `34235:${CREATOR.toUpperCase()}:x`, `5:${CREATOR}:`, `10002:${CREATOR}:x`, `99999:${CREATOR}:x`]) t.equal(readAddress(text), null, text)
})

t.test('naddr, npub and nprofile are read, with nostr: before them or not', async (t) => {
  const address = { kind: 34235, pubkey: CREATOR, d: 'indeehub:ü' }
  const naddr = formatNaddr(address)
  for (const text of [naddr, `nostr:${naddr}`, naddr.toUpperCase(), formatAddress(address), nip19.naddrEncode({ ...address, identifier: address.d, relays: ['wss://a.example'] })]) t.strictSame(parseAddressName(text), address)
  for (const text of [naddr.slice(0, -1), 'naddr1', formatNpub(CREATOR), nip19.naddrEncode({ kind: 1, pubkey: CREATOR, identifier: '' })]) t.equal(faultOf(() => parseAddressName(text)), 'ADDRESS_UNREADABLE', text)
  for (const text of [CREATOR, CREATOR.toUpperCase(), formatNpub(CREATOR), `nostr:${formatNpub(CREATOR)}`, nip19.nprofileEncode({ pubkey: CREATOR })]) t.equal(parseKeyName(text), CREATOR)
  for (const text of ['', 'npub1', nip19.noteEncode(CREATOR), CREATOR.slice(1)]) t.equal(faultOf(() => parseKeyName(text)), 'KEY_UNREADABLE', text)
})

t.test('NIP-01: the newest created_at wins, and of equal ones the lowest id', async (t) => {
  const versions = [{ id: 'b', created_at: 5 }, { id: 'a', created_at: 5 }, { id: 'z', created_at: 6 }, { id: '0', created_at: 4 }]
  t.strictSame(versions.sort(compareVersions).map(({ id }) => id), ['z', 'a', 'b', '0'])
})

t.test('our own created_at per address always grows, within a second and when the clock falls back', async (t) => {
  t.equal(nextCreatedAt(null, 100), 100)
  t.equal(nextCreatedAt(90, 100), 100)
  t.equal(nextCreatedAt(100, 100), 101)
  t.equal(nextCreatedAt(500, 100), 501)
})
