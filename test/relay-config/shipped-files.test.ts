// relay-config/ is true for the versions it names: every key of nostr-rs-relay.toml is asked of the program itself, and strfry.conf is held to the
// keys of its source (strfry cannot be had here).

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FUTURE_TOLERANCE } from '../../server/catalog/accept.ts'
import { OUR_BUDGET, TAKEN_BUDGET } from '../../server/catalog/budget.ts'
import { CATALOG_KINDS } from '../../server/catalog/catalog-event.ts'
import { relayPolicy } from '../../server/commands/relay-policy.ts'
import { SHIPPED_TOML } from '../support/nostr-relay.ts'
import { requirePart } from '../support/parts.ts'
import { ROOT } from '../support/source.ts'

const toml = readFileSync(SHIPPED_TOML, 'utf8')
const conf = readFileSync(`${ROOT}relay-config/strfry.conf`, 'utf8')

/** `section.key`, those that are only shown in comments included. */
function keysOf (text: string): string[] {
  let section = ''
  return text.split('\n').flatMap((line) => {
    section = /^\[(\w+)\]$/.exec(line)?.[1] ?? section
    const key = /^#?(\w+) = /.exec(line)?.[1]
    return key === undefined ? [] : [`${section}.${key}`]
  })
}

/** A number or list of the shipped file. */
const valueOf = (key: string): unknown => JSON.parse(new RegExp(`^${key} = (.*)$`, 'm').exec(toml)![1]!)

t.test('nostr-rs-relay 0.8.12 reads every key of the shipped file, and passes over one that it does not know', async t => {
  const binary = requirePart(t, 'nostr-rs-relay')
  if (binary === null) return
  t.equal(spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim(), 'nostr-rs-relay 0.8.12')
  const file = join(t.testdir(), 'config.toml')
  /** Is it an error that this key is a table? With a folder that is not there the relay ends by itself, whatever else it was told. */
  const reads = (name: string): boolean => {
    const [section, key] = name.split('.')
    writeFileSync(file, `[${section}]\n${key} = { odd = true }\n`)
    const { status, stderr } = spawnSync(binary, ['--config', file, '--db', '/no/such/folder'], { encoding: 'utf8', timeout: 10_000 })
    t.ok(status === 0 || (status === 1 && stderr.startsWith('Error reading config file')), `${name}: ${status} ${stderr}`)
    return status === 1
  }
  for (const name of ['network.ping_interval', 'limits.limit_scrapers', 'info.colour']) t.notOk(reads(name), `${name} is no key`)
  const keys = keysOf(toml)
  t.ok(keys.length >= 35, `${keys.length} keys`)
  for (const name of keys) t.ok(reads(name), name)
  // src/config.rs has these, and nothing else in its source looks at them
  for (const name of keys) t.notMatch(name, /^retention\.|db_conns_per_client/)
  t.notMatch(toml, /^\[retention\]/m)
})

