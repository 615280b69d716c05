//! Finds a guest's picture, and fetches a picture that was uploaded with a form.
//!
//! The API gives only the name of an upload. The file lies outside the API, under `/forms/results/file/`, where the
//! credentials of the API have no effect. If the form's field is public, everybody can fetch the file. Else only a
//! person who is logged in to Mautic in a browser can.

use bytes::{Bytes, BytesMut};
use reqwest::{RequestBuilder, header};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    client::{Mautic, PROVIDER, WHO},
    contact::MauticContact,
    errors::{About, refusal},
    forms::Submission,
    site::below,
};
use crate::{Class, Meter, ProviderError, Result, http::Reply};
use herald_base::{boxed, telemetry::Call};

/// The number of bytes that distinguish a picture from another file.
const MAGIC: usize = 12;

/// The field that names the pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureField {
    /// A field of the contact, by its alias, that contains the picture's address.
    ContactUrl(String),
    /// A form's upload.
    FormFile {
        /// The alias of the form's field.
        alias: String,
    },
}

/// The location of a guest's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// An address that a guest or another person entered: only for the guarded fetcher.
    Url(String),
    /// A file in Mautic that was uploaded with a form.
    FormFile {
        /// The submission of the upload.
        submission: i64,
        /// The field of the upload.
        alias: String,
    },
}

impl PictureField {
    /// Returns the location of a contact's picture, or of the picture in a submission. Returns `None` when there is no
    /// picture.
    pub fn picture(&self, contact: Option<&MauticContact>, submission: Option<&Submission>) -> Option<Picture> {
        match self {
            Self::ContactUrl(alias) => Some(Picture::Url(contact?.value(alias)?.to_owned())),
            Self::FormFile { alias } => {
                let submission = submission?;
                let file = submission.results.get(alias)?;
                (!file.trim().is_empty()).then(|| Picture::FormFile { submission: submission.id, alias: alias.clone() })
            }
        }
    }
}

impl Mautic {
    /// Fetches the upload of a submission: a JPEG, PNG, WebP or GIF of at most `max_bytes`.
    ///
    /// # Errors
    /// [`Class::Recipient`] when it is not available, not a picture, or too large; else [`ProviderError`].
    #[boxed]
    pub async fn form_file(&self, submission: i64, alias: &str, max_bytes: usize, meter: &Meter) -> Result<Bytes> {
        meter.pay(1).await?;
        let url = below(self.site(), ["forms", "results", "file", submission.to_string().as_str(), alias]);
        let mut request = self.http().client().get(url.clone()).header(header::ACCEPT, "image/*");
        let call = Call::begin(PROVIDER);
        if let Some(traceparent) = call.traceparent() {
            request = request.header("traceparent", traceparent);
        }
        let result = self.upload(&url, request, alias, max_bytes).await;
        call.end_with(&result, ProviderError::answer);
        result
    }

    async fn upload(&self, url: &Url, request: RequestBuilder, alias: &str, max_bytes: usize) -> Result<Bytes> {
        let broken = |error: reqwest::Error| ProviderError::from_reqwest(WHO, &error);
        let too_large = || {
            let megabytes = max_bytes >> 20;
            refused(format!(
                "the picture in the upload field «{alias}» is larger than {megabytes} MB: ask for a smaller one"
            ))
        };
        let mut response = self.http().send(WHO, request).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        if !status.is_success() {
            return Err(match status.as_u16() {
                301 | 302 | 303 | 307 | 308 if !is_move(url, &headers) => not_public(alias),
                401 | 403 => not_public(alias),
                404 | 410 => refused(format!("the file of the upload field «{alias}» is no longer in Mautic")),
                _ => refusal(&Reply { status, headers, body: Bytes::new() }, &self.context(About::Api)),
            });
        }
        let is_page = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
        if is_page {
            return Err(not_public(alias));
        }
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > max_bytes) {
            return Err(too_large());
        }
        let mut file = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if file.len() + chunk.len() > max_bytes {
                return Err(too_large());
            }
            file.extend_from_slice(&chunk);
            if file.len() >= MAGIC && !is_picture(&file) {
                break;
            }
        }
        match &file[..] {
            picture if is_picture(picture) => Ok(file.freeze()),
            page if page.trim_ascii_start().starts_with(b"<") => Err(not_public(alias)),
            _ => Err(refused(format!(
                "the file in the upload field «{alias}» is not a JPEG, PNG, WebP or GIF: ask for a picture"
            ))),
        }
    }
}

