// A relay of other semantics than nostr-rs-relay's, in this process: @nostr-relay's core over its own SQLite store, on loopback. Both of its caches
// are off: with them a forged event of a known id is answered OK, and so is one that is not stored (nostr-and-releases.md §5.4).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NostrRelay } from '@nostr-relay/core'
import { EventRepositorySqlite } from '@nostr-relay/event-repository-sqlite'
import { Validator } from '@nostr-relay/validator'
import { WebSocketServer } from 'ws'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { TestRelay } from './nostr-relay.ts'

/** Starts it for `t`. */
export async function startSecondRelay (t: Test): Promise<TestRelay> {
  const home = mkdtempSync(join(tmpdir(), 'marquee-second-relay-'))
  const validator = new Validator()
  let port = 0
  let end: (() => Promise<void>) | null = null
  let log = ''
  const note = (...words: unknown[]): void => { log += `${words.map(String).join(' ')}\n` }

  const start = async (): Promise<void> => {
    if (end !== null) throw new Error('the relay is already running')
    const repository = new EventRepositorySqlite(join(home, 'events.db'))
    await repository.init()
    const logger = { setLogLevel: () => {}, debug: note, info: note, warn: note, error: note }
    const relay = new NostrRelay(repository, { filterResultCacheTtl: 0, eventHandlingResultCacheTtl: 0, logger })
    const server = new WebSocketServer({ host: '127.0.0.1', port, maxPayload: 131_072 })
    await new Promise<void>((resolve, reject) => { server.once('listening', resolve).once('error', reject) })
    port = (server.address() as AddressInfo).port
    server.on('connection', (socket, { socket: { remoteAddress } }) => {
      relay.handleConnection(socket, remoteAddress ?? '')
      socket.on('message', (data: Buffer) => {
        validator.validateIncomingMessage(data).then((message) => relay.handleMessage(socket, message)).catch((error: unknown) => {
          note(error)
          socket.send(JSON.stringify(['NOTICE', error instanceof Error ? error.message : String(error)]))
        })
      })
      socket.on('error', note)
      socket.on('close', () => { relay.handleDisconnect(socket) })
    })
    end = async () => {
      for (const socket of server.clients) socket.terminate()
      await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
      await relay.destroy()
      await repository.destroy()
    }
  }

  const stop = async (): Promise<void> => {
    const ending = end
    end = null
    await ending?.()
  }

  t.teardown(async () => {
    await stop()
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    if (!t.passing()) process.stderr.write(`--- the second relay's log (the test failed) ---\n${log}--- end of its log ---\n`)
  })
  await start()
  return { make: '@nostr-relay', url: `ws://127.0.0.1:${port}`, stop, start, logs: () => log }
}
