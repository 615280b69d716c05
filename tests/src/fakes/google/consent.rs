//! The consent page. The user says yes (or no, when told to) at once.
//!
//! See <https://developers.google.com/identity/protocols/oauth2/web-server#httprest>.

use url::Url;

use super::{
    super::http::{Answered, Asked, escaped},
    FakeGoogle,
    auth::Code,
    state::State,
};

/// `GET /o/oauth2/v2/auth`.
pub(super) fn answer(state: &mut State, asked: &Asked) -> Answered {
    if asked.word("client_id") != FakeGoogle::CLIENT_ID {
        return refused(401, "invalid_client", "The OAuth client was not found.");
    }
    let redirect_uri = asked.word("redirect_uri");
    let Some(mut back) = allowed(state, redirect_uri) else {
        return refused(400, "redirect_uri_mismatch", "The redirect URI is not registered for this client.");
    };
    let wrong = [
        ("response_type must be code", asked.word("response_type") != "code"),
        ("scope is missing", asked.word("scope").is_empty()),
        ("state is missing", asked.word("state").is_empty()),
        ("access_type must be offline", asked.word("access_type") != "offline"),
        ("code_challenge_method must be S256", asked.word("code_challenge_method") != "S256"),
        ("code_challenge is no SHA-256", asked.word("code_challenge").len() != 43),
    ];
    if let Some((message, _)) = wrong.into_iter().find(|(_, wrong)| *wrong) {
        return refused(400, "invalid_request", message);
    }
    if state.auth.denies {
        back.query_pairs_mut().append_pair("error", "access_denied").append_pair("state", asked.word("state"));
        return Answered::redirect(back);
    }
    let code = state.ids.secret("4/0");
    let lasting = !state.auth.has_consented || asked.word("prompt").split(' ').any(|word| word == "consent");
    let given = Code {
        redirect_uri: redirect_uri.to_owned(),
        challenge: asked.word("code_challenge").to_owned(),
        scopes: asked.word("scope").to_owned(),
        lasting,
        given: state.clock.now(),
    };
    state.auth.codes.insert(code.clone(), given);
    back.query_pairs_mut()
        .append_pair("state", asked.word("state"))
        .append_pair("code", &code)
        .append_pair("scope", asked.word("scope"));
    Answered::redirect(back)
}

fn allowed(state: &State, uri: &str) -> Option<Url> {
    let parsed = Url::parse(uri).ok()?;
    let is_here = parsed.scheme() == "http" && matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    (is_here || state.auth.redirects.contains(uri)).then_some(parsed)
}

fn refused(status: u16, error: &str, message: &str) -> Answered {
    let message = escaped(message);
    let body = format!(
        "<!doctype html><html><head><title>Error {status}: {error}</title></head><body><h1>Access blocked: \
         Authorization Error</h1><p>{message}</p><p>Error {status}: {error}</p></body></html>"
    );
    Answered::html(status, body)
}
