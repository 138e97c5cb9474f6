// What is wrong with a filter, as a value: where, what stands there, what could, and a filter that would be right.

export interface FilterError {
  readonly reason: 'syntax' | 'value' | 'operator' | 'too_long' | 'too_deep' | 'too_many'
  /** 0-based, in UTF-16 units. */
  readonly position: number
  readonly found: string
  readonly expected: readonly string[]
  /** The name that was probably meant. */
  readonly nearest?: string
  readonly example: string
}

const SHOWN = 60
/** What stands there is shown only so far: it may be long. */
export const shorten = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…`.toWellFormed() : text)

export const describeError = (error: FilterError): string => {
  const found = error.found === '' ? 'the end' : JSON.stringify(error.found)
  return `at ${error.position}: found ${found}, expected ${error.expected.join(' or ')}${error.nearest === undefined ? '' : `; did you mean ${error.nearest}?`}`
}
