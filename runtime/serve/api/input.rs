//! What a request says in its path, in its query, and in its body as JSON.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::serve::refusal::Refusal;
use crate::serve::routes::{App, refused};

/// Of a body of JSON, in bytes.
const LONGEST: usize = 1 << 20;

/// A body of JSON; none at all is an empty object. It is read within the limits that pictures have.
pub(super) struct Input<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Input<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let body = app.bodies.read(request).await?.picture;
        if body.len() > LONGEST {
            return Err(Refusal::BodyTooLarge(LONGEST));
        }
        json(&body).map(Self)
    }
}

/// What a body says; none at all is an empty object, and so is `null`.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let refusal = |got: String| Refusal::Request { expected: "a JSON object of this path", got };
    match body.trim_ascii() {
        b"" | b"null" => serde_json::from_str("{}"),
        // Fields without their names would be taken as well.
        [b'[', ..] => return Err(refusal("a list".to_owned())),
        text => serde_json::from_slice(text),
    }
    .map_err(|error| refusal(error.to_string()))
}

/// What the query of a request says that has a body, which is read to its end where the query is refused.
pub(super) async fn asked<T>(query: Result<Parameters<T>, Refusal>, request: Request) -> Result<(T, Request), Refusal> {
    match query {
        Ok(Parameters(asked)) => Ok((asked, request)),
        Err(refusal) => Err(refused(request, refusal).await),
    }
}

/// The query.
pub(super) struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let asked = Query::from_request_parts(parts, app).await;
        asked.map(|Query(asked)| Self(asked)).map_err(|error| Refusal::Request {
            expected: "nothing in the query but the parameters of this path",
            got: error.body_text(),
        })
    }
}

/// What stands in the path.
pub(super) struct InPath<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let named = Path::from_request_parts(parts, app).await;
        named
            .map(|Path(named)| Self(named))
            .map_err(|error| Refusal::Request { expected: "a path of this service", got: error.body_text() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_and_none_is_an_empty_one() {
        #[derive(serde::Deserialize, PartialEq, Debug)]
        struct Wish {
            one: Option<u8>,
        }
        for none in ["", " \n", "null", "{}"] {
            assert_eq!(json::<Wish>(none.as_bytes()).unwrap(), Wish { one: None }, "{none:?}");
        }
        assert_eq!(json::<Wish>(br#" {"one": 1}"#).unwrap(), Wish { one: Some(1) });
        for other in ["[1]", " [null]", "1", "\"one\"", "{"] {
            assert!(matches!(json::<Wish>(other.as_bytes()), Err(Refusal::Request { .. })), "{other:?}");
        }
    }
}
