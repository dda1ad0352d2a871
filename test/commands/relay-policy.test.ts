// `marquee relay-policy` as a relay runs it: strfry's plugin over its pipes (strfry's docs/plugins.md), and what a bad call or file is told.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { LINE_LIMIT } from '../../server/catalog/strfry-plugin.ts'
import { newFolder } from '../support/both-stores.ts'
import { runCommand, runProgram, startCommand } from '../support/command.ts'
import { Signer } from '../support/keys.ts'
import { NODE_FLAGS } from '../support/node-flags.ts'
import { ROOT } from '../support/source.ts'
import type { Test } from 'tap'
import type { StrfryAnswer } from '../../server/catalog/strfry-plugin.ts'
import type { SignedEvent } from '../../server/auth/signature.ts'

const creator = new Signer()
const stranger = new Signer()
const now = Math.floor(Date.now() / 1000)
const eventOf = (signer: Signer, kind: number, d: string): SignedEvent => signer.sign({ kind, created_at: now, tags: [['d', d]], content: '' })
const titles = [eventOf(creator, 34235, 'film'), eventOf(stranger, 34235, 'film')]
const requestOf = (event: unknown): string => JSON.stringify({ type: 'new', event, receivedAt: now, sourceType: 'IP4', sourceInfo: '203.0.113.7' })

function writePolicy (t: Test, text: string = JSON.stringify({ creators: [creator.pubkey] })): string {
  const file = join(newFolder(t), 'policy.json')
  writeFileSync(file, text)
  return file
}

/** The plugin as strfry starts it: in a shell, with pipes. */
function startPlugin (t: Test, file: string): { write: (text: string | Buffer) => void, end: () => void, next: () => Promise<StrfryAnswer>, ended: Promise<number | null>, errors: () => string } {
  const child = spawn('/bin/sh', ['-c', `unset NODE_OPTIONS; exec '${process.execPath}' ${NODE_FLAGS.join(' ')} '${ROOT}dist/server/main.js' relay-policy --strfry --policy '${file}'`], {
    env: { PATH: process.env['PATH'] ?? '' }, stdio: 'pipe'
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { errors += text })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    write: (text) => { child.stdin.write(text) },
    end: () => { child.stdin.end() },
    next: async () => {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`it ended: ${errors}`)
      return JSON.parse(value) as StrfryAnswer
    },
    ended, errors: () => errors
  }
}

t.test('a call that says not what it wants, and a policy file that is bad or not there, are exit code 2 with every fault told', async t => {
  const file = writePolicy(t)
  for (const args of [[], ['--strfry'], ['--policy', file], ['--policy', file, '--strfry', '--grpc', '127.0.0.1:0'], ['--policy', file, '--grpc', '50051']]) {
    const { code, out, err } = await runCommand(t, ['relay-policy', ...args])
    t.strictSame([code, out], [2, ''], args.join(' '))
    t.match(err, /--grpc/)
  }
  const bad = await runCommand(t, ['relay-policy', '--strfry', '--policy', writePolicy(t, '{"creators":["x"],"colour":1}')])
  t.strictSame([bad.code, bad.out], [2, ''])
  t.match(bad.err, /^config: .*policy\.json: .*colour/)
  const absent = await runCommand(t, ['relay-policy', '--grpc', '127.0.0.1:0', '--policy', '/no/such/policy.json'])
  t.equal(absent.code, 2)
  t.match(absent.err, /^config: \/no\/such\/policy\.json: .*ENOENT/)
})

t.test('strfry: a thousand events are answered one by one, each before the next is sent, by id', async t => {
  const plugin = startPlugin(t, writePolicy(t))
  for (let i = 0; i < 1000; i++) {
    // signatures are the relay's to check: two signed events stand for all
    const event = { ...[titles[0], titles[1]][i % 2]!, id: i.toString(16).padStart(64, '0') }
    plugin.write(`${requestOf(event)}\n`)
    const answer = await plugin.next()
    if (answer.id !== event.id || (answer.action === 'accept') !== (i % 2 === 0)) t.fail(`${i}: ${JSON.stringify(answer)}`)
  }
  plugin.end()
  t.equal(await plugin.ended, 0, 'it ends when its input does')
  t.equal(plugin.errors(), '')
})


t.test('strfry: what comes at once, in pieces or in one, is answered in order', async t => {
  const plugin = startPlugin(t, writePolicy(t))
  const events = Array.from({ length: 300 }, (_, i) => ({ ...titles[i % 2]!, id: i.toString(16).padStart(64, '0'), content: 'ü'.repeat(i) }))
  const bytes = Buffer.from(events.map((event) => `${requestOf(event)}\n`).join(''))
  for (let at = 0; at < bytes.length; at += 997) plugin.write(bytes.subarray(at, at + 997))
  plugin.end()
  const answers: StrfryAnswer[] = []
  for (let i = 0; i < events.length; i++) answers.push(await plugin.next())
  t.same(answers.map(({ id }) => id), events.map(({ id }) => id))
  t.same(answers[0], { id: events[0]!.id, action: 'accept' })
  t.same(answers[1], { id: events[1]!.id, action: 'reject', msg: 'blocked: events of kind 34235 are not taken from this key' })
})

t.test('strfry: bad input is refused with a message, and what comes after it is judged', async t => {
  const plugin = startPlugin(t, writePolicy(t))
  const good = titles[0]!
  for (const [line, id, msg] of [
    ['{"type":"new"', '', 'invalid: this line is not JSON'], ['', '', 'invalid: this line is not JSON'], ['null', '', /^invalid: nothing but new events/],
    [JSON.stringify({ type: 'lookback', event: good }), good.id, /^invalid: nothing but new events/], [requestOf({}), '', 'invalid: this is no signed Nostr event'],
    [requestOf({ ...good, tags: 'x' }), good.id, 'invalid: this is no signed Nostr event'], [requestOf({ ...good, id: 7 }), '', /^invalid:/],
    ['x'.repeat(LINE_LIMIT + 1), '', 'invalid: this line is too long']
  ] as const) {
    plugin.write(`${line}\n`)
    t.match(await plugin.next(), { id, action: 'reject', msg }, line.slice(0, 40))
    plugin.write(`${requestOf(good)}\n`)
    t.same(await plugin.next(), { id: good.id, action: 'accept' })
  }
})

t.test('gRPC is loaded by nothing else than `relay-policy --grpc`', async t => {
  const preload = join(newFolder(t), 'preload.cjs')
  writeFileSync(preload, "process.on('exit', () => console.error('grpc: ' + Object.keys(require('module')._cache).some((name) => name.includes('@grpc'))))\n")
  const env = { NODE_OPTIONS: `--require=${preload}` }
  t.match((await runProgram(t, ['config'], env)).err, 'grpc: false')
  const serving = startCommand(t, ['serve'], { ...env, PORT: '0', DATA_DIR: newFolder(t) })
  await serving.prints(/listens on/)
  serving.kill('SIGTERM')
  t.match((await serving.ended).err, 'grpc: false')
  const answering = startCommand(t, ['relay-policy', '--grpc', '127.0.0.1:0', '--policy', writePolicy(t)], env)
  await answering.prints(/on 127\.0\.0\.1:\d+\n/)
  answering.kill('SIGTERM')
  const { code, err } = await answering.ended
  t.equal(code, 0)
  t.match(err, 'grpc: true')
})
