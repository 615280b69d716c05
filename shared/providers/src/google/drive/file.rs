//! Files.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::errors::{self, Asked, WHO},
    Drive,
    account::number,
};
use crate::{Class, Meter, ProviderError, Result, http::Reply};

/// What is asked about a file.
pub(super) const FIELDS: &str = "id,webViewLink,sha256Checksum,md5Checksum,size,shared,trashed";

/// A file to be uploaded.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// From [`Drive::reserve_ids`].
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its bytes are, such as `image/png`.
    pub mime_type: String,
    /// The folder it goes into.
    pub parent: String,
    /// What Herald notes with it, seen by nobody else: at most 30 pairs, each of at most 124 bytes
    /// (<https://developers.google.com/workspace/drive/api/guides/properties>).
    pub app_properties: BTreeMap<String, String>,
    /// Its content.
    pub bytes: Bytes,
    /// SHA-256 of its content in lower-case hex.
    pub sha256: String,
}

/// A file as Drive has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// Where a browser shows it.
    pub link: String,
    /// SHA-256 of its content in lower-case hex, as Drive says.
    pub sha256: Option<String>,
    /// MD5 of its content in lower-case hex, as Drive says.
    pub md5: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Somebody else than its owner can see it. Drive does not say so of what lies in a Shared Drive, which has what
    /// its folder has (<https://developers.google.com/workspace/drive/api/reference/rest/v3/files>).
    pub shared: Option<bool>,
    /// It, or a folder it lies in, is in the trash.
    pub trashed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    id: String,
    web_view_link: Option<String>,
    sha256_checksum: Option<String>,
    md5_checksum: Option<String>,
    #[serde(default, deserialize_with = "number")]
    size: Option<u64>,
    shared: Option<bool>,
    #[serde(default)]
    trashed: bool,
}

impl NewFile {
    /// What Drive is told about it. Its id and folder are said only once: they cannot change.
    pub(super) fn metadata(&self, made_now: bool) -> Value {
        let mut told = json!({
            "name": self.name,
            "mimeType": self.mime_type,
            "appProperties": self.app_properties,
        });
        if made_now {
            told["id"] = self.id.as_str().into();
            told["parents"] = json!([self.parent]);
        }
        told
    }
}

impl Stored {
    pub(super) fn read(reply: &Reply) -> Result<Self> {
        let body: Body = reply.json(WHO)?;
        let link = body
            .web_view_link
            .ok_or_else(|| ProviderError::new(Class::Transient, "Google Drive took the file but sent no link to it"))?;
        Ok(Self {
            id: body.id,
            link,
            sha256: body.sha256_checksum.map(|hash| hash.to_ascii_lowercase()),
            md5: body.md5_checksum.map(|hash| hash.to_ascii_lowercase()),
            size: body.size.unwrap_or_default(),
            shared: body.shared,
            trashed: body.trashed,
        })
    }

    /// Whether its content is proved to be `file`'s.
    pub(super) fn is(&self, file: &NewFile) -> bool {
        self.sha256.as_ref() == Some(&file.sha256) && self.size == file.bytes.len() as u64
    }

    /// Whether its content may be `file`'s: Drive gives its hash only "if available".
    pub(super) fn may_be(&self, file: &NewFile) -> bool {
        self.size == file.bytes.len() as u64 && self.sha256.as_ref().is_none_or(|hash| *hash == file.sha256)
    }
}

impl Drive {
    /// Looks at a file; `None` if it is not there, or this account cannot see it.
    ///
    /// # Errors
    /// As everywhere here.
    pub async fn file(&self, id: &str, meter: &Meter) -> Result<Option<Stored>> {
        let url = self.files(&["files", id], FIELDS);
        let read = |reply: &Reply| match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Stored::read(reply).map(Some),
            _ => Err(errors::refused(reply, Asked::File, self.auth())),
        };
        self.send(meter, |client| client.get(url.clone()), read).await
    }
}
