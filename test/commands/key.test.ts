// `marquee key`: the server's own key, made once and kept so that nobody else can read it.

import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode, npubEncode } from 'nostr-tools/nip19'
import t from 'tap'
import { pubkeyOf } from '../../server/auth/signature.ts'
import { openNodeKey } from '../../server/node-key.ts'
import { runCommand, runProgram } from '../support/command.ts'
import { NSEC, SECRET } from '../support/config.ts'

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
const npubOf = (secret: string): string => npubEncode(pubkeyOf(secret))
const secretIn = (path: string): string => Buffer.from(decode(readFileSync(path, 'utf8').trim()).data as Uint8Array).toString('hex')

t.test('the first call makes node.key, for its user alone, and every call prints its npub', async t => {
  const dataDir = join(t.testdir(), 'new')
  const first = await runProgram(t, ['key'], { DATA_DIR: dataDir })
  const path = join(dataDir, 'node.key')
  t.strictSame([first.code, first.err, modeOf(path)], [0, '', '600'])
  t.equal(first.out, `${npubOf(secretIn(path))}\n`)
  t.strictSame(readdirSync(dataDir), ['node.key'], 'and nothing else is left')
  t.strictSame(await runCommand(t, ['key'], { DATA_DIR: dataDir }), first)
  t.notMatch(first.out, 'nsec')
})

t.test('a key file that others may read is closed to them', async t => {
  const dataDir = t.testdir({ 'node.key': `${NSEC}\n` })
  chmodSync(join(dataDir, 'node.key'), 0o644)
  t.equal((await runCommand(t, ['key'], { DATA_DIR: dataDir })).out, `${npubOf(SECRET)}\n`)
  t.equal(modeOf(join(dataDir, 'node.key')), '600')
})

t.test('a damaged key file is told, and not replaced', async t => {
  for (const text of ['', 'nsec1abc', npubOf(SECRET), SECRET]) {
    const dataDir = t.testdir({ 'node.key': text })
    const { code, out, err } = await runCommand(t, ['key'], { DATA_DIR: dataDir })
    t.strictSame([code, out], [1, ''])
    t.match(err, 'node.key holds no nsec key')
    t.equal(readFileSync(join(dataDir, 'node.key'), 'utf8'), text)
  }
})

t.test('NODE_KEY, or the file that NODE_KEY_FILE names, is the key, and none is made', async t => {
  const dataDir = t.testdir({ 'secret': `${NSEC}\n` })
  for (const env of [{ NODE_KEY: SECRET }, { NODE_KEY: NSEC }, { NODE_KEY_FILE: join(dataDir, 'secret') }]) {
    t.equal((await runCommand(t, ['key'], { DATA_DIR: dataDir, ...env as Record<string, string> })).out, `${npubOf(SECRET)}\n`)
  }
  t.notOk(existsSync(join(dataDir, 'node.key')))
})

t.test('key --make prints a new pair each time and keeps nothing', async t => {
  const dataDir = join(t.testdir(), 'new')
  const pairs = []
  for (let i = 0; i < 2; i++) {
    const { code, out } = await runCommand(t, ['key', '--make'], { DATA_DIR: dataDir })
    t.equal(code, 0)
    const [npub, nsec] = out.split('\n')
    const { type, data } = decode(nsec!)
    t.equal(type, 'nsec')
    t.equal(npub, npubOf(Buffer.from(data as Uint8Array).toString('hex')))
    pairs.push(npub)
  }
  t.not(pairs[0], pairs[1])
  t.notOk(existsSync(dataDir))
})

t.test('many that make the key at once end with one and the same', async t => {
  const dataDir = t.testdir({})
  const keys = await Promise.all(Array.from({ length: 20 }, () => openNodeKey(dataDir, null)))
  t.equal(new Set(keys.map(({ npub }) => npub)).size, 1)
  t.equal(secretIn(join(dataDir, 'node.key')), keys[0]!.secret)
  t.strictSame(readdirSync(dataDir), ['node.key'])
  t.equal(modeOf(join(dataDir, 'node.key')), '600')
  writeFileSync(join(dataDir, 'node.key'), 'half')
  await t.rejects(openNodeKey(dataDir, null), { message: /holds no nsec key/ })
})
