// The poster on a film's page, in a real Chromium: one from another server is shown only when it is the picture that the title names.

import sharp from 'sharp'
import t from 'tap'
import { formatNaddr } from '../../server/catalog/address.ts'
import { startMarquee, upload } from '../support/app.ts'
import { startBlobFront } from '../support/blob-front.ts'
import { openChromium, visit } from '../support/chromium.ts'
import { blobOf, smallFilm, uploadFilm } from '../support/film-blobs.ts'
import { Signer } from '../support/keys.ts'
import { until } from '../support/watching.ts'

const browser = await openChromium(t)

t.test('a poster from another server is checked; what differs is not shown, and the next place is asked', { skip: browser === null, timeout: 60_000 }, async t => {
  const creator = new Signer()
  const [server, other] = await Promise.all([startMarquee(t), startMarquee(t)])
  const front = await startBlobFront(t, other.url)
  const film = smallFilm(creator.pubkey, 'shown')
  const picture = blobOf(await sharp({ create: { width: 40, height: 60, channels: 3, background: '#a04060' } }).png().toBuffer())
  await uploadFilm(other.url, creator, film)
  t.equal((await upload(other.url, creator, picture, { 'content-type': 'image/png' })).status, 201)
  const publish = async (name: string, images: string[]): Promise<string> => {
    const draft = smallFilm(creator.pubkey, name).title(Math.floor(Date.now() / 1000))
    draft.tags.push(['imeta', `url ${other.url}/${film.manifestBlob.sha256}.json`, ...images.map((image) => `image ${image}`)])
    t.equal((await fetch(`${server.url}/catalog/events?allow-missing=1`, { method: 'POST', body: JSON.stringify(creator.sign(draft)) })).status, 201)
    return `${server.url}/watch/${formatNaddr({ kind: 34235, pubkey: creator.pubkey, d: name })}`
  }
  const [behind, plain] = [front, other].map(({ url }) => `${url}/${picture.sha256}.png`)
  const shown = "document.querySelector('#cover img')?.naturalWidth === 40 && document.querySelector('#cover img').src"
  front.trouble = (path) => path.includes(picture.sha256) ? 'change' : null

  const viewer = await visit(t, browser!)
  await viewer.page.goto(await publish('changed', [behind!]))
  await until(viewer.page, "!document.getElementById('play').disabled && document.querySelector('#cover img') === null")
  t.ok(front.hits > 0)
  await viewer.page.goto(await publish('next', [behind!, plain!]))
  await until(viewer.page, shown)
  t.match(await viewer.page.evaluate(shown), /^blob:/)

  // here it is: nobody else is asked
  t.equal((await upload(server.url, creator, picture, { 'content-type': 'image/png' })).status, 201)
  viewer.asked.length = 0
  await viewer.page.reload()
  await until(viewer.page, shown)
  t.equal(await viewer.page.evaluate(shown), `${server.url}/${picture.sha256}.png`)
  t.notOk(viewer.asked.some((url) => url === behind || url === plain))
  t.strictSame([viewer.outside, viewer.complaints], [[], []])
})
