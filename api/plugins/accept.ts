// Reads an Accept header: whether problem+json is asked for, and not less than plain JSON.

const weightOf = (accept: string, type: string): number | null => {
  const range = accept
    .split(',')
    .map((text) => text.split(';').map((part) => part.trim().toLowerCase()))
    .find(([name]) => name === type)
  if (range === undefined) return null
  const weight = range.slice(1).find((parameter) => /^q\s*=/.test(parameter))
  return weight === undefined ? 1 : Number(/^q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(weight)?.[1] ?? 0)
}

export const prefersProblem = (accept: string | undefined): boolean => {
  const problem = weightOf(accept ?? '', 'application/problem+json') ?? 0
  return problem > 0 && problem >= (weightOf(accept ?? '', 'application/json') ?? 0)
}
