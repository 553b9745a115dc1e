//! Certificates that change while the door is open.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::client::Client;
use support::core::FakeCore;
use support::{listener, options};
use tailsampler_door::{Door, Listener, Tls};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, PEM.
fn issue(by: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let cert = params.signed_by(&key, by).unwrap();
    (cert.pem(), key.serialize_pem())
}

struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("door-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn tls(&self, ask_clients: bool) -> Tls {
        Tls {
            cert_file: self.0.join("cert"),
            key_file: self.0.join("key"),
            client_ca_file: ask_clients.then(|| self.0.join("ca")),
        }
    }

    fn put(&self, (cert, key): &(String, String)) {
        self.write("cert", cert);
        self.write("key", key);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Connect as `host`, trusting one authority and showing a certificate, if there is one. With
/// TLS 1.3 a refused client learns so from its first call.
async fn connect(
    address: SocketAddr,
    host: &'static str,
    trusted: &Authority,
    shown: Option<&(String, String)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(trusted.der().to_vec()))
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(host).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

/// Whether a call is answered on this connection.
async fn answers(stream: std::io::Result<TlsStream<TcpStream>>) -> bool {
    let Ok(stream) = stream else { return false };
    let Ok((send, connection)) = h2::client::handshake(stream).await else {
        return false;
    };
    tokio::spawn(async move { drop(connection.await) });
    let Ok(mut send) = send.ready().await else {
        return false;
    };
    let head = support::client::head(support::client::EXPORT);
    let Ok((response, mut stream)) = send.send_request(head.body(()).unwrap(), false) else {
        return false;
    };
    let _ = stream.send_data(support::client::framed(0, b"a"), true);
    response.await.is_ok()
}

fn open(files: &Files, ask_clients: bool) -> (Door, SocketAddr) {
    let mut options = options();
    options.otlp_grpc = Some(Listener {
        tls: Some(files.tls(ask_clients)),
        ..listener()
    });
    let door = Door::open(options, FakeCore::accepting() as _).unwrap();
    let address = door.addresses().otlp_grpc.unwrap();
    (door, address)
}

/// New connections get the new certificate, open ones go on, and broken files change nothing.
#[tokio::test]
async fn a_new_certificate_is_taken_up() {
    let files = Files::new("renew");
    let by = authority();
    files.put(&issue(&by, "old"));
    let (door, address) = open(&files, false);
    let before = Client::over(connect(address, "old", &by, None).await.unwrap()).await;
    files.put(&issue(&by, "new"));
    assert!(connect(address, "new", &by, None).await.is_err());
    door.renew_tls("otlp_http").unwrap();
    assert!(connect(address, "new", &by, None).await.is_err());
    door.renew_tls("otlp_grpc").unwrap();
    assert!(answers(connect(address, "new", &by, None).await).await);
    assert!(connect(address, "old", &by, None).await.is_err());
    assert_eq!(before.export(b"a").await.status, Some(0));

    // A certificate whose key has not come yet, and one that is torn.
    let (cert, key) = issue(&by, "newer");
    files.write("cert", &cert);
    let words = door.renew_tls("otlp_grpc").unwrap_err().to_string();
    assert!(
        words.contains("otlp_grpc.tls") && words.contains("key"),
        "{words}"
    );
    files.write("cert", &cert[..cert.len() / 2]);
    assert!(door.renew_tls("otlp_grpc").is_err());
    assert!(answers(connect(address, "new", &by, None).await).await);
    files.put(&(cert, key));
    door.renew_tls("otlp_grpc").unwrap();
    assert!(answers(connect(address, "newer", &by, None).await).await);
}

/// Senders of an authority that was taken away are not let in any more, and those of the new
/// one are.
#[tokio::test]
async fn a_new_authority_is_taken_up() {
    let files = Files::new("renew-ca");
    let (by, other) = (authority(), authority());
    files.put(&issue(&by, "door"));
    files.write("ca", &by.pem());
    let (door, address) = open(&files, true);
    let (ours, theirs) = (issue(&by, "sender"), issue(&other, "sender"));
    assert!(answers(connect(address, "door", &by, Some(&ours)).await).await);
    assert!(!answers(connect(address, "door", &by, Some(&theirs)).await).await);
    assert!(!answers(connect(address, "door", &by, None).await).await);
    files.write("ca", &other.pem());
    door.renew_tls("otlp_grpc").unwrap();
    assert!(!answers(connect(address, "door", &by, Some(&ours)).await).await);
    assert!(answers(connect(address, "door", &by, Some(&theirs)).await).await);
}