t.test('every key of both files stands under a comment', async t => {
  for (const text of [toml, conf]) {
    // a comment is about the lines up to the next empty one, or up to the next comment
    for (const block of text.replace(/^.*\{$/gm, '').split(/\n\s*\n|\n\[\w+\]\n/)) {
      const first = block.split('\n').find((line) => line.trim() !== '')?.trim()
      if (first !== undefined && /^\w+ = /.test(first)) t.match(first, /^(engine|enabled|slidingWindow) = /, `${first} has none`)
    }
  }
})

t.test('the kinds that nostr-rs-relay may store are those that the catalog reads, and its limits are those of the policy or wider', async t => {
  t.strictSame(valueOf('event_kind_allowlist'), CATALOG_KINDS)
  t.equal(valueOf('reject_future_seconds'), FUTURE_TOLERANCE)
  t.ok(valueOf('max_event_bytes') as number > TAKEN_BUDGET.bytes, 'so that the policy says what is wrong')
  t.ok(valueOf('max_ws_message_bytes') as number > (valueOf('max_event_bytes') as number))
})

/** golpe.yaml and src/apps/relay/golpe.yaml of strfry 1.1.1. */
const STRFRY_KEYS = `db dbParams__maxreaders dbParams__mapsize dbParams__noReadAhead events__maxEventSize events__rejectEventsNewerThanSeconds
  events__rejectEventsOlderThanSeconds events__rejectEphemeralEventsOlderThanSeconds events__ephemeralEventsLifetimeSeconds events__maxNumTags
  events__maxTagValSize relay__bind relay__port relay__nofiles relay__realIpHeader relay__auth__enabled relay__auth__serviceUrl relay__info__name
  relay__info__description relay__info__pubkey relay__info__self relay__info__contact relay__info__icon relay__info__banner relay__info__privacy
  relay__info__terms relay__info__nips relay__maxWebsocketPayloadSize relay__maxReqFilterSize relay__autoPingSeconds relay__enableTcpKeepalive
  relay__queryTimesliceBudgetMicroseconds relay__maxFilterLimit relay__maxFilterLimitCount relay__maxSubsPerConnection relay__writePolicy__plugin
  relay__writePolicy__timeoutSeconds relay__compression__enabled relay__compression__slidingWindow relay__logging__dumpInAll
  relay__logging__dumpInEvents relay__logging__dumpInReqs relay__logging__dbScanPerf relay__logging__invalidEvents relay__numThreads__ingester
  relay__numThreads__reqWorker relay__numThreads__reqMonitor relay__numThreads__negentropy relay__negentropy__enabled
  relay__negentropy__maxSyncEvents relay__filterValidation__enabled relay__filterValidation__maxFiltersPerReq
  relay__filterValidation__minFiltersPerReq relay__filterValidation__maxKindsPerFilter relay__filterValidation__allowedKinds
  relay__filterValidation__requireAuthorOrTag`.split(/\s+/)

/** strfry.conf flattened as strfry itself names its keys. */
function readConf (text: string): Map<string, string> {
  const path: string[] = []
  const values = new Map<string, string>()
  for (const line of text.split('\n').map((each) => each.trim()).filter((each) => each !== '' && !each.startsWith('#'))) {
    const [, opened] = /^(\w+) \{$/.exec(line) ?? []
    const [, key, value] = /^(\w+) = (.+)$/.exec(line) ?? []
    if (opened !== undefined) path.push(opened)
    else if (line === '}') path.pop()
    else if (key !== undefined) values.set([...path, key].join('__'), value!.replace(/^"(.*)"$/, '$1'))
    else throw new Error(`unreadable: ${line}`)
  }
  if (path.length > 0) throw new Error(`not closed: ${path.join(' ')}`)
  return values
}

t.test('strfry.conf has the keys of strfry 1.1.1, every one and no other', async t => {
  t.strictSame([...readConf(conf).keys()].sort(), STRFRY_KEYS.toSorted())
})

t.test('strfry.conf takes what the policy takes, more than we sign, and asks our plugin', async t => {
  const values = readConf(conf)
  const number = (key: string): number => Number(values.get(key))
  t.strictSame({ bytes: number('events__maxEventSize'), tags: number('events__maxNumTags'), element: number('events__maxTagValSize') }, TAKEN_BUDGET)
  t.ok(OUR_BUDGET.bytes < TAKEN_BUDGET.bytes)
  t.equal(number('events__rejectEventsNewerThanSeconds'), FUTURE_TOLERANCE)
  t.ok(number('relay__maxWebsocketPayloadSize') > number('events__maxEventSize'))
  t.equal(values.get('relay__filterValidation__enabled'), 'false')
  const [, ...words] = values.get('relay__writePolicy__plugin')!.split('main.js ')[1]!.split(' ')
  for (const word of words.filter((each) => each.startsWith('--'))) t.ok(word.slice(2) in relayPolicy.options, word)
})
