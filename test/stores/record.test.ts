// Index records at rest, byte for byte as hash-stream's own tools write and read them (hash-stream.md §2.1, §2.2).

import t from 'tap'
import { identityMultihash, keyOf, sha256Multihash } from '../../server/stores/multihash.ts'
import { BLOB_SCHEMA, CONTAINING_SCHEMA, buildRecord, parseRecord } from '../../server/stores/record.ts'
import { HELLO, OFFSETS, PACK, ROOT, THEIR_RECORDS, WORLD } from '../suites/their-files.ts'
import type { IndexRecord, RecordType } from '../../server/stores/record.ts'

const [hello, world, pack, root] = [HELLO, WORLD, PACK, ROOT].map(({ sha256 }) => sha256Multihash(sha256)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]

function blob (multihash: Uint8Array, location: Uint8Array | string, offset: number, length: number): IndexRecord {
  return { multihash, type: 0, location, offset, length, subRecords: [] }
}

const tree: IndexRecord = { multihash: pack, type: 1, location: pack, subRecords: [blob(hello, pack, OFFSETS.hello, 5), blob(world, pack, OFFSETS.world, 6)] }

/** Every example of the reference, as we write it. */
const OURS: Record<keyof typeof THEIR_RECORDS, IndexRecord> = {
  itself: blob(hello, hello, 0, 5),
  single: blob(hello, pack, OFFSETS.hello, 5),
  pack: { multihash: pack, type: 1, location: pack, subRecords: [] },
  packTree: tree,
  containing: { multihash: root, type: 2, location: root, subRecords: [tree] },
  path: blob(hello, 'dir/file.bin', 0, 5),
  inline: { multihash: hello, type: 3, location: identityMultihash(HELLO.bytes), offset: 0, length: 5, subRecords: [] }
}

function same (a: IndexRecord, b: IndexRecord): boolean {
  const bytes = (location: Uint8Array | string): string => typeof location === 'string' ? location : keyOf(location)
  return a.type === b.type && a.offset === b.offset && a.length === b.length && keyOf(a.multihash) === keyOf(b.multihash) &&
    typeof a.location === typeof b.location && bytes(a.location) === bytes(b.location) &&
    a.subRecords.length === b.subRecords.length && a.subRecords.every((each, i) => same(each, b.subRecords[i]!))
}

