//! Invitations: runs over lists of guests, the templates that they draw, and the editor of templates.

mod check;
mod editor;
mod guest;
mod guests_to_try;
pub(crate) mod progress;
mod reason;
mod runs;
mod start;
mod templates;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;

pub(crate) use self::runs::with_names;
use crate::{
    Console,
    api::{self, Refusal},
    visit::{Stop, Visit},
};

pub(crate) fn routes() -> Router<Console> {
    let pages =
        [runs::routes(), check::routes(), guest::routes(), start::routes(), templates::routes(), editor::routes()];
    pages.into_iter().fold(Router::new(), Router::merge)
}

/// A picture or a file of the API, as it comes. A refusal becomes a page, because a person may have asked for it.
pub(crate) async fn passed(visit: &Visit, path: &str) -> Result<Response, Stop> {
    let response = visit.raw(path).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        let refusal = api::read(response).await.err();
        let refusal = refusal.unwrap_or_else(|| Refusal::of(StatusCode::BAD_GATEWAY, ""));
        return Err(visit.stop(&refusal));
    }
    Ok(response)
}

/// The address of a picture that this Herald shows itself, from an invitation's link. Links to other hosts have none:
/// the page loads nothing from there.
fn own_picture(link: &str) -> Option<String> {
    let token = link.rsplit_once("/i/")?.1;
    let is_token = token.len() == 50 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_token.then(|| format!("/i/{token}"))
}

/// The templates of the workspace: those that a run gets that names them, and then earlier versions, at most `most` of
/// each. `is_current` tells them apart.
async fn templates(visit: &Visit, most: usize) -> Result<Vec<Value>, Stop> {
    let list = async |query: &str| -> Result<Vec<Value>, Stop> {
        let page = visit.get(&format!("/api/v1/templates?limit={most}{query}")).await?;
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    };
    let mut current = list("&current=true").await?;
    let mut earlier = list("").await?;
    earlier.retain(|one| !current.iter().any(|other| other["id"] == one["id"]));
    for (templates, is_current) in [(&mut current, true), (&mut earlier, false)] {
        for template in templates {
            template["is_current"] = is_current.into();
        }
    }
    current.extend(earlier);
    Ok(current)
}

/// Lets a browser keep a picture that does not change under its address.
fn kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_this_herald_are_shown() {
        let token = "AaIlMebTfEapJQ2MUArxrQAHvusBHOLjlf7gERYHZY5DagqHzw";
        assert_eq!(own_picture(&format!("https://herald.example/i/{token}")), Some(format!("/i/{token}")));
        for link in ["https://drive.google.com/file/d/1/view", "https://cdn.example/i/1.png", "https://x/i/", ""] {
            assert_eq!(own_picture(link), None, "{link}");
        }
    }
}
