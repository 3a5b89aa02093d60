//! The messages of OTLP that are used (opentelemetry/proto/collector/logs/v1, logs/v1, common/v1,
//! resource/v1 of OpenTelemetry 1.x). Field numbers never change in protobuf.

use crate::delivery::Record;
use prost::Message;
use signet_events::ocsf::Source;
use std::rc::Rc;

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    severity_number: i32,
    #[prost(string, tag = "3")]
    severity_text: String,
    #[prost(message, optional, tag = "5")]
    body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
    #[prost(string, tag = "12")]
    event_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_log_records: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// What a 2xx holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// So many will never be taken.
    Rejected {
        count: u64,
        words: String,
    },
    Unreadable,
}

pub(super) fn answer(bytes: &[u8]) -> Answer {
    let Ok(response) = Response::decode(bytes) else { return Answer::Unreadable };
    match response.partial_success {
        Some(p) if p.rejected_log_records > 0 => Answer::Rejected {
            count: p.rejected_log_records.unsigned_abs(),
            words: signet_events::Text::from(p.error_message).to_string(),
        },
        _ => Answer::Taken,
    }
}

/// Severity number and text of OTLP for `severity_id` of OCSF.
fn severity(id: u8) -> (i32, &'static str) {
    match id {
        5.. => (21, "FATAL"),
        4 => (17, "ERROR"),
        3 => (13, "WARN"),
        2 => (10, "INFO2"),
        _ => (9, "INFO"),
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(Value::Text(value.into()));
    KeyValue { key: key.into(), value: Some(AnyValue { value }) }
}

fn log_record(r: &Rc<Record>) -> LogRecord {
    let nanos = u64::try_from(r.at_us).unwrap_or(0).saturating_mul(1_000);
    let (severity_number, severity_text) = severity(r.severity);
    let sequence = Some(Value::Number(i64::try_from(r.sequence).unwrap_or(i64::MAX)));
    LogRecord {
        time_unix_nano: nanos,
        severity_number,
        severity_text: severity_text.into(),
        body: Some(AnyValue { value: Some(Value::Text(r.json.clone())) }),
        attributes: vec![
            text("log.record.uid", &r.uid),
            text("event.code", &r.code),
            KeyValue { key: "event.sequence".into(), value: Some(AnyValue { value: sequence }) },
        ],
        observed_time_unix_nano: nanos,
        event_name: r.code.clone(),
    }
}

/// ExportLogsServiceRequest.
pub(in crate::siem) fn body(source: &Source, records: &[Rc<Record>]) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            text("service.name", "signet-gateway"),
            text("service.instance.id", &source.gateway),
            text("service.version", &source.version),
        ],
    };
    let scope = Scope { name: "signet.events".into(), version: source.version.clone() };
    let log_records = records.iter().map(log_record).collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records }];
    let resource_logs = vec![ResourceLogs { resource: Some(resource), scope_logs }];
    Request { resource_logs }.encode_to_vec()
}

/// Body and event name of each record of a request.
#[cfg(test)]
pub(in crate::siem) fn bodies(request: &[u8]) -> Vec<(String, String)> {
    let request = Request::decode(request).expect("a request");
    let logs = request.resource_logs.into_iter().flat_map(|r| r.scope_logs);
    let records = logs.flat_map(|s| s.log_records);
    let text = |v: Option<AnyValue>| match v.and_then(|v| v.value) {
        Some(Value::Text(t)) => t,
        other => panic!("{other:?}"),
    };
    records.map(|r| (text(r.body), r.event_name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table_of_answers() {
        let rejected = Response {
            partial_success: Some(PartialSuccess {
                rejected_log_records: 2,
                error_message: "no\nway".into(),
            }),
        };
        let warned = Response {
            partial_success: Some(PartialSuccess {
                rejected_log_records: 0,
                error_message: "slow".into(),
            }),
        };
        for (bytes, want) in [
            (Vec::new(), Answer::Taken),
            (Response { partial_success: None }.encode_to_vec(), Answer::Taken),
            (warned.encode_to_vec(), Answer::Taken),
            (rejected.encode_to_vec(), Answer::Rejected { count: 2, words: "no way".into() }),
            (b"{}".to_vec(), Answer::Unreadable),
            (b"<html>".to_vec(), Answer::Unreadable),
        ] {
            assert_eq!(answer(&bytes), want, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_no_panic(bytes: Vec<u8>) {
            let _ = answer(&bytes);
        }
    }
}
