// The services of an incident and the edges between them, drawn as SVG: causes by rank, what they reach, where it was noticed, and how each
// edge is known. Pure and the same bytes for the same graph; every text is escaped and cut to its box.
import type { IncidentGraph, IncidentGraphEdge, IncidentGraphService } from '../../streams/contracts/rca.ts'
import { placeGraph, type Point } from './layout.ts'
import { escape, fitText, tenth, textWidth, themed } from './svg.ts'

export interface IncidentPicture {
  readonly title: string
  readonly subtitle: string
  readonly graph: IncidentGraph
}

const NODE = { width: 180, height: 66 }
const [MIN_WIDTH, MARGIN, TOP] = [640, 24, 66]
const [NAME_PX, TEXT_PX, SMALL_PX] = [13, 12, 11]
const MAX_TEXT = 160
const MAX_DESCRIPTION = 4000
const LINE_PX = 20

const STYLE = themed(
  `.box{stroke-width:1.2}.tint{stroke:none}.impacted .tint{fill-opacity:.16}.noticed .box{stroke-width:3}
.name{font-size:${NAME_PX}px;font-weight:600}.small,.count{font-size:${SMALL_PX}px}.rank{font-size:${SMALL_PX}px;font-weight:700}
.edge{fill:none;stroke-width:1.5}.way{stroke-width:2.4}.declared{stroke-dasharray:7 4}.correlation{stroke-dasharray:1 5;stroke-linecap:round;stroke-width:2}`,
  ({
    page,
    ink,
    soft,
    rule,
    line,
    band,
    mark,
  }) => `.box{fill:${page};stroke:${rule}}.cause .tint{fill:${mark}}.cause .box{stroke:${mark}}.impacted .tint{fill:${band}}.impacted .box{stroke:${line}}
.name{fill:${ink}}.badge{fill:${soft}}.cause .badge{fill:${mark}}.rank,.under{fill:${page}}.edge{stroke:${soft}}.way{stroke:${mark}}.arrow{fill:${soft}}.arrow.on{fill:${mark}}`,
)

const KIND_WORDS: Readonly<Record<string, string>> = {
  new_messages: 'new messages',
  traffic_drop: 'traffic drop',
  traffic_rise: 'traffic rise',
}
const percent = (share: number): string => `${Math.round(share * 100)} %`
const scoreText = (score: number): string => (score >= 0.005 ? score.toFixed(2) : '< 0.01')

type Look = 'cause' | 'impacted' | 'beside'
/** A cause that is far less likely than the first is drawn as what it is besides. */
const lookOf = ({ rank, score, impacted }: IncidentGraphService, best: number): Look =>
  rank === 1 || (score !== null && score >= best / 2) ? 'cause' : impacted ? 'impacted' : 'beside'

const labelOf = ({ kind, calls, isEstimate, correlation }: IncidentGraphEdge): string => {
  if (kind === 'span' || kind === 'trace') return calls === null ? '' : `${isEstimate ? '~' : ''}${calls} ${kind}${calls === 1 ? '' : 's'}`
  return kind === 'declared' ? 'declared' : correlation === null ? '' : `r ${correlation}`
}

/** Through every point, level at each: where a label stands, the line passes under its middle. */
const pathOf = ([first, ...rest]: readonly Point[]): string => {
  let last = first
  const curves = rest.map((point) => {
    const middle = tenth((last.x + point.x) / 2)
    const curve =
      last.y === point.y
        ? `H${tenth(point.x)}`
        : `C${middle},${tenth(last.y)} ${middle},${tenth(point.y)} ${tenth(point.x)},${tenth(point.y)}`
    last = point
    return curve
  })
  return `M${tenth(first.x)},${tenth(first.y)}${curves.join('')}`
}

/** Level for the whole width of its label, and nothing of it behind the letters. */
const drawEdge = (edge: IncidentGraphEdge, points: readonly Point[], label: Point, text: string): string => {
  const wide = textWidth(text, SMALL_PX) * 0.9 + 8
  const led =
    text === ''
      ? points
      : points.flatMap((point, i) =>
          point.x === label.x && point.y === label.y && i > 0
            ? [-1, 1].map((side) => ({ x: label.x + (side * Math.sign(points[i + 1].x - points[i - 1].x) * wide) / 2, y: label.y }))
            : [point],
        )
  return [
    `<path class="edge ${edge.kind}${edge.way ? ' way' : ''}" d="${pathOf(led)}"${edge.directed ? ` marker-end="url(#arrow${edge.way ? 'on' : ''})"` : ''}/>`,
    text === ''
      ? ''
      : `<rect class="under" x="${tenth(label.x - wide / 2)}" y="${tenth(label.y - 7)}" width="${tenth(wide)}" height="14"/><text class="count" x="${tenth(label.x)}" y="${tenth(label.y + 4)}" text-anchor="middle">${escape(text, MAX_TEXT)}</text>`,
  ].join('')
}

