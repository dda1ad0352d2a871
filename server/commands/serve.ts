// `marquee serve`: the server, until it is told to stop. What `npm start` runs.

import { pino } from 'pino'
import { originOf } from '../config-values.ts'
import { openMarquee } from '../marquee.ts'
import { VERSION } from '../version.ts'
import type { AddressInfo } from 'node:net'
import type { Command } from './terminal.ts'

/** Tokens and secrets never reach the log. */
const REDACTED = ['req.headers.authorization', 'headers.authorization', 'authorization']

export const serve: Command = {
  help: `marquee serve [--config FILE]

Serves until SIGTERM or SIGINT; then it takes no more, lets transfers end and exits with 0.`,
  options: {},
  run: async ({ config, terminal }) => {
    if (config.workers > 1) {
      terminal.err('config: /workers: more than one worker is not built yet')
      return 2
    }
    // lines are handed to the kernel between requests, not within them
    const output = pino.destination({ dest: 1, sync: false })
    const logger = pino({ level: config.logLevel, redact: REDACTED, base: null, timestamp: pino.stdTimeFunctions.isoTime }, output)
    const marquee = await openMarquee({ config, logger, pid: terminal.pid })
    const stopped = new Promise<string>((resolve) => { terminal.onStop(resolve) })
    const known = await marquee.listen().catch(async (error: unknown) => {
      await marquee.close()
      throw error
    })
    const { address, port } = marquee.app.server.address() as AddressInfo
    const url = originOf(address, port)
    const where = config.store === 'fs' ? `${config.dataDir}/store` : `${config.minio.endpoint ?? ''}/${config.minio.bucket}`
    terminal.err([
      `marquee ${VERSION}: a Nostr Blossom blob server`,
      `  listens on  ${url}`,
      ...(config.publicUrlGiven ? [`  known as    ${known}`] : []),
      `  its key     ${marquee.nodeKey.npub}`,
      `  data        ${config.dataDir}`,
      `  blobs       ${where} (${config.store})`,
      `  try it      curl ${url}/healthz`
    ].join('\n'))
    const signal = await stopped
    logger.info({ signal }, 'stopping')
    // a connection that is busy now is not kept for another request: Node would wait for it, and nobody might come
    marquee.app.server.keepAliveTimeout = 1
    // what does not end in time is cut: it was not acknowledged
    const cut = setTimeout(() => { marquee.app.server.closeAllConnections() }, config.shutdownTimeout)
    await marquee.close()
    clearTimeout(cut)
    output.flushSync()
    return 0
  }
}
