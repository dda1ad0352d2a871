// `marquee film audit`: who asked for the keys of a film, and what they were told.

import { formatNpub } from '../../server/catalog/address.ts'
import { keysOf } from './access-commands.ts'
import { TitleFault } from './faults.ts'
import { COMMON_HELP, textIn, titleCommand } from './session.ts'

const LIMIT = 100

export const audit = titleCommand({
  name: 'audit',
  help: `marquee film audit FILM [--limit N]

Who asked for the keys of a film, newest first, and what they were told.
FILM is naddr1…, 34235:<pubkey>:<d>, or the folder it was published from.
  --limit N   lines at most (${LIMIT})
${COMMON_HELP}`,
  options: { limit: { type: 'string' } },
  words: true,
  run: async (session, parts) => {
    const limit = Number(textIn(parts.values, 'limit') ?? LIMIT)
    if (!Number.isInteger(limit) || limit < 1) throw new TitleFault('--limit is a number of lines', 2)
    if (parts.words.length > 1) throw new TitleFault('one film at a time', 2)
    const entries = await (await keysOf(session, parts, parts.words[0])).audit(limit)
    for (const { at, pubkey, key, action, granted, reason } of entries) {
      const who = pubkey === null ? 'nobody' : formatNpub(pubkey)
      const text = `${new Date(at).toISOString()}  ${granted ? 'given  ' : 'refused'}  ${action.padEnd(7)}  ${who}${key === null ? '' : `  ${key}`}${reason === '' ? '' : `  ${reason}`}`
      session.tell(text.replace(/[\p{Cc}\p{Cf}]/gu, '?'), { at, pubkey, key, action, granted, reason })
    }
    if (entries.length === 0) session.progress.note('nobody has asked yet')
    return 0
  }
})
