// The code of a CatalogFault, for tests.

import { CatalogFault } from '../../server/catalog/faults.ts'
import type { CatalogFaultCode } from '../../server/catalog/faults.ts'

/** The code of the CatalogFault that this throws; 'none' when it throws nothing. */
export function faultOf (attempt: () => unknown): CatalogFaultCode | 'none' {
  try {
    attempt()
    return 'none'
  } catch (error) {
    if (error instanceof CatalogFault) return error.code
    throw error
  }
}
