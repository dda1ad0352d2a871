// What can be known of Dockerfile, compose.yaml, the systemd unit and the Caddy example without running them: they speak of files, settings and
// times that are there.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { FIELDS } from '../server/config-fields.ts'
import { loadConfig } from '../server/config.ts'

const read = (path: string): string => readFileSync(path, 'utf8')
const dockerfile = read('Dockerfile').replace(/^#.*\n/gm, '')
const settings = new Set(FIELDS.flatMap(({ env }) => env === undefined ? [] : [env]))
const { shutdownTimeout } = loadConfig({ file: null, env: {} })

t.test('what the Dockerfile copies is in the tree and reaches the builder, and nothing else does', async t => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
  t.ok(copied.length >= 5)
  for (const path of copied) t.ok(existsSync(path), path)
  const [first, ...kept] = read('.dockerignore').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(first, '*', 'everything is left out')
  t.strictSame(kept.map((line) => line.replace(/^!/, '')).sort(), copied.sort())
  for (const [, path] of dockerfile.matchAll(/^COPY --from=build (\S+)/gm)) t.match(path, /^\/app\/(package\.json|node_modules|dist)$/)
})

t.test('the image has two stages, is not root, listens to the outside, keeps its data in a volume and tells its health', async t => {
  const final = dockerfile.slice(dockerfile.lastIndexOf('FROM '))
  t.equal(dockerfile.match(/^FROM /gm)?.length, 2)
  const order = ['VOLUME /data', 'USER node', 'ENTRYPOINT', 'CMD ["serve"]'].map((each) => final.indexOf(each))
  t.ok(order.every((at) => at > 0), String(order))
  t.match(final, /^HEALTHCHECK .*\/healthz/m)
  t.notMatch(final.slice(final.indexOf('USER node')), /USER root/)
  for (const [, pairs] of final.matchAll(/^ENV (.+)$/gm)) {
    for (const [name] of pairs!.split(' ').map((pair) => pair.split('='))) t.ok(name === 'NODE_ENV' || settings.has(name!), name!)
  }
  t.match(final, 'HOST=0.0.0.0')
  const [, command] = /^ENTRYPOINT (.+)$/m.exec(final) ?? []
  t.equal((JSON.parse(command!) as string[]).join(' '), `${(JSON.parse(read('package.json')) as { scripts: { start: string } }).scripts.start.replace(/^npm run build && | serve$/g, '')}`, 'as npm start')
  const [, engine] = /^FROM node:(\d+)/m.exec(dockerfile) ?? []
  t.ok(Number(engine) >= 20)
})

t.test('compose.yaml has marquee, MinIO and a relay, gives marquee settings it knows, and opens nothing to the world', async t => {
  const { services, volumes } = parse(read('compose.yaml')) as { services: Record<string, { environment?: Record<string, string>, ports?: string[], volumes: string[], stop_grace_period?: string, image?: string }>, volumes: object }
  t.strictSame(Object.keys(services), ['marquee', 'minio', 'relay-policy', 'relay'])
  const { environment = {}, stop_grace_period: grace } = services['marquee']!
  for (const name of Object.keys(environment)) t.ok(settings.has(name), name)
  const config = loadConfig({ file: null, env: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, value.replace(/^\$\{PUBLIC_URL.*/, 'https://a.example').replace(/^\$\{.*/, 'secret-secret')])) })
  t.match(config, { store: 'minio', minio: { endpoint: 'http://minio:9000' }, publicUrl: 'https://a.example' })
  t.ok(parseInt(grace!) * 1000 > shutdownTimeout)
  for (const { ports = [], volumes: mounted, image } of Object.values(services)) {
    for (const port of ports) t.match(port, /^127\.0\.0\.1:/)
    for (const [place = ''] of mounted.map((mount) => mount.split(':'))) t.ok(place in volumes || place === './relay-config/policy.json' || existsSync(place), place)
    if (image !== undefined) t.match(image, /:(?!latest)[\w.-]+$/, 'pinned')
  }
})

t.test('the systemd unit runs what npm start runs, not as root, and waits for transfers', async t => {
  const unit = read('packaging/marquee.service')
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
  t.equal(value('User'), 'marquee')
  t.match(value('ExecStart'), /^\/usr\/bin\/node --max-semi-space-size=4 --enable-source-maps dist\/server\/main\.js serve /)
  t.ok(Number(value('TimeoutStopSec')) * 1000 > shutdownTimeout)
  t.equal(value('RestartPreventExitStatus'), '2')
  t.equal(value('ExecReload'), '/bin/kill -HUP $MAINPID')
  t.match(value('Environment'), `DATA_DIR=/var/lib/${value('StateDirectory')}`)
})

t.test('systemd finds no fault with the unit', { skip: spawnSync('systemd-analyze', ['--version']).status !== 0 && 'systemd is not here' }, async t => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', 'packaging/marquee.service'], { encoding: 'utf8' })
  const ours = stderr.split('\n').filter((line) => line.includes('marquee.service') && !/not executable|No such file/.test(line))
  t.strictSame(ours, [], `exit ${status}`)
})

t.test('every file that the operations page links to is there', async t => {
  for (const [, path] of read('docs/operations.md').matchAll(/\]\(([^)#:]+)\)/g)) t.ok(existsSync(`docs/${path}`), path!)
})
