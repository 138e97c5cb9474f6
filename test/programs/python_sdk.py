"""Logs with the OpenTelemetry Python SDK as a user's program does; where and how comes from OTEL_* variables.

Arguments: how many records, and their time in Unix nanoseconds. One more record goes the usual way of Python, through its own logging.
"""

import logging
import sys

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

count, time_ns = int(sys.argv[1]), int(sys.argv[2])
provider = LoggerProvider(resource=Resource.create({"pid": 77, "service.instance.id": "i-1"}))
provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
logger = provider.get_logger("shop", "2.1")

for index in range(count):
    span = trace.SpanContext(int(f"{index + 1:x}".rjust(32, "a"), 16), int(f"{index + 1:x}".rjust(16, "b"), 16), is_remote=False, trace_flags=trace.TraceFlags(1))
    logger.emit(
        timestamp=time_ns + index,
        observed_timestamp=time_ns + index + 1,
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        event_name="order.failed",
        context=trace.set_span_in_context(trace.NonRecordingSpan(span)),
        body=f"order {index} failed" if index % 2 == 0 else {"order": index, "lines": ["a", 2, True, None]},
        attributes={"index": index, "ratio": 0.5, "big": 2**63 - 1, "again": index % 2 == 0, "tags": ["a", "b"], "raw": b"\x00\xff", "greeting.text": "grüß dich"},
    )

plain = logging.getLogger("shop.plain")
plain.addHandler(LoggingHandler(logger_provider=provider))
plain.warning("order %d is late", 7, extra={"order.id": 7})
provider.shutdown()
