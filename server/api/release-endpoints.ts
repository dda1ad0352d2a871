// The rows of releases in the table of endpoints (endpoints.ts). Pure.

import type { Answer, Endpoint, Parameter } from './endpoints.ts'

type Schema = Readonly<Record<string, unknown>>

const TEXT: Schema = { type: 'string' }
const COUNT: Schema = { type: 'integer', minimum: 0 }
const query = (name: string, description: string, schema: Schema = TEXT): Parameter => ({ name, in: 'query', description, schema })
const path = (name: string, description: string): Parameter => ({ name, in: 'path', required: true, description, schema: TEXT })
const json = (description: string): Answer => ({ description, content: ['application/json', { type: 'object' }] })
const SAME: Answer = { description: 'As the client has it' }
const APP = 'As org.archipelago.node'
const CHANNEL = 'As stable'

function look (id: string, url: string, summary: string, answer: Answer, parameters: readonly Parameter[], refusals: readonly number[]): Endpoint {
  return { id, group: 'Catalog', method: 'GET', path: url, token: 'none', summary, parameters, answers: { 200: answer, 304: SAME }, refusals }
}

/** Each of them answers HEAD as well. */
export const RELEASE_LOOKS: readonly Endpoint[] = [
  look('releases', '/catalog/releases', 'Releases announced by keys of the trust bundles in force, the highest sequence first', json('One page, each with its signed event'), [
    query('app', APP), query('channel', CHANNEL), query('limit', 'Items at most', { type: 'integer', minimum: 1, maximum: 200, default: 50 }), query('cursor', 'Of the page before')
  ], [400, 429]),
  look('latestRelease', '/catalog/releases/latest', 'The latest release of a channel and all that a node needs to verify it: a release set', json('Trust bundle, latest pointer and manifest as they were signed, and their events'), [
    { ...query('app', APP), required: true }, { ...query('channel', CHANNEL), required: true }
  ], [400, 404, 429]),
  look('trust', '/catalog/trust', 'The trust bundles in force', json('Each as it was signed, with the event that carries it'), [], [429]),
  look('releaseFile', '/catalog/releases/{app}/{channel}/{platform}/manifest.json', 'The file that nodes of version 1 read, of the latest release that verifies now', json('Version, changes, and files of this platform'), [
    path('app', APP), path('channel', CHANNEL), path('platform', 'As linux-x86_64')
  ], [404, 409, 429])
]

export const RELEASE_CALLS: readonly Endpoint[] = [
  {
    id: 'followReleases', group: 'Catalog', method: 'GET', path: '/catalog/releases/follow', token: 'none', summary: 'Events of releases as they come, without end: application, release, artifact, pointer, trust',
    parameters: [
      query('app', APP), query('channel', CHANNEL), query('since_seq', 'What came after; what comes from now on, where it is absent', COUNT),
      { name: 'Last-Event-ID', in: 'header', description: 'Go on after', schema: COUNT }
    ],
    answers: { 200: { description: 'Server-sent events', content: ['text/event-stream', TEXT] } }, refusals: [400, 429, 503]
  }
]
