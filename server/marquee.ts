// A whole server from a configuration, step by step: hold the folder, key, database, stores, sweep, compare after an unclean end, app. What
// main.ts starts and tests start is this.

import { join } from 'node:path'
import { build } from './app.ts'
import { ClientAddresses } from './auth/client-address.ts'
import { Guard } from './auth/guard.ts'
import { OurNames } from './auth/our-names.ts'
import { Policy } from './auth/policy.ts'
import { RateLimits } from './auth/rate-limits.ts'
import { signEvent } from './auth/signature.ts'
import { BlobFetcher } from './buds/blob-fetcher.ts'
import { openOffload } from './buds/offload.ts'
import { ProviderFetch } from './buds/provider-fetch.ts'
import { Room } from './buds/room.ts'
import { UploadQueue } from './buds/upload-queue.ts'
import { Catalog } from './catalog/catalog.ts'
import { openFetching } from './catalog/mirrors/fetching.ts'
import { Checkpointer } from './checkpointer.ts'
import { catalogPolicy } from './catalog-policy.ts'
import { originOf } from './config-values.ts'
import { holdDataFolder } from './data-folder.ts'
import { checkpoint, openDatabase } from './database.ts'
import { openNodeKey } from './node-key.ts'
import { Blobs } from './stores/blobs.ts'
import { Descriptors } from './stores/descriptors.ts'
import { DirectPlaces } from './stores/direct-places.ts'
import { ForeignFinder } from './stores/foreign.ts'
import { Decisions } from './stores/decisions.ts'
import { HashLists } from './stores/hash-lists.ts'
import { FreeSpace } from './stores/free-space.ts'
import { openStores } from './stores/open.ts'
import { removeLeftovers, removeLeftoversOf } from './stores/leftovers.ts'
import { reconcile, reconcileSome } from './stores/reconcile.ts'
import { BOOT_ID, kernelOf } from './stores/same-kernel.ts'
import { StoreTimes } from './stores/store-times.ts'
import { Sweeper } from './stores/sweeper.ts'
import { Usage } from './stores/usage.ts'
import { VERSION } from './version.ts'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import type { NodeKey } from './node-key.ts'
import type { Stores } from './stores/open.ts'
import type { Reconciled } from './stores/reconcile.ts'

export interface Marquee {
  app: FastifyInstance
  blobs: Blobs
  descriptors: Descriptors
  catalog: Catalog
  stores: Stores
  decisions: Decisions
  nodeKey: NodeKey
  /** Starts listening; the public URL. Rejects when the port is taken. */
  listen: () => Promise<string>
  /** Stops accepting, lets transfers end, and leaves everything clean. */
  close: () => Promise<void>
}

/** A database whose last server ended properly carries this mark. */
export const CLEAN = 'clean'
/** The kernel that this database's server runs on, and the files it has: after a kill it still holds every byte (stores/same-kernel.ts). */
const KERNEL = 'kernel'
/** Rows up to this moment (unix milliseconds) are known to be on the disk. */
const SYNCED = 'synced'
const KEEP_MS = 60_000
const CHECKPOINT_MS = 5000
const FOLLOW_MS = 2000
const SWEEP_MS = 30 * 60_000
/** Clocks of store and server may differ by this much. */
const MARGIN_MS = 10 * 60_000
const DEPARTED_SECONDS = 30 * 24 * 3600

export interface OpenParts {
  config: Config
  logger: FastifyBaseLogger
  /** This process, told to whoever else wants the folder. */
  pid?: number
  /** Stores other than the configuration's: tests that break them. */
  stores?: Stores
  /** Where the kernel tells its boot id: tests have a file of their own. */
  bootIdFile?: string
}

export function databasePath (dataDir: string): string {
  return join(dataDir, 'marquee.db')
}