const drawNode = (one: IncidentGraphService, at: Point, look: Look, graph: IncidentGraph, best: number): string => {
  const [left, top] = [at.x - NODE.width / 2, at.y - NODE.height / 2]
  const kind = one.rank === 1 && graph.cause !== null ? (KIND_WORDS[graph.cause.kind] ?? graph.cause.kind) : ''
  const state = [one.score === null ? '' : `score ${scoreText(one.score)}`, kind, look === 'impacted' ? 'impacted' : '']
    .filter((text) => text !== '')
    .join(' · ')
  const lines = [
    [one.service, 'name', NAME_PX * 1.18],
    [state, '', TEXT_PX],
    [one.owner === null ? '' : `owner ${one.owner}`, 'small', SMALL_PX],
  ].filter(([text]) => text !== '') as [string, string, number][]
  const firstY = top + NODE.height / 2 - (lines.length - 1) * 9 + 4
  const box = `x="${tenth(left)}" y="${tenth(top)}" width="${NODE.width}" height="${NODE.height}" rx="8"`
  const tint = look === 'cause' ? ` fill-opacity="${(0.06 + 0.2 * Math.min(1, (one.score ?? 0) / best)).toFixed(2)}"` : ''
  return [
    `<g class="${look}${one.noticed ? ' noticed' : ''}"><title>${escape(one.service, 300)}</title><rect class="box" ${box}/>${look === 'beside' ? '' : `<rect class="tint" ${box}${tint}/>`}`,
    one.rank === null
      ? ''
      : `<circle class="badge" cx="${tenth(left + 20)}" cy="${tenth(firstY - 4)}" r="10"/><text class="rank" x="${tenth(left + 20)}" y="${tenth(firstY)}" text-anchor="middle">${one.rank}</text>`,
    ...lines.map(([text, style, size], i) => {
      const indent = i === 0 && one.rank !== null ? 36 : 14
      return `<text${style === '' ? '' : ` class="${style}"`} x="${tenth(left + indent)}" y="${tenth(firstY + i * 18)}">${escape(fitText(text, NODE.width - indent - 8, size), MAX_TEXT)}</text>`
    }),
    '</g>',
  ].join('')
}

interface Legend {
  readonly sample: string
  readonly text: string
}
const legendOf = ({ services, edges, omitted }: IncidentGraph, looks: readonly Look[]): Legend[] => {
  const has = (kind: string): boolean => edges.some((edge) => edge.kind === kind)
  const line = (classes: string): string => `<path class="edge ${classes}" d="M0,0L30,0"/>`
  const box = (classes: string): string =>
    `<g class="${classes}"><rect class="box" x="1" y="-8" width="26" height="16" rx="4"/><rect class="tint" x="1" y="-8" width="26" height="16" rx="4"${classes === 'cause' ? ' fill-opacity=".2"' : classes === 'noticed' ? ' fill="none"' : ''}/></g>`
  const seen = [has('span') ? 'spans' : '', has('trace') ? 'shared traces' : ''].filter((text) => text !== '').join(' or ')
  return [
    ...(looks.includes('cause') ? [{ sample: box('cause'), text: 'likely cause, by rank' }] : []),
    ...(looks.includes('impacted') ? [{ sample: box('impacted'), text: 'impacted: depends on cause 1' }] : []),
    ...(services.some((one) => one.noticed) ? [{ sample: box('noticed'), text: 'thick frame: noticed here' }] : []),
    ...(seen === '' ? [] : [{ sample: line(''), text: `calls, seen in ${seen}` }]),
    ...(has('declared') ? [{ sample: line('declared'), text: 'depends on, as declared' }] : []),
    ...(has('correlation') ? [{ sample: line('correlation'), text: 'moves together, no call known' }] : []),
    ...(edges.some((edge) => edge.way) ? [{ sample: line('way'), text: 'between cause 1 and where it was noticed' }] : []),
    ...(edges.some((edge) => edge.directed) ? [{ sample: '', text: 'arrows point from the caller' }] : []),
    ...(omitted > 0 ? [{ sample: '', text: `${omitted} more services are not drawn` }] : []),
  ]
}

