// The structural half of every document's parser: bytes to a value that fits its JSON Schema, by ajv, without coercion. The schemas are closed, so
// that nothing that is signed means nothing. Each is compiled once, when it is first asked for. Pure.

import { Ajv2020 } from 'ajv/dist/2020.js'
import { parseCanonical } from './canonical.ts'
import { ReleaseFault } from './faults.ts'
import type { ValidateFunction } from 'ajv'
import type { ReleaseFaultCode } from './faults.ts'

export interface DocumentKind {
  /** What the member `schema` must say. */
  name: string
  schema: { readonly [member: string]: unknown }
  /** For whatever does not fit. */
  fault: ReleaseFaultCode
  /** Bytes. */
  limit: number
}

// that the schemas are schemas is the tests' to ask: the schema of schemas takes longer to compile than they
const ajv = new Ajv2020({ strict: true, allErrors: false, coerceTypes: false, validateSchema: false, meta: false })
const compiled = new Map<DocumentKind['schema'], ValidateFunction>()

/** Throws as `parseCanonical`, SCHEMA_OTHER, or the fault of the kind. */
export function parseDocument (kind: DocumentKind, bytes: Uint8Array): unknown {
  const value = parseCanonical(bytes, kind.limit)
  // a verifier MUST demand the exact schema: no document stands for one of another kind
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined
  if (schema !== kind.name) throw new ReleaseFault('SCHEMA_OTHER', `${String(JSON.stringify(schema)).slice(0, 80)}, not "${kind.name}"`)
  checkAgainst(kind, value)
  return value
}

/** Throws the fault of the kind. */
export function checkAgainst ({ schema, fault }: Pick<DocumentKind, 'schema' | 'fault'>, value: unknown): void {
  let validate = compiled.get(schema)
  if (validate === undefined) {
    validate = ajv.compile(schema)
    compiled.set(schema, validate)
  }
  if (validate(value)) return
  const { instancePath, message = '', params } = validate.errors![0]!
  const which = 'additionalProperty' in params ? ` "${String(params['additionalProperty']).slice(0, 60)}"` : ''
  throw new ReleaseFault(fault, `${instancePath.slice(0, 200)} ${message}${which}`.trim())
}
