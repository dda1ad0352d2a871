// The creator's page in a real Chromium, over real servers and a film that the real build made: signing in, bringing a film, its health, another text and
// poster, letting a key in and out, who asked, taking the film back; what was refused is said well; secrets stay where they are.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startMarquee, upload } from '../support/app.ts'
import { giveSigner, openChromium, visit } from '../support/chromium.ts'
import { builtFilm } from '../support/film-build.ts'
import { bytesOf, getKey, publishTitle, titleOf } from '../support/film-keys.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { sha256Hex } from '../../server/stores/multihash.ts'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import type { Visit } from '../support/chromium.ts'

const browser = await openChromium(t)
const built = await builtFilm(t)
const skip = browser === null || built === null
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAAFElEQVR4nGP8z8DAwMDAxAADMAoAFjkBBVl0VXUAAAAASUVORK5CYII=', 'base64')

interface Told { kind: number, created_at: number, content: string, tags: string[][], id: string }
interface Listed { titles: { title: string, status: string, event: Told }[] }

function behaved (t: Test, { outside, complaints }: Visit): void {
  t.strictSame(outside, [])
  t.strictSame(complaints, [])
}

async function picture (page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS']
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}

/** A creator who is signed in at `url`. */
async function comeIn (t: Test, url: string, who: Signer, sign: (draft: Parameters<Signer['sign']>[0]) => object = (draft) => who.sign(draft), options = {}): Promise<Visit & { asked98: () => number }> {
  const visited = await visit(t, browser!, options)
  const { asked } = await giveSigner(visited.context, sign, who.pubkey)
  await visited.page.goto(`${url}/backstage`)
  await visited.page.getByRole('button', { name: 'Sign in with your extension' }).click()
  await visited.page.getByRole('heading', { name: 'Your films', exact: true }).waitFor()
  return { ...visited, asked98: asked }
}

const titlesAt = async (url: string, creator: string): Promise<Listed['titles']> => (await (await fetch(`${url}/catalog/titles?status=any&creator=${creator}`)).json() as Listed).titles

