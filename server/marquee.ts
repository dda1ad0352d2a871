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
import { askOrigin } from './buds/asking-origin.ts'
import { BlobFetcher } from './buds/blob-fetcher.ts'
import { openMirrors } from './buds/mirrors.ts'
import { openOffload } from './buds/offload.ts'
import { ProviderFetch } from './buds/provider-fetch.ts'
import { Room } from './buds/room.ts'
import { UploadQueue } from './buds/upload-queue.ts'
import { Catalog } from './catalog/catalog.ts'
import { openFetching } from './catalog/mirrors/fetching.ts'
import { HashViews } from './catalog/views/hash-views.ts'
import { catalogPolicy } from './catalog-policy.ts'
import { originOf } from './config-values.ts'
import { holdDataFolder } from './data-folder.ts'
import { checkpoint, openDatabase } from './database.ts'
import { CLEAN, keep, settle } from './last-run.ts'
import { openFilmKeys } from './keys/rooms.ts'
import { MediaLine } from './media/line.ts'
import { MediaWork } from './media/work.ts'
import { openNodeKey } from './node-key.ts'
import { Settings } from './settings.ts'
import { Blobs } from './stores/blobs.ts'
import { Care } from './stores/care.ts'
import { CatchUp } from './stores/catch-up.ts'
import { DamagedBlobs } from './stores/damaged.ts'
import { Descriptors } from './stores/descriptors.ts'
import { DirectPlaces } from './stores/direct-places.ts'
import { ForeignFinder } from './stores/foreign.ts'
import { Decisions } from './stores/decisions.ts'
import { HashLists } from './stores/hash-lists.ts'
import { FreeSpace } from './stores/free-space.ts'
import { openRetention } from './stores/open-retention.ts'
import { openStores } from './stores/open.ts'
import { BOOT_ID, kernelOf } from './stores/same-kernel.ts'
import { StoreTimes } from './stores/store-times.ts'
import { Sweeper } from './stores/sweeper.ts'
import { Usage } from './stores/usage.ts'
import { startUpkeep } from './upkeep.ts'
import { VERSION } from './version.ts'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Rates } from './auth/rate-limits.ts'
import type { Quotas } from './buds/room.ts'
import type { Config } from './config.ts'
import type { NodeKey } from './node-key.ts'
import type { Stores } from './stores/open.ts'
import type { Traces } from './traces.ts'

