// Decides a conditional GET or HEAD of a blob: send it, answer 304, or answer 412. Pure. RFC 9110 §13, dates §5.6.7.
// A blob never changes, so its entity tag is strong and so is its date: two contents never shared one second.

export interface ConditionAnswer {
  outcome: 'proceed' | 'not-modified' | 'precondition-failed'
  /** Whether a Range header may be used; false means: send the whole blob, or nothing. */
  range: boolean
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/**
 * Evaluates the conditions of a GET or HEAD in the order of RFC 9110 §13.2.2. Header names are lowercase.
 * `etag` is the strong entity tag with its quotes, `lastModified` is in Unix seconds and stands in the answer's Last-Modified.
 * `now` (Unix seconds) only settles the century of an obsolete two-digit year. Never throws.
 */
export function evaluateConditions (
  headers: Headers,
  { etag, lastModified }: { etag: string, lastModified: number },
  now: number = lastModified,
): ConditionAnswer {
  const modified = Math.floor(lastModified)

  // If-Match MUST be compared strongly; If-Unmodified-Since MUST be ignored beside it.
  const ifMatch = field(headers, 'if-match')
  if (ifMatch !== undefined) {
    if (!namesTag(ifMatch, etag, 'strong')) return { outcome: 'precondition-failed', range: false }
  } else {
    const since = dateField(headers, 'if-unmodified-since', now)
    if (since !== null && modified > since) return { outcome: 'precondition-failed', range: false }
  }

  // If-None-Match MUST be compared weakly; If-Modified-Since MUST be ignored beside it.
  const ifNoneMatch = field(headers, 'if-none-match')
  if (ifNoneMatch !== undefined) {
    if (namesTag(ifNoneMatch, etag, 'weak')) return { outcome: 'not-modified', range: false }
  } else {
    const since = dateField(headers, 'if-modified-since', now)
    if (since !== null && modified <= since) return { outcome: 'not-modified', range: false }
  }

  // When If-Range does not hold, the Range header MUST be ignored. What is neither tag nor date does not hold.
  const ifRange = field(headers, 'if-range')?.trim()
  return { outcome: 'proceed', range: ifRange === undefined || ifRange === etag || parseHttpDate(ifRange, now) === modified }
}

function field (headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** A date that is not well formed, or several of them, MUST be ignored: null, as if the header were not there. */
function dateField (headers: Headers, name: string, now: number): number | null {
  const value = field(headers, name)
  return value === undefined ? null : parseHttpDate(value.trim(), now)
}

/** Whether `*` or one tag of the list is the blob's. A list that is not well formed names nothing: send the bytes. */
function namesTag (list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list === etag || list.trim() === '*') return true
  let read = 0
  let found = false
  for (const match of list.matchAll(/[\t ,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?=,|$)/gy)) {
    const [text, weak, tag] = match
    read += text.length
    if (tag === etag && (weak === undefined || comparison === 'weak')) found = true
  }
  return found && /^[\t ,]*$/.test(list.slice(read))
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH = `(?<month>${MONTHS.join('|')})`
const TIME = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'

// A recipient MUST accept all three forms: IMF-fixdate, and the obsolete ones of RFC 850 and of C's asctime().
const DATE_FORMS = [
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
]

/**
 * An HTTP-date as Unix seconds, or null when it is not one. The weekday's name is not held against the date.
 * `now` (Unix seconds) settles the century of a two-digit year.
 */
export function parseHttpDate (text: string, now: number): number | null {
  for (const form of DATE_FORMS) {
    const parts = form.exec(text)?.groups
    if (parts === undefined) continue
    const { year = '', month = '', day = '', hour = '', minute = '', second = '' } = parts
    const date = new Date(0)
    date.setUTCFullYear(year.length === 2 ? fullYear(Number(year), now) : Number(year), MONTHS.indexOf(month), Number(day))
    // 31 June would roll over into July.
    if (date.getUTCDate() !== Number(day)) return null
    return date.setUTCHours(Number(hour), Number(minute), Number(second)) / 1000
  }
  return null
}

/** A two-digit year more than 50 years ahead MUST be read as the last past year that ended in those digits. */
function fullYear (twoDigits: number, now: number): number {
  const thisYear = new Date(now * 1000).getUTCFullYear()
  const year = thisYear - thisYear % 100 + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}