t.test('a creator brings a built film, edits it, lets a key in and out, sees who asked, and takes it back', { skip }, async t => {
  const { folder, film, keys, creator } = built!
  const { url } = await startMarquee(t)
  const fan = new Signer()
  const key = keys!.keys[0]!
  const coordinate = titleOf(creator, film.d)
  const drafts: { kind: number, tags: string[][] }[] = []
  const visited = await comeIn(t, url, creator, (draft) => {
    drafts.push(draft)
    return creator.sign(draft)
  })
  const { page } = visited
  const bodies: string[] = []
  page.on('request', (request) => { bodies.push(`${request.url()} ${request.postDataBuffer()?.toString('latin1') ?? ''}`) })
  await page.getByText('You have published no film here yet.').waitFor()

  await t.test('the folder of a build becomes a film in the catalog; only the keys of the renditions leave the browser', async t => {
    await upload(url, creator, { bytes: readFileSync(join(folder, 'blobs', film.files[0]!.name)), sha256: film.files[0]!.sha256 })
    await page.getByLabel('Folder').setInputFiles(folder)
    await picture(page, 'backstage-chosen')
    await page.getByRole('button', { name: 'Upload and publish' }).click()
    await page.getByText('“A film of our tests” is in the catalog.').waitFor()
    await page.getByText('1 film', { exact: true }).waitFor()
    const [title] = await titlesAt(url, creator.pubkey)
    t.match(title, { title: 'A film of our tests', status: 'published' })
    t.match(title!.event.tags.filter(([name]) => name === 'access' || name === 'server'), [['access', 'nip98', `${url}/keys`], ['server', url]])
    t.ok(title!.event.tags.some((tag) => tag[0] === 'imeta' && tag.includes(`url ${url}/${film.files.find(({ role }) => role === 'master')!.name}`)))
    await page.getByText(/All \d+ parts are here\./).waitFor()
    for (const { sha256 } of film.files) t.equal((await fetch(`${url}/${sha256}`, { method: 'HEAD' })).status, 200)
    for (const { id, key } of keys!.keys) t.equal(await bytesOf(await getKey(url, creator, id)), key)
    t.equal(drafts.filter(({ kind }) => kind === 24242).length, 1, 'one signature for all blobs')
    const puts = bodies.filter((each) => each.startsWith(`${url}/upload`))
    t.equal(visited.asked.filter((each) => each === `${url}/upload`).length, film.files.length, 'one question for all, and what was here is not sent again')
    t.notOk(bodies.some((each) => each.includes(keys!.secret)), 'the secret stays')
    t.ok(puts.length > 0)
  })

  await t.test('title, summary, topics and poster change; what the page does not know stays', async t => {
    const [before] = await titlesAt(url, creator.pubkey)
    const odd = [...before!.event.tags, ['x-odd', 'kept', 'as it is']]
    const again = creator.sign({ ...before!.event, created_at: Math.floor(Date.now() / 1000) + 400, tags: odd })
    t.equal((await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(again) })).status, 201)
    await page.reload()
    await page.getByRole('button', { name: 'Sign in with your extension' }).click()
    await page.getByText('Text and poster').click()
    await page.getByLabel('Title', { exact: true }).fill('The <b>harbour</b>')
    await page.getByLabel('Summary').fill('Rain.\nThen less rain.')
    await page.getByLabel('Topics').fill('Drama, sea, drama')
    await page.getByLabel('Another poster').setInputFiles({ name: 'poster.png', mimeType: 'image/png', buffer: PICTURE })
    await picture(page, 'backstage-edit')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved: the new version is in the catalog.').waitFor()
    await page.getByRole('heading', { name: 'The <b>harbour</b>' }).waitFor()
    const [title] = await titlesAt(url, creator.pubkey)
    const { event } = title!
    t.equal(event.created_at, again.created_at + 1, 'later than a version of the future')
    t.equal(event.content, 'Rain.\nThen less rain.')
    t.strictSame(event.tags.filter(([name]) => name === 't'), [['t', 'drama'], ['t', 'sea']])
    t.strictSame(event.tags.filter(([name]) => name === 'alt'), [['alt', 'Film: The <b>harbour</b>']])
    const poster = sha256Hex(PICTURE)
    for (const media of event.tags.filter(([name]) => name === 'imeta')) t.strictSame(media.filter((each) => each.startsWith('image ')), [`image ${url}/${poster}.png`])
    t.equal((await fetch(`${url}/${poster}`)).headers.get('content-type'), 'image/png')
    const others = (tags: string[][]): string[][] => tags.filter(([name]) => !['title', 'alt', 't', 'imeta'].includes(name!))
    t.strictSame(others(event.tags), others(odd))
  })

  await t.test('a key that is let in gets the film\'s keys at once, and none as soon as it is put out; both stand in the log', async t => {
    t.equal((await getKey(url, fan, key.id)).status, 403)
    await page.getByText('Who may watch', { exact: true }).first().click()
    await page.getByText('Nobody but you yet.').waitFor()
    await page.getByLabel('Let a key in').fill('nsec1nothing')
    await page.getByRole('button', { name: 'Grant' }).click()
    await page.getByText('That is no public key').waitFor()
    const { npubEncode } = await import('nostr-tools/nip19')
    const npub = npubEncode(fan.pubkey)
    await page.getByLabel('Let a key in').fill(npub)
    await page.getByRole('button', { name: 'Grant' }).click()
    await page.getByText('may watch from now on').waitFor()
    t.equal(await bytesOf(await getKey(url, fan, key.id)), key.key)
    await picture(page, 'backstage-access')
    await page.getByRole('button', { name: `Revoke ${npub}` }).click()
    await page.getByText('gets no keys any more').waitFor()
    t.equal((await getKey(url, fan, key.id)).status, 403)
    await page.getByLabel('Keys are given to').selectOption('signed-in')
    await page.getByText('Saved. It holds from now on.').waitFor()
    t.equal((await getKey(url, fan, key.id)).status, 200)
    t.equal((await getKey(url, null, key.id)).status, 401)
    await page.getByRole('button', { name: 'Show who asked' }).click()
    const log = page.getByRole('list', { name: 'Who asked for keys' })
    await log.getByText(/given: /).first().waitFor()
    const lines = (await log.innerText()).split('\n')
    t.equal(lines.filter((line) => line.startsWith('refused')).length, 2, lines.join('\n'))
    t.ok(lines.some((line) => line.startsWith(`${npub.slice(0, 10)}…${npub.slice(-4)} asked for key ${key.id}`)))
    await picture(page, 'backstage-audit')
  })

  await t.test('a film is withdrawn after a second thought: a version that says so, then kind 5; its keys are given to nobody', async t => {
    await page.getByText('Withdraw', { exact: true }).click()
    await page.getByRole('button', { name: 'Withdraw this film' }).click()
    await page.getByText('Tick the box first').waitFor()
    t.equal((await titlesAt(url, creator.pubkey))[0]!.status, 'published')
    const from = drafts.length
    const live = (await titlesAt(url, creator.pubkey))[0]!.event
    await page.getByLabel('Reason').fill('a better cut')
    await page.getByLabel('I want to take this film back for good').check()
    await page.getByRole('button', { name: 'Withdraw this film' }).click()
    await page.getByText('“The <b>harbour</b>” is withdrawn').waitFor()
    t.strictSame(drafts.slice(from).map(({ kind }) => kind), [34235, 5])
    t.match(drafts[from]!.tags, [['d', film.d], ['title', 'The <b>harbour</b>'], ['alt', String], ['status', 'withdrawn'], ['reason', 'a better cut']])
    t.strictSame(drafts[from + 1]!.tags.filter(([name]) => name === 'a'), [['a', coordinate]])
    t.strictSame((await (await fetch(`${url}/catalog/titles`)).json() as Listed).titles, [])
    await fetch(`${url}/catalog/events`, { method: 'POST', body: JSON.stringify(live) })
    t.match(await titlesAt(url, creator.pubkey), [{ status: 'withdrawn' }], 'the version before does not come back')
    t.match(await page.getByRole('article', { name: 'The <b>harbour</b>' }).innerText(), /Withdrawn\s+Taken back: a better cut$/)
    t.equal((await getKey(url, fan, key.id)).status, 410)
    await picture(page, 'backstage-withdrawn')
  })
  behaved(t, visited)
})

