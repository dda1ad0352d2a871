// One piece of work at a time on one name.

import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { Locks } from '../../server/stores/locks.ts'

t.test('work under one name runs one at a time, in the order it was asked for', async (t) => {
  const locks = new Locks()
  const seen: string[] = []
  const work = (id: number, turns: number) => async (): Promise<number> => {
    seen.push(`begin ${id}`)
    for (let i = 0; i < turns; i++) await turn()
    seen.push(`end ${id}`)
    return id
  }
  t.same(await Promise.all([1, 2, 3].map((id) => locks.run('a', work(id, 5 - id)))), [1, 2, 3])
  t.same(seen, ['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
})

t.test('work under other names does not wait', async (t) => {
  const locks = new Locks()
  let release = (): void => {}
  const first = locks.run('a', () => new Promise<void>((resolve) => { release = resolve }))
  t.equal(await locks.run('b', async () => 'through'), 'through')
  release()
  await first
})

t.test('work that fails tells only who asked for it, and lets the next one run', async (t) => {
  const locks = new Locks()
  const failing = locks.run('a', async () => {
    await turn()
    throw new Error('mine')
  })
  const next = locks.run('a', async () => 'ran')
  await t.rejects(failing, { message: 'mine' })
  t.equal(await next, 'ran')
  t.equal(await locks.run('a', async () => 'and later'), 'and later')
  const sync = locks.run('a', () => { throw new Error('at once') })
  await t.rejects(sync, { message: 'at once' })
  t.equal(await locks.run('a', async () => 'still'), 'still')
})
