// Which earlier incidents resemble one: by their services, by what their signals said, and by the messages of their errors. What is
// rare among the incidents weighs more than what most have. Pure; equal ones come in order of their ids.
import type { Analysis, IncidentRef, PastIncident } from '../../streams/contracts/rca.ts'

type Part = 'services' | 'signals' | 'templates'
type Signature = Readonly<Record<Part, ReadonlySet<string>>>
type Similar = Analysis['similar'][number]

/** Where and how weigh the same; messages say the most but are not always there. */
const WEIGHTS: Readonly<Record<Part, number>> = { services: 0.35, signals: 0.35, templates: 0.3 }
const PARTS: readonly Part[] = ['services', 'signals', 'templates']
const LEAST = 0.3
const SHOWN = 5

/** What is said before the numbers begin, without the name of the service: "errors up". */
export const sayingOf = (summary: string): string =>
  summary
    .replace(/^[^:"]{1,255}: /, '')
    .split(/[,(]/)[0]
    .toLowerCase()
    .replace(/\d+/g, '#')
    .trim()
const sayings = (summaries: readonly string[]): ReadonlySet<string> => new Set(summaries.map(sayingOf).filter((text) => text !== ''))

const signatureOf = (services: readonly string[], summaries: readonly string[], templates: readonly string[]): Signature => ({
  services: new Set(services),
  signals: sayings(summaries),
  templates: new Set(templates),
})

const rarity = (all: readonly Signature[], part: Part): ((token: string) => number) => {
  const seen = new Map<string, number>()
  for (const signature of all) for (const token of signature[part]) seen.set(token, (seen.get(token) ?? 0) + 1)
  return (token) => Math.log(1 + all.length / (seen.get(token) ?? 1))
}
const common = (one: ReadonlySet<string>, other: ReadonlySet<string>): string[] => [...one].filter((token) => other.has(token))
const sum = (tokens: Iterable<string>, weight: (token: string) => number): number =>
  [...tokens].reduce((total, token) => total + weight(token), 0)
/** Weight of what both have over weight of what either has. */
const overlap = (one: ReadonlySet<string>, other: ReadonlySet<string>, weight: (token: string) => number): number => {
  const union = sum(new Set([...one, ...other]), weight)
  return union === 0 ? 0 : sum(common(one, other), weight) / union
}

const because = (one: Signature, other: Signature): string => {
  const [services, signals, templates] = PARTS.map((part) => common(one[part], other[part]).sort())
  return [
    ...(services.length > 0 ? [`services ${services.slice(0, 3).join(', ')}`] : []),
    ...(signals.length > 0 ? [`signals "${signals.slice(0, 3).join('", "')}"`] : []),
    ...(templates.length > 0 ? [`${templates.length} ${templates.length === 1 ? 'message' : 'messages'} of errors`] : []),
  ].join('; ')
}

/** @param templates messages of the errors of the incident. */
export const similarTo = (incident: IncidentRef, templates: readonly string[]): Similar[] => {
  const past = (incident.past ?? [])
    .filter((one) => one.id !== incident.id)
    .map((one) => ({ one, signature: signatureOf(one.services, one.summaries, one.templates ?? []) }))
  const own = signatureOf(
    incident.services,
    incident.signals.map((signal) => signal.summary),
    templates,
  )
  const all = [own, ...past.map(({ signature }) => signature)]
  const weights: Readonly<Record<Part, (token: string) => number>> = {
    services: rarity(all, 'services'),
    signals: rarity(all, 'signals'),
    templates: rarity(all, 'templates'),
  }
  const rated = past.map(({ one, signature }): { one: PastIncident; similarity: number; because: string } => {
    // Where messages of one side are not known they say nothing, for or against.
    const parts = PARTS.filter((part) => part !== 'templates' || (own.templates.size > 0 && signature.templates.size > 0))
    const total = parts.reduce((weight, part) => weight + WEIGHTS[part], 0)
    const similarity = parts.reduce((score, part) => score + WEIGHTS[part] * overlap(own[part], signature[part], weights[part]), 0) / total
    return { one, similarity: Number(similarity.toFixed(3)), because: because(own, signature) }
  })
  return rated
    .filter(({ similarity }) => similarity >= LEAST)
    .sort((a, b) => b.similarity - a.similarity || (a.one.id < b.one.id ? -1 : 1))
    .slice(0, SHOWN)
    .map(({ one, similarity, because: shared }) => ({ incidentId: one.id, similarity, resolution: one.resolution, because: shared }))
}