t.test('who has no extension, does not sign, or whose key is not taken is told so; nothing is sent', { skip }, async t => {
  const { folder, creator } = built!
  const [server, closed] = [await startMarquee(t), await startMarquee(t, { env: { UPLOAD_PUBKEYS: new Signer().pubkey } })]

  const without = await visit(t, browser!)
  await without.page.goto(`${server.url}/backstage`)
  await without.page.getByRole('button', { name: 'Sign in with your extension' }).click()
  await without.page.getByText('Install a signer extension for your browser').waitFor()
  await picture(without.page, 'backstage-no-extension')

  const refused = await comeIn(t, closed.url, creator)
  await refused.page.getByLabel('Folder').setInputFiles(folder)
  await refused.page.getByRole('button', { name: 'Upload and publish' }).click()
  await refused.page.getByText(/This server does not take this upload from you: this key may not do this here\. Its operator decides/).waitFor()
  await picture(refused.page, 'backstage-refused')
  await refused.page.getByLabel('File', { exact: true }).setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') })
  await refused.page.getByRole('button', { name: 'Upload', exact: true }).click()
  await refused.page.getByText('This server does not take this upload from you').waitFor()

  const unwilling = await comeIn(t, server.url, creator, () => { throw new Error('rejected by user') })
  await unwilling.page.getByLabel('Folder').setInputFiles(folder)
  await unwilling.page.getByRole('button', { name: 'Upload and publish' }).click()
  await unwilling.page.getByText('You did not sign.').waitFor()

  // an extension whose owner went over to another key
  const other = new Signer()
  const switched = await comeIn(t, server.url, creator, (draft) => other.sign(draft))
  await switched.page.getByLabel('File', { exact: true }).setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('notes') })
  await switched.page.getByRole('button', { name: 'Upload', exact: true }).click()
  await switched.page.getByText('signed with another key').waitFor()

  const stranger = await comeIn(t, server.url, other)
  await stranger.page.getByLabel('Folder').setInputFiles(folder)
  await stranger.page.getByRole('button', { name: 'Upload and publish' }).click()
  await stranger.page.getByText('This film was built for another Nostr key').waitFor()
  for (const { page, asked } of [refused, unwilling, switched, stranger]) t.notOk(asked.some((each) => each.includes('/catalog/events')), page.url())
  for (const each of [without, refused, unwilling, switched, stranger]) behaved(t, each)
})

