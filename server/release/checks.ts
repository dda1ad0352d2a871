// The list of what was looked at, in order: each check by its name, passed, failed with the fault, or skipped because one that it stands on did
// not pass. Pure.

import { ReleaseFault } from './faults.ts'
import type { ReleaseFaultCode } from './faults.ts'

export const CHECKS = [
  'bundle.document', 'bundle.root', 'bundle.version', 'bundle.issued', 'bundle.fresh',
  'pointer.document', 'pointer.channel', 'pointer.signature', 'pointer.issued', 'pointer.fresh', 'pointer.sequence',
  'manifest.hash', 'manifest.document', 'manifest.channel', 'manifest.pointer', 'manifest.signature',
  'manifest.sequence', 'manifest.floor', 'manifest.revoked', 'manifest.intermediate', 'manifest.fresh', 'event', 'artifact'
] as const

export type CheckName = typeof CHECKS[number]

export interface Check {
  name: CheckName
  result: 'passed' | 'failed' | 'skipped'
  /** The fault, of a failed one. */
  code?: ReleaseFaultCode
  reason?: string
  /** Which of several: an event's id, a file's sha256. */
  subject?: string
}

export class Checks {
  readonly list: Check[] = []
  readonly #blocked = new Map<CheckName, CheckName>()

  /**
   * Runs a check unless one of `needs` failed or was not reached. `look` throws a ReleaseFault to fail, and may return a remark; what it throws besides
   * is thrown on. True when it passed.
   */
  run (name: CheckName, needs: readonly CheckName[], look: () => string | void, subject?: string): boolean {
    const about = subject === undefined ? {} : { subject }
    const missing = needs.find((each) => this.#blocked.has(each))
    if (missing !== undefined) {
      const first = this.#blocked.get(missing)!
      this.#blocked.set(name, first)
      this.list.push({ name, result: 'skipped', reason: `${first} did not pass`, ...about })
      return false
    }
    try {
      const remark = look()
      this.list.push({ name, result: 'passed', ...(typeof remark === 'string' ? { reason: remark } : {}), ...about })
      return true
    } catch (error) {
      if (!(error instanceof ReleaseFault)) throw error
      this.#blocked.set(name, name)
      this.list.push({ name, result: 'failed', code: error.code, reason: error.message, ...about })
      return false
    }
  }

  /** Left out for a reason of its own; what stands on it is looked at all the same. */
  skip (name: CheckName, reason: string): void {
    this.list.push({ name, result: 'skipped', reason })
  }

  passed (...names: CheckName[]): boolean {
    return names.every((name) => this.list.some((each) => each.name === name && each.result === 'passed'))
  }

  /** The faults of failed checks, in order. */
  faults (): { name: CheckName, code: ReleaseFaultCode }[] {
    return this.list.flatMap(({ name, code }) => code === undefined ? [] : [{ name, code }])
  }
}
