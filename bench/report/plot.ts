// Costs as horizontal bars in an SVG that reads in light and dark: one group for each load, ours first, and a scale of its own.

export interface Bar {
  readonly group: string
  readonly label: string
  readonly value: number
  readonly isOurs: boolean
}

const WIDTH = 860
const LABEL_WIDTH = 330
const VALUE_WIDTH = 70
const BAR = 18
const GAP = 6
const GROUP_HEAD = 34

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export const renderPlot = (title: string, unit: string, bars: readonly Bar[]): string => {
  const groups = [...new Set(bars.map(({ group }) => group))]
  let y = 30
  const body = groups.flatMap((group) => {
    const head = `<text class="group" x="0" y="${y + GROUP_HEAD - 12}">${escape(group)}</text>`
    y += GROUP_HEAD
    const own = bars.filter((bar) => bar.group === group)
    // Each group by itself: small requests cost a hundred times what large ones do.
    const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / Math.max(...own.map(({ value }) => value), Number.MIN_VALUE)
    return [
      head,
      ...own.map(({ label, value, isOurs }) => {
        const width = Math.max(1, value * scale)
        const bar = `<text x="${LABEL_WIDTH - 10}" y="${y + BAR - 5}" text-anchor="end">${escape(label)}</text><rect class="${isOurs ? 'ours' : 'peer'}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"/><text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + BAR - 5}">${value.toFixed(2)}</text>`
        y += BAR + GAP
        return bar
      }),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" width="${WIDTH}" role="img" aria-label="${escape(title)}">
<style>text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;font-size:15px}.group{font-weight:600}.ours{fill:#1a7f64}.peer{fill:#8c959f}@media(prefers-color-scheme:dark){text{fill:#9198a1}.ours{fill:#3fb990}.peer{fill:#6e7681}}</style>
<text class="title" x="0" y="18">${escape(title)} (${escape(unit)}, less is better)</text>
${body.join('\n')}
</svg>
`
}
