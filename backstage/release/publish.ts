// `marquee release publish`: a signed release to servers and relays. Looked through as a node would before a byte goes out; run again it goes on where it
// was, and makes nothing twice.

import { join } from 'node:path'
import { isEvent, isSigned } from '../../server/auth/signature.ts'
import { ServerRefusal, jsonIn } from '../http/refusal.ts'
import { ReleaseFault } from '../../server/release/faults.ts'
import { parseLatestPointer } from '../../server/release/latest-pointer.ts'
import { nextPointer, pointedOf } from '../../server/release/next-pointer.ts'
import { emptyState } from '../../server/release/state.ts'
import { BUNDLE_LIMIT, parseTrustBundle } from '../../server/release/trust-bundle.ts'
import { verifyRelease } from '../../server/release/verify.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import { KEY_HELP, openSigner } from '../signer.ts'
import { postEvent, tellAll, uploadAll } from './announcing.ts'
import { readIfThere, readLimited, readRoleKey, writeDurably } from './files.ts'
import { BUNDLE_FILE, POINTER_FILE, readReleaseFolder } from './folder.ts'
import { Misuse, needed, onlyWord, textIn, textsIn, wholeIn } from './misuse.ts'
import { NETWORK_HELP, networkCommand, relaysIn, serversIn } from './networked.ts'
import { PublishedEvents } from './published-events.ts'
import { applicationDraft, artifactDrafts, pointerDraft, releaseDraft, trustDraft } from './release-events.ts'
import { demandInForce } from './trust-in-force.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'
import type { TrustBundle } from '../../server/release/trust-bundle.ts'
import type { Announcing, Upload } from './announcing.ts'
import type { ReleaseFolder } from './folder.ts'
import type { Parts } from './networked.ts'
import type { ApplicationWords } from './release-events.ts'

const JSON_TYPE = 'application/json'
const seconds = (): number => Math.floor(Date.now() / 1000)

export const publish = networkCommand({
  help: `marquee release publish DIR|MANIFEST --server URL… --key FILE [--relay URL]… [--trust FILE] [--timestamp FILE]… [more]
       marquee release publish --trust FILE --server URL… [--key FILE] [--relay URL]…

Publishes a release that was made and signed: uploads its files and documents, announces it (32267, 3063, 30063) and carries trust bundle and latest pointer
(30078) to the catalogs of the servers, which tell their relays, and to the relays named. DIR has manifest.json and files.json (marquee release make),
trust-bundle.json, and latest-pointer.json unless --timestamp makes one. Broken off anywhere, it is run again. Without DIR the trust bundle alone is published,
as after a revocation.
${KEY_HELP.replace('your secret key', 'the operating key, which the trust bundle lists')}
  --server URL        may stand often; each gets everything
  --trust FILE        the trust bundle, where it is not DIR/trust-bundle.json
  --timestamp FILE    a timestamp key (marquee release key): signs a new latest pointer into DIR/${POINTER_FILE}; --valid-days N (7 at most)
  --name, --summary, --icon URL, --repository URL, --license SPDX   what people read of the application
${NETWORK_HELP}`,
  options: {
    'key': { type: 'string' }, 'trust': { type: 'string' }, 'timestamp': { type: 'string', multiple: true }, 'valid-days': { type: 'string' },
    'name': { type: 'string' }, 'summary': { type: 'string' }, 'icon': { type: 'string' }, 'repository': { type: 'string' }, 'license': { type: 'string' }
  },
  words: true,
  run: async ({ values, words, terminal }, calls) => {
    const servers = serversIn(values)
    if (servers.length === 0) throw new Misuse('--server URL is missing: where to?')
    const to = { ...calls, servers, relays: relaysIn(values), say: terminal.err }
    if (words.length === 0) return publishTrust(needed(values, 'trust'), to, textIn(values, 'key'), terminal)
    const release = await readReleaseFolder(onlyWord(words, 'DIR'))
    const { bundle, bundleBytes } = await bundleOf(release, values)
    const pointerBytes = await pointerOf(release, bundle, values)
    demandGood(release, bundle, bundleBytes, pointerBytes)
    const signer = await openSigner({ key: textIn(values, 'key'), env: terminal.env, say: terminal.err })
    try {
      if (!bundle.roles.release.nostr.includes(signer.pubkey)) throw new Misuse(`the trust bundle does not list ${signer.pubkey} among the release keys on Nostr`)
      const announcing: Announcing = { ...to, signer }
      const sent = await uploadAll(announcing, uploadsOf(release, [bundleBytes, pointerBytes]))
      terminal.out(`${servers.join(', ')}: ${sent} of ${(release.files.length + 3) * servers.length} blobs sent, the rest was there`)
      const told = await announce(announcing, release, { bundleBytes, pointerBytes, carrier: await carrierBeside(textIn(values, 'trust') ?? join(release.folder, BUNDLE_FILE), bundleBytes) }, wordsIn(values))
      const { app, version, channel, sequence } = release.manifest
      terminal.out(`${app} ${version} (${channel}, sequence ${sequence}) is published`)
      return told ? 0 : 1
    } finally {
      signer.close()
    }
  }
})

