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
import { openOffload } from './buds/offload.ts'
import { Room } from './buds/room.ts'
import { UploadQueue } from './buds/upload-queue.ts'
import { Catalog } from './catalog/catalog.ts'
import { Checkpointer } from './checkpointer.ts'
import { HashViews } from './catalog/views/hash-views.ts'
import { catalogPolicy } from './catalog-policy.ts'
import { originOf } from './config-values.ts'
import { holdDataFolder } from './data-folder.ts'
import { checkpoint, openDatabase } from './database.ts'
import { openNodeKey } from './node-key.ts'
import { Settings } from './settings.ts'
import { Blobs } from './stores/blobs.ts'
import { CatchUp } from './stores/catch-up.ts'
import { Descriptors } from './stores/descriptors.ts'
import { DirectPlaces } from './stores/direct-places.ts'
import { ForeignFinder } from './stores/foreign.ts'
import { Decisions } from './stores/decisions.ts'
import { HashLists } from './stores/hash-lists.ts'
import { FreeSpace } from './stores/free-space.ts'
import { openRetention } from './stores/open-retention.ts'
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
import type { Rates } from './auth/rate-limits.ts'
import type { Quotas } from './buds/room.ts'
import type { Config } from './config.ts'
import type { NodeKey } from './node-key.ts'
import type { Stores } from './stores/open.ts'
import type { LastRun } from './stores/catch-up.ts'
import type { Reconciled } from './stores/reconcile.ts'
import type { Traces } from './traces.ts'

export interface Marquee {
  app: FastifyInstance
  blobs: Blobs
  descriptors: Descriptors
  catalog: Catalog
  stores: Stores
  decisions: Decisions
  nodeKey: NodeKey
  /** What is configured; `take` changes what may change while the server runs. */
  settings: Settings
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
  /** Who is told of requests and calls of the stores; closed by who opened it. */
  traces?: Traces | null
}

export function databasePath (dataDir: string): string {
  return join(dataDir, 'marquee.db')
}

