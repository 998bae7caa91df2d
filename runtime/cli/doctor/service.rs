//! How the service is reached: its certificate, and the phones that were let in.

use serde::Serialize;

use crate::causes::causes;
use crate::cli::context::Context;
use crate::cli::environment;
use crate::cli::pair;
use crate::clock::date;
use crate::digest::Digest;
use crate::serve::{Certificate, Reach, Tls, in_two_lines};
use crate::store::Phones;

/// As flags of `serve` may change it, only what the settings and the variables say is known.
#[derive(Serialize)]
pub struct Service {
    /// Whether it is to speak TLS.
    tls: bool,
    /// SHA-256 of the certificate; `None` where there is none yet.
    certificate: Option<String>,
    /// By which a self-signed certificate lets it be called.
    names: Vec<String>,
    /// When a self-signed certificate ends; before, it is made anew.
    ends: Option<String>,
    /// How many phones have a token; `None` where nobody can tell.
    phones: Option<usize>,
    reason: Option<String>,
    remedy: Option<String>,
}

impl Service {
    pub fn look(context: &Context) -> Self {
        let asked = environment::variable("EDGETL_TLS").map(|value| value.to_string_lossy().parse());
        let configured = || context.config.serve.tls.clone();
        let phones = Phones::of(&context.state).read().map(|list| list.phones.len());
        let mut service = Self {
            tls: false,
            certificate: None,
            names: Vec::new(),
            ends: None,
            reason: phones.as_ref().err().map(|error| causes(error)),
            phones: phones.ok(),
            remedy: None,
        };
        let tls = match asked.transpose() {
            Ok(asked) => asked.or_else(configured).and_then(crate::cli::config::TlsConfig::wanted),
            Err(error) => {
                service.reason = Some(format!("EDGETL_TLS: {error}"));
                None
            }
        };
        // What runs may have been told by its unit, which nobody else reads.
        let running = Reach::of(&context.state).ok().flatten().filter(Reach::is_answered);
        let shown = running.and_then(|reach| reach.certificate);
        let Some(tls) = tls.or(shown.is_some().then_some(Tls::SelfSigned)) else { return service };
        service.tls = true;
        match Certificate::look(&tls, &context.state) {
            Ok(Some(Certificate { fingerprint, ends, names }))
                if shown.as_ref().is_none_or(|shown| *shown == fingerprint.to_string()) =>
            {
                service.certificate = Some(fingerprint.to_string());
                (service.names, service.ends) = (names, ends.map(date));
            }
            Ok(_) => service.certificate = shown,
            Err(error) => {
                service.remedy = Some(pair::remedy(&error).to_owned());
                service.reason = Some(causes(&error));
            }
        }
        service
    }

    pub fn failure(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| format!("the service cannot take clients as it is set: {reason}"))
    }

    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(digest) = self.certificate.as_ref().and_then(|text| text.parse::<Digest>().ok()) {
            lines.push("the service speaks TLS; SHA-256 of its certificate:".to_owned());
            lines.extend(in_two_lines(&digest).map(|line| format!("  {line}")));
            lines.extend(self.ends.as_ref().map(|ends| format!("  renewed before {}", &ends[..10])));
        } else if self.tls && self.reason.is_none() {
            lines.push("the service speaks TLS; its certificate is made at its first start".to_owned());
        }
        if let Some(phones @ 1..) = self.phones {
            lines.push(format!("{} let in: edgetl pair list", crate::cli::output::count(phones, "phone")));
        }
        lines.extend(self.remedy.as_ref().map(|remedy| format!("  remedy: {remedy}")));
        lines.join("\n")
    }
}
