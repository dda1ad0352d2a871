// The secret key of a role as it lies in a file: one line of 64 hex digits, the Ed25519 seed, so that a setting like TIMESTAMP_KEY_FILE may name the
// same file. Pure.

import { randomBytes } from 'node:crypto'
import { ReleaseFault } from './faults.ts'

/** 32 bytes. Throws KEY_INVALID, without a digit of it. */
export function parseRoleKey (text: string): Buffer {
  const line = text.trim()
  if (!/^[0-9a-f]{64}$/i.test(line)) throw new ReleaseFault('KEY_INVALID', 'a secret key file holds one line of 64 hex digits')
  return Buffer.from(line, 'hex')
}

/** The text of a new key's file. */
export function newRoleKey (): string {
  return `${randomBytes(32).toString('hex')}\n`
}
