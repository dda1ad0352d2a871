// What a node keeps for ever of the releases it has verified, so that no relay, mirror or reinstall can take it back: the root in force and the
// highest trust bundle by pinned root, and by application and channel the highest release and its floor. Callers keep it durably. Pure.

import { canonicalText, parseLoose } from './canonical.ts'
import { checkAgainst } from './document-check.ts'
import { FLOOR, HEX64, SEQUENCE } from './schemas/words.ts'

export const RELEASE_STATE_NAME = 'marquee.release-state/1'

export interface TrustState {
  /** The root in force after its changes, 64 hex digits. */
  root: string
  /** The highest bundle_version seen, and the sha256 of what was signed of it. */
  version: number
  signed: string
  /** sha256 of the root that follows; null when none was committed to. */
  next_root: string | null
}

export interface ChannelState {
  /** The highest release verified, and the sha256 of what was signed of it. */
  sequence: number
  signed: string
  /** The floor that it sets. */
  rollback_floor: number
  /** What runs here; null when unknown. */
  installed: number | null
}

export interface ReleaseState {
  schema: typeof RELEASE_STATE_NAME
  /** By the pinned root, 64 hex digits. */
  trust: Record<string, TrustState>
  /** By `app/channel`. */
  channels: Record<string, ChannelState>
}

const STATE_SCHEMA = {
  type: 'object',
  required: ['schema', 'trust', 'channels'],
  additionalProperties: false,
  properties: {
    schema: { const: RELEASE_STATE_NAME },
    trust: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['root', 'version', 'signed', 'next_root'],
        additionalProperties: false,
        properties: { root: HEX64, version: SEQUENCE, signed: HEX64, next_root: { anyOf: [HEX64, { type: 'null' }] } }
      }
    },
    channels: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['sequence', 'signed', 'rollback_floor', 'installed'],
        additionalProperties: false,
        properties: { sequence: SEQUENCE, signed: HEX64, rollback_floor: FLOOR, installed: { anyOf: [SEQUENCE, { type: 'null' }] } }
      }
    }
  }
} as const

export function emptyState (): ReleaseState {
  return { schema: RELEASE_STATE_NAME, trust: {}, channels: {} }
}

/** A file that cannot be read is never taken for an empty one. Throws as `parseLoose`, or STATE_INVALID. */
export function parseState (bytes: Uint8Array): ReleaseState {
  const value = parseLoose(bytes)
  checkAgainst({ schema: STATE_SCHEMA, fault: 'STATE_INVALID' }, value)
  return value as ReleaseState
}

export function stateText (state: ReleaseState): string {
  return canonicalText(state)
}

export function trustOf (state: ReleaseState, pinned: string): TrustState | null {
  return Object.hasOwn(state.trust, pinned) ? state.trust[pinned]! : null
}

export function channelOf (state: ReleaseState, app: string, channel: string): ChannelState | null {
  const name = `${app}/${channel}`
  return Object.hasOwn(state.channels, name) ? state.channels[name]! : null
}

/** After a release was applied and its probe passed; nothing changes for a channel of which nothing was verified. */
export function withInstalled (state: ReleaseState, app: string, channel: string, sequence: number): ReleaseState {
  const known = channelOf(state, app, channel)
  return known === null ? state : { ...state, channels: { ...state.channels, [`${app}/${channel}`]: { ...known, installed: sequence } } }
}

/** The higher of both, part by part: what two verifications at once have learnt. `later` tells what is installed. */
export function mergeStates (earlier: ReleaseState, later: ReleaseState): ReleaseState {
  const merged: ReleaseState = { schema: RELEASE_STATE_NAME, trust: { ...earlier.trust }, channels: { ...earlier.channels } }
  for (const [pinned, trust] of Object.entries(later.trust)) {
    const known = trustOf(earlier, pinned)
    if (known === null || trust.version >= known.version) merged.trust[pinned] = trust
  }
  for (const [name, channel] of Object.entries(later.channels)) {
    const known = Object.hasOwn(earlier.channels, name) ? earlier.channels[name]! : null
    merged.channels[name] = known === null || channel.sequence >= known.sequence ? channel : { ...known, installed: channel.installed ?? known.installed }
  }
  return merged
}
