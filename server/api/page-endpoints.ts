// The pages' rows of the table of endpoints (endpoints.ts). Pure.

import type { Endpoint } from './endpoints.ts'

const page = (description: string): Endpoint['answers'] => ({ 200: { description, content: ['text/html', { type: 'string' }] } })
const part = (name: string, description: string): NonNullable<Endpoint['parameters']>[number] => ({ name, in: 'path', required: true, description, schema: { type: 'string' } })

/** Each of them answers HEAD as well. */
export const PAGE_LOOKS: readonly Endpoint[] = [
  {
    id: 'watch', group: 'About', method: 'GET', path: '/watch/{address}', token: 'none', summary: 'The page that plays a title', parameters: [part('address', 'naddr1…, or kind:pubkey:d')],
    answers: page('The player'), refusals: [404, 429]
  },
  {
    id: 'backstage', group: 'About', method: 'GET', path: '/backstage', token: 'none', summary: 'The page of creators: their films, who may watch them, and new ones',
    answers: page('The page'), refusals: []
  },
  {
    id: 'webFile', group: 'About', method: 'GET', path: '/web/{folder}/{file}', token: 'none', summary: 'The scripts and style sheets of the pages',
    parameters: [part('folder', 'As shared'), part('file', 'As ui.css')],
    answers: { 200: { description: 'The file', content: ['*/*', { type: 'string' }] }, 304: { description: 'As the client has it' } }, refusals: [404]
  }
]
