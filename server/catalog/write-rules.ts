// The policy file of `marquee relay-policy`: JSON by a schema, defaults for what is left out, every fault told at once. Pure.

import { Ajv } from 'ajv'
import { ConfigError } from '../errors.ts'
import { FUTURE_TOLERANCE } from './accept.ts'
import { parseKeyName } from './address.ts'
import { TAKEN_BUDGET } from './budget.ts'
import type { WriteRules } from './write-policy.ts'

const keys = { type: 'array', items: { type: 'string' }, uniqueItems: true, maxItems: 100_000 } as const
const count = { type: 'integer', minimum: 1, maximum: 1_000_000_000 } as const

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['creators'],
  properties: {
    creators: keys,
    releaseKeys: keys,
    servers: keys,
    strangers: { type: 'object', additionalProperties: false, properties: { perKeyPerHour: count, perHour: count } },
    budget: { type: 'object', additionalProperties: false, properties: { bytes: count, tags: count, element: count } },
    futureSeconds: count,
    pastSeconds: count
  }
} as const

interface RulesFile {
  creators: string[]
  releaseKeys?: string[]
  servers?: string[]
  strangers?: Partial<WriteRules['strangers']>
  budget?: Partial<WriteRules['budget']>
  futureSeconds?: number
  pastSeconds?: number
}

const validate = new Ajv({ allErrors: true, strict: true, coerceTypes: false }).compile<RulesFile>(SCHEMA)

/** As many adverts of a stranger as the catalog keeps of one key (accept.ts); ten such an hour. */
const STRANGERS: WriteRules['strangers'] = { perKeyPerHour: 2000, perHour: 20_000 }

/** strfry's own: three years. */
const PAST = 94_608_000

/** @param name of the file, for its problems. Throws ConfigError with every one of them. */
export function parseWriteRules (text: string, name: string): WriteRules {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ConfigError([`${name}: it is not JSON: ${(error as Error).message}`])
  }
  if (!validate(value)) {
    throw new ConfigError(validate.errors!.map(({ instancePath, message = '', params }) => {
      const { additionalProperty } = params as { additionalProperty?: string }
      return `${name}: ${instancePath === '' ? '/' : instancePath}: ${message}${additionalProperty === undefined ? '' : `: ${additionalProperty}`}`
    }))
  }
  const problems: string[] = []
  const keySet = (list: 'creators' | 'releaseKeys' | 'servers'): Set<string> => new Set((value[list] ?? []).map((key, i) => {
    try {
      return parseKeyName(key)
    } catch {
      problems.push(`${name}: /${list}/${i}: a key is 64 hex digits or npub1…`)
      return ''
    }
  }))
  const [creators, releaseKeys, servers] = [keySet('creators'), keySet('releaseKeys'), keySet('servers')]
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    creators, releaseKeys, servers,
    strangers: { ...STRANGERS, ...value.strangers },
    budget: { ...TAKEN_BUDGET, ...value.budget },
    future: value.futureSeconds ?? FUTURE_TOLERANCE,
    past: value.pastSeconds ?? PAST
  }
}
