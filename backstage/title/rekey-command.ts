// `marquee film rekey`: the keys of a film to another server that keeps keys, from the creator's folder or from the sealed blob that the title names; who may
// have them goes with them, and the title then says where they are.

import { readKeys } from '../film/film-build.ts'
import { offersOf } from '../http/offers.ts'
import { ServerRefusal } from '../http/refusal.ts'
import { NetworkFault } from '../http/exchange.ts'
import { TitleFault } from './faults.ts'
import { nameTitle, requireCreator, requireTitle } from './finding.ts'
import { KeyServer } from './key-server.ts'
import { handIn } from './publish.ts'
import { unsealKeys } from './sealed-keys.ts'
import { COMMON_HELP, originsOf, textIn, titleCommand } from './session.ts'
import { nextVersionAt, signChecked } from './signing.ts'
import { report, tellAll } from './telling.ts'
import { editTitle } from './title-edit.ts'
import type { Signer } from '../signer.ts'
import type { FilmKeys } from '../film/film-build.ts'
import type { Found, Named } from './finding.ts'
import type { Access } from './key-server.ts'
import type { Session } from './session.ts'

export const rekey = titleCommand({
  name: 'rekey',
  help: `marquee film rekey FILM --to URL

Hands the keys of a film to another server that keeps keys, tells it who may have them, as the server before does, and publishes where they are now.
The keys come from the folder the film was published from, or else from the film itself: they lie beside it, sealed to you.
FILM is naddr1…, 34235:<pubkey>:<d>, or the folder.
  --to URL   the server that is to keep the keys
${COMMON_HELP}`,
  options: { to: { type: 'string' } },
  words: true,
  run: async (session, parts) => {
    const to = textIn(parts.values, 'to')
    if (to === null || parts.words.length > 1) throw new TitleFault(to === null ? 'where to? --to URL' : 'one film at a time', 2)
    const origin = originsOf([to], '--to')[0]!
    const named = await nameTitle(parts.words[0], parts)
    const signer = await requireCreator(session, named)
    const found = await requireTitle(session, named)
    const { title, event } = found
    if (title.access === null) throw new TitleFault(title.status === 'withdrawn' ? 'this film is withdrawn' : 'this film is open: it has no keys')
    if (!(await offersOf(session.calls, origin)).keys) throw new TitleFault(`${origin} keeps no keys`)
    const keys = await keysOfFilm(session, signer, named, found)
    const access = `${origin}/keys`
    await handIn(session, signer, { access, address: named.text, keys })
    if (title.access.url === access) {
      session.tell('the keys are there; the title says so already', { keys: access })
      return 0
    }
    const rules = await accessBefore(new KeyServer({ url: title.access.url, calls: { ...session.calls, patience: { total: 5000 } }, signer, address: named.text }))
    if (rules === null) session.progress.note(`${title.access.url} does not say who may have the keys: nobody but you may now, see \`film grant\``)
    else await new KeyServer({ url: access, calls: session.calls, signer, address: named.text }).setAccess(rules)
    const draft = editTitle(event, { access }, nextVersionAt(found.versions))
    const told = await tellAll(session, { servers: [...new Set([...named.places.servers, ...title.servers])], relays: named.places.relays }, [await signChecked(draft, signer)], signer)
    session.tell(`keys at ${access}`, { keys: access })
    return report(session, told, 'the title')
  }
})

async function keysOfFilm (session: Session, signer: Signer, { folder, address }: Named, { event, title }: Found): Promise<FilmKeys> {
  const local = folder === null ? null : await readKeys(folder)
  const keys = local ?? await unsealKeys(event.tags, signer, title.servers.map((origin) => session.server(origin)))
  if (keys === null) throw new TitleFault('the title names no sealed keys: name the folder it was published from')
  if (keys.d !== address.d || keys.pubkey !== address.pubkey) throw new TitleFault('these are the keys of another film')
  return keys
}

/** Null where the server before is gone, or has forgotten the film. */
async function accessBefore (server: KeyServer): Promise<Access | null> {
  try {
    return await server.access()
  } catch (error) {
    if (error instanceof ServerRefusal || error instanceof NetworkFault) return null
    throw error
  }
}
