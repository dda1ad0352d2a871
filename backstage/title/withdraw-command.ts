// `marquee film withdraw`: takes a film back. First a newer version that says withdrawn, which every relay puts in the place of the title, then kind 5, which
// some relays pass over (NIP-09). With --delete-blobs its blobs go too, but for those that another film of the creator needs.

import { buildWithdrawnTitle } from '../../server/catalog/kinds/title.ts'
import { buildWithdrawal } from '../../server/catalog/kinds/withdrawal.ts'
import { valueOf } from '../../server/catalog/tags.ts'
import { readBuild } from '../film/film-build.ts'
import { eachOf } from '../http/parallel.ts'
import { BlossomTokens } from '../http/tokens.ts'
import { TitleFault } from './faults.ts'
import { blobsOfTitle, readManifest } from './film-blobs.ts'
import { nameTitle, requireCreator, requireTitle } from './finding.ts'
import { titlesOf } from './list-command.ts'
import { SEALED_TAG } from './sealed-keys.ts'
import { COMMON_HELP, textIn, titleCommand } from './session.ts'
import { nextVersionAt, signChecked } from './signing.ts'
import { report, tellAll } from './telling.ts'
import { parseTitle } from '../../server/catalog/kinds/title.ts'
import type { Signer } from '../signer.ts'
import type { Found, Named } from './finding.ts'
import type { Places, Session } from './session.ts'

export const withdraw = titleCommand({
  name: 'withdraw',
  help: `marquee film withdraw FILM [--reason WORDS] [--delete-blobs]

Takes a film back: a newer version says that it is withdrawn, then its deletion is asked for. Its keys are given to nobody from then on.
What others have fetched or mirrored stays with them.
FILM is naddr1…, 34235:<pubkey>:<d>, or the folder it was published from.
  --reason         told with it
  --delete-blobs   also ends your ownership of its blobs on its servers, but of those that another film of yours there needs. With the
                   last owner a blob is gone
${COMMON_HELP}`,
  options: { 'reason': { type: 'string' }, 'delete-blobs': { type: 'boolean' } },
  words: true,
  run: async (session, parts) => {
    if (parts.words.length > 1) throw new TitleFault('one film at a time', 2)
    const named = await nameTitle(parts.words[0], parts)
    const signer = await requireCreator(session, named)
    const found = await requireTitle(session, named)
    const places: Places = { servers: [...new Set([...named.places.servers, ...serversOf(found)])], relays: named.places.relays }
    // before it is taken back: its manifest is found by the title
    const hashes = parts.values['delete-blobs'] === true ? await deletable(session, signer, named, found) : null
    const code = await takeBack(session, signer, { named, found, places, reason: textIn(parts.values, 'reason') })
    return hashes === null ? code : Math.max(code, await deleteAll(session, signer, hashes, serversOf(found)))
  }
})

async function takeBack (session: Session, signer: Signer, { named, found, places, reason }: { named: Named, found: Found, places: Places, reason: string | null }): Promise<number> {
  const { title, versions } = found
  const createdAt = nextVersionAt(versions)
  const gone = title.status === 'withdrawn' ? found.event : await signChecked(buildWithdrawnTitle(title, reason, createdAt), signer)
  // §1.7: with every version that is known, but not the newer one: a relay that passes over `a` keeps it, and takes no older one back
  const ids = versions.filter(({ id }) => id !== gone.id).map(({ id }) => id)
  // dated before the newer one, which it would take back as well: the film stays listed as withdrawn, and can be withdrawn again
  const withdrawal = await signChecked(buildWithdrawal({ addresses: [named.text], ids, reason: reason ?? '' }, gone.created_at - 1), signer)
  const told = await tellAll(session, places, [gone, withdrawal], signer)
  session.tell(`withdrawn: ${title.title === '' ? named.text : title.title}`, { withdrawn: named.text })
  return report(session, told, 'the withdrawal')
}

/** The newest version that still named servers. */
function serversOf ({ versions }: Pick<Found, 'versions'>): string[] {
  const naming = versions.find(({ tags }) => valueOf(tags, 'server') !== null)
  return naming === undefined ? [] : parseTitle(naming).servers
}

/** Hashes of the blobs that no other film of the creator needs. Rejects with TitleFault when they are not to be known any more. */
async function deletable (session: Session, signer: Signer, { address, folder }: Named, { versions }: Found): Promise<string[]> {
  const live = versions.find((version) => valueOf(version.tags, 'manifest') !== null)
  if (live === undefined && folder === null) throw new TitleFault('it is withdrawn already, and nothing names its blobs any more: name the folder it was published from')
  const hashes = new Set(live === undefined ? (await readBuild(folder!)).files.map(({ sha256 }) => sha256) : await hashesOf(session, live))
  const sealed = live === undefined ? null : valueOf(live.tags, SEALED_TAG)
  if (sealed !== null) hashes.add(await signer.unseal(sealed))
  const servers = serversOf({ versions })
  for (const other of await titlesOf(session, signer.pubkey, { servers, relays: [] })) {
    if (other.title.d === address.d || other.title.status === 'withdrawn') continue
    for (const hash of await hashesOf(session, other.event)) hashes.delete(hash)
  }
  return [...hashes]
}

async function hashesOf (session: Session, event: Found['event']): Promise<string[]> {
  const title = parseTitle(event)
  return blobsOfTitle(title, await readManifest(title, title.servers.map((origin) => session.server(origin)))).map(({ sha256 }) => sha256)
}

async function deleteAll (session: Session, signer: Signer, hashes: readonly string[], servers: readonly string[]): Promise<number> {
  let faults = 0
  for (const origin of servers) {
    // one server's deletions are no other's: its own tokens
    const tokens = new BlossomTokens({ signer, verb: 'delete', servers: [origin], hashes })
    const stage = session.progress.stage(`delete ${new URL(origin).host}`, { total: hashes.length, unit: 'blobs' })
    let done = 0
    await eachOf(hashes, 8, async (sha256) => {
      try {
        await session.server(origin).remove(sha256, tokens)
      } catch (error) {
        if (faults++ === 0) session.progress.note((error as Error).message)
      }
      stage.at(++done)
    })
    stage.end()
  }
  if (faults > 0) session.progress.note(`${faults} blobs were not deleted`)
  return faults === 0 ? 0 : 1
}
