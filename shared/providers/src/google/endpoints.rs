//! The addresses of Google's services.

use url::Url;

/// The addresses that Herald calls: Google's own, unless a test or a proxy sets others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Issues tokens.
    pub token_url: Url,
    /// The page where a person consents in their browser.
    pub auth_url: Url,
    /// The base of Drive's calls.
    pub drive_url: Url,
    /// The base of Drive's uploads.
    pub upload_url: Url,
}

impl Default for Endpoints {
    fn default() -> Self {
        let url = |text: &str| Url::parse(text).expect("a literal URL is one");
        Self {
            token_url: url("https://oauth2.googleapis.com/token"),
            auth_url: url("https://accounts.google.com/o/oauth2/v2/auth"),
            drive_url: url("https://www.googleapis.com/drive/v3"),
            upload_url: url("https://www.googleapis.com/upload/drive/v3"),
        }
    }
}

impl Endpoints {
    /// Moves all addresses to one origin, with the paths that they have at Google.
    pub fn at(origin: &Url) -> Self {
        let moved = |url: Url| {
            let mut moved = origin.clone();
            moved.set_path(url.path());
            moved
        };
        let google = Self::default();
        Self {
            token_url: moved(google.token_url),
            auth_url: moved(google.auth_url),
            drive_url: moved(google.drive_url),
            upload_url: moved(google.upload_url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_google_can_be_at_one_place() {
        let here = Endpoints::at(&Url::parse("http://127.0.0.1:4000").unwrap());
        assert_eq!(here.token_url.as_str(), "http://127.0.0.1:4000/token");
        assert_eq!(here.auth_url.as_str(), "http://127.0.0.1:4000/o/oauth2/v2/auth");
        assert_eq!(here.drive_url.as_str(), "http://127.0.0.1:4000/drive/v3");
        assert_eq!(here.upload_url.as_str(), "http://127.0.0.1:4000/upload/drive/v3");
    }
}
