// What every picture shares: escaping, how wide text is without a screen to ask, and colours for light and dark pages.

export interface Palette {
  readonly page: string
  readonly ink: string
  readonly soft: string
  readonly rule: string
  readonly line: string
  readonly band: string
  readonly mark: string
}
const LIGHT: Palette = { page: '#fff', ink: '#1f2328', soft: '#59636e', rule: '#d1d9e0', line: '#0969da', band: '#54aeff', mark: '#cf222e' }
const DARK: Palette = {
  page: '#0d1117',
  ink: '#e6edf3',
  soft: '#9198a1',
  rule: '#3d444d',
  line: '#79c0ff',
  band: '#1f6feb',
  mark: '#ff7b72',
}
const ofAll = ({ page, ink, soft }: Palette): string => `text{fill:${soft}}.title{fill:${ink}}.page{fill:${page}}`

/** A style sheet whose colours are those of a dark page where the viewer prefers one. They are written twice, not as variables of CSS: what makes
 * a PNG of a picture often knows no variables, and would draw it black. */
export const themed = (shapes: string, colours: (palette: Palette) => string): string =>
  [
    `svg{font:12px system-ui,sans-serif}.title{font-size:15px;font-weight:600}${shapes}`,
    ofAll(LIGHT) + colours(LIGHT),
    `@media (prefers-color-scheme:dark){${ofAll(DARK)}${colours(DARK)}}`,
  ].join('\n')

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
/** Control characters and halves of pairs are no XML at all; marks of direction would turn round what stands beside them. */
const clean = (text: string): string => text.toWellFormed().replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, ' ')
export const escape = (text: string, maxLength: number): string =>
  clean(text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text).replace(/[&<>"']/g, (char) => ENTITIES[char])

/** Of an em, in a common sans-serif face; rather too wide than too narrow. */
const emOf = (char: string): number => {
  if (/\p{M}|[\u200b-\u200d]/u.test(char)) return 0
  if (char > '\u2e7f' || /\p{Extended_Pictographic}/u.test(char)) return 1.1
  if (/[ijlI.,:;|!'()[\] ft-]/.test(char)) return 0.38
  if (/[mwMW@%—…]/.test(char)) return 0.95
  return /[A-Z]/.test(char) ? 0.72 : 0.6
}
export const textWidth = (text: string, fontPx: number): number => [...text].reduce((sum, char) => sum + emOf(char), 0) * fontPx
/** As much of the text as fits, with an ellipsis where something is missing. */
export const fitText = (text: string, widthPx: number, fontPx: number): string => {
  const whole = clean(text)
  if (textWidth(whole, fontPx) <= widthPx) return whole
  const kept: string[] = []
  let left = widthPx - textWidth('…', fontPx)
  for (const char of whole) {
    left -= textWidth(char, fontPx)
    if (left < 0) break
    kept.push(char)
  }
  return `${kept.join('')}…`
}

export const tenth = (value: number): string => String(Number(value.toFixed(1)))
