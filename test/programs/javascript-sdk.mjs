// A small program as a user writes it: it logs with the OpenTelemetry JavaScript SDK, and everything about where and how comes
// from OTEL_* variables. Arguments: how many records, and their time in Unix milliseconds.
import { context, SeverityNumber, trace, TraceFlags } from '@opentelemetry/api'
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'

const [count, timeMs] = process.argv.slice(2).map(Number)
// The choice that the SDK's own start-up package makes.
const exporter = process.env.OTEL_EXPORTER_OTLP_PROTOCOL === 'http/json' ? new JsonExporter() : new ProtobufExporter()
const provider = new LoggerProvider({
  resource: resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME, pid: 77 }),
  processors: [new BatchLogRecordProcessor({ exporter })],
})
const logger = provider.getLogger('shop', '2.1')

for (let index = 0; index < count; index++) {
  const traced = trace.setSpanContext(context.active(), {
    traceId: (index + 1).toString(16).padStart(32, 'a'),
    spanId: (index + 1).toString(16).padStart(16, 'b'),
    traceFlags: TraceFlags.SAMPLED,
  })
  logger.emit({
    timestamp: timeMs + index,
    observedTimestamp: timeMs + index + 1,
    severityNumber: SeverityNumber.ERROR,
    severityText: 'ERROR',
    eventName: 'order.failed',
    context: traced,
    body: index % 2 === 0 ? `order ${index} failed` : { order: index, lines: ['a', 2, true, null] },
    attributes: { index, ratio: 0.5, big: Number.MAX_SAFE_INTEGER, again: index % 2 === 0, tags: ['a', 'b'], 'greeting.text': 'grüß dich' },
  })
}
await provider.forceFlush()
await provider.shutdown()
