//! What the doors are told: one listener a protocol, and the bounds they share.

use std::path::PathBuf;

use serde::Deserialize;

/// The options of [`crate::Door::open`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// OTLP/gRPC; none: no such door.
    #[serde(default)]
    pub otlp_grpc: Option<Listener>,
    /// OTLP/HTTP; none: no such door.
    #[serde(default)]
    pub otlp_http: Option<Listener>,
    /// The bytes that the bodies of all requests in flight may take together.
    #[serde(default = "default_in_flight_bytes")]
    pub in_flight_bytes: usize,
    /// How many reactor threads serve the connections.
    #[serde(default = "default_threads")]
    pub threads: usize,
    /// Whose requests are told apart; none: all are tenant 0's, and no head is looked at for it.
    #[serde(default)]
    pub tenants: Option<Tenants>,
}

/// Who sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenants {
    /// The header that names the tenant of a request; none: only tokens do.
    #[serde(default)]
    pub header: Option<String>,
    /// Every tenant, at its number; the first is that of requests that name none.
    pub names: Vec<String>,
    /// Whose token is which.
    #[serde(default)]
    pub tokens: Vec<Token>,
    /// Refuse requests that are of no known tenant.
    #[serde(default)]
    pub required: bool,
}

/// One bearer token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The number of its tenant.
    pub tenant: u16,
    /// Its SHA-256 in hex: the token itself does not cross.
    pub sha256: String,
}

/// One listening socket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// The largest request, in bytes, after decompression.
    #[serde(default = "default_max_recv_bytes")]
    pub max_recv_bytes: usize,
    /// Certificates; none: plain text.
    #[serde(default)]
    pub tls: Option<Tls>,
}

/// PEM files of one listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, leaf first.
    pub cert_file: PathBuf,
    /// The private key of the leaf.
    pub key_file: PathBuf,
    /// The authorities that clients must be signed by; none: clients need no certificate.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

const fn default_in_flight_bytes() -> usize {
    256 << 20
}

const fn default_threads() -> usize {
    1
}

const fn default_max_recv_bytes() -> usize {
    64 << 20
}