export interface Marquee {
  app: FastifyInstance
  blobs: Blobs
  descriptors: Descriptors
  catalog: Catalog
  stores: Stores
  decisions: Decisions
  care: Care
  damaged: DamagedBlobs
  nodeKey: NodeKey
  /** What is configured; `take` changes what may change while the server runs. */
  settings: Settings
  /** Starts listening; the public URL. Rejects when the port is taken. */
  listen: () => Promise<string>
  /** Stops accepting, lets transfers end, and leaves everything clean. */
  close: () => Promise<void>
}

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
    /** What we advertise may no longer be so; nothing before the catalog is there. */
    let onGone = (): void => {}
    const damaged = new DamagedBlobs(stores.state, {
      shared: stores.shared,
      onNews: ({ kind, sha256, what }) => {
        onGone()
        if (kind === 'damaged') logger.error({ sha256, what }, 'a blob is damaged: it is not served until it is repaired')
        else logger.info({ sha256, by: what }, 'a damaged blob is repaired')
      }
    })
    await damaged.load()
    const blobs = new Blobs({
      stores, descriptors, sweeper, damaged, foreign: config.foreignBlobs ? new ForeignFinder(stores.index, database) : null,
      limits: { maxSize: config.maxBlobSize, idleTimeout: config.idleTimeout, inlineLimit: config.inlineLimit },
      retention: retained.retention, cacheSize: config.cacheSize, onGone: () => { onGone() }
    })
    if (blobs.shared !== null) catchUp = new CatchUp({ shared: blobs.shared, stores, descriptors, foreignBlobs: config.foreignBlobs, log: logger, now })
    const care = new Care({
      stores, database, descriptors, blobs, damaged, scrubRate: config.scrubRate, scrubEvery: config.scrubEvery, now,
      mirrors: openMirrors({ mirrors: config.mirrors, allowPrivate: config.mirrorAllowPrivate, idleTimeout: config.idleTimeout, isOurs: (url) => names.isOurs(url) }),
      tell: (level, facts, message) => { logger[level](facts, message) }
    })
    const lists = new HashLists(stores.state, { shared: stores.shared, allowListOnly: config.allowListOnly, onChange: () => { onGone() }, now })
    await lists.load()
    const decisions = new Decisions({ lists, blobs, descriptors, owners: stores.owners, keeper: nodeKey.pubkey })
    const rates = new RateLimits({ ...ratesOf(config), now })
    const guard = new Guard({ names: () => names, requireServerTag: config.requireServerTag, rates })
    const policy = new Policy(config)
    const queue = new UploadQueue(placesOf(config))
    const media = {
      line: new MediaLine(config.media),
      work: new MediaWork({
        folder: join(config.dataDir, 'media'), limits: () => settings.current.media,
        onIsolation: (way) => { if (way.length === 0) logger.warn('media jobs cannot be kept from the network on this machine: unshare(1) is not allowed here') }
      })
    }
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
      media.line.reload(config.media)
      disk?.reload({ reserve: config.diskReserve })
      room.reload(quotasOf(config))
    })
    const mayTell = (sha256: string): boolean => !lists.hides(sha256) && lists.readersOf(sha256) === null && !damaged.has(sha256)
    const filmKeys = openFilmKeys({
      state: stores.state, secret: nodeKey.secret, standing: (address, at) => catalog.standings.get(address, at), settings, now,
      onFault: (error) => { logger.warn({ err: error }, 'the store could not be told that keys of a title stop') }
    })
    undo.push(() => { filmKeys.stops.close() })
    const catalog = new Catalog({
      database, blobs, state: stores.state, relays: config.relays, now,
      pubkey: nodeKey.pubkey, sign: (draft) => signEvent(draft, nodeKey.secret),
      onKept: (titles) => filmKeys.stops.refresh(titles), onWithdrawn: (titles) => { void filmKeys.stops.follow(titles) },
      ...catalogPolicy(config, policy, nodeKey.pubkey), isPinned: (sha256) => lists.has('pinned', sha256),
      own: !tellsOfItself(config) ? null : { servers: () => [new URL(names.publicUrl).origin], mayTell, lastScrubbed: (sha256) => care.scrubber.lastScrubbed(sha256) },
      probe: !config.probeProviders ? null : {
        ask: (url, question) => askOrigin(url, question, { allowPrivate: config.mirrorAllowPrivate, refuse: (next) => names.isOurs(next) }), isOurs: (url) => names.isOurs(url)
      },
      onFault: (error, what) => { logger.warn({ err: error }, what) }
    })
    onGone = () => { catalog.own?.wake() }
    await catalog.releases.load()
    const fetcher = new BlobFetcher({ blobs, policy, lists, room, names: () => names, settings })
    const fetching = openFetching({
      database, catalog, blobs, pubkey: nodeKey.pubkey, source: new ProviderFetch(fetcher, decisions), fillMisses: config.fillMisses, now,
      isOurs: (url) => names.isOurs(url),
      judgeHash: (sha256) => { lists.judge(sha256) },
      onFault: (error, what) => { logger.warn({ err: error }, what) }
    })
    const app = await build({
      filmKeys,
      blobs, catalog, fetcher, guard, policy, rates, queue, room, settings, media,
      mirrors: fetching.mirrors, fill: fetching.fill, fetched: fetching.counts,
      state: stores.state,
      catchUp,
      lists,
      retention: retained.retention,
      decisions,
      relays: catalog.report,
      offload: openOffload(config.offload, new DirectPlaces(stores), now),
      logger, now,
      keeper: nodeKey.pubkey,
      times, traces, care,
      checks: { database: () => { descriptors.prove() }, store: stores.prove },
      about: () => ({ name: 'marquee', version: VERSION, description: 'a Nostr Blossom blob server', pubkey: nodeKey.pubkey, url: names.publicUrl })
    })
    const upkeep = startUpkeep({
      database, databasePath: databasePath(config.dataDir), descriptors, sweeper, others: stores.shared ? { decisions, blobs, catchUp } : null, logger
    })
    undo.push(() => upkeep.close())
    const endRetention = retained.sweepOver(blobs, (error) => { logger.error({ err: error }, 'an ownership whose time has come is damaged: see `marquee verify`') }).start(
      (ended) => { logger.info({ ended }, 'ownerships whose time had come ended') }, (error) => { logger.error({ err: error }, 'retention: the sweep or its notes of reads broke off') })

    return {
      app, blobs, descriptors, catalog, stores, decisions, care, damaged, nodeKey, settings,
      listen: async () => {
        await app.listen({ host: config.host, port: config.port })
        names = namesOf(config, (app.server.address() as AddressInfo).port)
        fetching.mirrors.start()
        catalog.start().catch((error: unknown) => { logger.error({ err: error }, 'the catalog could not be restored from the store') })
        catchUp?.begin(lastRun)
        care.start()
        return names.publicUrl
      },
      close: async () => {
        upkeep.stop()
        await catalog.close()
        catchUp?.stop()
        await fetching.close()
        await app.close()
        await endRetention()
        await care.stop()
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

/** Where nobody is told, nobody could come, or only some may read, nothing is advertised. */
function tellsOfItself ({ relays, publicUrlGiven, readPubkeys }: Config): boolean {
  return relays.length > 0 && publicUrlGiven && readPubkeys.length === 0
}

/** With no PUBLIC_URL configured every name of this machine's loopback is ours. */
function namesOf (config: Config, port: number): OurNames {
  if (config.publicUrlGiven) return new OurNames(config.publicUrl, config.aliases)
  const local = ['127.0.0.1', 'localhost', '::1'].map((host) => originOf(host, port))
  return new OurNames(originOf(config.host, port), [...config.aliases, ...local])
}
