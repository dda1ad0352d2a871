// A look over JSON text before it is parsed, for what JSON.parse hides or pays for: members that stand twice, numbers in another spelling or that
// JavaScript cannot hold, white space, depth. In one pass without recursion, so that no text costs more than its length. Pure.

import { ReleaseFault } from './faults.ts'

const DEPTH_LIMIT = 16
const WHOLE = /^(0|-?[1-9][0-9]*)$/

/** Text that is no JSON may pass: JSON.parse tells. Throws DOCUMENT_TOO_DEEP, MEMBER_REPEATED, NUMBER_INVALID, and with `strict` NOT_CANONICAL for white space. */
export function checkSpelling (text: string, strict: boolean): void {
  /** What is open: of an object the members seen so far. */
  const open: (Set<string> | 'object' | 'array')[] = []
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{': case '[':
        open.push(text[at] === '{' ? 'object' : 'array')
        if (open.length > DEPTH_LIMIT) throw new ReleaseFault('DOCUMENT_TOO_DEEP', `at most ${DEPTH_LIMIT}`)
        break
      case '}': case ']':
        open.pop()
        break
      case '"': {
        const end = closingQuote(text, at)
        const inside = open.at(-1)
        if (inside !== undefined && inside !== 'array' && isName(text, end + 1)) {
          // escapes besides the needed ones are told by the comparison with the canonical form
          const name = text.slice(at + 1, end)
          const members = inside === 'object' ? new Set<string>() : inside
          if (members.has(name)) throw new ReleaseFault('MEMBER_REPEATED', name.slice(0, 60))
          members.add(name)
          open[open.length - 1] = members
        }
        at = end
        break
      }
      case ' ': case '\t': case '\n': case '\r':
        if (strict) throw new ReleaseFault('NOT_CANONICAL', `white space at ${at}`)
        break
      case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9': {
        let end = at + 1
        while (end < text.length && /[0-9.eE+-]/.test(text[end]!)) end++
        const spelled = text.slice(at, end)
        if (!WHOLE.test(spelled) || !Number.isSafeInteger(Number(spelled))) throw new ReleaseFault('NUMBER_INVALID', spelled.slice(0, 40))
        at = end - 1
      }
    }
  }
}

function closingQuote (text: string, opening: number): number {
  let at = opening + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

function isName (text: string, after: number): boolean {
  let at = after
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at++
  return text[at] === ':'
}
