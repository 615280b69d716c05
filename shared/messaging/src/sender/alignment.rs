//! Whether receivers would believe that a mail comes from the address in its `From`: SPF (RFC 7208), DKIM (RFC 6376)
//! and DMARC (RFC 7489), judged by TXT records that a person gives. Herald asks no name server.
//!
//! DMARC holds if SPF or DKIM holds for a domain that is aligned with the one in `From`. Which domains belong together
//! is said by the DMARC records that were given: the shortest domain above both that has one. Without any, a domain
//! belongs to the ones below it.

mod dkim;
mod spf;

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MessagingError, Result};

const MOST: usize = 50;
const LONGEST: usize = 4_096;

herald_base::text_enum! {
    /// What a check comes to.
    pub enum Standing, "a check does not come to {:?}" {
        /// It would hold.
        Holds "holds",
        /// It would not.
        Fails "fails",
        /// The records that were given do not tell.
        Unknown "unknown",
    }
}

/// A TXT record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TxtRecord {
    /// Its name, such as `_dmarc.example.com`.
    #[schema(example = "_dmarc.example.com")]
    pub name: String,
    /// Its text, without quotes.
    #[schema(example = "v=DMARC1; p=none")]
    pub text: String,
}

/// What one check comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AlignmentCheck)]
pub struct Check {
    /// Whether it would hold.
    pub standing: Standing,
    /// The domain that was looked at.
    pub domain: String,
    /// Why, and what to do.
    pub text: String,
}

/// Whether receivers would believe a sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Alignment {
    /// Whether the server may send for the domain of the bounces, and that domain is aligned.
    pub spf: Check,
    /// Whether a signature can be checked, and its domain is aligned.
    pub dkim: Check,
    /// Whether a mail would pass DMARC, which the large mailbox providers want.
    pub dmarc: Check,
}

/// The records, by their names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Records(BTreeMap<String, Vec<String>>);

impl Records {
    /// Reads records.
    ///
    /// # Errors
    /// [`MessagingError::Field`].
    pub fn read(given: Vec<TxtRecord>) -> Result<Self> {
        if given.len() > MOST {
            let detail = format!("there are {} records: give at most {MOST}", given.len());
            return Err(MessagingError::field("records", detail));
        }
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for TxtRecord { name, text } in given {
            if text.len() > LONGEST {
                let detail = format!("the record of {name} is too long: give at most {LONGEST} bytes");
                return Err(MessagingError::field("records", detail));
            }
            all.entry(domain_key(&name)).or_default().push(unquoted(&text));
        }
        Ok(Self(all))
    }

    /// The records of a name that begin with this version.
    fn of(&self, name: &str, version: &str) -> Vec<&str> {
        let all = self.0.get(&domain_key(name)).into_iter().flatten();
        let begins = |text: &&String| {
            let head: String = text.chars().filter(|c| !c.is_whitespace()).take(version.len() + 1).collect();
            let head = head.to_ascii_lowercase();
            let rest = head.strip_prefix(&version.to_ascii_lowercase());
            // The version ends there: v=spf10 is another one.
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        all.filter(begins).map(String::as_str).collect()
    }

    fn dmarc(&self, domain: &str) -> Vec<&str> {
        self.of(&format!("_dmarc.{domain}"), "v=DMARC1")
    }

    /// The domain of the organisation to which a domain belongs: the shortest one above it with a DMARC record.
    fn organisation<'a>(&self, domain: &'a str) -> Option<&'a str> {
        let above = std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, rest)| rest));
        above.filter(|name| name.contains('.') && !self.dmarc(name).is_empty()).last()
    }
}

fn domain_key(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// A text as name servers join it: people copy the quotes of a zone file, too.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with('"') {
        return text.to_owned();
    }
    text.split('"').enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, part)| part).collect()
}

/// The tags of a record, `name=value` with semicolons between them.
fn tags(record: &str) -> BTreeMap<String, String> {
    let pairs = record.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
}

/// Judges a sender. `from` and `bounces` are the domains of its address and of its bounces, `addresses` those from
/// which its server sends.
pub fn alignment(from: &str, bounces: &str, records: &Records, addresses: &[IpAddr]) -> Alignment {
    let (from, bounces) = (domain_key(from), domain_key(bounces));
    let policy = Policy::of(&from, records);
    let spf = of_spf(&from, &bounces, records, addresses, &policy);
    let dkim = of_dkim(&from, records, &policy);
    let dmarc = of_dmarc(&from, &policy, &spf, &dkim);
    Alignment { spf, dkim, dmarc }
}

/// What the DMARC record of a domain asks for.
struct Policy {
    /// The organisation's domain.
    organisation: Option<String>,
    found: Found,
    strict_spf: bool,
    strict_dkim: bool,
}

