//! How a request to Drive is made.

use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use url::Url;

use super::{super::errors::WHO, Drive};
use crate::{Meter, Result, http::Reply};

/// How often a request that is refused is made again with a new token. More than once, because others who share the
/// token may have been refused meanwhile, and because what follows is that a person must connect again.
const RENEWALS: usize = 4;

impl Drive {
    /// Pays, sends with a token, and reads. A token that Google refuses is renewed: it may have been withdrawn before
    /// its time.
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

    /// The address of a call about files: in Shared Drives as in a person's own, and nothing in the answer that is not
    /// needed.
    pub(super) fn files(&self, path: &[&str], fields: &str) -> Url {
        let mut url = below(&self.endpoints.drive_url, path);
        url.query_pairs_mut().append_pair("supportsAllDrives", "true").append_pair("fields", fields);
        url
    }

    /// As [`Drive::files`], for content.
    pub(super) fn uploads(&self, path: &[&str], kind: &str, fields: &str) -> Url {
        let mut url = below(&self.endpoints.upload_url, path);
        url.query_pairs_mut()
            .append_pair("uploadType", kind)
            .append_pair("supportsAllDrives", "true")
            .append_pair("fields", fields);
        url
    }

    /// The address of a call that is about no file, and knows no drives.
    pub(super) fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = below(&self.endpoints.drive_url, path);
        url.query_pairs_mut().extend_pairs(query);
        url
    }
}

/// Each part of the path is escaped: ids come from data.
fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(path);
    url
}
