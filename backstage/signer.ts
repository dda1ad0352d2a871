// Who signs: a secret key from a file or the environment, or a remote signer (NIP-46). A secret key is never taken from the command line, where other
// people of the machine could read it.

import { readFile } from 'node:fs/promises'
import { decode } from 'nostr-tools/nip19'
import { v2 as nip44 } from 'nostr-tools/nip44'
import { pubkeyOf, signEvent } from '../server/auth/signature.ts'
import { openBunker } from './bunker.ts'
import { KeyFault } from './key-fault.ts'
import type { EventDraft, SignedEvent } from '../server/auth/signature.ts'

export interface Signer {
  /** 64 hex digits. */
  pubkey: string
  /** Rejects with KeyFault when a remote signer refuses or does not answer. */
  sign: (draft: EventDraft) => Promise<SignedEvent>
  /** NIP-44 to oneself: 65,535 bytes of UTF-8 at most. */
  seal: (text: string) => Promise<string>
  /** Rejects with KeyFault for what is not sealed to this key. */
  unseal: (sealed: string) => Promise<string>
  close: () => void
}

export interface SignerParts {
  /** A file with an nsec, 64 hex digits or a bunker:// URI; or a bunker:// URI itself. Without: the environment. */
  key: string | null
  /** MARQUEE_NSEC (nsec, hex or bunker://) or MARQUEE_NSEC_FILE; XDG_CONFIG_HOME or HOME for what a remote signer must find again. */
  env: Readonly<Record<string, string | undefined>>
  /** Tells the person what a remote signer wants done. */
  say: (line: string) => void
}

export const KEY_HELP = `  --key FILE   your secret key: a file with an nsec, or a bunker://… URI of a remote signer (NIP-46), in a file or as it is.
               Else the environment: MARQUEE_NSEC, or MARQUEE_NSEC_FILE with the name of a file`

/** Rejects with KeyFault. */
export async function openSigner ({ key, env, say }: SignerParts): Promise<Signer> {
  if (key !== null && /^(nsec1|[0-9a-f]{64}$)/i.test(key)) throw new KeyFault('--key takes a file: a secret key on the command line can be read by everybody on this machine')
  const named = key ?? env['MARQUEE_NSEC_FILE'] ?? null
  const text = key?.startsWith('bunker://') === true ? key : named !== null ? await textOf(named) : env['MARQUEE_NSEC']?.trim() ?? ''
  if (text === '') throw new KeyFault('who signs? --key FILE, or MARQUEE_NSEC in the environment')
  if (text.startsWith('bunker://')) return openBunker({ uri: text, env, say })
  const secret = secretIn(text)
  if (secret === null) throw new KeyFault(`${named ?? 'MARQUEE_NSEC'} holds neither an nsec nor a bunker:// URI`)
  return ownKey(secret)
}

async function textOf (path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw new KeyFault(`the key file cannot be read: ${(error as Error).message}`)
  }
}

/** 64 hex digits; null for what is no secret key. */
function secretIn (text: string): string | null {
  try {
    // `marquee key --make > FILE` writes the npub before it
    const [nsec, ...others] = text.split(/\s+/).filter((word) => /^nsec1/i.test(word))
    const decoded = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : decode(nsec !== undefined && others.length === 0 ? nsec : text)
    const bytes = Buffer.isBuffer(decoded) ? decoded : decoded.type === 'nsec' ? Buffer.from(decoded.data) : null
    if (bytes === null) return null
    pubkeyOf(bytes.toString('hex')) // throws for what is no key of the curve
    return bytes.toString('hex')
  } catch {
    return null
  }
}

/** @param secret 64 hex digits */
export function ownKey (secret: string): Signer {
  const pubkey = pubkeyOf(secret)
  const conversation = nip44.utils.getConversationKey(Buffer.from(secret, 'hex'), pubkey)
  return {
    pubkey,
    sign: async (draft) => signEvent(draft, secret),
    seal: async (text) => nip44.encrypt(text, conversation),
    unseal: async (sealed) => {
      try {
        return nip44.decrypt(sealed, conversation)
      } catch {
        throw new KeyFault('it is not sealed to this key')
      }
    },
    close: () => {}
  }
}
