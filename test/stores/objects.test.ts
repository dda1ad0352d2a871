// Small objects in memory, in folders and in a real MinIO: one suite, and what only folders need.

import t from 'tap'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StoreError } from '../../server/errors.ts'
import { objectsSuite } from '../suites/objects.suite.ts'
import { fsObjects, memoryObjects, minioObjects } from '../suites/kinds.ts'
import { startMinio } from '../support/minio.ts'

// first of all: a test that waited for it with nothing under way would end
const minio = await startMinio(t)

objectsSuite(t, 'memory', memoryObjects)
objectsSuite(t, 'filesystem', fsObjects)

void t.test('filesystem: a name that climbs out of the folder is refused, whatever is asked of it', async (t) => {
  const { objects, root, drafts } = await fsObjects(t)
  const outside = join(dirname(root), 'outside')
  writeFileSync(outside, 'not ours')
  for (const key of ['../outside', 'state/../../outside', 'state/..', 'state/./x', 'state//x', '/state/x', 'state/x/', '', '..']) {
    await t.rejects(objects.get(key), StoreError, `get ${key}`)
    await t.rejects(objects.put(key, Buffer.from('x')), StoreError, `put ${key}`)
    await t.rejects(objects.add(key, Buffer.from('x')), StoreError, `add ${key}`)
    await t.rejects(objects.remove(key), StoreError, `remove ${key}`)
  }
  for (const prefix of ['../', 'state/../../', '/']) {
    await t.rejects((async () => { for await (const _ of objects.list(prefix)); })(), StoreError, `list ${prefix}`)
  }
  t.ok(existsSync(outside))
  t.equal(await drafts(), 0)
})

if (minio !== null) objectsSuite(t, 'MinIO', (t) => minioObjects(t, minio))
