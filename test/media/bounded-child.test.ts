// A program on a stranger's file is bounded: by time, memory, what it writes and where it may go, and nothing that it starts outlives it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { findIsolation, runBounded } from '../../server/media/bounded-child.ts'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Bounds, BoundedRun, Ended } from '../../server/media/bounded-child.ts'

const BOUNDS: Bounds = { time: 120_000, memory: 256 * 2 ** 20, fileSize: 2 ** 20 }
const node = process.execPath

function run (t: Test, args: readonly string[], more: Partial<BoundedRun> = {}): Promise<Ended> {
  return runBounded({ program: node, args: ['-e', ...args], folder: t.testdir(), bounds: BOUNDS, isolation: [], ...more })
}

/** Processes whose command line has this word. */
function living (word: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && pid !== String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
      return false
    }
  })
}

async function goneSoon (word: string): Promise<boolean> {
  for (let i = 0; i < 1000 && living(word).length > 0; i++) await pause(50)
  return living(word).length === 0
}

t.test('what it says and how it ends is told', async t => {
  t.match(await run(t, ['console.log("here"); console.error("there"); process.exit(7)']), { code: 7, late: false, out: 'here\n', err: 'there\n' })
  t.equal((await run(t, [], { program: '/no/such/program' })).code, 127)
  t.equal((await run(t, ['process.stdout.write("x".repeat(1e6))'])).out.length, 256 * 1024, 'not more than that is kept')
})

t.test('it runs in its folder, with nothing of our environment and no input', async t => {
  process.env['NODE_KEY_OF_TEST'] = 'a secret'
  const { out } = await run(t, ['console.log(process.cwd(), JSON.stringify(process.env), require("fs").readFileSync(0).length)'])
  t.ok(out.startsWith(t.testdirName))
  t.notMatch(out, 'secret')
  t.match(out, / 0\n$/)
})

t.test('a program that hangs is killed when its time is over, with all that it started', async t => {
  const word = `hang-${process.pid}`
  const started = performance.now()
  const { code, late } = await run(t, [`for (let i = 0; i < 3; i++) require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '${word}'], { stdio: 'inherit' }); setInterval(() => {}, 1000)`, word],
    { bounds: { ...BOUNDS, time: 700 } })
  t.strictSame({ code, late }, { code: null, late: true })
  t.ok(performance.now() - started >= 690)
  t.ok(await goneSoon(word))
})

t.test('a program that has ended leaves nobody behind', async t => {
  const word = `left-${process.pid}`
  const { code, late } = await run(t, [`const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '${word}'], { stdio: 'ignore' }); child.unref()`])
  t.strictSame({ code, late }, { code: 0, late: false })
  t.ok(await goneSoon(word))
})

t.test('its memory is bounded, and so is a file that it writes', async t => {
  const much = await run(t, ['const all = []; for (let i = 0; i < 64; i++) all.push(Buffer.alloc(16 * 2 ** 20, 1)); console.log("had it all")'])
  t.not(much.code, 0)
  t.notMatch(much.out, 'had it all')
  const file = await run(t, ['require("fs").writeFileSync("big", Buffer.alloc(2 ** 20 + 1)); console.log("wrote it all")'])
  t.notMatch(file.out, 'wrote it all')
})

t.test('a signal kills it, and its reason is told', async t => {
  const word = `abort-${process.pid}`
  const controller = new AbortController()
  const running = run(t, ['setInterval(() => {}, 1000)', word], { signal: controller.signal })
  while (living(word).length === 0) await pause(10)
  controller.abort(new Error('the client has left'))
  await t.rejects(running, { message: 'the client has left' })
  t.ok(await goneSoon(word))
  await t.rejects(run(t, [''], { signal: controller.signal }), { message: 'the client has left' }, 'and one that comes too late does not begin')
})

t.test('it dies with us, kill -9 included', async t => {
  const word = `orphan-${process.pid}`
  const program = `import { runBounded } from ${JSON.stringify(new URL('../../server/media/bounded-child.js', import.meta.url).href)}
    void runBounded({ program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)', '${word}'], folder: '.', isolation: [], bounds: { time: 60000, memory: 2 ** 28, fileSize: 2 ** 20 } })`
  const parent = spawn(node, ['--input-type=module', '-e', program.replace(`'${word}'`, `'${word.slice(0, 3)}' + '${word.slice(3)}'`)], { stdio: 'ignore' })
  const gone = once(parent, 'exit')
  while (living(word).length === 0) await pause(10)
  parent.kill('SIGKILL')
  await gone
  t.ok(await goneSoon(word))
})

t.test('where unshare is allowed it has no network, not even the loopback', async t => {
  const isolation = await findIsolation()
  if (isolation.length === 0) return t.comment('unshare is not allowed on this machine: nothing keeps a child from the network but its own arguments')
  const server = createServer((socket) => { socket.end() }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening')
  const call = `require('net').connect(${(server.address() as AddressInfo).port}, '127.0.0.1').on('connect', () => { console.log('connected'); process.exit() }).on('error', (error) => { console.log(error.code) })`
  t.equal((await run(t, [call])).out, 'connected\n', 'without it would')
  t.match((await run(t, [call], { isolation })).out, /^E(NETUNREACH|CONNREFUSED|ADDRNOTAVAIL)/)
  t.ok(existsSync(join('/proc', String(process.pid))))
})
