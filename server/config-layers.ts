// Where configured values come from: defaults, the JSON file, the environment with its NAME_FILE. What they read is not judged here, and no
// problem they tell repeats a value: it may be a secret.

import { readFileSync } from 'node:fs'
import { FIELDS, putAt } from './config-fields.ts'
import type { Reading } from './config-fields.ts'

export type Environment = Record<string, string | undefined>

export interface Layer {
  values: unknown
  /** Where the value of this key was written: `env NAME`, `file PATH` … */
  source: (key: string) => string
}

/** The text of NAME, or of the file that NAME_FILE names; `undefined` when neither is set. */
function readVariable (env: Environment, name: string): { text: string, source: string } | { problem: string } | undefined {
  const text = env[name]?.trim() ?? ''
  const path = env[`${name}_FILE`]?.trim() ?? ''
  if (text !== '' && path !== '') return { problem: `is given twice (env ${name} and env ${name}_FILE)` }
  if (path === '') return text === '' ? undefined : { text, source: `env ${name}` }
  const source = `env ${name}_FILE`
  try {
    const content = readFileSync(path, 'utf8').trim()
    return content === '' ? { problem: `is an empty file: ${path} (${source})` } : { text: content, source }
  } catch (error) {
    return { problem: `cannot be read: ${path}: ${codeOf(error)} (${source})` }
  }
}

const SWITCHES = new Map([['on', true], ['true', true], ['off', false], ['false', false]])

function fromText (text: string, reading: Reading = 'text'): unknown {
  if (reading === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (reading === 'list') return text.split(',').map(item => item.trim()).filter(item => item !== '')
  if (reading === 'switch') return SWITCHES.get(text.toLowerCase()) ?? text
  return text
}

export function readEnvironment (env: Environment, problems: Map<string, string>): Layer {
  const values: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  for (const { key, env: name, reading } of FIELDS) {
    const found = name === undefined ? undefined : readVariable(env, name)
    if (found === undefined) continue
    if ('problem' in found) {
      problems.set(pointer(key), found.problem)
      continue
    }
    sources.set(key, found.source)
    putAt(values, key, fromText(found.text, reading))
  }
  return { values, source: key => sources.get(key) ?? 'env' }
}

// JSON.parse quotes the text around a fault, which may be a secret: only the position is told.
export function readFile (path: string, problems: Map<string, string>): Layer {
  const layer: Layer = { values: {}, source: () => `file ${path}` }
  let text
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    problems.set('', `the configuration file cannot be read: ${codeOf(error)} (file ${path})`)
    return layer
  }
  try {
    layer.values = JSON.parse(text)
  } catch (error) {
    const position = /at position \d+/.exec(String(error))?.[0]
    problems.set('', `the configuration file is not JSON${position === undefined ? '' : `, ${position}`} (file ${path})`)
  }
  return layer
}

function codeOf (error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

/** The place of a key, as problems name it: `minio.endpoint` is `/minio/endpoint`. */
export function pointer (key: string): string {
  return `/${key.replaceAll('.', '/')}`
}

export function defaults (): Layer {
  const values: Record<string, unknown> = {}
  for (const { key, fallback } of FIELDS) putAt(values, key, structuredClone(fallback))
  return { values, source: () => 'default' }
}