const drawLegend = (items: readonly Legend[], top: number, width: number): { svg: string; height: number } => {
  let [x, y] = [MARGIN, top]
  const drawn = items.map(({ sample, text }) => {
    const indent = sample === '' ? 0 : 38
    const wide = indent + textWidth(text, SMALL_PX)
    if (x > MARGIN && x + wide > width - MARGIN) [x, y] = [MARGIN, y + LINE_PX]
    const one = `<g transform="translate(${tenth(x)},${tenth(y)})">${sample}<text class="small" x="${indent}" y="4">${escape(text, MAX_TEXT)}</text></g>`
    x += wide + 22
    return one
  })
  return { svg: drawn.join('\n'), height: y - top + LINE_PX }
}

/** The same in words, for who cannot see it. */
const describe = ({ services, edges, omitted }: IncidentGraph): string =>
  [
    ...services.map(
      (one) =>
        `${one.service}: ${[one.rank === null ? '' : `cause ${one.rank}, score ${scoreText(one.score ?? 0)}`, one.impacted ? 'impacted' : '', one.noticed ? 'noticed here' : '', one.owner === null ? '' : `owner ${one.owner}`].filter((text) => text !== '').join(', ') || 'beside'}.`,
    ),
    ...edges.map(
      (edge) =>
        `${edge.from} ${edge.kind === 'correlation' ? 'moves together with' : edge.directed ? 'calls' : 'shares calls with'} ${edge.to} (${[edge.kind, labelOf(edge)].filter((text, i, all) => text !== '' && all.indexOf(text) === i).join(', ')}).`,
    ),
    omitted > 0 ? `${omitted} more services are not drawn.` : '',
  ].join(' ')

export const drawIncidentGraph = ({ title, subtitle, graph }: IncidentPicture): string => {
  const { services, edges } = graph
  const best = Math.max(1e-9, ...services.map((one) => one.score ?? 0))
  const looks = services.map((one) => lookOf(one, best))
  const index = new Map(services.map((one, i) => [one.service, i]))
  const between = edges.filter((edge) => edge.from !== edge.to && index.has(edge.from) && index.has(edge.to))
  const labels = between.map(labelOf)
  const placed = placeGraph(
    services.length,
    NODE,
    between.map((edge, i) => ({
      from: index.get(edge.from)!,
      to: index.get(edge.to)!,
      label: { width: textWidth(labels[i], SMALL_PX) + 10, height: SMALL_PX + 5 },
    })),
  )
  const width = Math.max(MIN_WIDTH, Math.ceil(placed.width) + 2 * MARGIN)
  const [dx, bottom] = [(width - placed.width) / 2, TOP + placed.height]
  const move = ({ x, y }: Point): Point => ({ x: x + dx, y: y + TOP })
  const legend = drawLegend(legendOf({ ...graph, edges: between }, looks), bottom + 34, width)
  const height = Math.ceil(bottom + 34 + legend.height)
  const head = (text: string, size: number): string => escape(fitText(text, width - 2 * MARGIN, size), 400)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="graph-title graph-description"><title id="graph-title">${escape(title, 400)}</title>`,
    `<desc id="graph-description">${escape(services.length === 0 ? 'no service is known to be part of it' : describe({ ...graph, edges: between }), MAX_DESCRIPTION)}</desc><style>${STYLE}</style>`,
    `<defs>${['', ' on'].map((on) => `<marker id="arrow${on.trim()}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="arrow${on}" d="M0,1L10,5L0,9Z"/></marker>`).join('')}</defs>`,
    `<rect width="${width}" height="${height}" class="page"/><text class="title" x="${MARGIN}" y="26">${head(title, 16.5)}</text><text x="${MARGIN}" y="46">${head(subtitle, TEXT_PX)}</text>`,
    // The way of the trouble over the rest.
    ...between
      .map((edge, i) => ({ edge, i }))
      .sort((a, b) => Number(a.edge.way) - Number(b.edge.way))
      .map(({ edge, i }) => drawEdge(edge, placed.edges[i].points.map(move), move(placed.edges[i].label), labels[i])),
    ...services.map((one, i) => drawNode(one, move(placed.nodes[i]), looks[i], graph, best)),
    ...(services.length === 0 ? [`<text x="${MARGIN}" y="${TOP + 10}">No service is known to be part of it.</text>`] : []),
    legend.svg,
    '</svg>',
  ]
    .filter((part) => part !== '')
    .join('\n')
}

/** What stands under the title. */
export const subtitleOf = ({ cause, incidentId, window }: IncidentGraph): string =>
  `${cause === null ? 'No service stands out as the cause' : `Most likely ${cause.service} (${KIND_WORDS[cause.kind] ?? cause.kind}), confidence ${percent(cause.confidence)}`} · ${incidentId} · ${window.from.slice(0, 16).replace('T', ' ')} to ${window.to.slice(11, 16)} UTC`
