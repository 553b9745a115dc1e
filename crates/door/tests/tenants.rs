//! Whose request it is: told to the core by number, or refused before its body is read.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

mod support;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use support::client::{Client, EXPORT, framed, head, read};
use support::core::FakeCore;
use support::http::{post, talk};
use support::options;
use tailsampler_door::{Door, Tenants, Token};

const HTTP: &str = "POST /v1/traces HTTP/1.1\r\ncontent-type: application/x-protobuf\r\n";

fn sha256(token: &str) -> String {
    let digest = digest(&SHA256, token.as_bytes());
    let hex = |byte: &u8| format!("{byte:02x}");
    digest.as_ref().iter().map(hex).collect()
}

/// `shop` has two tokens; `search` is known by its header.
fn tenants(required: bool) -> Tenants {
    let token = |tenant, token| Token {
        tenant,
        sha256: sha256(token),
    };
    Tenants {
        header: Some("X-Scope-OrgID".into()),
        names: ["default", "shop", "search"].map(str::to_owned).to_vec(),
        tokens: vec![token(1, "shop-token-old"), token(1, "shop-token-new")],
        required,
    }
}

fn open(core: &Arc<FakeCore>, tenants: Tenants) -> Door {
    let mut options = options();
    options.tenants = Some(tenants);
    Door::open(options, Arc::clone(core) as _).unwrap()
}

/// Send by both protocols; the gRPC code and message, and the HTTP status.
async fn send(door: &Door, headers: &[(&str, &str)]) -> (i32, String, u16) {
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let mut request = head(EXPORT);
    let mut lines = String::from(HTTP);
    for (name, value) in headers {
        request = request.header(*name, *value);
        lines += &format!("{name}: {value}\r\n");
    }
    let reply = client.call(request, framed(0, b"grpc")).await;
    let answer = post(door.addresses().otlp_http.unwrap(), &lines, b"http").await;
    if answer.status == 401 {
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, "Bearer realm=\"tailsampler\"");
    }
    (reply.status.unwrap(), reply.message, answer.status)
}

/// Each way to be somebody, where nobody has to be.
#[tokio::test]
async fn tenants_are_told_by_number() {
    let core = FakeCore::accepting();
    let door = open(&core, tenants(false));
    for (headers, tenant) in [
        (&[("authorization", "Bearer shop-token-old")][..], 1),
        (&[("authorization", "bearer  shop-token-new")], 1),
        (&[("x-scope-orgid", "search")], 2),
        // A token says more than a header.
        (
            &[
                ("x-scope-orgid", "search"),
                ("authorization", "Bearer shop-token-new"),
            ],
            1,
        ),
        (&[("x-scope-orgid", "nobody-we-know")], 0),
        (&[("x-scope-orgid", "default")], 0),
        // Another scheme is some proxy's business.
        (&[("authorization", "Basic c2hvcDpzaG9w")], 0),
        (&[], 0),
    ] {
        let before = core.tenants().len();
        assert_eq!(send(&door, headers).await, (0, String::new(), 200));
        assert_eq!(core.tenants()[before..], [tenant; 2], "{headers:?}");
    }
}

/// A wrong token, and a header in the place of a token, are refused even where none is needed.
#[tokio::test]
async fn whoever_is_mistaken_is_refused() {
    let core = FakeCore::accepting();
    let door = open(&core, tenants(false));
    for (headers, words) in [
        (("authorization", "Bearer shop-token-ol"), "not known here"),
        (("authorization", "Bearer "), "not known here"),
        (("x-scope-orgid", "shop"), "known by its token"),
    ] {
        let (code, message, status) = send(&door, &[headers]).await;
        assert_eq!((code, status), (16, 401));
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("shop"), "{message}");
    }
    assert!(core.tenants().is_empty());
    let stats = door.stats();
    let (grpc, http) = (stats.grpc.unauthenticated, stats.http.unauthenticated);
    assert_eq!((grpc, http, stats.in_flight_requests), (3, 3, 0));
}

/// Where a tenant is required, whoever is none is refused.
#[tokio::test]
async fn a_tenant_can_be_required() {
    let core = FakeCore::accepting();
    let door = open(&core, tenants(true));
    for headers in [&[][..], &[("x-scope-orgid", "nobody")]] {
        let (code, _, status) = send(&door, headers).await;
        assert_eq!((code, status), (16, 401));
    }
    let known = [("authorization", "Bearer shop-token-new")];
    assert_eq!(send(&door, &known).await, (0, String::new(), 200));
    assert_eq!(send(&door, &[("x-scope-orgid", "search")]).await.0, 0);
    // Supervisors have no token, and learn nothing but whether requests are taken.
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let health = client
        .call(head("/grpc.health.v1.Health/Check"), framed(0, b""))
        .await;
    assert_eq!(
        (health.status, &health.body[5..]),
        (Some(0), &b"\x08\x01"[..])
    );
}

/// A sender without a token is answered on its head: of a body that never comes nothing is read.
#[tokio::test]
async fn the_head_is_enough_to_refuse() {
    let core = FakeCore::accepting();
    let door = open(&core, tenants(true));
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let (response, _open) = client.begin(head(EXPORT)).await;
    assert_eq!(read(response).await.status, Some(16));
    let announced = format!("{HTTP}host: door\r\ncontent-length: 1000000\r\n\r\n");
    let answer = talk(door.addresses().otlp_http.unwrap(), announced.as_bytes()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        door.stats().http.body_bytes + door.stats().grpc.body_bytes,
        0
    );
}

/// A large compressed message keeps its tenant while another thread inflates it.
#[tokio::test]
async fn a_slow_body_keeps_its_tenant() {
    let core = FakeCore::accepting();
    let door = open(&core, tenants(true));
    let client = Client::connect(door.addresses().otlp_grpc.unwrap()).await;
    let mut noise = 1_u32;
    let body: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0] & 15
    })
    .take(2 << 20)
    .collect();
    let request = head(EXPORT)
        .header("grpc-encoding", "gzip")
        .header("authorization", "Bearer shop-token-new");
    let reply = client
        .call(request, framed(1, &support::http::gzip(&body)))
        .await;
    assert_eq!(reply.status, Some(0), "{}", reply.message);
    assert_eq!((core.bodies()[0].len(), core.tenants()), (2 << 20, vec![1]));
}

/// Options that make no sense do not open a door, and say which part is wrong.
#[test]
fn wrong_options_are_named() {
    let mut no_header = tenants(true);
    no_header.header = Some("two words".into());
    let mut no_digest = tenants(true);
    no_digest.tokens[0].sha256 = "shop-token".into();
    let mut no_name = tenants(true);
    no_name.tokens[0].tenant = 3;
    for (wrong, words) in [
        (no_header, "not a header name"),
        (no_digest, "64 hex digits"),
        (no_name, "no name for tenant 3"),
    ] {
        let mut options = options();
        options.tenants = Some(wrong);
        let opened = Door::open(options, FakeCore::accepting() as _);
        let error = opened.err().unwrap().to_string();
        assert!(
            error.contains(words) && !error.contains("shop-token"),
            "{error}"
        );
    }
}
