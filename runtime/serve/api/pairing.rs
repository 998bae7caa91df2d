//! Phones that are let in: a code for the next one, the token that it gets for it, and all that have one.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use http_body_util::LengthLimitError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Answer, InPath, Input, Problem, blocking, input};
use crate::clock::date;
use crate::serve::admission::Granted;
use crate::serve::hosts::Authority;
use crate::serve::listen::Peer;
use crate::serve::qr;
use crate::serve::reach::pairing_url;
use crate::serve::refusal::Refusal;
use crate::serve::routes::{App, refused};
use crate::store::{Code, Moment, PairingRight, Phone as Kept};

/// Of an address of the page.
const LONGEST_PAGE: usize = 512;
/// Of the body of who brings a code, and in which time it must be here.
const LONGEST_PAIRING: usize = 4096;
const PAIRING_TIME: Duration = Duration::from_secs(10);

/// What a phone is to be let do.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum PhoneRight {
    /// Look, and change nothing.
    Read,
    Write,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeWish {
    /// The address of the page as the browser has it that asks, so that a proxy before the service is in the code too; where it leads to
    /// this machine alone, that of this machine in its network is taken.
    page: Option<String>,
    /// [default: `write`]
    right: Option<PhoneRight>,
}

/// A code that pairs one phone.
#[derive(Serialize, ToSchema)]
pub(super) struct PairingCode {
    /// In groups, to be typed.
    code: String,
    /// What the phone opens.
    url: String,
    /// Until when it holds.
    ends: String,
    /// So many seconds from now.
    seconds: i64,
    /// `url` as a QR code with its light frame: rows of `1` for dark and `0` for light; empty where it is too long.
    qr: Vec<String>,
}

/// Makes a code that pairs one phone within ten minutes.
#[utoipa::path(
    post, path = "/v1/phones/code", request_body = Option<CodeWish>,
    responses((status = 200, body = PairingCode), (status = "default", response = Problem))
)]
pub(super) async fn code(State(app): State<Arc<App>>, Input(wish): Input<CodeWish>) -> Answer<PairingCode> {
    let page = match wish.page {
        Some(page) => for_phones(page)?.unwrap_or_else(|| app.front.reach().page()),
        None => app.front.reach().page(),
    };
    let right = wish.right.map(PairingRight::from).unwrap_or_default();
    let (front, now) = (app.front.clone(), Moment::now());
    let clock = now.clock;
    let offer = blocking(&app, move |_| Ok(front.admission.paired.file().offer(right, &now)?)).await?;
    let url = pairing_url(&page, &offer.code);
    let row = |row: Vec<bool>| row.into_iter().map(|is_dark| if is_dark { '1' } else { '0' }).collect();
    let qr = qr::rows(&url).unwrap_or_default().into_iter().map(row).collect();
    let (code, ends, seconds) = (offer.code.grouped(), date(offer.ends), offer.ends - clock);
    Ok(Json(PairingCode { code, url, ends, seconds, qr }))
}

/// `page` where other machines get there by it.
fn for_phones(page: String) -> Result<Option<String>, Refusal> {
    let expected = "the address of a page, http://… or https://…, without `#`";
    let refusal = || Refusal::Request { expected, got: format!("`{page}`") };
    let is_usual = page.len() <= LONGEST_PAGE && page.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let rest = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://")).filter(|_| is_usual);
    let authority = rest.and_then(|rest| rest.split_once('/')).and_then(|(host, _)| Authority::parse(host));
    let authority = authority.ok_or_else(refusal)?;
    Ok(Some(page).filter(|_| !authority.host.is_loopback()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pairing {
    /// Upper and lower case, spaces and hyphens make no difference.
    code: String,
    /// How the phone is to be called; at most 64 characters.
    #[serde(default)]
    name: String,
}

/// What a phone that was paired gets, once.
#[derive(Serialize, ToSchema)]
pub(super) struct PairedPhone {
    /// To be sent as `Authorization: Bearer` from now on.
    token: String,
    number: u64,
    /// With a number behind it where another has that name.
    name: String,
    right: PhoneRight,
}

/// Gives a phone a token of its own for a code; open to all. Ten wrong codes from one address, and it must wait.
#[utoipa::path(
    post, path = "/v1/pair", request_body = Pairing,
    responses((status = 200, body = PairedPhone), (status = "default", response = Problem))
)]
pub(super) async fn pair(State(app): State<Arc<App>>, request: Request) -> Answer<PairedPhone> {
    let client = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.client);
    let Pairing { code, name } = brought(request).await?;
    app.front.guesses.count(client, Instant::now()).map_err(Refusal::Guesses)?;
    let front = app.front.clone();
    let pair = move |_: &_| Ok(front.admission.paired.file().pair(&Code::typed(&code), &name, &Moment::now())?);
    // Nobody knows whether it was right where we failed.
    let paired = blocking(&app, pair).await.inspect_err(|_| app.front.guesses.forgive(client))?;
    let paired = paired.ok_or(Refusal::Code)?;
    app.front.guesses.right(client);
    let Kept { number, name, right, .. } = paired.phone;
    tracing::info!("paired `{}`", crate::printable::printable(&name));
    Ok(Json(PairedPhone { token: paired.token, number, name, right: right.into() }))
}

