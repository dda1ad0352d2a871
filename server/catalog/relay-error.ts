// What goes wrong with a relay, in its words or ours. Pure.

/** A relay that could not be asked, or did not do what it was asked: its URL, and its words or ours. */
export class RelayError extends Error {
  readonly url: string
  readonly words: string

  constructor (url: string, words: string) {
    super(`${url}: ${words}`)
    this.name = 'RelayError'
    this.url = url
    this.words = words
  }
}
