// Breaks what lies in a store behind its server's back: a pack or an index record with one byte flipped, cut short, or gone.

import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'minio'
import { Layout } from '../../server/stores/layout.ts'
import { blake3Multihash, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { until } from './raw-origin.ts'
import type { StorePlace } from './children.ts'
import type { Running } from './app.ts'

export type Damage = 'flip' | 'cut' | 'remove'

export interface Damager {
  /** Waits until the blob has its files, and breaks its pack. */
  pack: (server: Running, sha256: string, damage: Damage) => Promise<void>
  /** The same with the records of an inline blob; without `twin` the BLAKE3 record stays whole, and a server repairs the blob from it. */
  record: (server: Running, sha256: string, damage: Damage, twin?: boolean) => Promise<void>
  /** What is kept aside of a blob. */
  aside: (sha256: string) => Promise<string[]>
}

interface Raw {
  read: (key: string) => Promise<Buffer>
  write: (key: string, bytes: Buffer) => Promise<unknown>
  remove: (key: string) => Promise<unknown>
  aside: () => Promise<string[]>
}

function folder (root: string): Raw {
  return {
    read: async (key) => readFileSync(join(root, key)),
    write: async (key, bytes) => { writeFileSync(join(root, key), bytes) },
    remove: async (key) => { rmSync(join(root, key)) },
    aside: async () => existsSync(join(root, 'quarantine')) ? readdirSync(join(root, 'quarantine')) : []
  }
}

function bucket ({ minio, bucket }: NonNullable<StorePlace>): Raw {
  const { hostname, port } = new URL(minio.endpoint)
  const { accessKey, secretKey, region } = minio
  const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey, region })
  return {
    read: async (key) => {
      const parts: Buffer[] = []
      for await (const part of await client.getObject(bucket, key)) parts.push(part as Buffer)
      return Buffer.concat(parts)
    },
    write: (key, bytes) => client.putObject(bucket, key, bytes),
    remove: (key) => client.removeObject(bucket, key),
    aside: async () => {
      const names: string[] = []
      for await (const item of client.listObjectsV2(bucket, 'quarantine/', true)) names.push((item as { name: string }).name.slice('quarantine/'.length))
      return names
    }
  }
}

export function damagerOf (dataDir: string, place: StorePlace): Damager {
  const raw = place === null ? folder(join(dataDir, 'store')) : bucket(place)
  const layout = new Layout(place !== null)
  const breaking = async ({ marquee }: Running, sha256: string, key: string, damage: Damage, at: (bytes: Buffer) => number): Promise<void> => {
    await until(() => (marquee.stores.journal?.pending(sha256) ?? null) === null)
    if (damage === 'remove') return void await raw.remove(key)
    const bytes = await raw.read(key)
    const place = at(bytes)
    bytes[place]! ^= 1
    await raw.write(key, damage === 'cut' ? bytes.subarray(0, place) : bytes)
  }
  return {
    pack: (server, sha256, damage) => breaking(server, sha256, layout.pack(sha256Multihash(sha256)), damage, ({ length }) => Math.floor(length * 0.7)),
    // far enough behind the head of the record to lie within the bytes
    record: async (server, sha256, damage, twin = true) => {
      const { blake3 } = server.marquee.descriptors.get(sha256)!
      const hashes = twin ? [blake3Multihash(blake3!), sha256Multihash(sha256)] : [sha256Multihash(sha256)]
      for (const multihash of hashes) await breaking(server, sha256, layout.record(multihash), damage, ({ length }) => Math.floor(length / 2))
    },
    aside: async (sha256) => (await raw.aside()).filter((name) => name.startsWith(keyOf(sha256Multihash(sha256))))
  }
}
