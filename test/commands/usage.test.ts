// The command line: help everywhere, exit codes that mean something, and what configuration is in force without its secrets.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { runCommand, runProgram } from '../support/command.ts'
import { NSEC, SECRET, writeConfig } from '../support/config.ts'
import { ROOT } from '../support/source.ts'

const COMMANDS = ['serve', 'config', 'verify', 'rebuild', 'copy', 'key', 'relays', 'reports', 'block', 'unblock', 'blocked', 'pin', 'unpin', 'pinned', 'allow', 'disallow', 'allowed', 'restrict', 'unrestrict', 'restricted', 'relay-policy']

/** Groups of commands. */
const GROUPS = ['film', 'release']

t.test('help is printed for the whole and for each command, with exit code 0', async t => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, out, err } = await (args[0] === '--help' ? runProgram : runCommand)(t, args)
    t.strictSame([code, err], [0, ''], args.join(' '))
    for (const name of [...COMMANDS, ...GROUPS]) t.match(out, new RegExp(`^ +${name} `, 'm'), name)
  }
  for (const name of [...COMMANDS, ...GROUPS]) {
    const { code, out, err } = await runCommand(t, [name, '--help'], { PORT: 'not looked at' })
    t.strictSame([code, err], [0, ''], name)
    t.match(out, new RegExp(`^marquee ${name}\\b`), `${name} says how it is called`)
  }
})

t.test('a reader that goes away ends the program without a word', async t => {
  // `true` is gone long before node has started
  const said = execFileSync('bash', ['-c', '{ { "$0" "$1" help; echo "code $?" >&2; } 2>&3 | true; } 3>&1', process.execPath, join(ROOT, 'dist/server/main.js')])
  t.equal(said.toString(), 'code 1\n')
})

t.test('no command, an unknown one, an unknown option and a stray word are exit code 2, with the help', async t => {
  for (const args of [[], ['sevre'], ['constructor'], ['toString'], ['--config'], ['serve', '--prot', '1'], ['verify', 'all'], ['verify', '--repair=yes'], ['config', '--config']]) {
    const { code, out, err } = await runCommand(t, args)
    t.strictSame([code, out], [2, ''], args.join(' '))
    t.match(err, /marquee (COMMAND|\w+) \[/, 'how it is called')
  }
  t.match(await runProgram(t, ['sevre']), { code: 2, out: '', err: 'no command "sevre"' })
})

t.test('a bad configuration is exit code 2, and every problem is told at once, before anything is touched', async t => {
  const file = writeConfig(t, { port: 70000, colour: 'blue', policy: [{ maxSize: 'huge' }] })
  for (const name of COMMANDS) {
    const { code, out, err } = await runCommand(t, [name, '--config', file], { STORE: 'tape', MINIO_SECRET_KEY: 'hunter2', NODE_KEY: 'nsec1hunter2' })
    t.strictSame([code, out], [2, ''], name)
    for (const place of ['/port', '/colour', '/policy/0/maxSize', '/store', '/nodeKey']) t.match(err, new RegExp(`^config: ${place}\\b`, 'm'), place)
    t.notMatch(err, 'hunter2')
  }
  t.match((await runProgram(t, ['serve', '--config', 'no-such-file.json'])).err, /^config: .*no-such-file\.json/)
})

t.test('config prints what is in force as JSON, secrets starred wherever they came from', async t => {
  const file = writeConfig(t, { minio: { accessKey: 'an-access-key', secretKey: 'a-secret-key' }, maxBlobSize: '1MiB' })
  const secret = join(dirname(file), 'node-key')
  writeFileSync(secret, `${NSEC}\n`)
  const { code, out, err } = await runProgram(t, ['config', '--config', file], {
    NODE_KEY_FILE: secret, METRICS_TOKEN: 'a-metrics-token', TIMESTAMP_KEY: 'a-timestamp-key', DATA_DIR: '/srv/blobs', PORT: '4000'
  })
  t.strictSame([code, err], [0, ''])
  t.match(JSON.parse(out), {
    host: '127.0.0.1', port: 4000, publicUrl: 'http://127.0.0.1:4000', dataDir: '/srv/blobs', maxBlobSize: 2 ** 20,
    nodeKey: '***', metricsToken: '***', timestampKey: '***', minio: { secretKey: '***' }
  })
  for (const text of [NSEC, SECRET, 'a-secret-key', 'a-metrics-token', 'a-timestamp-key']) t.notMatch(out, text)
})
