// Loaded before anything else in every process of `npm test` (scripts/with-parts.sh). tap has each module that a test file loads handed through a
// hook in another thread, for coverage that we do not ask for: 0.8 s of a core for each of 225 files, and every source kept in memory.

import module from 'node:module'

const { register } = module
module.register = (specifier, ...rest) => String(specifier).includes('/@tapjs/processinfo/') ? undefined : register(specifier, ...rest)
