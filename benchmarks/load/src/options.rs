//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Parser, ValueEnum};

/// What requests are spoken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf, HTTP/1.1.
    HttpProtobuf,
    /// OTLP/HTTP with JSON, HTTP/1.1.
    HttpJson,
}

/// Offer OTLP trace requests and report, as JSON, what became of their spans.
#[derive(Clone, Debug, Parser)]
#[command(version)]
#[command(group = ArgGroup::new("until").required(true).args(["requests", "seconds"]))]
pub struct Options {
    /// Where the gateway listens, host:port.
    #[arg(long, default_value = "127.0.0.1:4317")]
    pub endpoint: String,
    /// What is spoken there.
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    pub protocol: Protocol,
    /// Spans in every request; a multiple of what a trace has in one.
    #[arg(long, default_value_t = 64)]
    pub spans_per_request: usize,
    /// Spans in every trace.
    #[arg(long, default_value_t = 8)]
    pub spans_per_trace: usize,
    /// Requests that a trace is spread over, in equal parts.
    #[arg(long, default_value_t = 1)]
    pub requests_per_trace: usize,
    /// About so many bytes a span on the wire in protobuf, its share of the resource included.
    #[arg(long, default_value_t = 270)]
    pub span_bytes: usize,
    /// No trace has a root span.
    #[arg(long)]
    pub no_root: bool,
    /// Stop after this many requests over all connections.
    #[arg(long)]
    pub requests: Option<u64>,
    /// Stop offering after this many seconds.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Connections of HTTP/2; of HTTP/1.1 there are as many as requests in flight.
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// Requests in flight on each connection.
    #[arg(long, default_value_t = 4)]
    pub in_flight: usize,
    /// Spans offered a second over all connections; without it, as fast as they are taken.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Share of traces with a span that answered HTTP 500.
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    pub error_share: f64,
    /// Share of traces that last over a second.
    #[arg(long, default_value_t = 0.01, value_parser = share)]
    pub slow_share: f64,
    /// Fixes shapes and ids; without it every run has ids of its own.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Compress every request before the clock starts; needs --requests.
    #[arg(long, requires = "requests")]
    pub gzip: bool,
    /// Speak TLS, and trust this authority, PEM; the certificate has to name the host.
    #[arg(long)]
    pub ca_file: Option<PathBuf>,
    /// Send this header with every request.
    #[arg(long, value_parser = header, value_name = "NAME: VALUE")]
    pub header: Vec<(String, String)>,
    /// Offer a refused request again, 20 ms later, until it is taken.
    #[arg(long)]
    pub retry: bool,
    /// Try to connect for so many seconds, a thousand times a second.
    #[arg(long, default_value_t = 0.0)]
    pub connect_within: f64,
    /// Write the span ids of every acknowledged request here, in hex, one a line.
    #[arg(long)]
    pub acked_ids: Option<PathBuf>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(": ")
        .ok_or_else(|| format!("{text} is no header, name: value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| format!("{text} is not a number"))?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{text} is not a share; write a number from 0 to 1"))
    }
}