/** Rejects with FolderTaken, StoreError, or what the database said. */
export async function openMarquee ({ config, logger, pid, stores: given, bootIdFile = BOOT_ID }: OpenParts): Promise<Marquee> {
  const folder = holdDataFolder(config.dataDir, 'marquee serve', pid ?? null)
  const undo: (() => unknown)[] = [folder.release]
  try {
    const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
    const database = openDatabase(databasePath(config.dataDir))
    undo.push(() => { database.close() })
    const times = new StoreTimes()
    const stores = given ?? await openStores(config, (message) => { logger.error({ message }, 'small uploads wait for their files') }, times)
    undo.push(stores.close)
    const descriptors = new Descriptors(database)
    const kernel = stores.packs.name === 'fs' ? kernelOf([databasePath(config.dataDir), join(config.dataDir, 'store')], bootIdFile) : null
    await settle(stores, descriptors, config, logger, kernel)
    await keep(descriptors, () => checkpoint(database, 'TRUNCATE'))

    const now = Date.now
    let names = namesOf(config, config.port)
    const sweeper = stores.shared && !config.foreignBlobs ? new Sweeper({ stores, descriptors, now }) : null
    const blobs = new Blobs({
      stores, descriptors, sweeper, foreign: config.foreignBlobs ? new ForeignFinder(stores.index, database) : null,
      limits: { maxSize: config.maxBlobSize, idleTimeout: config.idleTimeout, inlineLimit: config.inlineLimit },
      cacheSize: config.cacheSize
    })
    const lists = new HashLists(stores.state, { shared: stores.shared, allowListOnly: config.allowListOnly, now })
    await lists.load()
    const decisions = new Decisions({ lists, blobs, descriptors, owners: stores.owners, keeper: nodeKey.pubkey })
    const rates = new RateLimits({ addresses: new ClientAddresses(config.trustedProxies), rates: config.rateLimit ? config.rates : null, now })
    const policy = new Policy(config)
    const catalog = new Catalog({
      database, blobs, state: stores.state, relays: config.relays, now,
      pubkey: nodeKey.pubkey, sign: (draft) => signEvent(draft, nodeKey.secret),
      ...catalogPolicy(config, policy, nodeKey.pubkey),
      onFault: (error, what) => { logger.warn({ err: error }, what) }
    })
    const room = new Room({
      usage: new Usage(database),
      quotas: { keyBytes: config.maxKeyBytes, keyBlobs: config.maxKeyBlobs, storeBytes: config.maxStoreBytes, storeBlobs: config.maxStoreBlobs },
      disk: config.store === 'fs' ? new FreeSpace({ folder: config.dataDir, reserve: config.diskReserve, now }) : null
    })
    const fetcher = new BlobFetcher({ blobs, policy, lists, room, names: () => names, allowPrivate: config.mirrorAllowPrivate, idleTimeout: config.idleTimeout })
    const fetching = openFetching({
      database, catalog, blobs, pubkey: nodeKey.pubkey, source: new ProviderFetch(fetcher, decisions), fillMisses: config.fillMisses, now,
      isOurs: (url) => names.isOurs(url),
      judgeHash: (sha256) => { lists.judge(sha256) },
      onFault: (error, what) => { logger.warn({ err: error }, what) }
    })
    const app = await build({
      blobs,
      catalog,
      fetcher,
      mirrors: fetching.mirrors, fill: fetching.fill, fetched: fetching.counts,
      guard: new Guard({ names: () => names, requireServerTag: config.requireServerTag, rates }),
      policy,
      rates,
      queue: new UploadQueue({ places: config.maxUploads, waiting: config.maxWaitingUploads }),
      room,
      state: stores.state,
      lists,
      decisions,
      offload: openOffload(config.offload, new DirectPlaces(stores), now),
      logger, now,
      admins: [nodeKey.pubkey, ...config.adminPubkeys],
      anonymousUploads: config.anonymousUploads,
      readPubkeys: config.readPubkeys,
      list: config.list,
      mirrorAllowPrivate: config.mirrorAllowPrivate,
      idleTimeout: config.idleTimeout,
      metricsToken: config.metricsToken,
      times,
      checks: { database: () => { descriptors.prove() }, store: stores.prove },
      terms: config,
      about: () => ({ name: 'marquee', version: VERSION, description: 'a Nostr Blossom blob server', pubkey: nodeKey.pubkey, url: names.publicUrl })
    })
    const checkpointer = new Checkpointer(databasePath(config.dataDir))
    undo.push(() => checkpointer.close())
    const checkpointing = setInterval(() => {
      if (checkpointer.worthwhile) checkpointer.run().catch((error: unknown) => { logger.error({ err: error }, 'the database could not be synced') })
    }, CHECKPOINT_MS)
    const keeping = setInterval(() => {
      keep(descriptors, () => checkpointer.worthwhile ? checkpointer.run() : checkpoint(database, 'TRUNCATE')).catch((error: unknown) => { logger.error({ err: error }, 'the database could not be kept up') })
    }, KEEP_MS)
    let looking = !stores.shared
    const following = setInterval(() => {
      if (looking) return
      looking = true
      Promise.allSettled([decisions.follow(), blobs.followChanges()]).then((results) => {
        for (const each of results) if (each.status === 'rejected') logger.warn({ err: each.reason as unknown }, 'changes of other nodes could not be read')
      }).finally(() => { looking = false })
    }, FOLLOW_MS)
    const sweeping = setInterval(() => {
      sweeper?.sweep().then((removed) => {
        if (removed > 0) logger.info({ removed }, 'packs that nobody needs removed')
      }, (error: unknown) => { logger.error({ err: error }, 'the sweep broke off') })
    }, SWEEP_MS)

    return {
      app, blobs, descriptors, catalog, stores, decisions, nodeKey,
      listen: async () => {
        await app.listen({ host: config.host, port: config.port })
        names = namesOf(config, (app.server.address() as AddressInfo).port)
        fetching.mirrors.start()
        catalog.start().catch((error: unknown) => { logger.error({ err: error }, 'the catalog could not be restored from the store') })
        return names.publicUrl
      },
      close: async () => {
        clearInterval(checkpointing)
        clearInterval(keeping)
        clearInterval(following)
        clearInterval(sweeping)
        catalog.close()
        await fetching.close()
        await app.close()
        await stores.journal?.settle()
        descriptors.setMark(CLEAN, 'yes')
        for (const step of undo.reverse()) await step()
      }
    }
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

/** With no PUBLIC_URL configured every name of this machine's loopback is ours. */
function namesOf (config: Config, port: number): OurNames {
  if (config.publicUrlGiven) return new OurNames(config.publicUrl, config.aliases)
  const local = ['127.0.0.1', 'localhost', '::1'].map((host) => originOf(host, port))
  return new OurNames(originOf(config.host, port), [...config.aliases, ...local])
}

/** Clears what an earlier life left, and compares rows and store: what was under way then, and everything where more may be amiss. */
async function settle (stores: Stores, descriptors: Descriptors, config: Config, logger: FastifyBaseLogger, kernel: string | null): Promise<void> {
  const { unsettled } = descriptors
  const replayed = stores.journal?.recover((blobs) => { unsettled.addAll(blobs) }).length ?? 0
  if (replayed > 0) logger.info({ replayed }, 'small uploads of an earlier run made files')
  const swept = await stores.packs.sweep()
  if (swept > 0) logger.info({ swept }, 'drafts of an earlier run removed')
  if (!config.foreignBlobs) descriptors.forgetForeign()
  const sides = { stores, descriptors, now: Math.floor(Date.now() / 1000) }
  // where other nodes write too, an upload of theirs may be between its pack and its owner: there leftovers are the sweeper's
  const tidy = !stores.shared && !config.foreignBlobs
  const noted = unsettled.all()
  const some = await reconcileSome(sides, noted.map(({ sha256 }) => sha256))
  tell(logger, some, tidy ? await removeLeftoversOf(stores, descriptors, noted) : 0)
  const sound = descriptors.mark(CLEAN) !== null || (kernel !== null && descriptors.mark(KERNEL) === kernel && !config.foreignBlobs)
  // other nodes may have changed a shared store while this one was away
  if (stores.shared || !sound) {
    // a database that never ran has neither mark
    if (!stores.shared && descriptors.mark(SYNCED) !== null) logger.info('the last run did not end cleanly, nor on this kernel: rows and store are compared in full')
    const all = await reconcile({ ...sides, since: Math.max(0, Number(descriptors.mark(SYNCED) ?? 0) - MARGIN_MS) })
    tell(logger, all, tidy ? await removeLeftovers(stores, descriptors) : 0)
  }
  unsettled.clear()
  descriptors.setMark(KERNEL, kernel)
  descriptors.setMark(CLEAN, null)
}

function tell (logger: FastifyBaseLogger, { learned, forgotten, restored, lost }: Reconciled, removed: number): void {
  if (learned + forgotten + restored > 0) logger.warn({ learned, forgotten, restored }, 'compared rows and store')
  if (removed > 0) logger.info({ removed }, 'leftovers of an unclean end removed')
  for (const each of lost) logger.error({ owner: each }, 'an owner without a blob: see `marquee verify`')
}

/** Syncs the rows and notes up to when; forgets cursors that nobody holds any more. Rejects with what the database said. */
async function keep (descriptors: Descriptors, sync: () => boolean | Promise<boolean>): Promise<void> {
  const now = Date.now()
  descriptors.forgetDeparted(Math.floor(now / 1000) - DEPARTED_SECONDS)
  if (await sync()) descriptors.setMark(SYNCED, String(now))
}
