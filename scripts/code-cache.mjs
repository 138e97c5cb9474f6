// Loaded before the product (`node --import`), in its threads too: what the last start made of the code is used again. Taking the
// types out of 400 files takes each thread up to half a second, compiling them a quarter, finding them a tenth. The cache lies beside the
// packages, knows files by their content, and is only ever a gain: where it cannot be read or written, everything is made anew.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { enableCompileCache, registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { threadId } from 'node:worker_threads'

const cache = fileURLToPath(new URL('../node_modules/.cache/lapwing/', import.meta.url))
const withoutTypes = join(cache, 'without-types')
enableCompileCache(join(cache, 'compiled'))

const sha = (text) => createHash('sha1').update(text).digest('hex')
const attempt = (work) => {
  try {
    return work()
  } catch {
    return null
  }
}
attempt(() => mkdirSync(withoutTypes, { recursive: true }))

/** @returns the JavaScript in a file of ours; every line and column stays where it is. */
const withoutTypesOf = (path) => {
  const text = readFileSync(path, 'utf8')
  const mark = `//${sha(process.version + text)}\n`
  const kept = join(withoutTypes, sha(path))
  const found = attempt(() => readFileSync(kept, 'utf8'))
  if (found !== null && found.startsWith(mark)) return found.slice(mark.length)
  const made = stripTypeScriptTypes(text)
  // Whole or not at all: another thread may be reading it.
  attempt(() => {
    const draft = `${kept}.${process.pid}-${threadId}`
    writeFileSync(draft, mark + made)
    renameSync(draft, kept)
  })
  return made
}

const isOurs = (url) => url.startsWith('file:') && url.endsWith('.ts') && !url.includes('/node_modules/')
/** Says where it is without a look at the disk. */
const isPlace = /^\.\.?\/.*\.(?:ts|mjs)$/
registerHooks({
  resolve: (specifier, context, next) =>
    isPlace.test(specifier) && context.parentURL !== undefined
      ? { url: new URL(specifier, context.parentURL).href, shortCircuit: true }
      : next(specifier, context),
  load: (url, context, next) =>
    isOurs(url) ? { format: 'module', source: withoutTypesOf(fileURLToPath(url)), shortCircuit: true } : next(url, context),
})