/** Rejects with FolderTaken, StoreError, or what the database said. */
export async function openMarquee ({ config, logger, pid, stores: given, bootIdFile = BOOT_ID, traces = null }: OpenParts): Promise<Marquee> {
  const folder = holdDataFolder(config.dataDir, 'marquee serve', pid ?? null)
  const undo: (() => unknown)[] = [folder.release]
  try {
    const nodeKey = await openNodeKey(config.dataDir, config.nodeKey)
    const database = openDatabase(databasePath(config.dataDir))
    undo.push(() => { database.close() })
    let catchUp: CatchUp | null = null
    undo.push(() => catchUp?.ended()) // after the stores were closed, which ends what it waits for
    const times = new StoreTimes(traces?.call ?? null)
    const stores = given ?? await openStores(config, (message) => { logger.error({ message }, 'small uploads wait for their files') }, times)
    undo.push(stores.close)
    const descriptors = new Descriptors(database)
    const kernel = stores.packs.name === 'fs'
      ? kernelOf([databasePath(config.dataDir), join(config.dataDir, 'store')], bootIdFile)
      : stores.shared ? kernelOf([databasePath(config.dataDir)], bootIdFile) : null
    const lastRun = await settle(stores, descriptors, config, logger, kernel)
    const named = new HashViews(database)
    const retained = openRetention({
      stores, descriptors, database, rules: config.retention, keeper: nodeKey.pubkey, now: Date.now,
      // what live titles and releases name is pinned too
      isPinned: (sha256) => lists.has('pinned', sha256) || named.names(sha256, Math.floor(Date.now() / 1000))
    })
    await keep(descriptors, () => checkpoint(database, 'TRUNCATE'))

    const now = Date.now
    const settings = new Settings(config)
    // first of all, so that who follows sees the new level
    settings.follow(({ logLevel }, changed) => { if (changed.includes('logLevel')) logger.level = logLevel })
    let names = namesOf(config, config.port)
    const sweeper = stores.shared && !config.foreignBlobs ? new Sweeper({ stores, descriptors, now }) : null
    const blobs = new Blobs({
      stores, descriptors, sweeper, foreign: config.foreignBlobs ? new ForeignFinder(stores.index, database) : null,
      limits: { maxSize: config.maxBlobSize, idleTimeout: config.idleTimeout, inlineLimit: config.inlineLimit },
      retention: retained.retention, cacheSize: config.cacheSize
    })
    if (blobs.shared !== null) catchUp = new CatchUp({ shared: blobs.shared, stores, descriptors, foreignBlobs: config.foreignBlobs, log: logger, now })
    const lists = new HashLists(stores.state, { shared: stores.shared, allowListOnly: config.allowListOnly, now })
    await lists.load()
    const decisions = new Decisions({ lists, blobs, descriptors, owners: stores.owners, keeper: nodeKey.pubkey })
    const rates = new RateLimits({ ...ratesOf(config), now })
    const guard = new Guard({ names: () => names, requireServerTag: config.requireServerTag, rates })
    const policy = new Policy(config)
    const queue = new UploadQueue(placesOf(config))
    const disk = config.store === 'fs' ? new FreeSpace({ folder: config.dataDir, reserve: config.diskReserve, now }) : null
    const room = new Room({ usage: new Usage(database), quotas: quotasOf(config), disk })
    // what a part has made of its settings is made anew; none of these can fail, since config.ts has judged the values
    settings.follow((config) => {
      names = namesOf(config, (app.server.address() as AddressInfo | null)?.port ?? config.port)
      blobs.reload({ maxSize: config.maxBlobSize, idleTimeout: config.idleTimeout })
      lists.reload(config)
      rates.reload(ratesOf(config))
      guard.reload(config)
      policy.reload(config)
      queue.reload(placesOf(config))
      disk?.reload({ reserve: config.diskReserve })
      room.reload(quotasOf(config))
    })
    const catalog = new Catalog({
      database, blobs, state: stores.state, relays: config.relays, now,
      pubkey: nodeKey.pubkey, sign: (draft) => signEvent(draft, nodeKey.secret),
      ...catalogPolicy(config, policy, nodeKey.pubkey),
      onFault: (error, what) => { logger.warn({ err: error }, what) }
    })
    const app = await build({
      blobs, catalog, guard, policy, rates, queue, room, settings,
      state: stores.state,
      catchUp,
      lists,
      retention: retained.retention,
      decisions,
      offload: openOffload(config.offload, new DirectPlaces(stores), now),
      logger, now,
      keeper: nodeKey.pubkey,
      times, traces,
      checks: { database: () => { descriptors.prove() }, store: stores.prove },
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
    // each by itself: a long look at blobs must not keep a block waiting
    const following = !stores.shared ? [] : [() => decisions.follow(), async () => catchUp?.follow()].map((follow) => {
      let looking = false
      return setInterval(() => {
        if (looking) return
        looking = true
        follow().catch((error: unknown) => {
          logger.warn({ err: error }, 'changes of other nodes could not be read')
        }).finally(() => { looking = false })
      }, FOLLOW_MS)
    })
    const sweeping = setInterval(() => {
      sweeper?.sweep().then((removed) => {
        if (removed > 0) logger.info({ removed }, 'packs that nobody needs removed')
      }, (error: unknown) => { logger.error({ err: error }, 'the sweep broke off') })
    }, SWEEP_MS)

    const endRetention = retained.sweepOver(blobs, (error) => { logger.error({ err: error }, 'an ownership whose time has come is damaged: see `marquee verify`') }).start(
      (ended) => { logger.info({ ended }, 'ownerships whose time had come ended') }, (error) => { logger.error({ err: error }, 'retention: the sweep or its notes of reads broke off') })

    return {
      app, blobs, descriptors, catalog, stores, decisions, nodeKey, settings,
      listen: async () => {
        await app.listen({ host: config.host, port: config.port })
        names = namesOf(config, (app.server.address() as AddressInfo).port)
        catalog.start().catch((error: unknown) => { logger.error({ err: error }, 'the catalog could not be restored from the store') })
        catchUp?.begin(lastRun)
        return names.publicUrl
      },
      close: async () => {
        clearInterval(checkpointing)
        clearInterval(keeping)
        for (const each of following) clearInterval(each)
        clearInterval(sweeping)
        catalog.close()
        catchUp?.stop()
        await app.close()
        await endRetention()
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

function ratesOf ({ trustedProxies, rateLimit, rates }: Config): { addresses: ClientAddresses, rates: Rates | null } {
  return { addresses: new ClientAddresses(trustedProxies), rates: rateLimit ? rates : null }
}

function placesOf ({ maxUploads, maxWaitingUploads }: Config): { places: number, waiting: number } {
  return { places: maxUploads, waiting: maxWaitingUploads }
}

function quotasOf ({ maxKeyBytes, maxKeyBlobs, maxStoreBytes, maxStoreBlobs }: Config): Quotas {
  return { keyBytes: maxKeyBytes, keyBlobs: maxKeyBlobs, storeBytes: maxStoreBytes, storeBlobs: maxStoreBlobs }
}

/** With no PUBLIC_URL configured every name of this machine's loopback is ours. */
function namesOf (config: Config, port: number): OurNames {
  if (config.publicUrlGiven) return new OurNames(config.publicUrl, config.aliases)
  const local = ['127.0.0.1', 'localhost', '::1'].map((host) => originOf(host, port))
  return new OurNames(originOf(config.host, port), [...config.aliases, ...local])
}

/**
 * Clears what an earlier life left, and compares rows and store: what was under way then, and everything where more may be amiss. Of a shared
 * store that is left to catch-up.ts.
 */
async function settle (stores: Stores, descriptors: Descriptors, config: Config, logger: FastifyBaseLogger, kernel: string | null): Promise<LastRun> {
  const { unsettled } = descriptors
  const replayed = stores.journal?.recover((blobs) => { unsettled.addAll(blobs) }).length ?? 0
  if (replayed > 0) logger.info({ replayed }, 'small uploads of an earlier run made files')
  const swept = await stores.packs.sweep()
  if (swept > 0) logger.info({ swept }, 'drafts of an earlier run removed')
  if (!config.foreignBlobs) descriptors.forgetForeign()
  const sides = { stores, descriptors, now: Math.floor(Date.now() / 1000) }
  const sound = descriptors.mark(CLEAN) !== null || (kernel !== null && descriptors.mark(KERNEL) === kernel && !config.foreignBlobs)
  const since = Math.max(0, Number(descriptors.mark(SYNCED) ?? 0) - MARGIN_MS)
  if (stores.shared) {
    descriptors.setMark(KERNEL, kernel)
    descriptors.setMark(CLEAN, null)
    return { sound, since }
  }
  const tidy = !config.foreignBlobs
  const noted = unsettled.all()
  const some = await reconcileSome(sides, noted.map(({ sha256 }) => sha256))
  tell(logger, some, tidy ? await removeLeftoversOf(stores, descriptors, noted) : 0)
  if (!sound) {
    // a database that never ran has neither mark
    if (descriptors.mark(SYNCED) !== null) logger.info('the last run did not end cleanly, nor on this kernel: rows and store are compared in full')
    const all = await reconcile({ ...sides, since })
    tell(logger, all, tidy ? await removeLeftovers(stores, descriptors) : 0)
  }
  unsettled.clear()
  descriptors.setMark(KERNEL, kernel)
  descriptors.setMark(CLEAN, null)
  return { sound, since }
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
