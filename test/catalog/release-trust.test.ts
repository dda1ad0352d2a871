// Trust of several nodes on one store, and of several roots: nothing that one of them learnt is forgotten, and the first root that is pinned goes first.

import t from 'tap'
import { parseCatalogEvent } from '../../server/catalog/catalog-event.ts'
import { ReleaseTrust } from '../../server/catalog/releases/trust.ts'
import { TrustStore } from '../../server/catalog/releases/trust-store.ts'
import { NEXT_ROOT } from '../support/release-chain.ts'
import { APP, PINNED, bundleNow, trustEvent } from '../support/live-release.ts'

class Kept {
  readonly values = new Map<string, unknown>()

  async get (name: string): Promise<unknown> { return structuredClone(this.values.get(name) ?? null) }

  async put (name: string, value: unknown): Promise<void> { this.values.set(name, structuredClone(value)) }

  async * list (prefix: string): AsyncGenerator<string> { for (const name of [...this.values.keys()].sort()) if (name.startsWith(prefix)) yield name }
}

const trustOf = (kept: Kept, roots: string[]): ReleaseTrust =>
  new ReleaseTrust({ store: new TrustStore(kept as unknown as ConstructorParameters<typeof TrustStore>[0]), roots, now: Date.now, onNews: () => {} })

t.test('a node that wrote over what another had just learnt takes nothing back', async t => {
  const kept = new Kept()
  const node = trustOf(kept, [PINNED])
  await node.learn(parseCatalogEvent(trustEvent(bundleNow())))
  const before = await kept.get('release/state')
  await node.learn(parseCatalogEvent(trustEvent(bundleNow((bundle) => { bundle.bundle_version = 8 }))))
  await kept.put('release/state', before as object) // the other one had read it before, and wrote it after
  await node.load()
  t.equal(node.bundles[0]?.version, 8)
  const again = trustOf(kept, [PINNED])
  await again.load()
  t.equal(again.bundles[0]?.version, 8, 'and it is kept')
})

t.test('where two pinned roots vouch for one application, the first that is pinned does, whichever came first', async t => {
  const kept = new Kept()
  const node = trustOf(kept, [PINNED, NEXT_ROOT.publicKey])
  const other = bundleNow((bundle) => {
    bundle.bundle_version = 100
    bundle.root = { ed25519: NEXT_ROOT.publicKey, nostr: NEXT_ROOT.pubkey }
    delete bundle.next_root
  }, [NEXT_ROOT.ed25519])
  for (const bundle of [other, bundleNow()]) await node.learn(parseCatalogEvent(trustEvent(bundle)))
  t.equal(node.bundleFor(APP)?.pinned, PINNED)
})
