//! Opening with words when it fails, closing without cutting anyone off, and TLS.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::client::Client;
use support::core::{FakeCore, Manner, accepted};
use support::http::Line;
use support::{listener, open, open_with, options, until};
use tailsampler_core::intake::RefusalReason;
use tailsampler_door::{Door, Limits, Listener, Options, Tls};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Closing waits for the requests under way, and they get their answers.
#[tokio::test]
async fn close_finishes_what_is_under_way() {
    let core = FakeCore::new(Manner::Hold);
    let door = Arc::new(open(&core));
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let mut line = Line::connect(door.addresses().otlp_http.unwrap()).await;
    let other = client.clone();
    let call = tokio::spawn(async move { other.export(b"grpc").await.status });
    core.holding(1).await;
    let head = "POST /v1/traces HTTP/1.1\r\nhost: door\r\ncontent-type: application/x-protobuf\r\n";
    line.write(format!("{head}content-length: 4\r\n\r\nhttp").as_bytes())
        .await;
    core.holding(2).await;
    let closing = {
        let door = Arc::clone(&door);
        std::thread::spawn(move || door.close(Duration::from_secs(60)))
    };
    // The listeners are gone before the requests are done.
    let address = door.addresses().otlp_grpc.unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    core.release(0, accepted());
    core.release(0, accepted());
    assert_eq!(call.await.unwrap(), Some(0));
    assert_eq!(line.read().await.status, 200);
    line.closed().await;
    assert!(
        tokio::task::spawn_blocking(|| closing.join().unwrap())
            .await
            .unwrap()
    );
    assert_eq!(door.stats().connections.open, 0);
    assert!(door.close(Duration::ZERO));
}

/// What is not done within the bound is cut off, and closing says so.
#[tokio::test]
async fn close_has_a_bound() {
    let core = FakeCore::new(Manner::Hold);
    let door = open(&core);
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let call = tokio::spawn(async move { client.export(b"grpc").await.status });
    core.holding(1).await;
    assert!(!door.close(Duration::ZERO));
    assert!(call.await.is_err());
}

/// Idle connections do not keep a door open.
#[tokio::test]
async fn close_with_idle_connections() {
    let core = FakeCore::accepting();
    let door = Arc::new(open(&core));
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    assert_eq!(client.export(b"a").await.status, Some(0));
    let mut line = Line::connect(door.addresses().otlp_http.unwrap()).await;
    line.write(b"GET / HTTP/1.1\r\nhost: door\r\n\r\n").await;
    assert_eq!(line.read().await.status, 200);
    let closing = Arc::clone(&door);
    let closed = tokio::task::spawn_blocking(move || closing.close(Duration::from_secs(60)));
    assert!(closed.await.unwrap());
    assert!(
        core.refused()
            .iter()
            .all(|reason| *reason == RefusalReason::Stopping)
    );
}

/// A panic ends one connection and is counted; the thread serves on.
#[tokio::test]
async fn a_panic_is_not_the_end() {
    let door = open(&FakeCore::accepting());
    let address = door.addresses().otlp_grpc.unwrap();
    let client = Client::connect(address).await;
    assert!(
        tokio::spawn(async move { client.export(b"panic").await })
            .await
            .is_err()
    );
    until(|| door.stats().panics == 1).await;
    assert_eq!(
        Client::connect(address).await.export(b"a").await.status,
        Some(0)
    );
    assert_eq!(door.stats().in_flight_requests, 0);
}

/// More connections than the bound are closed on arrival and counted.
#[tokio::test]
async fn connections_are_bounded() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let door = open_with(&FakeCore::accepting(), options(), limits);
    let address = door.addresses().otlp_grpc.unwrap();
    let client = Client::connect(address).await;
    assert_eq!(client.export(b"a").await.status, Some(0));
    let mut second = Line::connect(address).await;
    second.closed().await;
    assert_eq!(door.stats().connections.turned_away, 1);
    assert_eq!(client.export(b"b").await.status, Some(0));
}

/// Connections are served by every thread.
#[tokio::test]
async fn several_threads() {
    let core = FakeCore::accepting();
    let door = open_with(
        &core,
        Options {
            threads: 3,
            ..options()
        },
        Limits::default(),
    );
    for _ in 0..6 {
        let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
        assert_eq!(client.export(b"a").await.status, Some(0));
    }
    assert_eq!(door.stats().connections.total, 6);
}

/// A taken address, a wrong one, and options that serve nobody are errors that name the place.
#[test]
fn errors_name_the_place() {
    let core = FakeCore::accepting();
    let first = open(&core);
    let taken = first.addresses().otlp_grpc.unwrap().to_string();
    let fail = |change: &dyn Fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        let error = Door::open(options, Arc::clone(&core) as _).err().unwrap();
        (error.slug(), error.to_string())
    };
    let at = |endpoint: &str| {
        Some(Listener {
            endpoint: endpoint.into(),
            ..listener()
        })
    };
    let (slug, words) = fail(&|options| options.otlp_grpc = at(&taken));
    assert!(slug == "listen_failed" && words.contains(&taken) && words.contains("another port"));
    let (slug, words) = fail(&|options| options.otlp_http = at("4318"));
    assert!(
        slug == "listen_failed" && words.contains("host:port"),
        "{words}"
    );
    let (slug, _) = fail(&|options| options.threads = 0);
    assert_eq!(slug, "bad_options");
    let tls = Tls {
        cert_file: "/no/cert".into(),
        key_file: "/no/key".into(),
        client_ca_file: None,
    };
    let (_, words) = fail(&|options| {
        options.otlp_grpc = Some(Listener {
            tls: Some(tls.clone()),
            ..listener()
        });
    });
    assert!(
        words.contains("/no/cert") && words.contains("otlp_grpc.tls"),
        "{words}"
    );
}

/// Both doors speak TLS with the configured certificate, and each its own protocols.
#[tokio::test]
async fn tls() {
    let directory = std::env::temp_dir().join(format!("door-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["door".into()]).unwrap();
    let files = Tls {
        cert_file: directory.join("cert.pem"),
        key_file: directory.join("key.pem"),
        client_ca_file: None,
    };
    std::fs::write(&files.cert_file, made.cert.pem()).unwrap();
    std::fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
    let with_tls = || {
        Some(Listener {
            tls: Some(files.clone()),
            ..listener()
        })
    };
    let options = Options {
        otlp_grpc: with_tls(),
        otlp_http: with_tls(),
        ..options()
    };
    let core = FakeCore::accepting();
    let door = open_with(&core, options, Limits::default());
    std::fs::remove_dir_all(&directory).unwrap();

    let connect = async |address, alpn: &[u8]| {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(made.cert.der().to_vec()))
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("door").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
    };
    let addresses = door.addresses();
    let stream = connect(addresses.otlp_grpc.unwrap(), b"h2").await.unwrap();
    assert_eq!(
        Client::over(stream).await.export(b"a").await.status,
        Some(0)
    );
    assert!(
        connect(addresses.otlp_grpc.unwrap(), b"http/1.1")
            .await
            .is_err()
    );
    let stream = connect(addresses.otlp_http.unwrap(), b"h2").await.unwrap();
    let head =
        http::Request::post("http://door/v1/traces").header("content-type", "application/json");
    assert_eq!(
        Client::over(stream)
            .await
            .call(head, "{}".into())
            .await
            .http,
        200
    );
    assert!(
        connect(addresses.otlp_http.unwrap(), b"http/1.1")
            .await
            .is_ok()
    );
}
