// The structural half of every parser: a value against its published JSON Schema, by ajv, without coercion. Each schema is compiled once, when
// it is first asked for. The first breach becomes a CatalogFault with the code and words that stand nearest to it in the schema. Pure.

import { Ajv2020 } from 'ajv/dist/2020.js'
import { CATALOG_FAULTS, CatalogFault } from './faults.ts'
import type { ValidateFunction } from 'ajv'
import type { CatalogFaultCode } from './faults.ts'
import type { JsonSchema } from './schemas/event-schema.ts'

// a tag may be longer than what is said of it; that the schemas are schemas is the tests' to ask: the schema of schemas takes longer to compile than they
const ajv = new Ajv2020({ strict: true, strictTuples: false, allErrors: false, coerceTypes: false, validateSchema: false, meta: false })
ajv.addVocabulary(['x-fault'])

const compiled = new Map<JsonSchema, ValidateFunction>()

/** Throws the CatalogFault that the schema names for the first breach. */
export function checkSchema (schema: JsonSchema, value: unknown): void {
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    compiled.set(schema, validate)
  }
  if (validate(value)) return
  const [error] = validate.errors!
  const { code, words } = nearest(schema, error!.schemaPath)
  throw new CatalogFault(code, words ?? `${error!.instancePath} ${error!.message ?? ''}`.trim())
}

/** Follows a path like `#/properties/tags/allOf/0/contains`: what the innermost `x-fault` on it says. */
function nearest (schema: JsonSchema, path: string): { code: CatalogFaultCode, words: string | undefined } {
  let code: CatalogFaultCode = 'EVENT_MALFORMED'
  let words: string | undefined
  let at: unknown = schema
  for (const step of ['', ...path.split('/').slice(1)]) {
    if (step !== '') at = (at as Record<string, unknown>)[decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')]
    if (typeof at !== 'object' || at === null) break
    const { 'x-fault': named, description } = at as Record<string, string | undefined>
    if (named !== undefined && named in CATALOG_FAULTS) {
      code = named as CatalogFaultCode
      words = at === schema ? undefined : description // that of the root tells what the whole is for
    }
  }
  return { code, words }
}
