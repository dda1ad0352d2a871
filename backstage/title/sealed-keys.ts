// The keys of a film, kept for their creator where the film is: keys.json sealed by NIP-44 to the creator's own key is a blob like others, and the title
// names it by a `sealed` tag, which is the blob's sha256 sealed in the same way. So whoever holds the creator's key finds both again from the title
// alone, and nobody else learns even which blob it is.

import { Ajv2020 } from 'ajv/dist/2020.js'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { valueOf } from '../../server/catalog/tags.ts'
import { FILM_KEYS_SCHEMA } from '../film/film-build-schema.ts'
import { NetworkFault } from '../http/exchange.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { fingerprint } from './publish-state.ts'
import { TitleFault } from './faults.ts'
import type { ValidateFunction } from 'ajv'
import type { FilmKeys } from '../film/film-build.ts'
import type { BlossomServer } from '../http/blossom.ts'
import type { Signer } from '../signer.ts'
import type { PublishState } from './publish-state.ts'

export const SEALED_TAG = 'sealed'
export const SEALED_TYPE = 'text/plain'

/** Bytes of a sealed blob: NIP-44 seals 64 KiB at most, and base64 makes a third more of them. */
const LIMIT = 128 * 1024

/** The sealed keys; those of an earlier run, when they are of the same keys: each sealing has other bytes. */
export async function sealKeys (keys: FilmKeys, signer: Signer, before: PublishState['sealed']): Promise<NonNullable<PublishState['sealed']>> {
  const of = fingerprint(keys)
  if (before?.of === of) return before
  const text = await signer.seal(JSON.stringify(keys))
  const sha256 = sha256Hex(Buffer.from(text))
  return { sha256, text, of, name: await signer.seal(sha256) }
}

/** The keys of a title, from its `sealed` tag. Null where it has none. Rejects with TitleFault, KeyFault, and what a server's `bytes` rejects with. */
export async function unsealKeys (tags: readonly string[][], signer: Signer, servers: readonly BlossomServer[]): Promise<FilmKeys | null> {
  const name = valueOf(tags, SEALED_TAG)
  if (name === null) return null
  const sha256 = await signer.unseal(name)
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TitleFault('the title\'s sealed tag names no blob')
  const reasons: string[] = []
  for (const server of servers) {
    try {
      const bytes = await server.bytes(sha256, LIMIT)
      if (bytes !== null && sha256Hex(bytes) === sha256) return parseKeys(await signer.unseal(bytes.toString('utf8')))
      reasons.push(`${server.origin} ${bytes === null ? 'does not have them' : 'sent other bytes'}`)
    } catch (error) {
      // the next server may have them; a key that cannot open them will not at the next
      if (!(error instanceof ServerRefusal || error instanceof NetworkFault)) throw error
      reasons.push(error.message)
    }
  }
  throw new TitleFault(`none of the title's servers gave its sealed keys, ${sha256}: ${reasons.join('; ') || 'it names none'}`)
}

const ajv = new Ajv2020({ strict: true, validateSchema: false, meta: false })
let check: ValidateFunction | null = null

function parseKeys (text: string): FilmKeys {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  check ??= ajv.compile(FILM_KEYS_SCHEMA)
  if (!check(value)) throw new TitleFault('what is sealed are no keys of a film')
  return value as FilmKeys
}
