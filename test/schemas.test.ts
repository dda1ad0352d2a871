// The schemas that are compiled without being checked themselves, which every start would pay for (config.ts, document-check.ts, film-build.ts,
// sealed-keys.ts; those of events stand in catalog/kinds.test.ts).

import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { FILM_BUILD_SCHEMA, FILM_KEYS_SCHEMA } from '../backstage/film/film-build-schema.ts'
import { buildSchema } from '../server/config-fields.ts'
import { LATEST_POINTER_SCHEMA } from '../server/release/schemas/latest-pointer.ts'
import { RELEASE_MANIFEST_SCHEMA } from '../server/release/schemas/release-manifest.ts'
import { TRUST_BUNDLE_SCHEMA } from '../server/release/schemas/trust-bundle.ts'

t.test('each schema is one by the schema of schemas', async (t) => {
  const [older, newer] = [new Ajv(), new Ajv2020()]
  t.equal(older.validateSchema({ type: 'nothing' }), false, 'and no schema is told')
  t.equal(newer.validateSchema({ type: 'nothing' }), false, 'and no schema is told')
  t.equal(older.validateSchema(buildSchema()), true, older.errorsText())
  for (const schema of [FILM_BUILD_SCHEMA, FILM_KEYS_SCHEMA, LATEST_POINTER_SCHEMA, RELEASE_MANIFEST_SCHEMA, TRUST_BUNDLE_SCHEMA]) {
    t.equal(newer.validateSchema(schema), true, newer.errorsText())
  }
})
