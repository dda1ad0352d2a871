// How long one ownership lasts: the end its owner asked for (X-Expiration), or the one that the operator's rules set, whichever comes first. The
// first rule that matches type, owner and size decides. Pure; times in unix seconds.

import { matchesType } from './media-type.ts'

export interface RetentionRule {
  readonly types?: readonly string[]
  /** Lowercase hex. */
  readonly pubkeys?: readonly string[]
  /** Bytes. */
  readonly minSize?: number
  /** Seconds after the upload. */
  readonly keep?: number
  /** Seconds after the last read, or the upload where that is later. Neither of both: for ever. */
  readonly keepUnread?: number
}

/** What the rules look at. */
export interface Kept {
  owner: string
  type: string
  /** Bytes. */
  size: number
  uploaded: number
  /** As the owner asked; null for no end. */
  expires: number | null
}

/** When an ownership ends: at `at`, or when `unread` seconds have passed since its last read or since `uploaded`; null for never. */
export interface Ending {
  at: number | null
  unread: number | null
  uploaded: number
}

export function ruleFor (rules: readonly RetentionRule[], { owner, type, size }: Pick<Kept, 'owner' | 'type' | 'size'>): RetentionRule | null {
  return rules.find(({ types, pubkeys, minSize }) =>
    (types === undefined || types.some((pattern) => matchesType(pattern, type))) &&
    (pubkeys === undefined || pubkeys.includes(owner)) &&
    (minSize === undefined || size >= minSize)) ?? null
}

/** `keeper` owns what is pinned: no rule is about it. */
export function endingOf (rules: readonly RetentionRule[], keeper: string, kept: Kept): Ending {
  const rule = kept.owner === keeper ? null : ruleFor(rules, kept)
  const aged = rule?.keep === undefined ? null : kept.uploaded + rule.keep
  return { at: earlier(kept.expires, aged), unread: rule?.keepUnread ?? null, uploaded: kept.uploaded }
}

/** The end of an ownership whose blob was read last at `read`; null for none. */
export function endAfter ({ at, unread, uploaded }: Ending, read: number): number | null {
  return earlier(at, unread === null ? null : Math.max(read, uploaded) + unread)
}

/** The end of a blob: that of its last ownership. Null for none, and for a blob that is nobody's. */
export function lastEnd (endings: readonly Ending[], read: number): number | null {
  let last: number | null = null
  for (const ending of endings) {
    const end = endAfter(ending, read)
    if (end === null) return null
    if (last === null || end > last) last = end
  }
  return last
}

function earlier (a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
