//! TLS: whose certificate, what breaks it, and what a client without TLS hears.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edgetl::digest::Digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use serde_json::json;

use super::service::{Service, eventually};
use crate::common::Device;

const TOKEN: &str = "write-token-0123456789";
const BEARER: &str = "Bearer write-token-0123456789";

pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Takes every certificate.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A connection to `address` that asks for `name`; only `trusted` may answer, or anybody where there is none.
pub fn connect(
    address: SocketAddr,
    name: &str,
    trusted: Option<CertificateDer<'static>>,
) -> Result<Stream, std::io::Error> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = match trusted {
        Some(certificate) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate).unwrap();
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Any)).with_no_client_auth(),
    };
    let mut session = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    session.complete_io(&mut stream)?;
    Ok(StreamOwned::new(session, stream))
}

/// The certificate that is shown to a new connection.
pub fn shown(service: &Service) -> CertificateDer<'static> {
    let stream = connect(service.address, "localhost", None).unwrap();
    stream.conn.peer_certificates().unwrap()[0].clone().into_owned()
}

fn fingerprint(service: &Service) -> String {
    Digest::of(&shown(service)).to_string()
}

/// A certificate of one's own for `camera.lan`, its key, and the digest of its public key.
pub struct Made {
    certificate: String,
    key: String,
    pub public_key: Digest,
}

pub fn made() -> Made {
    let made = rcgen::generate_simple_self_signed(["camera.lan".to_owned(), "localhost".to_owned()]).unwrap();
    let public_key = Digest::of(&rcgen::PublicKeyData::subject_public_key_info(&made.signing_key));
    Made { certificate: made.cert.pem(), key: made.signing_key.serialize_pem(), public_key }
}

/// The files that it lies in.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    pub fn new(device: &Device, made: &Made) -> Self {
        let pair = Self { certificate: device.path("certificate.pem"), key: device.path("key.pem") };
        pair.put(made);
        pair
    }

    /// Puts another in the place of the one that is there.
    pub fn put(&self, made: &Made) {
        std::fs::write(&self.certificate, &made.certificate).unwrap();
        std::fs::write(&self.key, &made.key).unwrap();
    }

    pub fn flag(&self) -> String {
        format!("{},{}", self.certificate.display(), self.key.display())
    }
}

#[test]
fn a_self_signed_certificate_is_made_once_names_the_machine_and_is_told_everywhere() {
    let device = Device::taught();
    let arguments = ["--tls", "self-signed", "--hosts", "camera.lan"];
    let service = Service::start(&device, &arguments);
    let certificate = shown(&service);
    let told = Digest::of(&certificate).to_string();
    assert_eq!(service.started["certificate"], told);
    assert!(service.started["url"].as_str().unwrap().starts_with("https://"));
    assert_eq!(service.get("/v1/session").json()["certificate"], told);
    let doctor = device.edgetl(&["doctor", "--json"]).env("EDGETL_TLS", "self-signed").output().unwrap();
    let doctor: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(doctor["service"]["certificate"], told, "{doctor}");
    for name in ["camera.lan", "localhost", "127.0.0.1"] {
        let mut stream = connect(service.address, name, Some(certificate.clone())).unwrap();
        write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(stream.conn.alpn_protocol(), None, "none was asked for");
    }
    assert!(connect(service.address, "evil.example", Some(certificate)).is_err());
    drop(service);
    let again = Service::start(&device, &arguments);
    assert_eq!(fingerprint(&again), told, "it was kept");
}

