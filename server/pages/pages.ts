// Our pages: HTML files of web/ in which every `{{nonce}}` is the nonce of the answer and every other `{{name}}` a text of ours, escaped. Each is
// sent with the policy it needs and nothing more.

import { randomBytes } from 'node:crypto'
import { pagePolicy } from './policy.ts'
import { readWebFiles } from './web-files.ts'
import type { FastifyReply } from 'fastify'
import type { PageNeeds } from './policy.ts'
import type { WebFiles } from './web-files.ts'

interface Page extends PageNeeds {
  /** In web/. */
  file: string
}

const PAGES = {
  home: { file: 'home/home.html', asksOthers: false, plays: false },
  watch: { file: 'watch/watch.html', asksOthers: true, plays: true },
  backstage: { file: 'backstage/backstage.html', asksOthers: false, plays: false },
  missing: { file: 'shared/missing.html', asksOthers: false, plays: false }
} as const satisfies Record<string, Page>

export type PageName = keyof typeof PAGES

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

export class Pages {
  readonly files: WebFiles = readWebFiles()

  /** Answers with a page; `texts` fill its other places. Throws when a file of ours is not there, or leaves a place empty. */
  send (reply: FastifyReply, name: PageName, texts: Readonly<Record<string, string>> = {}): FastifyReply {
    const nonce = randomBytes(18).toString('base64')
    const { file, ...needs } = PAGES[name]
    const filled = new Map(Object.entries({ ...texts, nonce }))
    const html = this.files.get(file)!.bytes.toString().replace(/\{\{(\w+)\}\}/g, (_, place: string) => {
      const text = filled.get(place)
      if (text === undefined) throw new Error(`${file}: nothing for ${place}`)
      return escape(text)
    })
    return reply.headers({
      'content-security-policy': pagePolicy(nonce, needs),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      // a nonce that two readers share is none
      'cache-control': 'private, no-cache',
      'vary': 'accept'
    }).type('text/html; charset=utf-8').send(html)
  }
}
