// A token may cover several hashes, and a plain URL's hash is only a hint: whichever of them arrives is stored under its own name (A3), also
// where a store writes a large blob straight to its final key.

import { onBothStores } from '../support/both-stores.ts'
import { startMarquee } from '../support/app.ts'
import { hashed } from '../support/asking.ts'
import { send, startOrigin } from '../support/blob-origin.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import t from 'tap'

await onBothStores(t, 'a URL that names one covered hash and delivers another stores what arrived', async (t, newPlace) => {
  const place = await newPlace()
  const { url } = await startMarquee(t, { minio: place, env: { MIRROR_ALLOW_PRIVATE: 'true' } })
  const signer = new Signer()
  const arrived = seededBlob('what arrives', 9 * 1024 * 1024) // more than one part
  const named = seededBlob('what the URL names', 100)
  const origin = await startOrigin(t, { [`/${named.sha256}`]: send(arrived.bytes) })
  const response = await fetch(`${url}/mirror`, {
    method: 'PUT',
    body: JSON.stringify({ url: `${origin.url}/${named.sha256}` }),
    headers: { authorization: signer.token('upload', { hashes: [named.sha256, arrived.sha256] }) }
  })
  t.equal(response.status, 201)
  t.match(await response.json(), { sha256: arrived.sha256, size: arrived.bytes.length })
  t.match(await hashed(await fetch(`${url}/${arrived.sha256}`)), { status: 200, sha256: arrived.sha256 })
  t.equal((await fetch(`${url}/${named.sha256}`)).status, 404)
})
