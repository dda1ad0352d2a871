// A real Chromium for tests of pages, by playwright-core: it may talk to this machine alone, and whatever else it tries is counted. What pages say on the
// console, throw, or are refused by their policy is collected.

import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'

const CHROMIUM = '/usr/bin/chromium'
/** Milliseconds that anything in a browser may take: long, since it is only waited for in vain where something is wrong. */
export const BROWSER_PATIENCE = 100_000
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--autoplay-policy=no-user-gesture-required'
]

export interface Visit {
  page: Page
  context: BrowserContext
  /** What went wrong in the page: console errors but for failed loads, exceptions, violations of the policy. */
  complaints: string[]
  /** URLs off this machine that were asked for. */
  outside: string[]
  /** Every URL that was asked for. */
  asked: string[]
}

/** Chromium, closed with the test. Null when there is none: said on `t` as a skip, or as a failure when REQUIRE_REAL is 1. */
export async function openChromium (t: Test): Promise<Browser | null> {
  if (!existsSync(CHROMIUM)) {
    const reason = `${CHROMIUM} is not here: apt-get install chromium`
    if (process.env['REQUIRE_REAL'] === '1') t.fail(reason)
    else t.pass('Chromium is there', { skip: reason })
    return null
  }
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: BROWSER_PATIENCE })
  t.teardown(() => browser.close())
  return browser
}

/** A new profile with one empty page; `script` runs in every document before its own, with `value`. The test ends it. */
export async function visit (t: Test, browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(BROWSER_PATIENCE)
  t.teardown(() => context.close())
  const seen: Visit = { context, page: await context.newPage(), complaints: [], outside: [], asked: [] }
  await context.route(/.*/, async (route) => {
    const { protocol, hostname } = new URL(route.request().url())
    if (['data:', 'blob:'].includes(protocol) || ['127.0.0.1', 'localhost'].includes(hostname)) return route.fallback()
    seen.outside.push(route.request().url())
    await route.abort()
  })
  await context.exposeBinding('tellViolation', (_source, what: string) => { seen.complaints.push(what) })
  await context.addInitScript(() => {
    // in the page: TypeScript knows no `document` here
    const { addEventListener, tellViolation } = globalThis as unknown as { addEventListener: (name: string, hear: (event: Record<string, string>) => void) => void, tellViolation: (what: string) => void }
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => { tellViolation(`policy: ${violatedDirective} ${blockedURI}`) })
  })
  seen.page.on('console', (message) => {
    // a server that fails is told by the browser too, and is no fault of the page
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) seen.complaints.push(message.text())
  })
  seen.page.on('pageerror', (error) => { seen.complaints.push(String(error)) })
  seen.page.on('request', (request) => { seen.asked.push(request.url()) })
  return seen
}

/** Gives pages a NIP-07 extension: `sign` signs, or throws what the reader's refusal would be; `pubkey` is whose key it tells. The number of times it was asked to sign. */
export async function giveSigner (context: BrowserContext, sign: (draft: { kind: number, created_at: number, tags: string[][], content: string }) => object, pubkey: string | null = null): Promise<{ asked: () => number }> {
  let asked = 0
  await context.exposeFunction('signForTest', (draft: Parameters<typeof sign>[0]) => {
    asked++
    return sign(draft)
  })
  await context.addInitScript((pubkey) => {
    const page = globalThis as unknown as { nostr: object, signForTest: (draft: object) => Promise<object> }
    page.nostr = { getPublicKey: async () => pubkey, signEvent: (draft: object) => page.signForTest(draft) }
  }, pubkey)
  return { asked: () => asked }
}
