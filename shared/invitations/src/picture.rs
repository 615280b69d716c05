//! Where a guest's picture is, as its contact has it.

use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

/// The longest limit key: as long as the name of a host can be.
const LONGEST_KEY: usize = 253;

/// A picture that has to be fetched before it can be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureSource {
    /// From the web, at an address that a stranger wrote.
    Web(String),
    /// From Mautic, where it was uploaded with a form.
    Mautic {
        /// The account; `None` if what was noted is damaged.
        connection_id: Option<Uuid>,
        /// The submission and the field, as `submission:field`.
        upload: String,
    },
}

impl PictureSource {
    /// What has to be fetched, of a contact's picture: `http(s)://…` or `mautic:connection:submission:field`. `None`
    /// for one that lies in the file store or on this machine, and for one that cannot be had at all.
    pub fn of(place: &str) -> Option<Self> {
        if let Some(upload) = place.strip_prefix("mautic:") {
            let (connection, upload) = upload.split_once(':').unwrap_or((upload, ""));
            return Some(Self::Mautic { connection_id: connection.parse().ok(), upload: upload.to_owned() });
        }
        let is_here = ["store:", "file:", "none:"].iter().any(|kind| place.starts_with(kind));
        (!is_here).then(|| Self::Web(place.to_owned()))
    }

    /// What its fetch shares a limit with: the host, or the account.
    pub fn limit_key(&self) -> String {
        match self {
            Self::Web(address) => {
                let host = Url::parse(address.trim()).ok().and_then(|url| url.host_str().map(str::to_lowercase));
                host.unwrap_or_else(|| "no host".to_owned()).chars().take(LONGEST_KEY).collect()
            }
            Self::Mautic { connection_id, .. } => connection_id.unwrap_or_default().to_string(),
        }
    }
}

/// What tells the bytes of one place from those of another, in the key of a fetched picture.
pub fn picture_mark(place: &str) -> String {
    hex::encode(&Sha256::digest(place)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_here_has_to_be_fetched() {
        for here in ["store:pictures/ab/abc", "file:/lists/ann.jpg", "none:picture \"ann.jpg\" was not uploaded"] {
            assert_eq!(PictureSource::of(here), None, "{here}");
        }
        let web = PictureSource::of("https://CDN.example.com:8443/ann.jpg?token=x").unwrap();
        assert_eq!(web.limit_key(), "cdn.example.com");
        assert_eq!(PictureSource::of("https://").unwrap().limit_key(), "no host");
        let id = Uuid::from_u128(7);
        let mautic = PictureSource::of(&format!("mautic:{id}:12:photo")).unwrap();
        assert_eq!(mautic, PictureSource::Mautic { connection_id: Some(id), upload: "12:photo".to_owned() });
        assert_eq!(mautic.limit_key(), id.to_string());
        let damaged = PictureSource::of("mautic:x").unwrap();
        assert_eq!(damaged, PictureSource::Mautic { connection_id: None, upload: String::new() });
        assert_ne!(picture_mark("https://example.com/a"), picture_mark("https://example.com/b"));
    }
}