/// Whether a redirect leads to the same file elsewhere, such as from http to https, and not to a login.
fn is_move(url: &Url, headers: &header::HeaderMap) -> bool {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| url.join(location).ok());
    to.is_some_and(|to| to.origin() != url.origin() && to.path() == url.path())
}

fn refused(message: String) -> ProviderError {
    ProviderError::new(Class::Recipient, message)
}

fn not_public(alias: &str) -> ProviderError {
    refused(format!(
        "the upload field «{alias}» is not public: edit the form in Mautic and make the files of this field public, \
         or use a field with the address of the picture"
    ))
}

fn is_picture(file: &[u8]) -> bool {
    let is_webp = file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP");
    let beginnings: [&[u8]; 4] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"];
    is_webp || beginnings.iter().any(|beginning| file.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        for picture in [
            &b"\xff\xd8\xff\xe0 JFIF"[..],
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"GIF87a...",
            b"GIF89a...",
            b"RIFF\x10\0\0\0WEBPVP8 ",
        ] {
            assert!(is_picture(picture));
        }
        for other in [&b""[..], b"<svg xmlns=", b"RIFF\x10\0\0\0WAVE", b"%PDF-1.7", b"\xff\xd8", b"<!DOCTYPE html>"] {
            assert!(!is_picture(other));
        }
    }

    #[test]
    fn a_site_that_has_moved_is_no_login() {
        let url = Url::parse("http://crm.example.com/forms/results/file/7/photo").unwrap();
        let is_move =
            |to: &str| is_move(&url, &header::HeaderMap::from_iter([(header::LOCATION, to.parse().unwrap())]));
        assert!(is_move("https://crm.example.com/forms/results/file/7/photo"));
        for login in [
            "/s/login",
            "https://login.example.com/?next=/forms/results/file/7/photo",
            "https://crm.example.com/s/login",
        ] {
            assert!(!is_move(login), "{login}");
        }
    }

    #[test]
    fn a_picture_is_where_the_chosen_field_says() {
        let contact = MauticContact {
            id: 47,
            fields: [("photo_url".to_owned(), " https://example.com/a.jpg ".to_owned())].into(),
        };
        let results = [("photo".to_owned(), "face.jpg".to_owned()), ("scan".to_owned(), " ".to_owned())].into();
        let submission = Submission { id: 7, contact_id: Some(47), results };
        let of = |field: PictureField| field.picture(Some(&contact), Some(&submission));
        let upload = |alias: &str| PictureField::FormFile { alias: alias.to_owned() };
        let url = PictureField::ContactUrl("photo_url".to_owned());
        assert_eq!(of(url.clone()), Some(Picture::Url("https://example.com/a.jpg".to_owned())));
        assert_eq!(of(PictureField::ContactUrl("other".to_owned())), None);
        assert_eq!(of(upload("photo")), Some(Picture::FormFile { submission: 7, alias: "photo".to_owned() }));
        assert_eq!(of(upload("scan")), None);
        assert_eq!(upload("photo").picture(Some(&contact), None), None);
        assert_eq!(url.picture(None, Some(&submission)), None);
        assert_eq!(serde_json::to_value(url).unwrap(), json!({"contact_url": "photo_url"}));
        assert_eq!(serde_json::to_value(upload("photo")).unwrap(), json!({"form_file": {"alias": "photo"}}));
    }
}