enum Found {
    /// One record with a policy.
    One(String),
    /// No record.
    Nothing,
    /// Something is wrong with it.
    Wrong(&'static str),
}

impl Policy {
    fn of(from: &str, records: &Records) -> Self {
        let organisation = records.organisation(from).map(str::to_owned);
        let own = records.dmarc(from);
        let (own, is_own) = match (own.is_empty(), &organisation) {
            (true, Some(above)) => (records.dmarc(above), false),
            (is_empty, _) => (own, !is_empty),
        };
        let tags = own.first().map(|record| tags(record)).unwrap_or_default();
        let policy = if is_own { tags.get("p") } else { tags.get("sp").or(tags.get("p")) };
        let found = match (own.len(), policy.map(|policy| policy.to_ascii_lowercase())) {
            (0, _) => Found::Nothing,
            (1, Some(policy)) if ["none", "quarantine", "reject"].contains(&policy.as_str()) => Found::One(policy),
            (1, Some(_)) => Found::Wrong("its policy p is none of none, quarantine and reject"),
            (1, None) => Found::Wrong("it has no policy: add p=none"),
            _ => Found::Wrong("there are several DMARC records: receivers then ignore all of them"),
        };
        let is_strict = |tag: &str| tags.get(tag).is_some_and(|mode| mode.eq_ignore_ascii_case("s"));
        Self { organisation, found, strict_spf: is_strict("aspf"), strict_dkim: is_strict("adkim") }
    }

    /// Whether a domain stands for the one in `From`.
    fn is_aligned(&self, from: &str, other: &str, strict: bool) -> bool {
        let below = |name: &str, of: &str| name == of || name.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
        if from == other || strict {
            return from == other;
        }
        match &self.organisation {
            Some(organisation) => below(other, organisation),
            None => (below(from, other) && other.contains('.')) || below(other, from),
        }
    }
}

fn of_spf(from: &str, bounces: &str, records: &Records, addresses: &[IpAddr], policy: &Policy) -> Check {
    let (standing, text) = spf::judged(bounces, records, addresses);
    if standing != Standing::Fails && !policy.is_aligned(from, bounces, policy.strict_spf) {
        let how = if policy.strict_spf { "the same as" } else { "of the same organisation as" };
        let text = format!(
            "SPF is checked for {bounces}, which is not {how} {from}: set the domain of bounces to one below {from}, \
             or rely on DKIM"
        );
        return Check { standing: Standing::Fails, domain: bounces.to_owned(), text };
    }
    Check { standing, domain: bounces.to_owned(), text }
}

fn of_dkim(from: &str, records: &Records, policy: &Policy) -> Check {
    let keys: Vec<dkim::Key> = dkim::keys(records);
    let aligned = |key: &&dkim::Key| policy.is_aligned(from, &key.domain, policy.strict_dkim);
    let check = |standing, domain: &str, text: String| Check { standing, domain: domain.to_owned(), text };
    // A key that works counts before one that does not.
    let best = keys.iter().filter(aligned).min_by_key(|key| key.standing);
    match (best, keys.first()) {
        (Some(key), _) => check(key.standing, &key.domain, key.text.clone()),
        (None, Some(other)) => check(
            Standing::Fails,
            &other.domain,
            format!("the key is of {}, which does not stand for {from}: sign with a key of {from}", other.domain),
        ),
        (None, None) => check(
            Standing::Unknown,
            from,
            format!(
                "no key was given: give the record of selector._domainkey.{from}; your mail server says its selector"
            ),
        ),
    }
}

fn of_dmarc(from: &str, policy: &Policy, spf: &Check, dkim: &Check) -> Check {
    use Standing::{Fails, Holds, Unknown};
    let check = |standing, text: String| Check { standing, domain: from.to_owned(), text };
    let found = match &policy.found {
        Found::One(policy) => policy,
        Found::Wrong(why) => return check(Fails, format!("the DMARC record cannot be used: {why}")),
        Found::Nothing => {
            let text = format!(
                "no DMARC record was given: large mailbox providers want one; begin with \"v=DMARC1; p=none\" at \
                 _dmarc.{from}"
            );
            return check(Unknown, text);
        }
    };
    match (spf.standing, dkim.standing) {
        (Holds, Holds) => check(Holds, format!("both SPF and DKIM hold (policy {found})")),
        (_, Holds) => check(Holds, format!("DKIM holds, which is enough for DMARC (policy {found})")),
        (Holds, _) => check(
            Holds,
            format!(
                "SPF holds, which is enough for DMARC (policy {found}); it breaks when a mail is forwarded, so sign \
                 with DKIM, too"
            ),
        ),
        (Fails, Fails) => check(
            Fails,
            match found.as_str() {
                "none" => "neither SPF nor DKIM holds: receivers will take the mails for forged".to_owned(),
                policy => format!("neither SPF nor DKIM holds, so receivers {policy} the mails"),
            },
        ),
        _ => check(Unknown, format!("the records that were given do not tell (policy {found})")),
    }
}

#[cfg(test)]
mod tests;
