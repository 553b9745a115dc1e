//! TLS from PEM files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::DoorError;
use crate::options::Tls;

/// Read the files of one listener. `alpn`: the protocols it speaks, preferred first.
pub(crate) fn acceptor(
    protocol: &'static str,
    files: &Tls,
    alpn: &[&[u8]],
) -> Result<TlsAcceptor, DoorError> {
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
