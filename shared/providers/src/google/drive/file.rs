//! Files.

use std::collections::BTreeMap;

use bytes::Bytes;
use herald_base::boxed;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::errors::{self, Asked, WHO},
    Drive,
    account::number,
};
use crate::{Class, Meter, ProviderError, Result, http::Reply};

/// The requested fields of a file.
pub(super) const FIELDS: &str = "id,webViewLink,sha256Checksum,md5Checksum,size,shared,trashed";

/// A file to upload.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The id, from [`Drive::reserve_ids`].
    pub id: String,
    /// The name of the file.
    pub name: String,
    /// The MIME type of the content, such as `image/png`.
    pub mime_type: String,
    /// The folder of the file.
    pub parent: String,
    /// Herald's own notes about the file, which no other app sees: at most 30 pairs, each of at most 124 bytes
    /// (<https://developers.google.com/workspace/drive/api/guides/properties>).
    pub app_properties: BTreeMap<String, String>,
    /// The content.
    pub bytes: Bytes,
    /// The SHA-256 of the content in lower-case hex.
    pub sha256: String,
}

/// A file as Drive describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The id of the file.
    pub id: String,
    /// The address where a browser shows the file.
    pub link: String,
    /// The SHA-256 of the content in lower-case hex, as Drive reports it.
    pub sha256: Option<String>,
    /// The MD5 of the content in lower-case hex, as Drive reports it.
    pub md5: Option<String>,
    /// The size in bytes.
    pub size: u64,
    /// Whether other people than the owner can see the file. Drive does not report it for a file in a Shared Drive,
    /// which has the permissions of its folder
    /// (<https://developers.google.com/workspace/drive/api/reference/rest/v3/files>).
    pub shared: Option<bool>,
    /// The file, or a folder above it, is in the trash.
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
    /// The metadata for Drive. The id and the folder are sent only once, because they cannot change.
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

    /// Whether the content is certainly the content of `file`.
    pub(super) fn is(&self, file: &NewFile) -> bool {
        self.sha256.as_ref() == Some(&file.sha256) && self.size == file.bytes.len() as u64
    }

    /// Whether the content may be the content of `file`: Drive gives its hash only "if available".
    pub(super) fn may_be(&self, file: &NewFile) -> bool {
        self.size == file.bytes.len() as u64 && self.sha256.as_ref().is_none_or(|hash| *hash == file.sha256)
    }
}

impl Drive {
    /// Looks up a file. Returns `None` if it does not exist, or if this account cannot see it.
    ///
    /// # Errors
    /// As everywhere in this module.
    #[boxed]
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
