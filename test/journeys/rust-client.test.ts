// A client of another language and another author: the published `nostr-blossom` crate, unmodified, in the program test/clients/nostr-blossom.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { nsecEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { startMarquee } from '../support/app.ts'
import { listed } from '../support/asking.ts'
import { newFolder, onBothStores } from '../support/both-stores.ts'
import { Signer, seededBlob } from '../support/keys.ts'
import { requirePart } from '../support/parts.ts'
import type { BlobDescriptor } from '../../server/buds/descriptor.ts'

const run = promisify(execFile)

interface Said {
  ok: boolean
  error?: string
  has?: boolean
  size?: number
  descriptor?: BlobDescriptor
  descriptors?: BlobDescriptor[]
}

await onBothStores(t, "rust's nostr-blossom uploads, finds, fetches, lists and deletes", async (t, newPlace) => {
  const program = requirePart(t, 'blossom-rs')
  if (program === null) return
  const { url } = await startMarquee(t, { minio: await newPlace() })
  const folder = newFolder(t)
  const signer = new Signer()
  const nsec = nsecEncode(signer.secret)
  const ask = async (...args: string[]): Promise<Said> => JSON.parse((await run(program, args, { env: {} })).stdout) as Said
  const { bytes, sha256 } = seededBlob('rust', 300_000)
  const file = join(folder, 'film.mp4')
  writeFileSync(file, bytes)

  t.same(await ask('has', url, sha256), { ok: true, has: false })
  // BUD-02: newly stored MUST be 201. The crate takes only 200 for success (seen in 0.45): it stores the blob and reports our answer as an error.
  t.match(await ask('upload', url, nsec, file, 'video/mp4'), { ok: false, error: /201/ })
  t.match(await listed(url, signer), [{ sha256, size: bytes.length, type: 'video/mp4' }], 'stored all the same')
  t.match(await ask('upload', url, nsec, file, 'video/mp4'), { ok: true, descriptor: { url: `${url}/${sha256}.mp4`, sha256, size: bytes.length, type: 'video/mp4' } }, 'a blob that is here is 200')

  t.same(await ask('has', url, sha256), { ok: true, has: true })
  t.same(await ask('get', url, sha256, join(folder, 'back')), { ok: true, size: bytes.length })
  t.ok(readFileSync(join(folder, 'back')).equals(bytes))

  // The crate makes the list's URL by two relative joins, "list" and then the pubkey, of which the second takes the place of the first: it asks
  // for /<pubkey>, which names no blob. From the base URL/list/ the joins end at /list/<pubkey>, and the list is there; its token's server tag
  // is then that whole URL, which is taken as ours.
  t.match(await ask('list', url, nsec), { ok: false, error: /404/ })
  t.match(await ask('list', `${url}/list/`, nsec), { ok: true, descriptors: [{ url: `${url}/${sha256}.mp4`, sha256, size: bytes.length, type: 'video/mp4' }] })

  t.match(await ask('delete', url, nsecEncode(new Signer().secret), sha256), { ok: false, error: /403/ }, "somebody else's")
  t.same(await ask('delete', url, nsec, sha256), { ok: true })
  t.same(await ask('has', url, sha256), { ok: true, has: false })
  t.match(await ask('get', url, sha256, join(folder, 'gone')), { ok: false, error: /404/ })
  t.same(await ask('list', `${url}/list/`, nsec), { ok: true, descriptors: [] })
})
