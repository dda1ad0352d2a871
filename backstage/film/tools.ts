// ffmpeg and ffprobe as child processes: nothing of our environment but PATH, no terminal, and their last words when they fail.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { FilmFault } from './faults.ts'

const WORDS_KEPT = 4000

export interface ToolRun {
  /** The PATH to look on. */
  path: string
  signal?: AbortSignal | undefined
  /** Each line of what it prints. */
  onLine?: (line: string) => void
}

export class ToolFailed extends Error {
  /** The last of what it said on its error stream. */
  readonly words: string

  constructor (tool: string, words: string) {
    super(`${tool}: ${words}`)
    this.words = words
  }
}

/** Throws FilmFault STOPPED. */
export function checkStopped (signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new FilmFault('STOPPED')
}

/** What it printed. Rejects with FilmFault NO_FFMPEG or STOPPED, or ToolFailed. */
export async function runTool (tool: 'ffmpeg' | 'ffprobe', args: readonly string[], { path, signal, onLine }: ToolRun): Promise<string> {
  checkStopped(signal)
  const child = spawn(tool, args, { env: { PATH: path }, stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (): void => { child.kill('SIGKILL') }
  signal?.addEventListener('abort', stop)
  let [out, words, rest] = ['', '', '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => { words = (words + text).slice(-WORDS_KEPT) })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (onLine === undefined) {
      out += text
      return
    }
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
  try {
    const [code] = await once(child, 'close') as [number | null]
    checkStopped(signal)
    if (code !== 0) throw new ToolFailed(tool, words.trim() === '' ? `ended with ${String(code)}` : words.trim())
    return out
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new FilmFault('NO_FFMPEG', tool, { cause: error })
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** Runs ffmpeg over a film; what it says when it fails becomes a FilmFault: NO_SPACE or FFMPEG_FAILED. */
export async function runFfmpeg (args: readonly string[], run: ToolRun): Promise<string> {
  try {
    return await runTool('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], run)
  } catch (error) {
    if (!(error instanceof ToolFailed)) throw error
    if (/No space left on device/.test(error.words)) throw new FilmFault('NO_SPACE', undefined, { cause: error })
    throw new FilmFault('FFMPEG_FAILED', error.words.split('\n').slice(-4).join('; '), { cause: error })
  }
}

/** What the tools on a PATH told of themselves: they do not become others while this program runs. */
const told = { version: new Map<string, Promise<string>>(), encoders: new Map<string, Promise<Set<string>>>() }

/** `ask` once for each PATH, and again where it failed. */
function onceFor<T> (known: Map<string, Promise<T>>, path: string, ask: (path: string) => Promise<T>): Promise<T> {
  const asked = known.get(path) ?? ask(path)
  known.set(path, asked)
  asked.catch(() => { known.delete(path) })
  return asked
}

/** As `5.1.9-0+deb12u1`. Rejects with NO_FFMPEG when either tool is missing. */
export function ffmpegVersion (path: string): Promise<string> {
  return onceFor(told.version, path, askVersion)
}

async function askVersion (path: string): Promise<string> {
  const [text] = await Promise.all([runTool('ffmpeg', ['-version'], { path }), runTool('ffprobe', ['-version'], { path })])
  return /^ffmpeg version (\S+)/.exec(text)?.[1] ?? 'unknown'
}

/** The names of the encoders that this ffmpeg has. */
export function encodersOf (path: string): Promise<Set<string>> {
  return onceFor(told.encoders, path, askEncoders)
}

async function askEncoders (path: string): Promise<Set<string>> {
  const text = await runTool('ffmpeg', ['-v', 'error', '-encoders'], { path })
  return new Set([...text.matchAll(/^ [VAS][A-Z.]{5} (\S+)/gm)].map(([, name]) => name!))
}