t.test('a build that is not whole is refused before anything is published, with what to do', { skip }, async t => {
  const { folder, film, creator } = built!
  const { url } = await startMarquee(t)
  const visited = await comeIn(t, url, creator)
  const { page } = visited
  const [first] = film.files
  for (const [spoil, words] of [
    [(copy: string) => { rmSync(join(copy, 'film.json')) }, /There is no film\.json in this folder/],
    [(copy: string) => { rmSync(join(copy, 'keys.json')) }, /There is no keys\.json in this folder/],
    [(copy: string) => { writeFileSync(join(copy, 'film.json'), '{"schema":"marquee.film-build/1"}') }, /film\.json is damaged/],
    [(copy: string) => { rmSync(join(copy, 'blobs', first!.name)) }, new RegExp(`blobs/${first!.name} is missing`)],
    [(copy: string) => { writeFileSync(join(copy, 'blobs', first!.name), Buffer.alloc(first!.size)) }, new RegExp(`${first!.name} is damaged`)]
  ] as const) {
    const copy = join(t.testdir(), 'build')
    cpSync(folder, copy, { recursive: true })
    spoil(copy)
    await page.getByLabel('Folder').setInputFiles(copy)
    await page.getByRole('button', { name: 'Upload and publish' }).click()
    await page.getByText(words).waitFor()
    rmSync(copy, { recursive: true })
  }
  t.strictSame(await titlesAt(url, creator.pubkey), [])
  behaved(t, visited)
})

t.test('a single file goes up with its hash checked, and its address is told; on a phone nothing is wider than the screen', { skip }, async t => {
  const who = new Signer()
  const { url } = await startMarquee(t)
  await publishTitle(url, who, 'published', Math.floor(Date.now() / 1000) - 10, { d: 'gone' })
  await publishTitle(url, who, 'withdrawn', Math.floor(Date.now() / 1000) - 5, { d: 'taken', more: [['title', 'Taken']] })
  const visited = await comeIn(t, url, who, undefined, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' })
  const { page } = visited
  await page.getByText('2 films').waitFor()
  t.match(await page.getByRole('article', { name: 'Film' }).innerText(), /The list of its parts is not here/)
  t.match(await page.getByRole('article', { name: 'Taken' }).innerText(), /Withdrawn[\s\S]*Taken back/)
  const blob = seededBlob('a single file', 3_000_000)
  await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'Scan.PDF', mimeType: 'application/pdf', buffer: blob.bytes })
  await page.getByRole('button', { name: 'Upload', exact: true }).click()
  await page.getByText('Scan.PDF is here.').waitFor()
  await page.getByText(`${url}/${blob.sha256}.pdf`).waitFor()
  const answer = await fetch(`${url}/${blob.sha256}`)
  t.match([answer.headers.get('content-type'), (await answer.arrayBuffer()).byteLength], ['application/pdf', blob.bytes.length])
  await page.getByText('Text and poster').click()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360)
  await picture(page, 'backstage-phone')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in with your extension' }).waitFor()
  t.equal(await page.getByRole('article').count(), 0)
  behaved(t, visited)
})
