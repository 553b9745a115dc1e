//! TLS from PEM files, which may be read again while the door is open.

use std::fs;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::DoorError;
use crate::options::Tls;

/// The TLS of one listener. Each connection keeps what it began with.
pub(crate) struct Renewable {
    pub(crate) protocol: &'static str,
    files: Tls,
    alpn: &'static [&'static [u8]],
    acceptor: RwLock<TlsAcceptor>,
}

impl Renewable {
    /// Read the files. `alpn`: the protocols the listener speaks, preferred first.
    pub(crate) fn new(
        protocol: &'static str,
        files: Tls,
        alpn: &'static [&'static [u8]],
    ) -> Result<Self, DoorError> {
        let acceptor = RwLock::new(acceptor(protocol, &files, alpn)?);
        Ok(Self {
            protocol,
            files,
            alpn,
            acceptor,
        })
    }

    /// For a connection that begins now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Read the files again, for connections from now on; an error leaves what was. Sessions of
    /// before are not resumed, so a client whose authority is gone does not come back by one.
    pub(crate) fn renew(&self) -> Result<(), DoorError> {
        let new = acceptor(self.protocol, &self.files, self.alpn)?;
        *self
            .acceptor
            .write()
            .unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }
}

fn acceptor(protocol: &'static str, files: &Tls, alpn: &[&[u8]]) -> Result<TlsAcceptor, DoorError> {
    let problem = |path: &Path, problem: String| DoorError::Tls {
        protocol,
        path: path.to_owned(),
        problem,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(&files.cert_file, error.to_string()))?;
    let builder = match &files.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path).map_err(|words| problem(path, words))? {
                roots
                    .add(certificate)
                    .map_err(|error| problem(path, error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| problem(path, error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = certificates(&files.cert_file).map_err(|words| problem(&files.cert_file, words))?;
    let key = read(&files.key_file)
        .and_then(|pem| {
            PrivateKeyDer::from_pem_slice(&pem)
                .map_err(|_| "no private key in it; a PEM block PRIVATE KEY is needed".into())
        })
        .map_err(|words| problem(&files.key_file, words))?;
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        let words = format!("{error}; does the key belong to the certificate?");
        problem(&files.key_file, words)
    })?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("not PEM: {error}"))?;
    if found.is_empty() {
        return Err("no certificate in it; a PEM block CERTIFICATE is needed".into());
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot be read: {error}"))
}
