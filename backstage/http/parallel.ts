// Many small jobs, some at a time.

/**
 * Runs `work` for each item, at most `width` at once, in order of their beginning. The first error ends it: nothing more is begun, and what is under
 * way is waited for before the error is given on.
 */
export async function eachOf<T> (items: Iterable<T>, width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items[Symbol.iterator]()
  const failed: unknown[] = []
  const worker = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true && failed.length === 0; next = waiting.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failed.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  if (failed.length > 0) throw failed[0]
}
