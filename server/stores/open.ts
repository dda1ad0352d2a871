// From configuration to stores: the only importer of fs/, s3/ and memory/. Every store proves itself here, before the port opens.

import { join } from 'node:path'
import { NodeFiles } from './fs/files.ts'
import { Journal } from './fs/journal.ts'
import { FsObjects } from './fs/objects.ts'
import { FsPackStore } from './fs/pack-store.ts'
import { IndexStore } from './index-store.ts'
import { StoreError } from '../errors.ts'
import { Layout, PACKS, STATE } from './layout.ts'
import { MemoryObjects } from './memory/objects.ts'
import { MemoryPackStore } from './memory/pack-store.ts'
import { OwnerStore } from './owners.ts'
import { StateStore } from './state.ts'
import type { Files } from './fs/files.ts'
import type { Objects } from './objects.ts'
import type { PackStore } from './pack-store.ts'
import type { StoreTimes } from './store-times.ts'
import type { BucketSettings } from './s3/bucket.ts'

export interface Stores {
  packs: PackStore
  index: IndexStore
  owners: OwnerStore
  state: StateStore
  layout: Layout
  /** True where other nodes may write to the same store: a miss in the database then asks the index. */
  shared: boolean
  /** Where small uploads share a sync; null where each is synced by itself. */
  journal: Journal | null
  /** The names directly below a folder of the tree, such as `pack/`. */
  names: (folder: string) => AsyncIterable<string>
  /** Rejects with StoreError when the store does not answer now. */
  prove: () => Promise<void>
  close: () => Promise<void>
}

/** The four stores over one pair of pack store and small objects; `times` counts what both do. */
export function composeStores (plainPacks: PackStore, plainObjects: Objects, layout: Layout, shared: boolean, times: StoreTimes | null = null): Stores {
  const packs = times?.packs(plainPacks) ?? plainPacks
  const objects = times?.objects(plainObjects) ?? plainObjects
  return {
    packs,
    index: new IndexStore(objects, layout),
    owners: new OwnerStore(objects, layout),
    state: new StateStore(objects, layout),
    layout,
    shared,
    journal: null,
    names: (folder) => objects.names(folder),
    prove: async () => { await objects.get(layout.state('ready')) },
    close: async () => {}
  }
}

/** Packs, index, owners and state as folders below `root`. The caller owns the folder alone, and calls `journal.recover()` before use. */
export async function openFsStores (root: string, files: Files = new NodeFiles(), journal: Journal | null = null, times: StoreTimes | null = null): Promise<Stores> {
  const layout = new Layout(false)
  const stores = composeStores(await FsPackStore.open(root, layout, files), new FsObjects(root, files), layout, false, times)
  if (journal !== null) times?.journal(journal, 'fs')
  // a missing object says nothing of a missing folder, as an unmounted disk leaves it
  const prove = async (): Promise<void> => {
    try {
      for (const folder of [STATE, PACKS]) await files.stat(join(root, folder))
    } catch (error) {
      throw new StoreError('fs', 'stat', root, error)
    }
  }
  return { ...stores, journal, prove, close: async () => { await journal?.close() } }
}

/** The same in a bucket; `journal` is a folder of this server's own. */
export async function openS3Stores (settings: BucketSettings, journal: string, limits?: { partBytes?: number, copyLimit?: number }, times: StoreTimes | null = null): Promise<Stores> {
  // only here: the S3 client costs a server on folders 20 MiB and 0.1 s of its start
  const [{ Bucket }, { S3Objects }, { S3PackStore }, { UploadJournal }] = await Promise.all([
    import('./s3/bucket.ts'), import('./s3/objects.ts'), import('./s3/pack-store.ts'), import('./s3/upload-journal.ts')
  ])
  const bucket = new Bucket(settings)
  const layout = new Layout(true)
  await bucket.prove()
  const stores = composeStores(new S3PackStore(bucket, layout, new UploadJournal(journal), limits), new S3Objects(bucket), layout, true, times)
  return { ...stores, close: async () => { bucket.close() } }
}

/** Everything in memory, gone with the process. */
export function openMemoryStores (): Stores {
  const layout = new Layout(false)
  return composeStores(new MemoryPackStore(), new MemoryObjects(), layout, false)
}

export interface StoreSettings {
  store: 'fs' | 'minio'
  dataDir: string
  minio: { endpoint: string | null, accessKey: string | null, secretKey: string | null, bucket: string, region: string }
  offload: { endpoint: string | null }
}

/** Opens what the configuration names; `onFault` hears what goes wrong in the background, `times` how long things take. */
export function openStores ({ store, dataDir, minio, offload }: StoreSettings, onFault?: (message: string) => void, times: StoreTimes | null = null): Promise<Stores> {
  const root = join(dataDir, 'store')
  if (store === 'fs') return openFsStores(root, new NodeFiles(), new Journal(root, onFault), times)
  const { endpoint, accessKey, secretKey, bucket, region } = minio
  // config.ts has refused a MinIO store without these
  const settings = { endpoint: endpoint ?? '', accessKey: accessKey ?? '', secretKey: secretKey ?? '', bucket, region, publicEndpoint: offload.endpoint }
  return openS3Stores(settings, join(dataDir, 'uploads'), undefined, times)
}
