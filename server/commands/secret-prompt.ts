// A question whose answer is not shown: the terminal is put into raw mode, where it echoes nothing, and given back as it was.

import { StringDecoder } from 'node:string_decoder'
import type { ReadStream } from 'node:tty'

const LONGEST = 4096

/** The line that is typed or pasted, without its end. Rejects when it is broken off (Ctrl-C, Ctrl-D on an empty line), or the terminal goes. */
export function readSecret (input: ReadStream, show: (text: string) => void, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8')
    const wasRaw = input.isRaw
    let line = ''
    const finish = (rest: string, end: () => void): void => {
      input.off('data', onData).off('end', onEnd).off('error', onEnd)
      input.setRawMode(wasRaw)
      input.pause()
      // what was pasted beyond the line is for the next question
      if (rest !== '') input.unshift(Buffer.from(rest))
      show('\n')
      end()
    }
    const onEnd = (): void => { finish('', () => { reject(new Error('the terminal is gone')) }) }
    const onData = (chunk: Buffer): void => {
      const text = decoder.write(chunk)
      for (let at = 0; at < text.length; at++) {
        const key = text[at]!
        if (key === '\r' || key === '\n') return finish(text.slice(at + 1), () => { resolve(line) })
        if (key === '\x03' || (key === '\x04' && line === '')) return finish('', () => { reject(new Error('broken off')) })
        if (key === '\x7f' || key === '\b') line = line.slice(0, -1)
        else if (key === '\x15') line = '' // Ctrl-U
        else if (key >= ' ' && line.length < LONGEST) line += key
      }
    }
    // raw before the question is seen: what is typed in answer to it is never echoed
    input.setRawMode(true)
    show(question)
    input.on('data', onData).on('end', onEnd).on('error', onEnd)
    input.resume()
  })
}
