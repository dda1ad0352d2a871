// What the page says of what went wrong, of sizes and of times.

import { Refusal } from '../shared/catalog.js'
import { Problem } from './account.js'

/** A sentence for the creator. @param {unknown} error */
export function sentenceOf (error) {
  if (error instanceof Problem) return error.message
  if (error instanceof Refusal) {
    if (error.status === 0) return 'The server does not answer. Look at your connection and try again.'
    if (error.status === 429) return `The server asks for a pause: ${error.message}. Try again in a moment.`
    return `The server refused (${error.status}): ${error.message}.`
  }
  if (error instanceof DOMException && error.name === 'AbortError') return 'Stopped. What has arrived stays; the rest is sent when you begin again.'
  return `Something in this page failed: ${error instanceof Error ? error.message : String(error)}`
}

/** `12.3 MB`. @param {number} bytes */
export function sizeOf (bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `1 file`, `3 files`. @param {number} count @param {string} word */
export function countOf (count, word) {
  return `${count.toLocaleString('en')} ${count === 1 ? word : `${word}s`}`
}

/** In the reader's own time. @param {number} milliseconds unix */
export function momentOf (milliseconds) {
  return new Date(milliseconds).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })
}
