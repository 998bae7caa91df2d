//! What is refused, by whom and with which way out.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::hub::{Hub, Wire};
use super::{fetch, hub, network, refused, settings};
use crate::common::Device;

#[test]
fn every_refusal_of_the_hub_has_its_message_and_its_way_out() {
    let hub = hub()
        .with("closed/net", "model.onnx", network())
        .gated("closed/net")
        .with("no/net", "model.safetensors", "weights")
        .with("two/nets", "a.onnx", network())
        .with("two/nets", "b.onnx", network())
        .with("a/pointer", "model.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n");
    let cases = [
        (vec!["hf:missing/net"], "there is no repository `missing/net` on the hub, or it is private", "HF_TOKEN"),
        (vec!["hf:closed/net"], "repository `closed/net` asks for an agreement or a token", "accept its terms"),
        (vec!["hf:tiny/net@v9"], "has no revision `v9`", "leave `@REVISION` out"),
        (
            vec!["hf:tiny/net:nowhere.onnx"],
            "has no file `nowhere.onnx`; its networks: `onnx/model.onnx`",
            "hf:tiny/net:onnx/model.onnx",
        ),
        (vec!["hf:no/net"], "has no ONNX network", "onnx-community"),
        (vec!["hf:two/nets"], "has several networks: `a.onnx`, `b.onnx`", "hf:two/nets:a.onnx"),
        (vec!["hf:a/pointer"], "got a Git LFS pointer", "as a browser downloads it"),
        (vec!["http://127.0.0.1:9/net.onnx"], "is not encrypted", "--sha256 HEX"),
        (vec!["https://127.0.0.1:9/net.onnx"], "`127.0.0.1:9` cannot be reached", "--print-url"),
    ];
    let device = Device::new();
    for (typed, message, way_out) in cases {
        let said = refused(&mut fetch(&device, &hub, &typed));
        assert!(said.contains(message), "{typed:?}: {said}");
        let hint = said.split("hint: ").nth(1).unwrap_or_else(|| panic!("{typed:?} has no hint: {said}"));
        assert!(hint.contains(way_out), "{typed:?}: {said}");
    }
    assert!(device.json(&["backbone", "list"])[0].as_array().unwrap().is_empty());
}

#[test]
fn a_token_that_does_not_open_is_said_to_be_given() {
    let hub = hub().gated("tiny/net");
    let said = refused(fetch(&Device::new(), &hub, &["hf:tiny/net"]).env("HF_TOKEN", "bad"));
    assert!(said.contains("the one given does not open it"), "{said}");
    assert!(!said.contains("bad"), "no token is printed: {said}");
}

#[test]
fn an_address_with_nothing_a_wrong_sha256_and_a_lone_proxy_are_told() {
    let hub = hub().plain("/net.onnx", network());
    let digest = "0".repeat(64);
    let at = |path: &str| format!("{}/{path}", hub.address);
    let device = Device::new();
    let said = refused(&mut fetch(&device, &hub, &[&at("none.onnx"), "--sha256", &digest]));
    assert!(said.contains("there is nothing at") && said.contains("404"), "{said}");
    let said = refused(&mut fetch(&device, &hub, &[&at("net.onnx"), "--sha256", &digest]));
    assert!(said.contains(&format!("expected the SHA-256 {digest}")), "{said}");
    let said =
        refused(fetch(&device, &hub, &["https://example.invalid/net.onnx"]).env("HTTPS_PROXY", "http://127.0.0.1:9"));
    assert!(said.contains("proxy") || said.contains("cannot be reached"), "{said}");
    assert!(said.contains("NO_PROXY") || said.contains("--print-url"), "{said}");
}

#[test]
fn a_name_that_the_catalogue_lacks_is_wrong_usage_with_the_nearest_name() {
    let output = fetch(&Device::new(), &hub(), &["mobilenet-v22"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("got `mobilenet-v22`") && said.contains("`mobilenet-v2` is near it"), "{said}");
}

#[test]
fn without_a_network_only_the_cache_is_asked() {
    let (device, hub) = (Device::new(), hub());
    let said =
        refused(fetch(&device, &hub, &["hf:tiny/net"]).env("HF_HUB_OFFLINE", "1").env("HF_HOME", device.path("hf")));
    assert!(said.contains("HF_HUB_OFFLINE is set") && said.contains("hf:tiny/net"), "{said}");
    assert!(hub.log().is_empty());
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// TLS around a connection, by a certificate of an authority that no machine knows.
fn encrypted(mut stream: TcpStream, serve: &mut dyn FnMut(&mut dyn Wire)) {
    let chain = vec![CertificateDer::from_pem_file(fixture("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    let mut wire = rustls::Stream::new(&mut connection, &mut stream);
    serve(&mut wire);
    wire.conn.send_close_notify();
    let _ = wire.flush();
    // What the client still sends must not turn the end into a reset.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_until_it_is_named() {
    let hub = Hub::behind("https", encrypted).with("tiny/net", "model.onnx", network()).with(
        "tiny/net",
        "preprocessor_config.json",
        settings().to_string(),
    );
    let device = Device::new();
    let said = refused(&mut fetch(&device, &hub, &["hf:tiny/net"]));
    assert!(said.contains("the certificate of") && said.contains("SSL_CERT_FILE=company.pem"), "{said}");
    let output =
        fetch(&device, &hub, &["hf:tiny/net"]).env("SSL_CERT_FILE", fixture("authority.pem")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