t.test('the examples of the reference are the ones this test knows', async (t) => {
  t.equal(HELLO.key, 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq')
  t.equal(PACK.key, 'bafkreih2jq2fuxffutfgguyyparzlmciupkmortfgmr4nttvservslz4aq')
  t.equal(PACK.bytes.length, 144)
  t.equal(THEIR_RECORDS.itself, '{"data":{"length":5,"location":{"/":{"bytes":"EiAs8k26X7CjDiboOyrFueKeGxYeXB+nQl5zBDNik4uYJA"}},"multihash":{"/":{"bytes":"EiAs8k26X7CjDiboOyrFueKeGxYeXB+nQl5zBDNik4uYJA"}},"offset":0,"subRecords":[],"type":0},"type":"index/blob@0.1"}')
  t.equal(THEIR_RECORDS.itself.length, 234)
  t.equal(Buffer.from(THEIR_RECORDS.itself).toString('hex').slice(0, 60), '7b2264617461223a7b226c656e677468223a352c226c6f636174696f6e22')
})

for (const kind of Object.keys(OURS) as (keyof typeof OURS)[]) {
  t.test(`a record (${kind}) is built byte for byte as theirs, and theirs is read`, async (t) => {
    t.equal(buildRecord(OURS[kind]).toString(), THEIR_RECORDS[kind])
    t.ok(same(parseRecord(Buffer.from(THEIR_RECORDS[kind])), OURS[kind]))
  })
}

t.test('a record is read whatever its key order, white space, padding, unknown keys and schema text', async (t) => {
  const { data } = JSON.parse(THEIR_RECORDS.single) as { data: Record<string, unknown> }
  const wanted = OURS.single
  const bytes = { '/': { bytes: Buffer.from(hello).toString('base64') } }
  t.match(bytes['/'].bytes, /=$/, 'padded')
  const reversed = Object.fromEntries(Object.entries(data).reverse())
  for (const text of [
    JSON.stringify({ type: 'index/blob@0.1', data: reversed }),
    JSON.stringify({ data }, null, 2),
    JSON.stringify({ data: { ...data, multihash: bytes }, type: 'x' }),
    JSON.stringify({ data: { ...data, unknown: { deep: [1] } }, type: 7, more: null }),
    `\n ${THEIR_RECORDS.single}\n`
  ]) t.ok(same(parseRecord(Buffer.from(text)), wanted), text)
})

t.test('bytes in the middle of a larger buffer are read as they are', async (t) => {
  const text = Buffer.from(`xxxx${THEIR_RECORDS.inline}yyyy`)
  t.ok(same(parseRecord(text.subarray(4, -4)), OURS.inline))
  const multihash = Buffer.concat([Buffer.from('xx'), hello, Buffer.from('yy')]).subarray(2, -2)
  t.equal(buildRecord({ ...OURS.itself, multihash }).toString(), THEIR_RECORDS.itself)
})

t.test('what is no record is refused with an Error', async (t) => {
  const { data } = JSON.parse(THEIR_RECORDS.single) as { data: Record<string, unknown> }
  const without = (key: string): object => Object.fromEntries(Object.entries(data).filter(([name]) => name !== key))
  let deep: Record<string, unknown> = { ...data }
  for (let i = 0; i < 2000; i++) deep = { ...data, subRecords: [deep] }
  const bad: unknown[] = [
    null, [], 'text', 7, {}, { data: null }, { data: [] },
    ...['location', 'multihash', 'subRecords', 'type'].map((key) => ({ data: without(key) })),
    ...[4, -1, '0', null, 0.5].map((type) => ({ data: { ...data, type } })),
    ...[-1, 0.5, '5', null, 2 ** 53, 1e300].flatMap((number) => [{ data: { ...data, offset: number } }, { data: { ...data, length: number } }]),
    ...[null, 7, {}, [], { '/': 'EiA' }, { '/': { bytes: 7 } }, { '/': { bytes: 'EiA-_w' } }, { bytes: 'EiA' }].map((multihash) => ({ data: { ...data, multihash } })),
    ...[null, 7, {}, []].map((location) => ({ data: { ...data, location } })),
    ...[null, {}, [null], [7], [{}]].map((subRecords) => ({ data: { ...data, subRecords } })),
    { data: deep }
  ]
  for (const value of bad) t.throws(() => parseRecord(Buffer.from(JSON.stringify(value))), Error, JSON.stringify(value).slice(0, 80))
  for (const text of ['', '{', 'rubbish', THEIR_RECORDS.single.slice(0, -1), `${THEIR_RECORDS.single}x`]) t.throws(() => parseRecord(Buffer.from(text)), Error)
})

t.test('any record comes back as it went in, and its text is sorted and without white space', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121)
  t.comment(`seed ${seed}`)
  let state = seed >>> 0 || 1
  const random = (below: number): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)))
  const any = (depth: number): IndexRecord => ({
    multihash: bytes(2 + random(40)),
    type: random(4) as RecordType,
    location: random(4) === 0 ? `päth/"${random(1000)}\\` : bytes(2 + random(200)),
    ...(random(2) === 0 ? {} : { offset: random(2) === 0 ? 0 : Number.MAX_SAFE_INTEGER - random(9) }),
    ...(random(2) === 0 ? {} : { length: random(2 ** 30) }),
    subRecords: depth === 0 ? [] : Array.from({ length: random(4) }, () => any(depth - 1))
  })
  const sorted = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return true
    const keys = Object.keys(value)
    return (Array.isArray(value) || keys.join() === [...keys].sort().join()) && Object.values(value).every(sorted)
  }
  for (let i = 0; i < 500; i++) {
    const record = any(3)
    const text = buildRecord(record).toString()
    const value = JSON.parse(text) as { type: string }
    const ok = same(parseRecord(Buffer.from(text)), record) && sorted(value) && JSON.stringify(value) === text &&
      value.type === (record.subRecords.length > 0 ? CONTAINING_SCHEMA : BLOB_SCHEMA)
    if (!ok) return t.fail(`record ${i} of seed ${seed}: ${text}`)
  }
  t.pass('500 records')
})