#[test]
fn files_that_cannot_be_used_are_named_before_anything_listens() {
    let device = Device::taught();
    let pair = Pair::new(&device, &made());
    let serve = |tls: &str| {
        let output = device.edgetl(&["serve", "--address", "127.0.0.1:0", "--tls", tls]).output().unwrap();
        assert_eq!(output.status.code(), Some(if tls == "on" { 2 } else { 1 }), "{tls}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(serve("on").contains("expected `self-signed`"), "{}", serve("on"));
    let missing = serve(&format!("{},none.pem", pair.certificate.display()));
    assert!(missing.contains("cannot read `none.pem`") && missing.contains("hint:"), "{missing}");
    let swapped = serve(&format!("{},{}", pair.key.display(), pair.certificate.display()));
    assert!(swapped.contains("expected a certificate (PEM) in") && swapped.contains("key.pem`"), "{swapped}");
    let text = format!("[serve.tls]\ncertificate = {:?}\nkey = {:?}\n", pair.certificate, pair.key);
    std::fs::write(device.path("edgetl.toml"), text).unwrap();
    let old = std::fs::read(&pair.key).unwrap();
    pair.put(&made());
    std::fs::write(&pair.key, old).unwrap();
    let doctor = device.json(&["doctor"]).remove(0);
    let problem = doctor["problems"].to_string();
    assert!(problem.contains("expected the key of the certificate in"), "{doctor}");
    let output = device.edgetl(&["serve"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("got another one in"));
}

#[test]
fn a_client_without_tls_is_sent_on_or_told_what_is_missing() {
    let device = Device::taught();
    let service = Service::start(&device, &["--tls", "self-signed", "--hosts", "camera.lan"]);
    let port = service.address.port();
    let ask = |method: &str, path: &str, host: &str| {
        service.raw(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    };
    for host in ["camera.lan", "localhost", "127.0.0.1"] {
        let sent_on = ask("GET", "/", &format!("{host}:{port}"));
        assert!(sent_on.starts_with("HTTP/1.1 307 "), "{sent_on}");
        assert!(sent_on.contains(&format!("location: https://{host}:{port}/\r\n")), "{sent_on}");
    }
    let foreign = ask("GET", "/", "evil.example");
    assert!(foreign.starts_with("HTTP/1.1 421 ") && !foreign.contains("location:"), "{foreign}");
    for (method, path) in [("POST", "/"), ("GET", "/v1/heads"), ("POST", "/v1/fit"), ("GET", "/health/live")] {
        let refused = ask(method, path, "localhost");
        assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
        assert!(refused.contains("application/problem+json") && refused.contains("expected https"), "{refused}");
    }
    assert!(!service.raw(b"\x00\x01nonsense\r\n\r\n").contains("HTTP/1.1 2"));
    assert_eq!(service.get("/health/live").status, 200);
}

#[test]
fn slow_handshakes_end_by_themselves_and_keep_nobody_out() {
    let device = Device::taught();
    let service = Service::start(&device, &["--tls", "self-signed", "--client-timeout", "1"]);
    let begun = |bytes: &'static [u8]| {
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    // Nothing, a record that is announced and does not come, and the first byte alone.
    let begins: [&[u8]; 3] = [b"", b"\x16\x03\x01\x02\x00\x01\x00", b"\x16"];
    let slow: Vec<TcpStream> = begins.into_iter().cycle().take(300).map(begun).collect();
    assert_eq!(service.get("/health/live").status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        // A connection that is reset has been closed too.
        match stream.read_to_end(&mut rest) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays open"),
            _ => assert!(rest.is_empty(), "{rest:?}"),
        }
    }
    let mut service = service;
    let _open = TcpStream::connect(service.address).unwrap();
    service.signal("TERM");
    assert!(service.wait().success());
}

#[test]
fn a_renewed_certificate_is_for_new_connections_and_cuts_no_old_one() {
    let device = Device::taught();
    let pair = Pair::new(&device, &made());
    let service = Service::start_with(&device, &["--tls", &pair.flag()], &[("EDGETL_TOKEN", TOKEN)]);
    let first = fingerprint(&service);
    let mut events = connect(service.address, "localhost", None).unwrap();
    write!(events, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BEARER}\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    let mut hear = |events: &mut Stream, words: &str| {
        let mut some = [0; 1024];
        while !String::from_utf8_lossy(&heard).contains(words) {
            let length = events.read(&mut some).unwrap();
            assert!(length > 0, "the stream ended: {}", String::from_utf8_lossy(&heard));
            heard.extend(&some[..length]);
        }
    };
    hear(&mut events, ": alive");
    pair.put(&made());
    eventually("the new certificate", || fingerprint(&service) != first);
    assert_eq!(service.get("/v1/session").json()["certificate"], fingerprint(&service));
    let changed = service.post_as("/v1/samples/relabel", BEARER, &json!({"ids": [1], "label": "changed"}));
    assert_eq!(changed.status, 200, "{changed:?}");
    hear(&mut events, "\"samples\"");
}
