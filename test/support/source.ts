// Our own source as tests look at it: every file of a folder with its imports and exports, and its text with strings and comments blanked, so
// that a word in a sentence is not taken for code. Lines keep their numbers.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder, from dist/test/support/. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Import {
  /** A path below the project (`server/errors.ts`), or a module's name (`node:fs`, `minio`). */
  of: string
  /** It vanishes when types do. */
  type: boolean
  /** The names it brings; `*` and `default` too. */
  names: string[]
  line: number
}

export interface Source {
  path: string
  text: string
  /** The text without comments and without what strings say. */
  code: string
  imports: Import[]
}

/** Every .ts file below `folder` of the project; none where there is no such folder. */
export function sourcesIn (folder: string): Source[] {
  return !existsSync(`${ROOT}${folder}`) ? [] : readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => parseSource(`${folder}/${name.replaceAll('\\', '/')}`, readFileSync(`${ROOT}${folder}/${name}`, 'utf8')))
}

export function parseSource (path: string, text: string): Source {
  const code = blank(text, true)
  return { path, text, code, imports: importsIn(path, blank(text, false)) }
}

export function lineAt (text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function importsIn (path: string, text: string): Import[] {
  const found: Import[] = []
  const pattern = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?([\w*${},\s]*?)\s*(?:\bfrom\s*)?(['"])([^'"\n]+)\3|\bimport\s*\(\s*(['"])([^'"\n]+)\5/g
  for (const match of text.matchAll(pattern)) {
    const [all, type, clause = '', , from, , dynamic] = match
    const specifier = from ?? dynamic!
    const inner = /\{([^}]*)\}/.exec(clause)?.[1]
    const outer = clause.replace(/\{[^}]*\}/, '').replace(/,/g, ' ').trim()
    const named = inner?.split(',').map((each) => each.trim()).filter((each) => each !== '') ?? []
    found.push({
      of: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
      type: type !== undefined || (outer === '' && named.length > 0 && named.every((each) => each.startsWith('type '))),
      names: [...(outer === '' ? [] : [outer.startsWith('*') ? '*' : 'default']), ...named.map((each) => each.replace(/^type\s+/, '').split(/\s+as\s+/)[0]!)],
      line: lineAt(text, match.index + all.length - specifier.length)
    })
  }
  return found
}

/** Blanks comments, and with `strings` also what strings, templates and regular expressions say; `${}` in a template stays code. */
function blank (text: string, strings: boolean): string {
  let out = ''
  let at = 0
  /** Depths of braces inside the templates we are in. */
  const templates: number[] = []
  const skip = (end: number, keep: boolean): void => {
    const piece = text.slice(at, end)
    out += keep ? piece : piece.replace(/[^\n]/g, ' ')
    at = end
  }
  const template = (): void => {
    let end = at
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) end += text[end] === '\\' ? 2 : 1
    skip(end, !strings)
    if (text[at] === '`') skip(at + 1, true)
    else {
      skip(at + 2, true)
      templates.push(0)
    }
  }
  while (at < text.length) {
    const char = text[at]!
    if (text.startsWith('//', at) || (at === 0 && text.startsWith('#!'))) skip(endOf(text, '\n', at), false)
    else if (text.startsWith('/*', at)) skip(endOf(text, '*/', at + 2, 2), false)
    else if (char === "'" || char === '"') {
      let end = at + 1
      while (end < text.length && text[end] !== char) end += text[end] === '\\' ? 2 : 1
      skip(at + 1, true)
      skip(end, !strings)
      skip(end + 1, true)
    } else if (char === '`') {
      skip(at + 1, true)
      template()
    } else if (char === '/' && /(^|[=(,:;!&|?{}[<>+-]|\breturn|\bcase|=>)\s*$/.test(out.slice(-40))) {
      let end = at + 1
      for (let inClass = false; end < text.length && (inClass || text[end] !== '/'); end++) {
        if (text[end] === '\\') end++
        else if (text[end] === '[') inClass = true
        else if (text[end] === ']') inClass = false
      }
      skip(end + 1, !strings)
    } else if (templates.length > 0 && char === '}' && templates.at(-1) === 0) {
      templates.pop()
      skip(at + 1, true)
      template()
    } else {
      if (templates.length > 0 && (char === '{' || char === '}')) templates[templates.length - 1]! += char === '{' ? 1 : -1
      skip(at + 1, true)
    }
  }
  return out
}

function endOf (text: string, mark: string, from: number, more = 0): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found + more
}
