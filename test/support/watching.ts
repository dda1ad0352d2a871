// What a person does on the page of a film, and what they see: for tests of the player.

import { BROWSER_PATIENCE } from './chromium.ts'
import type { Page } from 'playwright-core'

/** Resolves when `what` holds, words of the page's or a look from outside; throws with what the page says after `patience` milliseconds. */
export async function until (page: Page, what: string | (() => boolean), patience = BROWSER_PATIENCE): Promise<void> {
  const end = Date.now() + patience
  // the page's policy forbids to make functions of text, and its own words are looked at from outside of it
  while (!(typeof what === 'string' ? await page.evaluate(`Boolean(${what})`) : what())) {
    if (Date.now() > end) throw new Error(`not so after ${patience} ms: ${String(what)}; ${JSON.stringify(await seen(page))}`)
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
}

export interface Seen {
  seconds: number
  height: number
  status: string
  trouble: string | null
  servers: string
}

/** What the page shows. */
export function seen (page: Page): Promise<Seen> {
  return page.evaluate(`({
    seconds: video.currentTime, height: video.videoHeight, status: document.getElementById('status').textContent,
    trouble: document.getElementById('trouble').hidden ? null : document.getElementById('reason').textContent,
    servers: document.getElementById('servers').textContent
  })`)
}

/** Opens a film's page and presses Play; `rate`: how many times as fast as in the cinema. */
export async function watch (page: Page, url: string, rate = 4): Promise<void> {
  await page.goto(url)
  await page.getByRole('button', { name: 'Play' }).click()
  await page.evaluate(`video.defaultPlaybackRate = video.playbackRate = ${rate}; video.muted = true; video.preservesPitch = false`)
}

/** The text of the subtitles that stand on the picture now. */
export function subtitle (page: Page): Promise<string> {
  return page.evaluate("[...video.textTracks].filter((track) => track.mode === 'showing').flatMap((track) => [...(track.activeCues ?? [])].map((cue) => cue.text)).join(' ')")
}
