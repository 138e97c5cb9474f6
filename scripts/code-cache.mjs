// Loaded before the product (`node --import`), in its threads too: what the last start made of the code is used again. Taking the
// types out of 400 files takes each thread up to half a second, compiling them a quarter, finding them a tenth. The cache lies beside the
// packages, knows files by their content, and is only ever a gain: where it cannot be read or written, everything is made anew. Links to files of ours
// are not followed: each name is a module of its own.
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { enableCompileCache, registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

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

/** @throws what is wrong with the file, and which it is. */
const strip = (text, path) => {
  try {
    return stripTypeScriptTypes(text)
  } catch (error) {
    error.message = `${path}: ${error.message}`
    throw error
  }
}
/** Of what it was made from, and of itself: half of it is none. */
const markOf = (text, made) => `//${sha(process.version + text)} ${sha(made)}\n`

/** @returns the JavaScript in a file of ours; every line and column stays where it is. */
const withoutTypesOf = (path) => {
  const text = readFileSync(path, 'utf8')
  const kept = join(withoutTypes, sha(path))
  const found = attempt(() => readFileSync(kept, 'utf8'))
  const body = found?.slice(found.indexOf('\n') + 1)
  if (body !== undefined && found.startsWith(markOf(text, body))) return body
  const made = strip(text, path)
  // Whole or not at all: another thread may be reading it.
  attempt(() => {
    const draft = `${kept}.${randomUUID()}`
    writeFileSync(draft, markOf(text, made) + made)
    renameSync(draft, kept)
  })
  return made
}

const isOurs = (url) => url.startsWith('file:') && url.endsWith('.ts') && !url.includes('/node_modules/')
/** Of ours to ours: says where it is without a look at the disk. */
const isPlace = /^\.\.?\/.*\.ts$/
registerHooks({
  resolve: (specifier, context, next) =>
    isPlace.test(specifier) && context.parentURL !== undefined && isOurs(context.parentURL)
      ? { url: new URL(specifier, context.parentURL).href, shortCircuit: true }
      : next(specifier, context),
  load: (url, context, next) =>
    isOurs(url) ? { format: 'module', source: withoutTypesOf(fileURLToPath(url)), shortCircuit: true } : next(url, context),
})
