//! Who is told of what happens, and how that goes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem};
use crate::announce::{About, Counts};
use crate::serve::routes::App;
use crate::watch::Moment;

#[derive(Serialize, ToSchema)]
pub(super) struct Announcers {
    /// Another program of this state tells: this one knows nothing of it.
    elsewhere: bool,
    announcers: Vec<Announcer>,
}

/// Somebody who is told.
#[derive(Serialize, ToSchema)]
struct Announcer {
    /// `mqtt`, `webhook`, `program` or `log`.
    kind: &'static str,
    /// As logs and `/metrics` call it.
    name: String,
    /// Without passwords and what may be one.
    address: String,
    /// `untried`: nothing was told yet, a broker was not reached yet; `well`: connected, or it took the last event; `trouble`.
    state: &'static str,
    #[schema(value_type = Option<String>)]
    since: Option<Moment>,
    /// Why nothing is taken at the moment.
    trouble: Option<String>,
    last_failure: Option<LastFailure>,
    told: u64,
    /// Never told, and never will be.
    lost: u64,
    waiting: u64,
    failures: u64,
}

#[derive(Serialize, ToSchema)]
struct LastFailure {
    #[schema(value_type = String)]
    at: Moment,
    because: String,
}

impl Announcer {
    fn of((about, counts): (About, Counts)) -> Self {
        let state = match counts.reached {
            None => "untried",
            Some(reached) if reached.is_well => "well",
            Some(_) => "trouble",
        };
        Self {
            kind: about.kind,
            name: about.name,
            address: about.address,
            state,
            since: counts.reached.map(|reached| reached.since.into()),
            trouble: counts.trouble,
            last_failure: counts.last_failure.map(|(at, because)| LastFailure { at: at.into(), because }),
            told: counts.told,
            lost: counts.lost,
            waiting: counts.waiting,
            failures: counts.failures,
        }
    }
}

/// Who is told of what happens before the cameras (the sections `[mqtt]`, `[webhook.NAME]`, `[program.NAME]` and `[log]` of the
/// settings), whether that works, and how much waits.
#[utoipa::path(
    get, path = "/v1/announcers",
    responses((status = 200, body = Announcers), (status = "default", response = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Announcers> {
    let told = (app.others.counts)();
    let elsewhere = told.is_none();
    Ok(Json(Announcers { elsewhere, announcers: told.unwrap_or_default().into_iter().map(Announcer::of).collect() }))
}
