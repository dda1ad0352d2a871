// The names of platforms in `f` tags: zapstore's closed list, of which an event must have one and others are passed over. Pure.

import { CatalogFault } from '../faults.ts'
import { valuesOf } from '../tags.ts'

export const PLATFORMS: readonly string[] = [
  'android-arm64-v8a', 'android-armeabi-v7a', 'android-x86', 'android-x86_64', 'darwin-arm64', 'darwin-x86_64', 'linux-aarch64', 'linux-x86_64',
  'linux-armv7l', 'linux-riscv64', 'windows-aarch64', 'windows-x86_64', 'ios-arm64', 'web'
]

/** The known ones. Throws TAG_INVALID when there is none. */
export function platformsOf (tags: readonly string[][]): string[] {
  const known = valuesOf(tags, 'f').filter((name) => PLATFORMS.includes(name))
  if (known.length === 0) throw new CatalogFault('TAG_INVALID', 'f must be a known platform, as linux-x86_64')
  return known
}

/** For building. Throws TAG_INVALID for one that zapstore does not know, and for none. */
export function platformTags (platforms: readonly string[]): string[][] {
  const unknown = platforms.find((name) => !PLATFORMS.includes(name))
  if (unknown !== undefined || platforms.length === 0) throw new CatalogFault('TAG_INVALID', `f must be a known platform${unknown === undefined ? '' : `: ${unknown}`}`)
  return platforms.map((name) => ['f', name])
}
