// `marquee film grant` and `revoke`: who may have the keys of a film. It holds at once, and is between the creator and the key room: no event tells it.

import { formatNpub, parseKeyName } from '../../server/catalog/address.ts'
import { TitleFault } from './faults.ts'
import { nameTitle, requireCreator, requireTitle } from './finding.ts'
import { KeyServer } from './key-server.ts'
import { COMMON_HELP, titleCommand } from './session.ts'
import type { Access } from './key-server.ts'
import type { Parts, Session } from './session.ts'

const WHO_OPTIONS = { 'open': { type: 'boolean' }, 'signed-in': { type: 'boolean' } } as const

export const grant = titleCommand({
  name: 'grant',
  help: `marquee film grant FILM [NPUB…] [--open | --signed-in]

Lets keys of Nostr play a film, at once, besides those who may already. Without more it shows who may.
FILM is naddr1…, 34235:<pubkey>:<d>, or the folder it was published from.
  --open        anybody may, without a key
  --signed-in   whoever has any key may
${COMMON_HELP}`,
  options: WHO_OPTIONS,
  words: true,
  run: (session, parts) => change(session, parts, ({ who, pubkeys }, named, asked) => ({
    who: asked ?? who, pubkeys: [...new Set([...pubkeys, ...named])]
  }))
})

export const revoke = titleCommand({
  name: 'revoke',
  help: `marquee film revoke FILM [NPUB…] [--open | --signed-in]

Ends what \`film grant\` gave: of these keys, or that anybody may (--open), or whoever has a key (--signed-in). Keys that players have
fetched already stay with them.
${COMMON_HELP}`,
  options: WHO_OPTIONS,
  words: true,
  run: (session, parts) => change(session, parts, ({ who, pubkeys }, named, asked) => ({
    who: asked === who ? 'list' : who, pubkeys: pubkeys.filter((each) => !named.includes(each))
  }))
})

type Changing = (before: Access, named: string[], asked: 'open' | 'signed-in' | null) => Access

async function change (session: Session, parts: Parts, changing: Changing): Promise<number> {
  const [film, ...people] = parts.words
  const named = people.map(keyIn)
  const [open, signedIn] = [parts.values['open'] === true, parts.values['signed-in'] === true]
  if (open && signedIn) throw new TitleFault('--open or --signed-in, not both', 2)
  const keys = await keysOf(session, parts, film)
  const before = await keys.access()
  const after = changing(before, named, open ? 'open' : signedIn ? 'signed-in' : null)
  if (JSON.stringify(after) !== JSON.stringify(before)) await keys.setAccess(after)
  const listed = after.pubkeys.map((pubkey) => `\n  ${formatNpub(pubkey)}`).join('')
  const text = after.who === 'open' ? 'anybody may play it' : after.who === 'signed-in' ? 'whoever has a key may play it' : after.pubkeys.length === 0 ? 'nobody but you may play it' : `you and these may play it:${listed}`
  session.tell(text, { who: after.who, pubkeys: after.pubkeys })
  if (after.who !== 'list' && named.length > 0) session.progress.note('single keys count once it is neither --open nor --signed-in')
  return 0
}

/** The key room of a film that is its creator's, who signs. Rejects with TitleFault. */
export async function keysOf (session: Session, parts: Parts, film: string | undefined): Promise<KeyServer> {
  const named = await nameTitle(film, parts)
  const signer = await requireCreator(session, named)
  const { title } = await requireTitle(session, named)
  if (title.status === 'withdrawn') throw new TitleFault('this film is withdrawn: its keys are given to nobody')
  if (title.access === null) throw new TitleFault('this film is open: it has no keys')
  return new KeyServer({ url: title.access.url, calls: session.calls, signer, address: named.text })
}

function keyIn (text: string): string {
  try {
    return parseKeyName(text)
  } catch {
    throw new TitleFault(`${text} is no key: npub1… or 64 hex digits`, 2)
  }
}
