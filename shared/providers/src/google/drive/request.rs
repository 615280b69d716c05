//! How a request to Drive is made.

use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use url::Url;

use super::{super::errors::WHO, Drive};
use crate::{Meter, Result, http::Reply};

/// How often a refused request is repeated with a new token. It is more than once, because other users of the token may
/// have been refused meanwhile. After the last attempt a person must connect again.
const RENEWALS: usize = 4;

impl Drive {
    /// Pays, sends the request with a token, and reads the answer. A token that Google refuses is renewed, because it
    /// may have been revoked early.
    pub(super) async fn send<T>(
        &self,
        meter: &Meter,
        build: impl Fn(&Client) -> RequestBuilder,
        read: impl Fn(&Reply) -> Result<T>,
    ) -> Result<T> {
        let mut renewals = 0;
        loop {
            meter.pay(1).await?;
            let token = self.tokens.get().await?;
            let request = build(self.http.client()).bearer_auth(token.expose_secret());
            let mut refused = false;
            let answer = self
                .http
                .call("drive", WHO, request, |reply| {
                    refused = reply.status == StatusCode::UNAUTHORIZED;
                    read(&reply)
                })
                .await;
            if !refused || renewals == RENEWALS {
                return answer;
            }
            self.tokens.refused(&token);
            renewals += 1;
        }
    }

    /// The address of a call about files. It covers Shared Drives like a person's own Drive, and requests only the
    /// needed fields.
    pub(super) fn files(&self, path: &[&str], fields: &str) -> Url {
        let mut url = below(&self.endpoints.drive_url, path);
        url.query_pairs_mut().append_pair("supportsAllDrives", "true").append_pair("fields", fields);
        url
    }

    /// Like [`Drive::files`], for content.
    pub(super) fn uploads(&self, path: &[&str], kind: &str, fields: &str) -> Url {
        let mut url = below(&self.endpoints.upload_url, path);
        url.query_pairs_mut()
            .append_pair("uploadType", kind)
            .append_pair("supportsAllDrives", "true")
            .append_pair("fields", fields);
        url
    }

    /// The address of a call that is not about a file and does not depend on the kind of drive.
    pub(super) fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = below(&self.endpoints.drive_url, path);
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

/// Appends path segments. Each segment is escaped, because ids come from data.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(path);
    url
}
