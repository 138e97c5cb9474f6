// Puts what a run has found between two marks of a document that people have written around it.

const mark = (name: string, end: 'begin' | 'end'): string => `<!-- ${name}:${end} -->`

/** @throws Error when the document lacks the marks. */
export const splice = (document: string, name: string, content: string): string => {
  const begin = document.indexOf(mark(name, 'begin'))
  const end = document.indexOf(mark(name, 'end'))
  if (begin < 0 || end < begin) throw new Error(`no place for ${name}`)
  return `${document.slice(0, begin + mark(name, 'begin').length)}\n${content.trim()}\n${document.slice(end)}`
}