async function bundleOf ({ bundle }: ReleaseFolder, values: Parts['values']): Promise<{ bundle: TrustBundle, bundleBytes: Buffer }> {
  const path = textIn(values, 'trust')
  const bundleBytes = path === null ? bundle : await readLimited(path, BUNDLE_LIMIT)
  if (bundleBytes === null) throw new Misuse('--trust FILE is missing, or trust-bundle.json in the folder (marquee release trust)')
  return { bundle: parseTrustBundle(bundleBytes), bundleBytes }
}

async function pointerOf ({ folder, manifest, named, pointer }: ReleaseFolder, bundle: TrustBundle, values: Parts['values']): Promise<Buffer> {
  const keys = textsIn(values, 'timestamp')
  if (keys.length === 0) {
    if (pointer === null) throw new Misuse(`--timestamp FILE is missing, or ${POINTER_FILE} in the folder`)
    return pointer
  }
  // a pointer that is still good and says the same is not signed again: the same run twice publishes the same
  const wanted = pointedOf(manifest, named)
  if (pointer !== null) {
    const { issued_at, expires_at, manifest: names } = parseLatestPointer(pointer)
    if (names.sha256 === wanted.manifest.sha256 && issued_at + (expires_at - issued_at) / 2 > seconds()) return pointer
  }
  const days = wholeIn(values, 'valid-days', 1) ?? 7
  const made = nextPointer(wanted, seconds(), Math.min(days * 86400, bundle.roles.timestamp.max_validity_s), await Promise.all(keys.map(readRoleKey)))
  await writeDurably(join(folder, POINTER_FILE), made)
  return made
}

/** What no node would install is not published. Throws the first fault. */
function demandGood ({ manifest, manifestBytes }: ReleaseFolder, bundle: TrustBundle, bundleBytes: Buffer, pointer: Buffer): void {
  const { checks } = verifyRelease({
    bundle: bundleBytes, pointer, manifest: manifestBytes, app: manifest.app, channel: manifest.channel, installed: null, now: seconds(), state: emptyState(),
    // whose root this is, is for those to say who pinned it
    roots: [bundle.root.ed25519]
  })
  const failed = checks.find(({ result }) => result === 'failed')
  if (failed?.code !== undefined) throw new ReleaseFault(failed.code, `${failed.name} of what is to be published`)
}

function uploadsOf ({ files, manifestBytes }: ReleaseFolder, documents: readonly Buffer[]): Upload[] {
  return [
    ...files.map(({ path, sha256, size, type }) => ({ sha256, size, type, body: { path, size } })),
    ...[manifestBytes, ...documents].map((body) => ({ sha256: sha256Hex(body), size: body.length, type: JSON_TYPE, body }))
  ]
}

function wordsIn (values: Parts['values']): ApplicationWords {
  return Object.fromEntries((['name', 'summary', 'icon', 'repository', 'license'] as const).flatMap((name) => {
    const text = textIn(values, name)
    return text === null ? [] : [[name, text]]
  }))
}

