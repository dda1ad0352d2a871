// `marquee serve`: the server, until it is told to stop. What `npm start` runs.

import { pino } from 'pino'
import { originOf } from '../config-values.ts'
import { ConfigError } from '../errors.ts'
import { openMarquee } from '../marquee.ts'
import { openTraces } from '../traces.ts'
import { VERSION } from '../version.ts'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Settings } from '../settings.ts'
import type { Command } from './terminal.ts'

/** Tokens and secrets never reach the log. */
const REDACTED = ['req.headers.authorization', 'headers.authorization', 'authorization']

export const serve: Command = {
  help: `marquee serve [--config FILE]

Serves until SIGTERM or SIGINT; then it takes no more, lets transfers end and exits with 0.
At SIGHUP it reads its configuration again: limits, policy and lists of keys take effect at once (docs/config.md says which), a
bad file changes nothing and is told in the log.`,
  options: {},
  run: async ({ config, loadConfig, terminal }) => {
    if (config.workers > 1) {
      terminal.err('config: /workers: more than one worker is not built yet')
      return 2
    }
    // lines are handed to the kernel between requests, not within them
    const output = pino.destination({ dest: 1, sync: false })
    const logger = pino({ level: config.logLevel, redact: REDACTED, base: null, timestamp: pino.stdTimeFunctions.isoTime }, output)
    // asked for while it starts, it is done when it listens
    let [due, reload] = [false, (): void => { due = true }]
    terminal.onReload(() => { reload() })
    const traces = terminal.traces === null ? null : await openTraces(logger, terminal.traces)
    const marquee = await openMarquee({ config, logger, pid: terminal.pid, traces })
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
    reload = () => { readAgain(loadConfig, marquee.settings, logger) }
    if (due) reload()
    const signal = await stopped
    logger.info({ signal }, 'stopping')
    // a connection that is busy now is not kept for another request: Node would wait for it, and nobody might come
    marquee.app.server.keepAliveTimeout = 1
    // what does not end in time is cut: it was not acknowledged
    const cut = setTimeout(() => { marquee.app.server.closeAllConnections() }, marquee.settings.current.shutdownTimeout)
    await marquee.close()
    clearTimeout(cut)
    await traces?.close()
    output.flushSync()
    return 0
  }
}

/** A new configuration, or the old one where the new is bad: then every problem stands in the log. */
function readAgain (loadConfig: () => Config, settings: Settings, logger: Logger): void {
  try {
    const { changed, waiting } = settings.take(loadConfig())
    logger.info({ changed }, 'the configuration was read again')
    if (waiting.length > 0) logger.warn({ keys: waiting }, 'these settings need a restart: they are as they were')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    logger.error({ problems: error.problems }, 'the configuration is bad: everything stays as it was')
  }
}
