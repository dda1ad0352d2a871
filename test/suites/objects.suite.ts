// What every Objects promises (server/stores/objects.ts): small objects by key, each whole or not at all, absent is null, broken is a StoreError.

import { StoreError } from '../../server/errors.ts'
import type { Test } from 'tap'
import type { ObjectEntry, Objects } from '../../server/stores/objects.ts'
import type { OpenedObjects } from './kinds.ts'

const MANY = 1001

async function listed (objects: Objects, prefix: string): Promise<Map<string, ObjectEntry>> {
  const found = new Map<string, ObjectEntry>()
  for await (const entry of objects.list(prefix)) {
    if (found.has(entry.key)) throw new Error(`${entry.key} is listed twice`)
    found.set(entry.key, entry)
  }
  return found
}

/** Runs work over items, some at a time. */
async function each<Item> (items: readonly Item[], work: (item: Item) => Promise<unknown>, lanes = 50): Promise<void> {
  const left = [...items]
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }))
}

export function objectsSuite (t: Test, name: string, open: (t: Test) => Promise<OpenedObjects>): void {
  function test (sentence: string, body: (t: Test, objects: Objects, opened: OpenedObjects) => Promise<unknown>): void {
    void t.test(`${name}: ${sentence}`, async (t) => {
      const opened = await open(t)
      await body(t, opened.objects, opened)
      t.equal(await opened.drafts(), 0, 'no unfinished write is left')
    })
  }

  test('an object comes back as it was put, and is replaced whole', async (t, objects) => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    for (const bytes of [Buffer.from('one'), every, Buffer.alloc(0), Buffer.alloc(100_000, 7), Buffer.from('x')]) {
      await objects.put('state/folder/thing', bytes)
      t.ok(Buffer.from((await objects.get('state/folder/thing'))!).equals(bytes), `${bytes.length} bytes`)
      t.match([...(await listed(objects, 'state/')).values()], [{ key: 'state/folder/thing', size: bytes.length }])
    }
  })

  test('what is put is not what the caller changes afterwards', async (t, objects) => {
    const bytes = Buffer.from('before')
    await objects.put('state/mine', bytes)
    bytes.fill('x')
    t.equal(Buffer.from((await objects.get('state/mine'))!).toString(), 'before')
  })

  test('an object that is not there is null, and removing it false', async (t, objects) => {
    t.equal(await objects.get('state/none'), null)
    t.equal(await objects.get('state/deep/er/none'), null)
    t.equal(await objects.remove('state/none'), false)
    t.equal(await objects.remove('state/deep/er/none'), false)
    await objects.put('state/some', Buffer.from('1'))
    t.equal(await objects.remove('state/some'), true)
    t.equal(await objects.remove('state/some'), false)
    t.equal(await objects.get('state/some'), null)
  })

  test('an object is added only where there is none', async (t, objects) => {
    t.equal(await objects.add('index/C/0', Buffer.from('first')), true)
    t.equal(await objects.add('index/C/0', Buffer.from('second')), false)
    t.equal(Buffer.from((await objects.get('index/C/0'))!).toString(), 'first')
    await objects.remove('index/C/0')
    t.equal(await objects.add('index/C/0', Buffer.from('third')), true)
    t.equal(Buffer.from((await objects.get('index/C/0'))!).toString(), 'third')
  })

  test('of several adds at once exactly one is true, and its bytes are there', async (t, objects) => {
    for (let round = 0; round < 5; round++) {
      const key = `index/C${round}/0`
      const made = await Promise.all(Array.from({ length: 8 }, (_, i) => objects.add(key, Buffer.from(`writer ${i}`))))
      t.equal(made.filter(Boolean).length, 1)
      t.equal(Buffer.from((await objects.get(key))!).toString(), `writer ${made.indexOf(true)}`)
    }
  })

  test('who reads while it is replaced sees the old object or the new one, never a half', async (t, objects) => {
    const values = [Buffer.alloc(50_000, 'a'), Buffer.alloc(70_000, 'b')]
    await objects.put('state/flips', values[0]!)
    let writing = true
    const writer = (async () => {
      for (let i = 1; i <= 20; i++) await objects.put('state/flips', values[i % 2]!)
      writing = false
    })()
    let reads = 0
    while (writing) {
      const bytes = Buffer.from((await objects.get('state/flips'))!)
      if (!values.some((value) => value.equals(bytes))) t.fail(`a half of ${bytes.length} bytes`)
      reads++
    }
    await writer
    t.ok(reads > 0, `${reads} reads`)
  })

  test('puts and removes of one key at once never fail, whoever empties the folder', async (t, objects) => {
    const key = 'owners/C/abc'
    const lanes = Array.from({ length: 6 }, async (_, lane) => {
      for (let i = 0; i < 40; i++) {
        if (lane % 3 === 0) await objects.put(key, Buffer.from(`${lane} ${i}`))
        else if (lane % 3 === 1) await objects.remove(key)
        else await objects.add(key, Buffer.from(`${lane} ${i}`))
      }
    })
    const outcomes = await Promise.allSettled(lanes)
    t.same(outcomes.filter(({ status }) => status === 'rejected'), [])
    await objects.put(key, Buffer.from('last'))
    t.equal(Buffer.from((await objects.get(key))!).toString(), 'last')
  })

  test('removing one object leaves its neighbours', async (t, objects) => {
    for (const key of ['owners/C/a', 'owners/C/b', 'owners/D/a']) await objects.put(key, Buffer.from(key))
    await objects.remove('owners/C/a')
    t.same([...(await listed(objects, 'owners/')).keys()].sort(), ['owners/C/b', 'owners/D/a'])
    await objects.remove('owners/C/b')
    t.same([...(await listed(objects, 'owners/')).keys()], ['owners/D/a'])
    await objects.put('owners/C/c', Buffer.from('again'))
    t.equal((await listed(objects, 'owners/C/')).size, 1)
  })

  test('names are those directly below a prefix, each once', async (t, objects) => {
    for (const key of ['state/a', 'state/b/1', 'state/b/2', 'state/bb/4', 'owners/b/5']) await objects.put(key, Buffer.from(key))
    const names: string[] = []
    for await (const name of objects.names('state/')) names.push(name)
    t.same(names.sort(), ['a', 'b', 'bb'])
    for await (const name of objects.names('nothing/')) t.fail(name)
  })

  test('a list has everything below its prefix and nothing else', async (t, objects) => {
    const keys = ['state/a', 'state/b/1', 'state/b/2', 'state/b/c/3', 'state/bb/4', 'owners/b/5']
    for (const key of keys) await objects.put(key, Buffer.from(key))
    const found = async (prefix: string): Promise<string[]> => [...(await listed(objects, prefix)).keys()].sort()
    t.same(await found('state/'), keys.slice(0, 5))
    t.same(await found('state/b/'), ['state/b/1', 'state/b/2', 'state/b/c/3'])
    t.same(await found('state/b/c/'), ['state/b/c/3'])
    t.same(await found('state/none/'), [])
    t.same(await found('index/'), [])
    for (const { key, size, modified } of (await listed(objects, 'state/')).values()) {
      t.equal(size, key.length)
      t.ok(modified > 1e12, 'unix milliseconds')
    }
  })

  test('a list that begins after a key has what comes after it, in the order of the bytes, whether that key is there or not', async (t, objects) => {
    const keys = ['state/n/1-b', 'state/n/10', 'state/n/2', 'state/n/a', 'state/n/b/1', 'state/n/z']
    for (const key of [...keys].reverse()) await objects.put(key, Buffer.from(key))
    await objects.put('state/o/1', Buffer.from('other'))
    const after = async (key: string): Promise<string[]> => {
      const found: string[] = []
      for await (const entry of objects.list('state/n/', key)) found.push(entry.key)
      return found
    }
    t.same(await after('state/n/'), keys)
    t.same(await after('state/n/2'), keys.slice(3))
    t.same(await after('state/n/15'), keys.slice(2))
    t.same(await after('state/n/z'), [])
  })

  test(`a list of ${MANY} objects is whole`, async (t, objects) => {
    const keys = Array.from({ length: MANY }, (_, i) => `state/many/${i}`)
    await each(keys, (key) => objects.put(key, Buffer.from(key)))
    t.same([...(await listed(objects, 'state/many/')).keys()].sort(), keys.sort())
    const rest: string[] = []
    for await (const { key } of objects.list('state/many/', 'state/many/')) rest.push(key)
    t.same(rest, keys, 'in pages and in order')
  })

  test('what is broken is a StoreError, never "not there"', async (t, objects, opened) => {
    if (opened.lose === undefined) return t.pass('it cannot be lost', { skip: 'memory is never gone' })
    await objects.put('state/kept', Buffer.from('kept'))
    await objects.put('index/C/0', Buffer.from('kept'))
    const mend = await opened.lose()
    try {
      for (const key of ['state/kept', 'index/C/0', 'index/none/0']) {
        await t.rejects(objects.get(key), StoreError, `get ${key}`)
        await t.rejects(objects.put(key, Buffer.from('new')), StoreError, `put ${key}`)
        await t.rejects(objects.add(key, Buffer.from('new')), StoreError, `add ${key}`)
        await t.rejects(objects.remove(key), StoreError, `remove ${key}`)
      }
      await t.rejects(listed(objects, 'index/'), StoreError, 'list')
      await t.rejects(listed(objects, 'index/C/'), StoreError, 'list a folder')
    } finally {
      await mend()
    }
    t.equal(Buffer.from((await objects.get('state/kept'))!).toString(), 'kept')
    t.equal(await objects.get('index/none/0'), null)
  })
}
