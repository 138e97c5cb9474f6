// The picture of an incident: what is drawn, how each edge shows what it is known by, that nothing overlaps, and that names stay text.
import { describe, expect, it } from 'vitest'
import { drawIncidentGraph, subtitleOf } from '../../../api/plots/incident-graph.ts'
import { textWidth } from '../../../api/plots/svg.ts'
import type { IncidentGraph, IncidentGraphEdge, IncidentGraphService } from '../../../streams/contracts/rca.ts'

const service = (name: string, over: Partial<IncidentGraphService> = {}): IncidentGraphService => ({
  service: name,
  owner: null,
  rank: null,
  score: null,
  noticed: false,
  impacted: false,
  ...over,
})
const edge = (from: string, to: string, over: Partial<IncidentGraphEdge> = {}): IncidentGraphEdge => ({
  from,
  to,
  directed: true,
  kind: 'trace',
  calls: 120,
  isEstimate: false,
  correlation: null,
  way: false,
  ...over,
})
const shop: IncidentGraph = {
  incidentId: 'inc_7f3d2a9c01be',
  cause: { service: 'bank', kind: 'errors', confidence: 0.836 },
  omitted: 0,
  window: { from: '2026-01-31T11:45:00.000Z', to: '2026-01-31T12:05:00.000Z' },
  services: [
    service('bank', { rank: 1, score: 0.84, owner: 'team-money' }),
    service('payment', { rank: 2, score: 0.1, impacted: true }),
    service('frontend', { rank: 3, score: 0.001, noticed: true, impacted: true }),
    service('report', { impacted: true }),
    service('mail'),
  ],
  edges: [
    edge('frontend', 'payment', { way: true }),
    edge('payment', 'bank', { way: true, kind: 'span', calls: 1 }),
    edge('report', 'payment', { kind: 'declared', calls: null }),
    edge('bank', 'mail', { kind: 'correlation', directed: false, calls: null, correlation: -0.91 }),
  ],
}
const draw = (graph: IncidentGraph, title = '#7 bank: errors up'): string =>
  drawIncidentGraph({ title, subtitle: subtitleOf(graph), graph })
const withoutLegend = (svg: string): string => svg.replaceAll(/<g transform[^]*?<\/text><\/g>/g, '')

interface Rect {
  x: number
  y: number
  width: number
  height: number
}
const rects = (svg: string, kind: string): Rect[] =>
  [
    ...withoutLegend(svg).matchAll(
      new RegExp(`<rect class="${kind}" x="([\\d.-]+)" y="([\\d.-]+)" width="([\\d.]+)" height="([\\d.]+)"`, 'g'),
    ),
  ].map(([, x, y, width, height]) => ({ x: Number(x), y: Number(y), width: Number(width), height: Number(height) }))
const meet = (a: Rect, b: Rect): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
const sizeOf = (svg: string): [number, number] => /width="(\d+)" height="(\d+)"/.exec(svg)!.slice(1).map(Number) as [number, number]
/** Points along the drawn curves. */
const along = (svg: string): { x: number; y: number }[] =>
  [...withoutLegend(svg).matchAll(/<path class="edge[^"]*" d="([^"]+)"/g)].flatMap(([, d]) => {
    const found: { x: number; y: number }[] = []
    let at = { x: 0, y: 0 }
    for (const [, command, rest] of d.matchAll(/([MHC])([^MHC]*)/g)) {
      const n = rest.split(/[ ,]/).map(Number)
      const start = at
      at = command === 'H' ? { x: n[0], y: at.y } : { x: n.at(-2)!, y: n.at(-1)! }
      if (command === 'M') continue
      const [a, b] =
        command === 'C'
          ? [
              { x: n[0], y: n[1] },
              { x: n[2], y: n[3] },
            ]
          : [start, at]
      for (let t = 0.05; t < 1; t += 0.05) {
        const of = (axis: 'x' | 'y'): number =>
          (1 - t) ** 3 * start[axis] + 3 * (1 - t) ** 2 * t * a[axis] + 3 * (1 - t) * t ** 2 * b[axis] + t ** 3 * at[axis]
        found.push({ x: of('x'), y: of('y') })
      }
    }
    return found
  })
const inside = ({ x, y }: { x: number; y: number }, box: Rect): boolean =>
  x > box.x + 1 && x < box.x + box.width - 1 && y > box.y + 1 && y < box.y + box.height - 1

/** The same on every run. */
const random = (seed: number) => (): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
  return seed / 2_147_483_648
}
const randomGraph = (seed: number): IncidentGraph => {
  const next = random(seed)
  const services = Array.from({ length: 1 + Math.floor(next() * 30) }, (_, i) =>
    service(
      `service-${i}`,
      next() < 0.3
        ? { rank: i + 1, score: next(), impacted: next() < 0.5 }
        : { owner: next() < 0.5 ? 'team-with-a-rather-long-name' : null, noticed: next() < 0.3 },
    ),
  )
  const any = (): string => services[Math.floor(next() * services.length)].service
  return {
    ...shop,
    services,
    edges: Array.from({ length: Math.floor(next() * services.length * 1.6) }, () =>
      edge(any(), any(), {
        kind: (['span', 'trace', 'declared'] as const)[Math.floor(next() * 3)],
        directed: next() < 0.8,
        way: next() < 0.2,
      }),
    ),
    omitted: Math.floor(next() * 2),
  }
}

