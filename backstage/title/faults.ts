// Why a command of published titles stops, in words for the person who called. Pure.

/** `code` is the exit code: 2 for what was asked wrongly, 1 for what went wrong. */
export class TitleFault extends Error {
  readonly code: 1 | 2

  constructor (message: string, code: 1 | 2 = 1) {
    super(message)
    this.name = 'TitleFault'
    this.code = code
  }
}

/** Several at once: they are told together. */
export class TitleFaults extends Error {
  readonly faults: readonly string[]

  constructor (faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'TitleFaults'
    this.faults = faults
  }
}
