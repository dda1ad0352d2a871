// The pages over plain HTTP: what is a page and what stays JSON, the policy of each answer, and the files below /web/.

import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { wantsPage } from '../../server/pages/accepting.ts'
import { startMarquee } from '../support/app.ts'
import { Signer } from '../support/keys.ts'
import { smallFilm, uploadFilm } from '../support/film-blobs.ts'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'

t.test('who names text/html and likes it as well as JSON is a browser', async t => {
  for (const accept of [BROWSER, 'text/html', 'TEXT/HTML;q=0.5, application/json;q=0.4', 'application/json, text/html']) t.ok(wantsPage(accept), accept)
  for (const accept of [undefined, '', '*/*', 'text/*', 'application/json', 'application/json, text/html;q=0.9', 'text/html;q=0', 'text/html;q=no']) t.notOk(wantsPage(accept), String(accept))
})

t.test('GET / is a page for browsers and what it was for programs, and says that it depends', async t => {
  const { url } = await startMarquee(t)
  for (const method of ['GET', 'HEAD']) {
    const page = await fetch(url, { method, headers: { accept: BROWSER } })
    t.match([page.status, page.headers.get('content-type'), page.headers.get('vary')], [200, 'text/html; charset=utf-8', /accept/])
    t.match(await page.text(), method === 'GET' ? /<title>Films/ : /^$/)
    for (const headers of [{}, { accept: 'application/json' }, { accept: '*/*' }]) {
      const json = await fetch(url, { method, headers })
      t.match([json.status, json.headers.get('content-type'), json.headers.get('vary')], [200, /^application\/json/, /accept/])
      if (method === 'GET') t.match(await json.json(), { name: 'marquee', url })
    }
  }
})

t.test('a page runs scripts and style sheets of its own nonce alone, which is another in each answer, and nothing of our origin besides', async t => {
  const { url } = await startMarquee(t)
  const nonces = await Promise.all([1, 2].map(async () => {
    const response = await fetch(url, { headers: { accept: BROWSER } })
    const policy = new Map(response.headers.get('content-security-policy')!.split('; ').map((each) => [each.split(' ', 1)[0]!, each.slice(each.indexOf(' ') + 1)]))
    t.match(Object.fromEntries(policy), {
      'default-src': "'none'", 'base-uri': "'none'", 'object-src': "'none'", 'frame-ancestors': "'none'", 'require-trusted-types-for': "'script'", 'connect-src': "'self'"
    })
    const [, nonce] = /^'nonce-([A-Za-z0-9+/]{24})'$/.exec(policy.get('script-src')!) ?? []
    t.type(nonce, 'string', policy.get('script-src')!)
    t.equal(policy.get('style-src'), `'nonce-${nonce}'`)
    t.notMatch([...policy.values()].join(), /unsafe|data:/)
    t.match(response.headers.get('cache-control'), 'private')
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
    const page = await response.text()
    for (const [tag] of page.matchAll(/<script\b[^>]*>|<link rel="stylesheet"[^>]*>/g)) t.ok(tag.includes(`nonce="${nonce}"`), tag)
    t.notMatch(page, /<script[^>]*>[^<]|<style|\son\w+=|style="|\{\{/)
    return nonce
  }))
  t.not(nonces[0], nonces[1])
})

t.test('every file that a page or a script of ours names is served, with its type; the next look is a 304', async t => {
  const { url } = await startMarquee(t)
  const seen = new Set<string>()
  const look = async (path: string, by: string): Promise<void> => {
    if (seen.has(path)) return
    seen.add(path)
    const response = await fetch(`${url}${path}`)
    t.equal(response.status, 200, `${path}, which ${by} names`)
    t.match(response.headers.get('content-type'), path.endsWith('.css') ? 'text/css' : path.endsWith('.svg') ? 'image/svg+xml' : 'text/javascript')
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
    const etag = response.headers.get('etag')!
    const text = await response.text()
    const again = await fetch(`${url}${path}`, { headers: { 'if-none-match': `"other", W/${etag}` } })
    t.strictSame([again.status, await again.text()], [304, ''])
    if (path.startsWith('/web/vendor/')) return
    for (const [, to] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) await look(new URL(to!, `${url}${path}`).pathname, path)
  }
  for (const page of ['home/home', 'watch/watch', 'backstage/backstage', 'shared/missing']) {
    for (const [, path] of readFileSync(`web/${page}.html`, 'utf8').matchAll(/(?:src|href)="(\/web\/[^"]+)"/g)) await look(path!, page)
  }
  await look('/web/vendor/hls.mjs', 'the player')
  t.ok(seen.size > 6, `${seen.size} files`)
})

t.test('a file is sent gzipped to who takes that', async t => {
  const { url } = await startMarquee(t)
  const plain = await fetch(`${url}/web/shared/ui.css`, { headers: { 'accept-encoding': 'identity' } })
  t.match([plain.headers.get('content-encoding'), plain.headers.get('vary')], [null, 'accept-encoding'])
  const body = Buffer.from(await plain.arrayBuffer())
  const zipped = await new Promise<Buffer>((resolve) => {
    get(`${url}/web/shared/ui.css`, { headers: { 'accept-encoding': 'gzip, br' } }, (answer) => {
      t.equal(answer.headers['content-encoding'], 'gzip')
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => { resolve(Buffer.concat(chunks)) })
    })
  })
  t.ok(zipped.length < body.length)
  t.strictSame(gunzipSync(zipped), body)
})

t.test('nothing besides is served below /web/: no page without its policy, nothing outside of the folder', async t => {
  const { url } = await startMarquee(t)
  for (const path of ['/web', '/web/', '/web/home', '/web/home/home.html', '/web/shared/no.js', '/web/..%2f..%2fpackage.json/x', '/web/shared/..%2f..%2fpackage.json', '/web/__proto__/x']) {
    t.equal((await fetch(`${url}${path}`)).status, 404, path)
  }
})

t.test('GET /watch/<naddr> is the player for a title that stands here; any other is a page of 404 that says why', async t => {
  const { url } = await startMarquee(t)
  const creator = new Signer()
  const film = smallFilm(creator.pubkey, 'watched')
  await uploadFilm(url, creator, film)
  const event = creator.sign(film.title(Math.floor(Date.now() / 1000), { title: 'The <film> watched' }))
  t.equal((await fetch(`${url}/catalog/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })).status, 201)
  const { titles: [title] } = await (await fetch(`${url}/catalog/titles`)).json() as { titles: [{ naddr: string, address: string }] }
  for (const name of [title.naddr, title.address, encodeURIComponent(title.address), `nostr:${title.naddr}`]) {
    const response = await fetch(`${url}/watch/${name}`)
    t.match([response.status, response.headers.get('content-type')], [200, 'text/html; charset=utf-8'], name)
    t.match(response.headers.get('content-security-policy'), /connect-src http: https:; media-src blob:/)
    t.match(await response.text(), '<title>The &lt;film&gt; watched · marquee</title>')
  }
  for (const [name, reason] of [
    ['naddr1nonsense', /an address is/], [title.naddr.slice(0, -1), /an address is/], ['<script>alert(1)</script>', /an address is/], [`34235:${creator.pubkey}:another`, /no title of this address/]
  ] as const) {
    const response = await fetch(`${url}/watch/${encodeURIComponent(name)}`)
    t.match([response.status, response.headers.get('content-type'), response.headers.get('x-reason')], [404, 'text/html; charset=utf-8', reason], name)
    const page = await response.text()
    t.match(page, reason)
    t.notMatch(page, '<script>alert')
  }
})
