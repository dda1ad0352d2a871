// The three kinds of store that every suite runs over, opened empty for one test: memory, folders, a bucket of a real MinIO.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NodeFiles } from '../../server/stores/fs/files.ts'
import { FsObjects } from '../../server/stores/fs/objects.ts'
import { FsPackStore } from '../../server/stores/fs/pack-store.ts'
import { Layout } from '../../server/stores/layout.ts'
import { MemoryObjects } from '../../server/stores/memory/objects.ts'
import { MemoryPackStore } from '../../server/stores/memory/pack-store.ts'
import { Bucket } from '../../server/stores/s3/bucket.ts'
import { S3Objects } from '../../server/stores/s3/objects.ts'
import { S3PackStore } from '../../server/stores/s3/pack-store.ts'
import { UploadJournal } from '../../server/stores/s3/upload-journal.ts'
import type { Test } from 'tap'
import type { Objects } from '../../server/stores/objects.ts'
import type { Minio } from '../support/minio.ts'
import type { OpenedPacks } from './pack-store.suite.ts'

export interface OpenedObjects {
  objects: Objects
  layout: Layout
  /** Files of unfinished writes that are left. */
  drafts: () => Promise<number>
  lose?: () => Promise<() => Promise<void>>
}

/** The least that S3 takes as a part, so that tests need not be large. */
export const PART_BYTES = 5 * 1024 * 1024

export async function memoryPacks (): Promise<OpenedPacks> {
  return { packs: new MemoryPackStore(), drafts: async () => 0 }
}

export async function memoryObjects (): Promise<OpenedObjects> {
  return { objects: new MemoryObjects(), layout: new Layout(false), drafts: async () => 0 }
}

/** Puts a file where a folder was, as if the disk were another; the way back. */
function replaced (folder: string): () => Promise<void> {
  renameSync(folder, `${folder}.away`)
  writeFileSync(folder, 'not a folder')
  return async () => {
    rmSync(folder)
    renameSync(`${folder}.away`, folder)
  }
}

export async function fsPacks (t: Test): Promise<OpenedPacks> {
  const root = join(t.testdir({}), 'store')
  const again = (): Promise<FsPackStore> => FsPackStore.open(root, new Layout(false), new NodeFiles())
  return { packs: await again(), again, drafts: async () => readdirSync(join(root, 'drafts')).length, lose: async () => replaced(join(root, 'pack')) }
}

/** Also its folder. */
export async function fsObjects (t: Test): Promise<OpenedObjects & { root: string }> {
  const root = join(t.testdir({}), 'store')
  for (const folder of ['index', 'owners', 'state', 'drafts']) mkdirSync(join(root, folder), { recursive: true })
  return {
    objects: new FsObjects(root, new NodeFiles()), layout: new Layout(false), root,
    drafts: async () => readdirSync(join(root, 'drafts')).length,
    lose: async () => {
      const back = ['index', 'state'].map((name) => replaced(join(root, name)))
      return async () => { for (const each of back) await each() }
    }
  }
}

/** A client of a new bucket, or of `bucket`, closed with the test. */
export async function bucketOf (t: Test, minio: Minio, bucket?: string): Promise<Bucket> {
  const { endpoint, accessKey, secretKey, region } = minio
  const opened = new Bucket({ endpoint, accessKey, secretKey, region, bucket: bucket ?? await minio.newBucket() })
  t.teardown(() => { opened.close() })
  return opened
}

/** Remembers under which keys multipart uploads were begun: MinIO lists them only by their exact key. */
function begunKeys (bucket: Bucket): Set<string> {
  const { client } = bucket
  const begin = client.initiateNewMultipartUpload.bind(client)
  const keys = new Set<string>()
  client.initiateNewMultipartUpload = (name, key, headers) => {
    keys.add(key)
    return begin(name, key, headers)
  }
  return keys
}

export interface MinioPacks extends OpenedPacks {
  bucket: Bucket
  journal: string
  /** Multipart uploads that this client began and that nobody ended. */
  uploads: () => Promise<number>
}

/** A pack store in a new bucket, or in `bucket`. */
export async function minioPacks (t: Test, minio: Minio, { bucket: name, ...limits }: { copyLimit?: number, bucket?: string } = {}): Promise<MinioPacks> {
  const bucket = await bucketOf(t, minio, name)
  const keys = begunKeys(bucket)
  const journal = join(t.testdir({}), `uploads-${Math.random()}`)
  const again = async (): Promise<S3PackStore> => new S3PackStore(bucket, new Layout(true), new UploadJournal(journal), { partBytes: PART_BYTES, ...limits })
  const uploads = async (): Promise<number> => {
    let found = 0
    for (const key of keys) {
      for await (const _ of bucket.client.listIncompleteUploads(bucket.bucket, key, true)) found++
    }
    return found
  }
  const drafts = async (): Promise<number> => {
    let found = await uploads() + (existsSync(journal) ? readdirSync(journal).length : 0)
    for await (const _ of bucket.client.listObjectsV2(bucket.bucket, 'tmp/', true)) found++
    return found
  }
  return { packs: await again(), again, drafts, uploads, bucket, journal, lose: () => stopped(minio) }
}

export async function minioObjects (t: Test, minio: Minio): Promise<OpenedObjects> {
  return { objects: new S3Objects(await bucketOf(t, minio)), layout: new Layout(true), drafts: async () => 0, lose: () => stopped(minio) }
}

async function stopped (minio: Minio): Promise<() => Promise<void>> {
  await minio.stop('SIGKILL')
  return () => minio.start()
}
