// Where the boxes of a graph stand and which way its edges go, from left to right. Pure: the same graph has the same places.
import { Graph, layout } from '@dagrejs/dagre'

export interface Point {
  readonly x: number
  readonly y: number
}
export interface Box {
  readonly width: number
  readonly height: number
}
export interface EdgeToPlace {
  readonly from: number
  readonly to: number
  /** Of its label. */ readonly label: Box
}
export interface Placed {
  readonly width: number
  readonly height: number
  /** Middles of the boxes, in their order. */
  readonly nodes: readonly Point[]
  /** In their order: the points of the way from the middle of a side to the middle of a side, and the middle of the label. */
  readonly edges: readonly { readonly points: readonly Point[]; readonly label: Point }[]
}

const SPACE = { nodesep: 26, edgesep: 20, ranksep: 64, marginx: 0, marginy: 0 }
const ARROW = 10

/**
 * The layout ends edges where they would meet the border on their way to the middle of a box. From side to side, and straight for the length
 * of an arrow, many that come together come in one line.
 */
const fromSideToSide = (points: readonly Point[], from: Point, to: Point, half: number): Point[] => {
  const ahead = to.x >= from.x ? 1 : -1
  const end = { x: to.x - ahead * half, y: to.y }
  return [{ x: from.x + ahead * half, y: from.y }, ...points.slice(1, -1), { x: end.x - ahead * ARROW, y: end.y }, end]
}

/** @param box all boxes have one size. */
export const placeGraph = (count: number, box: Box, edges: readonly EdgeToPlace[]): Placed => {
  // Names of the library's own making could clash with names of callers: numbers cannot.
  const graph = new Graph({ multigraph: true }).setGraph({ rankdir: 'LR', ...SPACE }).setDefaultEdgeLabel(() => ({}))
  for (let i = 0; i < count; i++) graph.setNode(`n${i}`, { ...box })
  edges.forEach(({ from, to, label }, i) => {
    graph.setEdge({ v: `n${from}`, w: `n${to}`, name: `e${i}` }, { ...label, labelpos: 'c' })
  })
  layout(graph)
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  const at = (value: { x?: number; y?: number }): Point => ({ x: value.x ?? 0, y: value.y ?? 0 })
  const nodes = Array.from({ length: count }, (_, i) => at(graph.node(`n${i}`) as Point))
  return {
    width: Number.isFinite(width) ? width : 0,
    height: Number.isFinite(height) ? height : 0,
    nodes,
    edges: edges.map(({ from, to }, i) => {
      const placed = graph.edge({ v: `n${from}`, w: `n${to}`, name: `e${i}` }) as { points: Point[]; x?: number; y?: number }
      return { points: fromSideToSide(placed.points.map(at), nodes[from], nodes[to], box.width / 2), label: at(placed) }
    }),
  }
}
