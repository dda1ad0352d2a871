// Who may put what here: an ordered list of small rules over plain facts, each a failure or nothing. What the headers already tell is
// judged before the body; the same rules judge the real type and size once more when they are known. Pure.

import { Failure } from '../errors.ts'
import { UNTYPED, essenceOf, matchesType } from '../stores/media-type.ts'

export interface UploadFacts {
  /** 64 hex digits; null before the token is read, or without one. */
  pubkey: string | null
  /** Null: not known yet. */
  type: string | null
  /** Bytes; null: not known yet. */
  size: number | null
}

export type Rule = (facts: UploadFacts) => Failure | null

export interface ConfiguredRule {
  readonly pubkeys?: readonly string[]
  readonly types?: readonly string[]
  readonly maxSize?: number
  readonly deny?: string
}

export interface PolicySettings {
  maxBlobSize: number
  types: readonly string[]
  uploadPubkeys: readonly string[]
  policy: readonly ConfiguredRule[]
}

export function sizeRule (maxBlobSize: number): Rule {
  return ({ size }) => size !== null && size > maxBlobSize ? new Failure('TOO_LARGE', `${maxBlobSize} bytes at most`) : null
}

/** Ciphertext is never refused for being opaque: octet-stream passes whatever the list says (T9). */
export function typeRule (types: readonly string[]): Rule {
  return ({ type }) => {
    if (type === null || essenceOf(type) === UNTYPED) return null
    if (essenceOf(type) === 'multipart/form-data') return new Failure('TYPE_REFUSED', 'send the bytes themselves, not a form')
    return types.some((pattern) => matchesType(pattern, type)) ? null : new Failure('TYPE_REFUSED', essenceOf(type))
  }
}

export function keyRule (pubkeys: readonly string[]): Rule {
  const allowed = new Set(pubkeys)
  return ({ pubkey }) => allowed.size === 0 || (pubkey !== null && allowed.has(pubkey)) ? null : new Failure('KEY_REFUSED')
}

/** The operator's own rules in their order: the first that matches key and type decides. */
export function configuredRule (rules: readonly ConfiguredRule[]): Rule {
  return ({ pubkey, type, size }) => {
    const rule = rules.find(({ pubkeys, types }) =>
      (pubkeys === undefined || (pubkey !== null && pubkeys.includes(pubkey))) &&
      (types === undefined || types.some((pattern) => matchesType(pattern, type ?? UNTYPED))))
    if (rule === undefined) return null
    if (rule.deny !== undefined) return new Failure(rule.types === undefined ? 'KEY_REFUSED' : 'TYPE_REFUSED', rule.deny)
    if (rule.maxSize !== undefined && size !== null && size > rule.maxSize) return new Failure('TOO_LARGE', `${rule.maxSize} bytes at most`)
    return null
  }
}

export class Policy {
  #beforeToken: readonly Rule[] = []
  #afterToken: readonly Rule[] = []

  constructor (settings: PolicySettings) {
    this.reload(settings)
  }

  /** Other rules from now on. */
  reload ({ maxBlobSize, types, uploadPubkeys, policy }: PolicySettings): void {
    this.#beforeToken = [sizeRule(maxBlobSize), typeRule(types)]
    this.#afterToken = [keyRule(uploadPubkeys), configuredRule(policy)]
  }

  /** What can be said before anybody is identified: 413 and 415. Throws the first failure. */
  judgeClaims (facts: UploadFacts): void {
    judge(this.#beforeToken, facts)
  }

  /** Everything, once it is known who asks. Throws the first failure. */
  judge (facts: UploadFacts): void {
    judge(this.#beforeToken, facts)
    judge(this.#afterToken, facts)
  }
}

function judge (rules: readonly Rule[], facts: UploadFacts): void {
  for (const rule of rules) {
    const failure = rule(facts)
    if (failure !== null) throw failure
  }
}
