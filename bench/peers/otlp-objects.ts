// What decoding costs him who wants objects: the same bytes through protobufjs, whose decoder is generated from the messages below (the
// fields of opentelemetry-proto 1.x that a request of logs has). A yardstick that moves with the machine, as absolute figures do not.
import protobuf from 'protobufjs'

const MESSAGES = `
syntax = "proto3";
message AnyValue {
  oneof value {
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
message InstrumentationScope {
  string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4;
}
message LogRecord {
  fixed64 time_unix_nano = 1; fixed64 observed_time_unix_nano = 11; int32 severity_number = 2; string severity_text = 3;
  AnyValue body = 5; repeated KeyValue attributes = 6; uint32 dropped_attributes_count = 7; fixed32 flags = 8;
  bytes trace_id = 9; bytes span_id = 10; string event_name = 12;
}
message ScopeLogs { InstrumentationScope scope = 1; repeated LogRecord log_records = 2; string schema_url = 3; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; string schema_url = 3; }
message ExportLogsServiceRequest { repeated ResourceLogs resource_logs = 1; }
`
const Request = protobuf.parse(MESSAGES).root.lookupType('ExportLogsServiceRequest')

interface Decoded {
  readonly resourceLogs: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly unknown[] }[] }[]
}

/** Number of records of a request whose every field has become an object's. */
export const decodeToObjects = (body: Uint8Array): number => {
  const { resourceLogs } = Request.decode(body) as unknown as Decoded
  let records = 0
  for (const { scopeLogs } of resourceLogs) for (const { logRecords } of scopeLogs) records += logRecords.length
  return records
}
