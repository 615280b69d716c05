//! The address of a Mautic site, from the address that an admin copied out of their browser.

use url::Url;

use crate::mautic::MauticSettings;

/// The first path segments of Mautic's own pages and of its API, below the site.
const BEGINNINGS: [&str; 5] = ["api", "s", "index.php", "index_dev.php", "oauth"];

impl MauticSettings {
    /// Reads the site's address from a typed address: it removes `/api`, `/s/dashboard`, `/index.php` and everything
    /// after them, the query and a final slash.
    ///
    /// # Errors
    /// The problem with the address and an example, for the person who typed it.
    pub fn site(typed: &str) -> Result<Url, String> {
        let example = "enter it as https://crm.example.com";
        let url = Url::parse(typed.trim()).map_err(|_| format!("this is not a web address: {example}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("the address must begin with https:// or http://: {example}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address contains a user name or password: leave them out and enter them \
                        in their own fields"
                .to_owned());
        }
        let mut site = url.clone();
        site.set_query(None);
        site.set_fragment(None);
        if let (Some(segments), Ok(mut path)) = (url.path_segments(), site.path_segments_mut()) {
            path.clear();
            // A site may lie in a folder, such as /mautic.
            path.extend(
                segments.take_while(|segment| !BEGINNINGS.contains(segment)).filter(|segment| !segment.is_empty()),
            );
        }
        Ok(site)
    }
}

/// Builds an address below the site; every part is escaped.
pub(super) fn below<I: AsRef<str>>(site: &Url, parts: impl IntoIterator<Item = I>) -> Url {
    let mut url = site.clone();
    url.path_segments_mut().expect("http addresses have a path").pop_if_empty().extend(parts);
    url
}

/// The address of the site as messages show it.
pub(super) fn named(site: &Url) -> &str {
    site.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_copied_from_the_browser_becomes_the_site() {
        for typed in [
            "https://crm.example.com",
            " https://crm.example.com/ ",
            "https://CRM.example.com/api",
            "https://crm.example.com/api/contacts?limit=1",
            "https://crm.example.com/s/dashboard",
            "https://crm.example.com/index.php",
            "https://crm.example.com/index.php/s/login#top",
            "https://crm.example.com//?x=y",
        ] {
            assert_eq!(MauticSettings::site(typed).unwrap().as_str(), "https://crm.example.com/", "{typed}");
        }
        for typed in
            ["http://10.0.0.5:8080/mautic", "http://10.0.0.5:8080/mautic/", "http://10.0.0.5:8080/mautic/s/forms"]
        {
            let site = MauticSettings::site(typed).unwrap();
            assert_eq!(site.as_str(), "http://10.0.0.5:8080/mautic", "{typed}");
            assert_eq!(below(&site, ["api", "contacts"]).as_str(), "http://10.0.0.5:8080/mautic/api/contacts");
        }
        let site = MauticSettings::site("https://crm.example.com").unwrap();
        assert_eq!(below(&site, ["api", "a/../b"]).as_str(), "https://crm.example.com/api/a%2F..%2Fb");
        assert_eq!(named(&site), "https://crm.example.com");
    }

    #[test]
    fn what_is_no_site_is_refused_with_an_example() {
        for typed in ["", "crm.example.com", "ftp://crm.example.com", "file:///etc/passwd", "javascript:alert(1)"] {
            assert!(MauticSettings::site(typed).unwrap_err().contains("https://crm.example.com"), "{typed}");
        }
        let refused = MauticSettings::site("https://ann:hunter2@crm.example.com").unwrap_err();
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
