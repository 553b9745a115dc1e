//! Read spans out of a data directory, without a gateway.

use bytes::Bytes;

use super::{DataDirectory, InspectError};
use crate::log::{Kind, Records};
use crate::outbox::Frame;

/// Spans as an `ExportTraceServiceRequest`.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The serialized request.
    pub request: Bytes,
    /// Spans in it.
    pub spans: u64,
    /// When it was accepted, or packed, in nanoseconds since the Unix epoch.
    pub wall_ns: u64,
}

/// Every whole request of the buffer log, or every whole frame of the outbox, the oldest first.
pub struct Payloads {
    records: Records,
    wanted: &'static [Kind],
}

impl DataDirectory {
    /// The spans in one of the logs: `buffer` holds requests as they came, `outbox` kept traces as
    /// they go out. Some of them may have been delivered, and in the buffer log judged, already.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn payloads(&self, log: &str) -> Result<Payloads, InspectError> {
        Ok(Payloads {
            records: self.reader(log)?.records(0),
            wanted: if log == "outbox" {
                &[Kind::Kept, Kind::Moved]
            } else {
                &[Kind::Request]
            },
        })
    }
}

impl Payloads {
    /// The next one; None at the end of the log.
    ///
    /// # Errors
    /// [`InspectError::Log`].
    pub fn next_payload(&mut self) -> Result<Option<Payload>, InspectError> {
        while let Some(record) = self.records.next_record()? {
            let header = record.header;
            if !self.wanted.contains(&header.kind) {
                continue;
            }
            let (request, spans) = match header.kind {
                Kind::Kept | Kind::Moved => match Frame::decode(&record) {
                    Some(frame) => (Bytes::from(frame.payload), frame.sizes.len() as u64),
                    None => continue,
                },
                _ => (record.body, u64::from(header.count)),
            };
            if spans > 0 {
                return Ok(Some(Payload {
                    request,
                    spans,
                    wall_ns: header.wall_ns,
                }));
            }
        }
        Ok(None)
    }
}
