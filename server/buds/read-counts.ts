// How reads of blobs were answered, for /metrics. Plain numbers in place: a read of a hot blob takes 20 µs, and a label object each would show.

export class ReadCounts {
  /** By status. */
  readonly get = new Float64Array(600)
  readonly head = new Float64Array(600)
  /** Answers whose store failed after their head had gone out; they are among the statuses too. */
  broken = 0

  count (method: string, status: number): void {
    const counts = method === 'HEAD' ? this.head : this.get
    counts[status]!++
  }
}
