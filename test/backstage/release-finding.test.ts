// Which documents a node takes of all that servers and relays bring: made-up ones are in nobody's way, however many, and a root vouches for its own.

import { createServer } from 'node:http'
import { once } from 'node:events'
import { WebSocketServer } from 'ws'
import t from 'tap'
import { askRelays } from '../../backstage/http/relays.ts'
import { findRelease } from '../../backstage/release/finding.ts'
import { buildReleaseSet } from '../../server/release/release-set.ts'
import { emptyState } from '../../server/release/state.ts'
import { Signer } from '../support/keys.ts'
import { APP, CHANNEL, PINNED, bundleNow, pointerNow, releaseNow, seconds } from '../support/live-release.ts'
import { NEXT_ROOT, ROOT, STRANGER_KEY } from '../support/release-chain.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { FoundRelease } from '../../backstage/release/finding.ts'
import type { ReleaseSet } from '../../server/release/release-set.ts'

async function serving (t: Test, set: Partial<ReleaseSet>): Promise<string> {
  const bytes = buildReleaseSet({ app: APP, channel: CHANNEL, bundle: null, older: [], pointer: null, manifest: null, events: [], ...set })
  const server = createServer((_request, response) => { response.end(bytes) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const find = (servers: string[], roots = [PINNED]): Promise<FoundRelease> =>
  findRelease({ app: APP, channel: CHANNEL, servers, relays: [], roots, state: emptyState(), now: seconds(), installed: null, say: () => {}, fetchManifest: async () => null })

t.test('bundles and pointers that somebody made up hide none of the real ones', async t => {
  const { manifest, pointer } = releaseNow(42)
  const after = (version: number) => (bundle: Parameters<NonNullable<Parameters<typeof bundleNow>[0]>>[0]): void => {
    bundle.bundle_version = version
    bundle.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey }
    delete bundle.next_root
  }
  const older = [bundleNow(), bundleNow(after(8), [ROOT.ed25519, NEXT_ROOT.ed25519])]
  const good = await serving(t, { bundle: bundleNow(after(9), [NEXT_ROOT.ed25519]), older, pointer, manifest })
  const made = Array.from({ length: 16 }, (_, i) => bundleNow((bundle) => { bundle.bundle_version = 8; bundle.expires_at += i + 1 }, [STRANGER_KEY]))
  const bad = await serving(t, { bundle: bundleNow((bundle) => { bundle.bundle_version = 1000 }, [STRANGER_KEY]), older: made, pointer: pointerNow(manifest, (each) => { each.sequence = 1000 }, [STRANGER_KEY]) })
  const { verified } = await find([bad, good])
  t.same(verified.checks.filter(({ result }) => result === 'failed'), [])
  t.match(verified, { verdict: 'install', manifest: { sequence: 42 }, newState: { trust: { [PINNED]: { version: 9, root: NEXT_ROOT.publicKey } } } })
})

t.test('of several pinned roots the one that vouches for the application is asked, whatever number the bundle of another has', async t => {
  const { manifest, pointer } = releaseNow(42)
  const good = await serving(t, { bundle: bundleNow(), pointer, manifest })
  const other = await serving(t, {
    bundle: bundleNow((bundle) => {
      bundle.bundle_version = 100
      bundle.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey }
      bundle.roles.release.apps = ['org.example.other']
      delete bundle.next_root
    }, [NEXT_ROOT.ed25519])
  })
  for (const roots of [[PINNED, NEXT_ROOT.publicKey], [NEXT_ROOT.publicKey, PINNED]]) t.equal((await find([good, other], roots)).verified.verdict, 'install')
})

t.test('a relay that sends without end costs 16 MiB', async t => {
  const signer = new Signer()
  const content = 'x'.repeat(200_000)
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  t.teardown(() => { server.close(); for (const each of server.clients) each.terminate() })
  server.on('connection', (socket) => {
    socket.on('message', (text: Buffer) => {
      const [word, name] = JSON.parse(text.toString()) as [string, string]
      if (word !== 'REQ') return
      for (let i = 0; i < 100; i++) socket.send(JSON.stringify(['EVENT', name, signer.sign({ kind: 30078, created_at: seconds() + i, content, tags: [['d', 'x']] })]))
      socket.send(JSON.stringify(['EOSE', name]))
    })
  })
  const events = await askRelays([`ws://127.0.0.1:${(server.address() as AddressInfo).port}`], { kinds: [30078] }, null, (_relay, words) => { t.fail(words) })
  t.ok(events.length > 50 && events.length * content.length <= 16 * 1024 * 1024, String(events.length))
})
