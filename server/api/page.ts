// /docs: the table of endpoints as one page of HTML, made here, so that the browser runs no script and asks nobody else for anything. Pure.

import { createHash } from 'node:crypto'
import { ENDPOINT_TABLE } from './endpoints.ts'
import type { Endpoint } from './endpoints.ts'
import type { Named } from './openapi.ts'

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
h2 { margin-top: 2.5rem } section { border-top: 1px solid #ccc; padding: .5rem 0 } h3 { font-size: 1rem; margin: .5rem 0 }
code { font: 14px ui-monospace, monospace } b { display: inline-block; min-width: 4.5rem } dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .5rem 0 }
dd { margin: 0 } a { color: #06c }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616 } a { color: #6af } section { border-color: #444 } }
`

/** The page may use this one style sheet and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

const TOKENS: Readonly<Record<Endpoint['token'], string>> = {
  none: '', upload: 'Nostr token, <code>t</code> = <code>upload</code>', media: 'Nostr token, <code>t</code> = <code>media</code>', list: 'Nostr token, <code>t</code> = <code>list</code>',
  delete: 'Nostr token, <code>t</code> = <code>delete</code>', nip98: 'NIP-98', bearer: 'bearer <code>METRICS_TOKEN</code>, or the same machine'
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function sectionOf ({ id, method, path, summary, token, parameters = [], body, answers, refusals }: Endpoint): string {
  const rows: [string, string][] = [
    ...(token === 'none' ? [] : [['Token', TOKENS[token]] as [string, string]]),
    ...parameters.map((each): [string, string] => [`<code>${escape(each.name)}</code>`, `${escape(each.description)} (${each.in}${each.required === true ? ', needed' : ''})`]),
    ...(body === undefined ? [] : [['Body', `${escape(body[2])} (<code>${escape(body[0])}</code>)`] as [string, string]]),
    ...Object.entries(answers).map(([status, { description }]): [string, string] => [status, escape(description)]),
    ...(refusals.length === 0 ? [] : [['Refusals', refusals.join(', ')] as [string, string]])
  ]
  const list = rows.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join('')
  return `<section id="${id}"><h3><b>${method}</b> <code>${escape(path)}</code></h3><p>${escape(summary)}</p><dl>${list}</dl></section>`
}

export function buildPage ({ url, version }: Named): string {
  const groups = [...new Set(ENDPOINT_TABLE.map(({ group }) => group))].map((group) =>
    `<h2>${group}</h2>${ENDPOINT_TABLE.filter((each) => each.group === group).map(sectionOf).join('')}`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>marquee: the HTTP API</title>` +
    `<style>${STYLE}</style></head><body><h1>marquee ${escape(version)}</h1><p>A Nostr Blossom blob server at <code>${escape(url)}</code>. For programs: ` +
    `<a href="/openapi.json">openapi.json</a>; limits in force: <a href="/.well-known/marquee.json">marquee.json</a>.</p>${groups.join('')}</body></html>\n`
}
