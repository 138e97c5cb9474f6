// A moment as RFC 3339 writes it, with a zone. Pure.

const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i

/** Days of the month that it has: Date.parse takes 30 February for 2 March. */
const isDay = (year: number, month: number, day: number): boolean => day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()

/** Milliseconds since 1970, or NaN. */
export const toInstant = (text: string): number => {
  const parts = RFC_3339.exec(text)
  return parts !== null && isDay(Number(parts[1]), Number(parts[2]), Number(parts[3])) ? Date.parse(text.toUpperCase()) : Number.NaN
}
