// Metrics of how full the server is: the line of uploads, the quotas, the disk. A limit that nobody set is +Inf, so that a share of it is 0. There is
// no series a key: how many keys there are is the public's to choose.

import type { Definition, Sample, Sources } from './exposition.ts'

type Look = Awaited<ReturnType<Sources['room']['look']>>

/** A store that does not answer costs its own lines and no others; its faults are counted elsewhere. */
function looked (pick: (look: Look) => number | null): (sources: Sources) => Promise<Sample[]> {
  return async ({ room }) => {
    const value = await room.look().then(pick, () => null)
    return value === null ? [] : [{ value }]
  }
}

export const CAPACITY: readonly Definition[] = [
  { name: 'marquee_uploads_under_way', type: 'gauge', help: 'Uploads and mirrors that had their turn', read: ({ queue }) => [{ value: queue.counts.underWay }] },
  { name: 'marquee_uploads_waiting', type: 'gauge', help: 'Uploads and mirrors that wait for their turn', read: ({ queue }) => [{ value: queue.counts.waiting }] },
  { name: 'marquee_upload_places', type: 'gauge', help: 'Uploads and mirrors that may be under way at once', read: ({ queue }) => [{ value: queue.counts.places }] },
  { name: 'marquee_uploads_announced_bytes', type: 'gauge', help: 'Bytes announced by uploads under way that are not yet stored', read: ({ room }) => [{ value: room.coming }] },
  { name: 'marquee_stored_blobs', type: 'gauge', help: 'Blobs stored, each counted once', read: looked(({ stored }) => stored.blobs) },
  { name: 'marquee_stored_bytes', type: 'gauge', help: 'Bytes of them', read: looked(({ stored }) => stored.bytes) },
  { name: 'marquee_store_limit_blobs', type: 'gauge', help: 'Blobs that may be stored', read: looked(({ quotas }) => quotas.storeBlobs ?? Infinity) },
  { name: 'marquee_store_limit_bytes', type: 'gauge', help: 'Bytes that may be stored', read: looked(({ quotas }) => quotas.storeBytes ?? Infinity) },
  { name: 'marquee_keys', type: 'gauge', help: 'Public keys that own a blob', read: looked(({ keys }) => keys.keys) },
  { name: 'marquee_key_most_blobs', type: 'gauge', help: 'Blobs of the key that has most', read: looked(({ keys }) => keys.blobs) },
  { name: 'marquee_key_most_bytes', type: 'gauge', help: 'Bytes of the key that has most', read: looked(({ keys }) => keys.bytes) },
  { name: 'marquee_key_limit_blobs', type: 'gauge', help: 'Blobs that one key may have', read: looked(({ quotas }) => quotas.keyBlobs ?? Infinity) },
  { name: 'marquee_key_limit_bytes', type: 'gauge', help: 'Bytes that one key may have', read: looked(({ quotas }) => quotas.keyBytes ?? Infinity) },
  { name: 'marquee_disk_free_bytes', type: 'gauge', help: 'Bytes free on the disk of the store', read: looked(({ disk }) => disk?.free ?? null) },
  { name: 'marquee_disk_reserve_bytes', type: 'gauge', help: 'Bytes of it that uploads leave free', read: looked(({ disk }) => disk?.reserve ?? null) }
]
