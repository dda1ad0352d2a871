// Every schema that the server publishes, by its file name below /schemas/. Pure.

import { APPLICATION_DATA_SCHEMA } from './application-data.ts'
import { APPLICATION_SCHEMA } from './application.ts'
import { ARTIFACT_SCHEMA } from './artifact.ts'
import { COLLECTION_SCHEMA } from './collection.ts'
import { FILM_MANIFEST_SCHEMA } from './film-manifest.ts'
import { PROVIDER_ADVERT_SCHEMA } from './provider-advert.ts'
import { RELAY_LIST_SCHEMA } from './relay-list.ts'
import { RELEASE_SCHEMA } from './release.ts'
import { SERVER_LIST_SCHEMA } from './server-list.ts'
import { SNAPSHOT_SCHEMA } from './snapshot.ts'
import { TITLE_SCHEMA } from './title.ts'
import { WITHDRAWAL_SCHEMA } from './withdrawal.ts'
import { LATEST_POINTER_SCHEMA } from '../../release/schemas/latest-pointer.ts'
import { RELEASE_MANIFEST_SCHEMA } from '../../release/schemas/release-manifest.ts'
import { TRUST_BUNDLE_SCHEMA } from '../../release/schemas/trust-bundle.ts'
import type { JsonSchema } from './event-schema.ts'

/** The last part of its `$id` to the schema. */
export const SCHEMAS: Readonly<Record<string, JsonSchema>> = Object.fromEntries([
  TITLE_SCHEMA, COLLECTION_SCHEMA, PROVIDER_ADVERT_SCHEMA, SERVER_LIST_SCHEMA, RELAY_LIST_SCHEMA, WITHDRAWAL_SCHEMA, APPLICATION_DATA_SCHEMA,
  SNAPSHOT_SCHEMA, APPLICATION_SCHEMA, RELEASE_SCHEMA, ARTIFACT_SCHEMA, FILM_MANIFEST_SCHEMA,
  TRUST_BUNDLE_SCHEMA, LATEST_POINTER_SCHEMA, RELEASE_MANIFEST_SCHEMA
].map((schema: JsonSchema) => [String(schema['$id']).replace('/schemas/', ''), schema]))
