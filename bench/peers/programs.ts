// Programs of others that are built from public registries, once, into the cache outside the checkout; and what of them cannot be had.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachedDirectory, runStep, type Found } from '../../test/live/program.ts'

const COLLECTOR = '0.155.0'
const VICTORIA_LOGS = '1.52.1'
const recipe = join(import.meta.dirname, 'builder.yaml')

const needsGo = (): Found<string> => {
  const go = runStep('go', ['version'], { timeoutMs: 20_000 })
  return go.ok ? go : { ok: false, reason: `no Go to build it with: ${go.reason}` }
}
const started = (binary: string, flag: string): Found<string> => {
  const run = runStep(binary, [flag], { timeoutMs: 20_000 })
  return run.ok ? { ok: true, client: binary } : run
}

/** With its own builder, from `builder.yaml`: about three minutes, once. */
export const findCollector = (): Found<string> => {
  const go = needsGo()
  if (!go.ok) return go
  const built = cachedDirectory(`otelcol-${COLLECTOR}`, readFileSync(recipe, 'utf8'), (directory) => {
    const installed = runStep('go', ['install', `go.opentelemetry.io/collector/cmd/builder@v${COLLECTOR}`], {
      timeoutMs: 180_000,
      env: { GOBIN: directory },
    })
    if (!installed.ok) return installed
    return runStep(join(directory, 'builder'), ['--config', recipe], { timeoutMs: 540_000, cwd: directory })
  })
  return built.ok ? started(join(built.client, 'build/otelcol'), '--version') : built
}

export const findVictoriaLogs = (): Found<string> => {
  const go = needsGo()
  if (!go.ok) return go
  const target = `github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs@v${VICTORIA_LOGS}`
  const built = cachedDirectory(`victoria-logs-${VICTORIA_LOGS}`, target, (directory) =>
    runStep('go', ['install', target], { timeoutMs: 540_000, env: { GOBIN: directory } }),
  )
  return built.ok ? started(join(built.client, 'victoria-logs'), '--version') : built
}

/** Others that a reader will ask for. None of these is in a registry under a name of its maker, looked up for the version that is named. */
export const NOT_TO_BE_HAD: readonly string[] = [
  'Vector: its crate is not published, and the crate of that name is another program',
  'Rotel: PyPI has an alpha of it only (0.0.1a15), npm nothing; the crate of that name is another program',
  'df_engine (otel-arrow): its crates are not published',
]
/** Debian has it in some releases; it is run where the machine has one. */
export const findFluentBit = (): Found<string> => {
  const found = runStep('fluent-bit', ['--version'], { timeoutMs: 20_000 })
  return found.ok
    ? { ok: true, client: 'fluent-bit' }
    : { ok: false, reason: 'no program fluent-bit on the machine, and no Debian package of it' }
}
