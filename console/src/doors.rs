//! Doors: how a person comes in who has no session yet. They register, set a new password, or follow an invitation.
//!
//! A stranger learns nothing here: the API answers the same for known and for unknown addresses, and so do the pages.
//! The id of a code waits in a hidden field; passwords, codes and invitations never stand in an address that is ours to
//! choose, and never in a cookie.

mod join;
mod register;
mod reset;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::Value;

use crate::{
    Console,
    api::{Caller, Refusal},
    cookie::Cookie,
    sign_in,
};

pub(crate) fn routes() -> Router<Console> {
    Router::new().merge(register::routes()).merge(reset::routes()).merge(join::routes())
}

/// Leads somewhere with a session that begins with these tokens.
async fn enter(console: &Console, mut caller: Caller, tokens: &Value, to: &str) -> Result<Response, Refusal> {
    let (token, _) = sign_in::open_browser_session(console, &mut caller, tokens).await?;
    let mut response = Redirect::to(to).into_response();
    let cookie = Cookie::Session.set(&token, console.session_seconds(), console.is_secure);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The token of an invitation: people paste the whole link, or only its last part.
fn token_of(pasted: &str) -> &str {
    let pasted = pasted.trim();
    let path = pasted.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_pasted_as_a_link_or_as_its_token() {
        for pasted in [
            "join_abc-DEF",
            "  join_abc-DEF\n",
            "https://herald.example/join/join_abc-DEF",
            "https://herald.example/join-workspace/join_abc-DEF/?utm=mail#top",
        ] {
            assert_eq!(token_of(pasted), "join_abc-DEF", "{pasted}");
        }
        assert_eq!(token_of(" "), "");
    }
}
