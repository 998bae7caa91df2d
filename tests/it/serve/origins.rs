//! Requests that are meant for another host, and those that pages of others make.

use super::service::Service;
use crate::common::Device;

const PATHS: [&str; 6] = ["/", "/health/live", "/health/ready", "/metrics", "/v1/predict", "/no/such/path"];

/// The status of the answer to such a request on a connection of its own, and all of the answer.
fn ask(service: &Service, method: &str, path: &str, headers: &[&str]) -> (u16, String) {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let answer = service.raw(format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").as_bytes());
    (answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("`{answer}`")), answer)
}

#[test]
fn a_name_that_is_not_this_machines_is_refused_on_every_path() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let port = service.address.port();
    for path in PATHS {
        for host in ["evil.example", "localhost.evil.example:80", "[2001:db8::1]", "10.1.2.3", "0.0.0.0"] {
            let (status, answer) = ask(&service, "GET", path, &[&format!("Host: {host}")]);
            assert_eq!(status, 421, "{path} of {host}: {answer}");
            assert!(answer.contains(host) && answer.contains("[serve]"), "{answer}");
        }
        for headers in [&[][..], &["Host:"], &["Host: localhost", "Host: localhost"], &["Host: local/host"]] {
            assert_eq!(ask(&service, "GET", path, headers).0, 400, "{path} {headers:?}");
        }
    }
    for host in ["localhost", "LocalHost.", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"] {
        for port in [String::new(), format!(":{port}"), ":9".to_owned()] {
            assert_eq!(ask(&service, "GET", "/health/ready", &[&format!("Host: {host}{port}")]).0, 200, "{host}{port}");
        }
    }
    let absolute = ask(&service, "GET", "http://evil.example/metrics", &["Host: localhost"]);
    assert_eq!(absolute.0, 421, "{}", absolute.1);
    let old = service.raw(b"GET /health/live HTTP/1.0\r\n\r\n");
    assert!(old.starts_with("HTTP/1.0 200 "), "load balancers ask so: {old}");
}

#[test]
fn this_machines_own_name_and_those_that_were_listed_are_answered() {
    let device = Device::taught();
    std::fs::write(device.path("edgetl.toml"), "[serve]\nhosts = [\"Camera.lan\", \"10.1.2.3\"]\n").unwrap();
    let by_file = Service::start(&device, &[]);
    let by_flag = Service::start(&device, &["--hosts", "camera.lan,10.1.2.3"]);
    let mut names = vec!["camera.lan".to_owned(), "camera.lan.:8443".to_owned(), "10.1.2.3:8080".to_owned()];
    if let Ok(machine) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        let short = machine.trim().split('.').next().unwrap();
        names.extend([machine.trim().to_owned(), short.to_owned(), format!("{short}.local")]);
    }
    for service in [by_file, by_flag] {
        for name in &names {
            assert_eq!(ask(&service, "GET", "/metrics", &[&format!("Host: {name}")]).0, 200, "{name}");
        }
        assert_eq!(ask(&service, "GET", "/metrics", &["Host: other.lan"]).0, 421);
    }
}

#[test]
fn the_address_that_a_client_connected_to_needs_no_listing() {
    let device = Device::taught();
    let service = Service::start_with(&device, &["--address", "0.0.0.0:0"], &[("EDGETL_TOKEN", "0123456789abcdef")]);
    // An address of this machine that others can reach, where it has one; nothing is sent to find it.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let found = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let Ok(own) = found else { return println!("skipped: this machine has no network") };
    let ask = |host: &str| {
        let request = format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        service.raw_at((own.ip(), service.address.port()).into(), request.as_bytes())
    };
    assert!(ask(&own.ip().to_string()).starts_with("HTTP/1.1 200 "));
    assert!(ask("192.0.2.1").starts_with("HTTP/1.1 421 "));
}

#[test]
fn a_page_of_another_cannot_ask_for_anything() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let (port, host) = (service.address.port(), format!("Host: localhost:{}", service.address.port()));
    let pages = ["http://evil.example", "null", "http://localhost:1", "https://localhost", "file://"];
    for path in PATHS {
        for page in pages {
            for method in ["GET", "POST", "OPTIONS"] {
                let (status, answer) = ask(&service, method, path, &[&host, &format!("Origin: {page}")]);
                assert_eq!(status, 403, "{method} {path} by {page}: {answer}");
                assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
            }
        }
        assert_eq!(ask(&service, "GET", path, &[&host, "Sec-Fetch-Site: cross-site"]).0, 403, "{path}");
    }
    let own = [&host, &format!("Origin: http://localhost:{port}"), "Sec-Fetch-Site: same-origin"];
    assert_eq!(ask(&service, "GET", "/metrics", &own).0, 200);
    let preflight = ask(&service, "OPTIONS", "/v1/predict", &[&host, "Access-Control-Request-Method: POST"]);
    assert_eq!(preflight.0, 405);
    assert!(!preflight.1.to_ascii_lowercase().contains("access-control"), "{}", preflight.1);
}

#[test]
fn a_picture_from_another_page_is_not_looked_at() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let picture = std::fs::read(device.path("photos/star/000.png")).unwrap();
    let (kind, body) = super::service::form(&[("a.png", &picture)]);
    let length = body.len();
    for page in ["http://evil.example", "null"] {
        let head = format!(
            "POST /v1/predict HTTP/1.1\r\nHost: {}\r\nOrigin: {page}\r\nContent-Type: {kind}\r\nContent-Length: \
             {length}\r\nConnection: close\r\n\r\n",
            service.address
        );
        let answer = service.raw(&[head.as_bytes(), &body].concat());
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains(page), "{answer}");
    }
    assert_eq!(service.metric("edgetl_predict_duration_seconds_count"), 0.0);
}

#[test]
fn a_host_that_cannot_be_one_is_refused_at_start() {
    let device = Device::taught();
    for (line, named) in
        [("\"camera.lan:8080\"", "camera.lan:8080"), ("\"*\"", "*"), ("\"http://a.lan\"", "http://a.lan")]
    {
        std::fs::write(device.path("edgetl.toml"), format!("[serve]\nhosts = [{line}]\n")).unwrap();
        let serve = device.edgetl(&["serve", "--address", "127.0.0.1:0"]).assert().code(1);
        serve.stderr(predicates::str::contains(format!("`{named}`")));
    }
}
