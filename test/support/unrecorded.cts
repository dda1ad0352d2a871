// Keeps tap from recording which files a test file loads, which `tap --changed` and coverage alone would use: its record takes a thread of its own, sends
// it the text of every module, and reads every source map; 0.3 to 0.8 s of each of 230 files. Loaded before all else by "node-arg" in .taprc.
// Where a later tap does it another way, this does nothing.

{
  const modules = require('node:module') as { register: (specifier: string, options?: { parentURL?: string }) => unknown }
  const { register } = modules
  const isRecord = (text: string): boolean => text.includes('/@tapjs/processinfo/')
  modules.register = (specifier, options) => isRecord(String(options?.parentURL)) ? undefined : register(specifier, options)
  // what it finds here it takes for its own, begun earlier
  Object.defineProperty(globalThis, Symbol.for('@tapjs/processinfo.ProcessInfoNodeData'), { value: { files: [], sources: {} } })
  // programs that tests start would record as well
  const { NODE_OPTIONS } = process.env
  const left = NODE_OPTIONS?.split(' ').filter((option) => !isRecord(option)).join(' ')
  delete process.env['NODE_OPTIONS']
  if (left) process.env['NODE_OPTIONS'] = left
}
