// The code of a ReleaseFault, for tests.

import { ReleaseFault } from '../../server/release/faults.ts'
import type { ReleaseFaultCode } from '../../server/release/faults.ts'

/** The code of the ReleaseFault that this throws; 'none' when it throws nothing. */
export function releaseFaultOf (attempt: () => unknown): ReleaseFaultCode | 'none' {
  try {
    attempt()
    return 'none'
  } catch (error) {
    if (error instanceof ReleaseFault) return error.code
    throw error
  }
}