/** The event by the root's npub that `marquee release trust` left beside the bundle; null where there is none for this one. */
async function carrierBeside (path: string, bundle: Buffer): Promise<SignedEvent | null> {
  const bytes = await readIfThere(`${path.replace(/\.json$/, '')}.event.json`, 2 * BUNDLE_LIMIT)
  const event = bytes === null ? null : jsonIn(bytes)
  return isEvent(event) && isSigned(event) && event.content === bundle.toString('utf8') ? event : null
}

/** A newer version of it is as good: nobody here could sign another. */
async function postGiven (announcing: Announcing, event: SignedEvent, events: SignedEvent[]): Promise<void> {
  try {
    await postEvent(announcing, event, async () => event)
    events.push(event)
  } catch (error) {
    if (!(error instanceof ServerRefusal && error.code === 'EVENT_OLDER')) throw error
  }
}

/** A trust bundle alone: each server judges it against the root that it pins. */
async function publishTrust (path: string, to: Omit<Announcing, 'signer'>, key: string | null, terminal: Parts['terminal']): Promise<number> {
  const bytes = await readLimited(path, BUNDLE_LIMIT)
  const bundle = parseTrustBundle(bytes)
  const signer = await openSigner({ key, env: terminal.env, say: terminal.err })
  try {
    const announcing = { ...to, signer }
    const events: SignedEvent[] = []
    const carrier = await carrierBeside(path, bytes)
    const sign = (after: number): Promise<SignedEvent> => signer.sign(trustDraft(bytes.toString('utf8'), Math.max(seconds(), after + 1)))
    // the event first: a server that refuses the bundle is not given its bytes
    if (carrier === null) events.push((await postEvent(announcing, await sign(0), sign)).event)
    else await postGiven(announcing, carrier, events)
    await demandInForce(announcing, bundle, bytes.toString('utf8'))
    await uploadAll(announcing, [{ sha256: sha256Hex(bytes), size: bytes.length, type: JSON_TYPE, body: bytes }])
    terminal.out(`trust bundle ${bundle.bundle_version} is in force at ${to.servers.join(', ')}`)
    return await tellAll(announcing, events) ? 0 : 1
  } finally {
    signer.close()
  }
}

/** Trust first: what it lists is taken then. True when every relay was told. */
async function announce (announcing: Announcing, { folder, manifest, named }: ReleaseFolder, documents: { bundleBytes: Buffer, pointerBytes: Buffer, carrier: SignedEvent | null }, words: ApplicationWords): Promise<boolean> {
  const { signer, servers, say } = announcing
  const published = await PublishedEvents.open(folder, signer)
  const events: SignedEvent[] = []
  const post = async (name: string, build: Parameters<PublishedEvents['sign']>[2]): Promise<SignedEvent> => {
    const { event, told } = await postEvent(announcing, await published.sign(name, seconds(), build), (after) => published.sign(name, seconds(), build, after))
    for (const { relay, state, words: said } of told) if (state !== 'done') say(`${relay}: ${name} ${state}${said === '' ? '' : `: ${said}`}`)
    events.push(event)
    return event
  }
  if (documents.carrier === null) await post('trust', (at) => trustDraft(documents.bundleBytes.toString('utf8'), at))
  else await postGiven(announcing, documents.carrier, events)
  await post('application', (at) => applicationDraft(manifest, words, at))
  const artifacts: string[] = []
  for (const index of artifactDrafts(manifest, servers, 0).keys()) {
    artifacts.push((await post(`artifact ${index}`, (at) => artifactDrafts(manifest, servers, at)[index]!)).id)
  }
  await post(`release ${named.sha256}`, (at) => releaseDraft(manifest, named, artifacts, signer.pubkey, at))
  await post('pointer', (at) => pointerDraft(parseLatestPointer(documents.pointerBytes), documents.pointerBytes.toString('utf8'), at))
  return tellAll(announcing, events)
}
