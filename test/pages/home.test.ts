// The catalog's page in a real Chromium: grid, search, pages, words for nothing and for failures; what strangers wrote is text, and what they uploaded
// does not run.

import t from 'tap'
import { formatNpub } from '../../server/catalog/address.ts'
import { startMarquee, upload } from '../support/app.ts'
import { openChromium, visit } from '../support/chromium.ts'
import { blobOf, smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import type { Test } from 'tap'
import type { TitleFacts } from '../../server/catalog/kinds/title.ts'
import type { Visit } from '../support/chromium.ts'

const creator = new Signer()
const browser = await openChromium(t)
const options = { skip: browser === null }
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAAFElEQVR4nGP8z8DAwMDAxAADMAoAFjkBBVl0VXUAAAAASUVORK5CYII=', 'base64')

let moment = Math.floor(Date.now() / 1000) - 1000

async function publish (url: string, name: string, facts: Partial<TitleFacts>): Promise<void> {
  const film = smallFilm(creator.pubkey, name, 1)
  await uploadFilm(url, creator, film)
  const event = creator.sign(film.title(moment++, facts))
  const answer = await fetch(`${url}/catalog/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`)
}

function behaved (t: Test, { outside, complaints }: Visit): void {
  t.strictSame(outside, [])
  t.strictSame(complaints, [])
}

t.test('the grid has a poster, the title and the facts of every film, and leads to its page; words find films; nothing found is said', { ...options }, async t => {
  const { url } = await startMarquee(t)
  const viewer = await visit(t, browser!)
  const { page, asked } = viewer
  await page.goto(url)
  await page.getByText('No film has been published here yet.').waitFor()

  const poster = blobOf(PICTURE)
  await upload(url, creator, poster, { 'content-type': 'image/png' })
  const hostile = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
  await publish(url, 'harbour', { title: 'The harbour', duration: 5520, topics: ['drama'], media: [{ url: `${url}/${'0'.repeat(64)}.m3u8`, images: [`https://elsewhere.example/${poster.sha256}.png`] } as never] })
  await publish(url, 'hostile', { title: hostile, access: { scheme: 'nip98', url: `${url}/keys` }, media: [{ url: `${url}/x.m3u8`, images: ['https://elsewhere.example/spy.png?who=you'] } as never] })
  await page.reload()
  await page.getByText('2 films').waitFor()
  const cards = page.getByRole('list', { name: 'Films' }).getByRole('link')
  t.equal(await cards.count(), 2)
  t.match(await cards.nth(0).innerText(), hostile, 'it is text')
  t.match(await cards.nth(0).innerText(), 'Key needed')
  t.match(await cards.nth(1).innerText(), /The harbour\n+1 h 32 min · drama\n/)
  await cards.nth(1).locator('img').evaluate((image) => (image as unknown as { decode: () => Promise<void> }).decode())
  t.ok(asked.includes(`${url}/${poster.sha256}.png`), 'a poster that is here is taken from here')
  t.match(await cards.nth(1).getAttribute('href'), /^\/watch\/naddr1/)

  await page.getByLabel('Search films').fill('harb')
  await page.keyboard.press('Enter')
  await page.getByText('1 film with “harb”').waitFor()
  t.match(page.url(), /\?q=harb$/)
  await page.getByLabel('Search films').fill('nowhere "OR" *')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('Nothing here has the words “nowhere "OR" *”.').waitFor()
  await page.goBack()
  await page.getByText('1 film with “harb”').waitFor()
  t.equal(await page.getByLabel('Search films').inputValue(), 'harb')
  await page.goto(`${url}/?q=drama`)
  await page.getByText('1 film with “drama”').waitFor()
  await page.goto(`${url}/?t=drama`)
  await page.getByText('On “drama”.').waitFor()
  await page.getByText('1 film', { exact: true }).waitFor()
  await page.goto(`${url}/?creator=${formatNpub(new Signer().pubkey)}`)
  await page.getByText('There is no such film here.').waitFor()
  await page.getByRole('link', { name: 'Show all films' }).click()
  await page.getByText('2 films').waitFor()
  behaved(t, viewer)
})

t.test('more films come a page at a time; a catalog that fails is told, and asked again', { ...options }, async t => {
  const { url, marquee } = await startMarquee(t)
  for (let i = 0; i < 50; i++) await publish(url, `film ${i}`, {})
  const viewer = await visit(t, browser!)
  const { page } = viewer
  let failing = true
  await page.route('**/catalog/titles?*', (route) => failing ? route.fulfill({ status: 503, headers: { 'x-reason': 'storage is unavailable' }, body: '{}' }) : route.fallback())
  await page.goto(url)
  await page.getByText('The catalog could not be read: storage is unavailable.').waitFor()
  failing = false
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('48 and more films').waitFor()
  t.notOk(await page.getByRole('alert').isVisible())
  await page.getByRole('button', { name: 'More films' }).click()
  await page.getByText('50 films').waitFor()
  t.notOk(await page.getByRole('button', { name: 'More films' }).isVisible())
  t.match(await page.evaluate('document.activeElement.textContent'), 'film 1', 'the focus goes to the first that came')
  t.ok(marquee.catalog)
  behaved(t, viewer)
})

t.test('an uploaded <sha256>.js does not run in a page of ours, however it gets there', { ...options }, async t => {
  const { url } = await startMarquee(t)
  const script = blobOf(Buffer.from('globalThis.ran = true; export const ran = true'))
  const style = blobOf(Buffer.from('body { background: rgb(1, 2, 3) !important }'))
  for (const [blob, type] of [[script, 'text/javascript'], [style, 'text/css']] as const) t.equal((await upload(url, creator, blob, { 'content-type': type })).status, 201)
  const { page, complaints } = await visit(t, browser!)
  for (const path of ['/', '/watch/34235:nothing']) {
    complaints.length = 0
    await page.goto(url + path)
    t.equal((await page.request.get(`${url}/${script.sha256}.js`)).status(), 200, 'it is served')
    const blocked = await page.evaluate(`(async () => {
      const tried = {}
      const add = (name, facts) => new Promise((resolve) => {
        const made = document.createElement(name)
        made.onload = () => resolve('loaded')
        made.onerror = () => resolve('refused')
        try { Object.assign(made, facts) } catch (error) { return resolve(error.name) }
        document.head.append(made)
      })
      tried.script = await add('script', { src: '/${script.sha256}.js' })
      tried.module = await add('script', { type: 'module', src: '/${script.sha256}.js' })
      tried.imported = await import('/${script.sha256}.js').then(() => 'ran', () => 'refused')
      tried.style = await add('link', { rel: 'stylesheet', href: '/${style.sha256}.css' })
      try { document.body.innerHTML = '<script src="/${script.sha256}.js"></script>'; tried.markup = 'taken' } catch (error) { tried.markup = error.name }
      tried.worker = await new Promise((resolve) => { try { new Worker('/${script.sha256}.js').onerror = () => resolve('refused') } catch (error) { resolve(error.name) } })
      tried.ran = globalThis.ran === true
      tried.colour = getComputedStyle(document.body).backgroundColor
      return tried
    })()`)
    t.match(blocked, { script: /refused|TypeError/, module: /refused|TypeError/, imported: 'refused', style: 'refused', markup: 'TypeError', worker: /refused|TypeError|SecurityError/, ran: false }, path)
    t.not((blocked as { colour: string }).colour, 'rgb(1, 2, 3)')
    t.ok(complaints.some((each) => each.startsWith('policy:')), 'the policy refused it')
  }
})

t.test('a keyboard and a reader of screens find their way; on a phone nothing is wider than the screen', { ...options }, async t => {
  const { url } = await startMarquee(t)
  await publish(url, 'one', { title: 'Averyveryveryveryveryveryverylongwordthatdoesnotbreak of a title', synopsis: 'x'.repeat(400) })
  const viewer = await visit(t, browser!, { viewport: { width: 390, height: 844 } })
  const { page } = viewer
  await page.goto(url)
  await page.getByText('1 film').waitFor()
  const order: string[] = []
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('Tab')
    order.push(await page.evaluate("(({ id, textContent }) => id || textContent.trim().slice(0, 10))(document.activeElement)"))
  }
  t.match(order, ['marquee', 'words', 'Search', /Averyvery/])
  t.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid', 'the focus is seen')
  for (const path of ['/', `/watch/34235:${creator.pubkey}:one`, '/watch/naddr1no']) {
    await page.goto(url + path)
    await page.waitForLoadState('networkidle')
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${path} fits`)
    t.equal(await page.evaluate('document.documentElement.lang'), 'en')
    t.equal(await page.locator('h1').count(), 1)
    const unnamed = await page.evaluate(`[...document.querySelectorAll('button, input, select, a')]
      .filter((each) => (each.labels?.length ?? 0) === 0 && each.textContent.trim() === '' && !each.ariaLabel).map((each) => each.outerHTML)`)
    t.strictSame(unnamed, [], 'every control has a name')
  }
  behaved(t, viewer)
})
