// Metrics of PUT /media.

import type { Definition } from './exposition.ts'

export const MEDIA: readonly Definition[] = [
  {
    name: 'marquee_media_jobs',
    type: 'gauge',
    help: 'Pictures and videos worked on now, and those that wait',
    read: ({ media: { line: { counts } } }) => [{ labels: { state: 'under way' }, value: counts.underWay }, { labels: { state: 'waiting' }, value: counts.waiting }]
  },
  {
    name: 'marquee_media_jobs_ended_total',
    type: 'counter',
    help: 'Pictures and videos worked on, by what became of them',
    read: ({ media: { work: { ended } } }) => Object.entries(ended).map(([outcome, value]) => ({ labels: { outcome }, value }))
  }
]
