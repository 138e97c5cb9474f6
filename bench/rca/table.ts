// CSV of numbers below one or more header lines; an empty field is no data. No field of these data sets is quoted.
export interface Table {
  readonly head: readonly (readonly string[])[]
  readonly times: readonly number[]
  readonly column: (index: number) => (number | null)[]
}

export const parseTable = (text: string): Table => {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trimEnd().split(','))
  const isRow = (line: readonly string[]): boolean => line[0] !== '' && Number.isFinite(Number(line[0]))
  const rows = lines.filter(isRow)
  const at = (row: readonly string[], index: number): number | null =>
    row[index] === undefined || row[index] === '' ? null : Number(row[index])
  return {
    head: lines.filter((line) => !isRow(line)),
    times: rows.map((row) => Number(row[0])),
    column: (index) => rows.map((row) => at(row, index)),
  }
}