/// The body of a stranger, who gets none of the memory for pictures.
async fn brought(request: Request) -> Result<Pairing, Refusal> {
    let is_long =
        |length: &HeaderValue| length.to_str().ok().and_then(|length| length.parse().ok()) > Some(LONGEST_PAIRING);
    if request.headers().get(header::CONTENT_LENGTH).is_some_and(is_long) {
        return Err(refused(request, Refusal::BodyTooLarge(LONGEST_PAIRING)).await);
    }
    let body = tokio::time::timeout(PAIRING_TIME, to_bytes(request.into_body(), LONGEST_PAIRING)).await;
    let body = body.map_err(|_| Refusal::Slow(PAIRING_TIME))?.map_err(|error| {
        let is_long = std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>());
        let got = error.to_string();
        if is_long {
            Refusal::BodyTooLarge(LONGEST_PAIRING)
        } else {
            Refusal::Request { expected: "a whole body", got }
        }
    })?;
    input::json(&body)
}

/// All phones that have a token.
#[derive(Serialize, ToSchema)]
pub(super) struct PairedPhones {
    phones: Vec<ListedPhone>,
    /// Whether other machines get to this service by themselves.
    reachable: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ListedPhone {
    number: u64,
    name: String,
    right: PhoneRight,
    /// When it was paired.
    paired: String,
    /// When it last asked.
    used: Option<String>,
    /// Whether it is the one that asks.
    own: bool,
}

/// The phones that have a token.
#[utoipa::path(
    get, path = "/v1/phones",
    responses((status = 200, body = PairedPhones), (status = "default", response = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>, request: Request) -> Answer<PairedPhones> {
    let own = request.extensions().get::<Granted>().and_then(|granted| granted.stay.as_ref()).map(|stay| stay.number);
    let phones = app.front.admission.paired.list().into_iter().map(|phone| ListedPhone::of(phone, own)).collect();
    Ok(Json(PairedPhones { phones, reachable: app.front.reach().is_beyond_loopback() }))
}

impl ListedPhone {
    fn of(phone: Kept, own: Option<u64>) -> Self {
        let Kept { number, name, right, paired, used, .. } = phone;
        let (paired, used) = (date(paired), used.map(date));
        Self { number, name, right: right.into(), paired, used, own: own == Some(number) }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct WithdrawnPhone {
    number: u64,
    name: String,
}

/// Takes a phone's token back: it may do nothing from now on, and its streams end.
#[utoipa::path(
    post, path = "/v1/phones/{number}/withdraw", params(("number" = u64, Path)),
    responses((status = 200, body = WithdrawnPhone), (status = "default", response = Problem))
)]
pub(super) async fn withdraw(State(app): State<Arc<App>>, InPath(number): InPath<u64>) -> Answer<WithdrawnPhone> {
    let front = app.front.clone();
    let withdrawn = blocking(&app, move |_| {
        let withdrawn = front.admission.paired.file().withdraw(number)?;
        // Its streams end at once, and not when somebody looks next.
        front.admission.paired.list();
        Ok(withdrawn)
    });
    let expected = "the number of a paired phone";
    let gone = withdrawn.await?.ok_or_else(|| Refusal::NotFound { expected, got: number.to_string() })?;
    tracing::info!("withdrew `{}`", crate::printable::printable(&gone.name));
    Ok(Json(WithdrawnPhone { number, name: gone.name }))
}

impl From<PhoneRight> for PairingRight {
    fn from(right: PhoneRight) -> Self {
        match right {
            PhoneRight::Read => Self::Read,
            PhoneRight::Write => Self::Write,
        }
    }
}

impl From<PairingRight> for PhoneRight {
    fn from(right: PairingRight) -> Self {
        match right {
            PairingRight::Read => Self::Read,
            PairingRight::Write => Self::Write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_other_machines_reach_is_taken_as_it_is_and_nothing_else_that_is_no_page() {
        for page in ["https://camera.lan:8443/", "http://192.168.1.7/edgetl/"] {
            assert_eq!(for_phones(page.to_owned()).unwrap().as_deref(), Some(page));
        }
        for here in ["http://localhost:8080/", "https://127.0.0.1:8443/", "http://[::1]:8080/"] {
            assert_eq!(for_phones(here.to_owned()).unwrap(), None);
        }
        for wrong in [
            "",
            "camera.lan/",
            "javascript://x/",
            "https://",
            "https://a b/",
            "https://camera.lan/#x",
            "https://camera.lan",
        ] {
            assert!(for_phones(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