describe('the picture of an incident', () => {
  it('has causes by rank with their score, what is impacted, the owner and where it was noticed', () => {
    const svg = draw(shop)
    for (const text of [
      '#7 bank: errors up',
      'Most likely bank (errors), confidence 84 % · inc_7f3d2a9c01be · 2026-01-31 11:45 to 12:05 UTC',
      '>score 0.84 · errors<',
      '>owner team-money<',
      '>score 0.10 · impacted<',
      '>score &lt; 0.01 · impacted<',
    ])
      expect(svg).toContain(text)
    expect([...svg.matchAll(/<g class="([a-z ]+)"><title>(\w+)</g)].map(([, look, name]) => [name, look])).toEqual([
      ['bank', 'cause'],
      ['payment', 'impacted'],
      ['frontend', 'impacted noticed'],
      ['report', 'impacted'],
      ['mail', 'beside'],
    ])
    expect([...svg.matchAll(/class="rank"[^>]*>(\d+)</g)].map(([, rank]) => rank)).toEqual(['1', '2', '3'])
  })

  it('shows by its line how an edge is known, by an arrow who calls, and explains just what occurs', () => {
    const svg = draw(shop)
    expect(
      [...withoutLegend(svg).matchAll(/<path class="edge ([a-z ]+)"[^>]*?(marker-end="[^"]+")?\/>/g)].map(([, kind, arrow]) => [
        kind,
        arrow !== undefined,
      ]),
    ).toEqual([
      ['declared', true],
      ['correlation', false],
      ['trace way', true],
      ['span way', true],
    ])
    for (const text of [
      '>120 traces<',
      '>1 span<',
      '>declared<',
      '>r -0.91<',
      'calls, seen in spans or shared traces',
      'depends on, as declared',
      'moves together, no call known',
      'thick frame: noticed here',
      'between cause 1',
    ])
      expect(svg).toContain(text)
    expect(draw({ ...shop, edges: [edge('payment', 'bank', { kind: 'span', calls: 4100, isEstimate: true })] })).toContain('>~4100 spans<')
    const plain = draw({ ...shop, edges: [edge('report', 'payment')] })
    expect(plain).not.toMatch(/as declared|moves together|between cause 1|not drawn/)
    expect(plain).toContain('calls, seen in shared traces')
    expect(draw({ ...shop, omitted: 12 })).toContain('12 more services are not drawn')
  })

  it('says the same in words', () => {
    expect(/<desc[^>]*>([^<]*)/.exec(draw(shop))![1]).toBe(
      'bank: cause 1, score 0.84, owner team-money. payment: cause 2, score 0.10, impacted. frontend: cause 3, score &lt; 0.01, impacted, noticed here. report: impacted. mail: beside. frontend calls payment (trace, 120 traces). payment calls bank (span, 1 span). report calls payment (declared). bank moves together with mail (correlation, r -0.91). ',
    )
    expect(draw(shop)).toMatch(/role="img" aria-labelledby="graph-title graph-description"><title id="graph-title">#7 bank/)
  })

  it('has colours for light and dark pages, and the same bytes for the same graph', () => {
    expect(draw(shop)).toMatch(/@media \(prefers-color-scheme:dark\)/)
    for (let seed = 1; seed <= 20; seed++) expect(draw(randomGraph(seed))).toBe(draw(structuredClone(randomGraph(seed))))
  })

  it('lets no box meet another, no line pass behind one, and nothing run out of the picture, whatever the graph', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const svg = draw(randomGraph(seed))
      expect(svg).not.toMatch(/NaN|undefined|Infinity/)
      const [boxes, labels, [width, height]] = [rects(svg, 'box'), rects(svg, 'under'), sizeOf(svg)]
      for (const [i, box] of boxes.entries()) {
        expect(box.x >= 0 && box.y >= 50 && box.x + box.width <= width && box.y + box.height <= height).toBe(true)
        expect([seed, boxes.slice(i + 1).filter((other) => meet(box, other)), labels.filter((label) => meet(box, label))]).toEqual([
          seed,
          [],
          [],
        ])
        expect([seed, along(svg).filter((point) => inside(point, box))]).toEqual([seed, []])
      }
      for (const [i, label] of labels.entries())
        expect([seed, labels.slice(i + 1).filter((other) => meet(label, other))]).toEqual([seed, []])
    }
  })

  it('takes names as text and cuts them to their box', () => {
    const names = [
      '</text><script>alert(1)</script>',
      '__proto__',
      'constructor',
      'a"b\'c&d',
      '\u202edlrow\u0000\ud800',
      '日本語'.repeat(80),
      'M'.repeat(255),
    ]
    const svg = draw(
      {
        ...shop,
        services: names.map((name, i) => service(name, { owner: name, ...(i === 0 ? { rank: 1, score: 1 } : {}) })),
        edges: names.slice(1).map((name) => edge(name, names[0])),
      },
      `<b>${'x'.repeat(1000)}`,
    )
    expect(svg).not.toMatch(/<script|<b>|[\u202a-\u202e]|(?!\n)\p{Cc}|&(?!amp;|lt;|gt;|quot;|#39;)/u)
    expect(rects(svg, 'box')).toHaveLength(names.length)
    for (const [, text] of svg.matchAll(/class="name"[^>]*>([^<]*)</g))
      expect(textWidth(text.replaceAll(/&\w+;|&#39;/g, 'm'), 13)).toBeLessThan(180)
    expect(svg.length).toBeLessThan(20_000)
  })

  it('is drawn of an incident of no service, of one, and of a call of a service to itself', () => {
    expect(draw({ ...shop, cause: null, services: [], edges: [] })).toContain('No service is known to be part of it.')
    expect(draw({ ...shop, services: shop.services.slice(0, 1), edges: [edge('bank', 'bank')] })).not.toMatch(
      /NaN|undefined|<path class="edge trace"/,
    )
  })
})
