// The JSON Schema (draft 2020-12) of one kind of event, from a list of rules for its tags. Each rule also carries `x-fault`, the code that
// a breach of it gets: readers of the published schema may ignore that, as the draft says of words they do not know. Pure.

import type { CatalogFaultCode } from '../faults.ts'

export type JsonSchema = { readonly [member: string]: unknown }

export interface TagRule {
  readonly name: string
  /** What the elements after the name say, in order; those that are there must match. */
  readonly values?: readonly JsonSchema[]
  /** How many of them must be there; all by default. */
  readonly needs?: number
  /** At least one such tag. */
  readonly must?: boolean
  /** At most one such tag. */
  readonly once?: boolean
  /** The tag in words. */
  readonly says: string
}

export interface EventRules {
  /** The file below /schemas/. */
  readonly file: string
  readonly title: string
  readonly description: string
  readonly kinds: readonly number[]
  readonly content?: JsonSchema
  readonly tags: readonly TagRule[]
  /** One of these names at least. */
  readonly either?: readonly string[]
  /** Of an event whose `status` is not `withdrawn`, besides. */
  readonly standing?: readonly TagRule[]
}

export const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

export const HEX64: JsonSchema = { type: 'string', pattern: '^[0-9a-f]{64}$' }
export const TEXT: JsonSchema = { type: 'string', minLength: 1 }
/** Any text, the empty one too: what a tag has at a place that means nothing. */
export const ANYTHING: JsonSchema = { type: 'string' }
/** A whole number up to 2^53 − 1, without leading zeros: sixteen digits may pass it, which the parser tells. */
export const WHOLE: JsonSchema = { type: 'string', pattern: '^(0|[1-9][0-9]{0,15})$' }
/** Absolute, without a name and password in it. */
export const HTTP_URL: JsonSchema = { type: 'string', pattern: '^https?://[^\\s/?#@]+([/?#]\\S*)?$' }
export const MEDIA_TYPE: JsonSchema = { type: 'string', pattern: '^[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]*/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]*( *;.*)?$' }
export const STATUS: JsonSchema = { enum: ['published', 'withdrawn'] }

/** An address in an `a` tag, of these kinds. */
export function addressIn (kinds: readonly number[]): JsonSchema {
  return { type: 'string', pattern: `^(${kinds.join('|')}):[0-9a-f]{64}:` }
}

const named = (name: string): JsonSchema => ({ type: 'array', minItems: 1, prefixItems: [{ const: name }] })

const fault = (code: CatalogFaultCode, description: string): JsonSchema => ({ 'x-fault': code, description })

function counts ({ name, must, once, says }: TagRule): JsonSchema[] {
  return [
    ...(must === true ? [{ ...fault('TAG_MISSING', `${name}, ${says}`), contains: named(name) }] : []),
    ...(once === true ? [{ ...fault('TAG_REPEATED', name), contains: named(name), minContains: 0, maxContains: 1 }] : [])
  ]
}

function wording ({ name, values = [], needs = values.length, says }: TagRule): JsonSchema {
  return { if: named(name), then: { ...fault('TAG_INVALID', `${name} must be ${says}`), type: 'array', minItems: 1 + needs, prefixItems: [true, ...values] } }
}

export function eventSchema ({ file, title, description, kinds, content = { type: 'string' }, tags, either = [], standing = [] }: EventRules): JsonSchema {
  const whole = [
    ...tags.flatMap(counts),
    ...(either.length === 0 ? [] : [{ ...fault('TAG_MISSING', either.join(' or ')), anyOf: either.map((name) => ({ type: 'array', contains: named(name) })) }])
  ]
  const withdrawn = { type: 'array', contains: { type: 'array', minItems: 2, prefixItems: [{ const: 'status' }, { const: 'withdrawn' }] } }
  return {
    $schema: DRAFT,
    $id: `/schemas/${file}`,
    title,
    description,
    type: 'object',
    ...fault('EVENT_MALFORMED', description),
    required: ['id', 'pubkey', 'created_at', 'kind', 'tags', 'content', 'sig'],
    properties: {
      id: HEX64,
      pubkey: HEX64,
      created_at: { type: 'integer' },
      kind: { ...fault('KIND_UNKNOWN', `kind ${kinds.join(' or ')}`), enum: [...kinds] },
      content: { ...fault('CONTENT_INVALID', 'the content'), ...content },
      sig: { type: 'string', pattern: '^[0-9a-f]{128}$' },
      tags: {
        type: 'array',
        items: { type: 'array', minItems: 1, items: { type: 'string' }, allOf: tags.map(wording) },
        allOf: [
          ...whole,
          ...(standing.length === 0 ? [] : [{ if: withdrawn, else: { allOf: standing.flatMap(counts) } }])
        ]
      }
    }
  }
}
