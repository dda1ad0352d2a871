// Progress of long work: one line that changes on a terminal, plain lines elsewhere.

import t from 'tap'
import { progressOf, rewritten } from '../../server/commands/terminal.ts'
import type { Terminal } from '../../server/commands/terminal.ts'

interface Screen { terminal: Terminal, lines: string[], changes: string[] }

function screen (isTerminal: boolean): Screen {
  const [lines, changes]: string[][] = [[], []]
  const terminal: Terminal = { pid: 1, traces: null, env: {}, out: () => {}, err: (line) => { lines!.push(line) }, input: async function * () {}, askSecretly: async () => null, progress: isTerminal ? (line) => { changes!.push(line) } : null, onStop: () => {}, onReload: () => {} }
  return { terminal, lines: lines!, changes: changes! }
}

t.test('on a terminal one line is written over, and cleared at the end', t => {
  const { terminal, lines, changes } = screen(true)
  const progress = progressOf(terminal)
  progress.show('1 of 3')
  progress.show('2 of 3') // too soon to be seen
  progress.end()
  t.strictSame([lines, changes], [[], ['1 of 3', '']])
  t.end()
})

t.test('elsewhere the first line is plain and what follows at once is left out', t => {
  const { terminal, lines, changes } = screen(false)
  const progress = progressOf(terminal)
  for (let i = 1; i <= 1000; i++) progress.show(`${i} of 1000`)
  progress.end()
  t.strictSame([lines, changes], [['1 of 1000'], []])
  t.end()
})

t.test('a line that is written over is never wider than the terminal: what wraps would stay', t => {
  const line = 'upload cdn.example.com [####....] 50 %  1.0 GiB of 2.0 GiB'
  t.equal(rewritten(line, 80), `\r\x1b[K${line}`)
  t.equal(rewritten(line, 20), `\r\x1b[K${line.slice(0, 19)}`)
  t.equal(rewritten('🎬🎬🎬', 3), '\r\x1b[K🎬🎬', 'a character is not cut in two')
  t.equal(rewritten(line, undefined), `\r\x1b[K${line}`, 'a terminal that tells no width is believed to be wide enough')
  t.end()
})

t.test('work without progress leaves no trace', t => {
  for (const isTerminal of [true, false]) {
    const { terminal, lines, changes } = screen(isTerminal)
    progressOf(terminal).end()
    t.strictSame([lines, changes], [[], []])
  }
  t.end()
})
