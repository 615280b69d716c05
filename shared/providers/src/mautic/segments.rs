//! Lists the segments (<https://developer.mautic.org/#segments>). A search for a segment that does not exist finds no
//! contact and reports no error.

use herald_base::boxed;
use serde_json::Value;

use super::{
    client::Mautic,
    contacts::total,
    errors::About,
    lenient::{entries, part, text},
};
use crate::{Meter, Result};

/// The number of requested segments, which is more than a site has.
const MOST: &str = "1000";

/// The segments that the connection's user can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    aliases: Vec<String>,
    whole: bool,
}

impl Mautic {
    /// Fetches the segments, in one request.
    ///
    /// # Errors
    /// [`ProviderError`](crate::ProviderError).
    #[boxed]
    pub async fn segments(&self, meter: &Meter) -> Result<Segments> {
        let url = self.api(["segments"], &[("start", "0"), ("limit", MOST), ("minimal", "1")]);
        Segments::read(&self.get(url, About::Api, meter).await?)
    }
}

impl Segments {
    fn read(answer: &Value) -> Result<Self> {
        let listed = entries(part(answer, "lists")?);
        let total = total(answer).and_then(|total| total.parse().ok()).unwrap_or(listed.len());
        let mut aliases: Vec<String> =
            listed.iter().filter_map(|(_, segment)| segment.get("alias").and_then(text)).collect();
        aliases.sort();
        Ok(Self { whole: total <= aliases.len(), aliases })
    }

    /// If it is certain that no segment has this alias, returns a message that says so and lists the segments.
    pub fn lack(&self, alias: &str) -> Option<String> {
        let is_there = self.aliases.iter().any(|there| there.eq_ignore_ascii_case(alias));
        (self.whole && !is_there).then(|| match self.aliases.as_slice() {
            [] => format!(
                "there is no segment {alias:?} in Mautic, and Herald's user can see no other: create the segment, or \
                 give the user permission"
            ),
            aliases => format!(
                "Herald's user can see no segment {alias:?} in Mautic: give the alias of one of {}",
                aliases.join(", ")
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_segment_that_is_not_there_is_named_with_those_that_are() {
        let segments = |answer: Value| Segments::read(&answer).unwrap();
        let two = segments(json!({"total": "2", "lists": {"4": {"alias": "vip"}, "9": {"id": 9, "alias": "gala"}}}));
        assert_eq!((two.lack("vip"), two.lack("VIP")), (None, None));
        assert!(two.lack("vips").unwrap().ends_with("one of gala, vip"));
        let none = segments(json!({"total": 0, "lists": []}));
        assert!(none.lack("vip").unwrap().contains("can see no other"));
        // The list is not complete.
        let some = segments(json!({"total": 1001, "lists": [{"alias": "gala"}]}));
        assert_eq!(some.lack("vip"), None);
    }
}
