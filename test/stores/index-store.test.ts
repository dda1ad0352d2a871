// The index over memory, folders and a real MinIO.

import t from 'tap'
import { indexStoreSuite } from '../suites/index-store.suite.ts'
import { fsObjects, memoryObjects, minioObjects } from '../suites/kinds.ts'
import { startMinio } from '../support/minio.ts'

// first of all: a test that waited for it with nothing under way would end
const minio = await startMinio(t)

indexStoreSuite(t, 'memory', memoryObjects)
indexStoreSuite(t, 'filesystem', fsObjects)

if (minio !== null) indexStoreSuite(t, 'MinIO', (t) => minioObjects(t, minio))
