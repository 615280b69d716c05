//! What a sender may be: each field checked, with errors that name the cure.

use herald_contacts::{Channel, address_spelt};
use herald_providers::email::Mailbox;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MessagingError, Quiet, Relay, Result, relays};

const LONGEST_NAME: usize = 100;
const LONGEST_POSTAL: usize = 500;
const LONGEST_FOOTER: usize = 2_000;
const MOST_A_SECOND: i64 = 10_000;
const MOST_A_DAY: i64 = 100_000_000;
const MOST_DAYS: usize = 90;

/// What a sender is to be. What is left out is empty.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderFields {
    /// The name, which only the workspace sees.
    #[schema(example = "Newsletter", max_length = 100)]
    pub name: String,
    /// The channel: `email` or `whatsapp`.
    #[serde(default = "email")]
    pub channel: Channel,
    /// The connection that sends: a mail server, or an account at Twilio or Meta. Left out: the mail server of the
    /// installation.
    #[serde(default)]
    pub connection_id: Option<Uuid>,
    /// Several mail servers among which the mails are shared, in place of the connection. One that is away is left out
    /// until it is back.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub relays: Vec<Relay>,
    /// The name that recipients see.
    #[schema(example = "Example Agency", max_length = 100)]
    pub from_name: String,
    /// The address that recipients see: an e-mail address, or the number that sends over WhatsApp.
    #[schema(example = "news@example.com")]
    pub from_address: String,
    /// The address for replies, if it is another one.
    #[serde(default)]
    pub reply_to: String,
    /// The postal address at the end of each mail, which the law wants. WhatsApp needs none.
    #[serde(default)]
    #[schema(example = "Example Agency, 1 Example Street, 28001 Madrid", max_length = 500)]
    pub postal_address: String,
    /// What stands below each mail, above the postal address, in Markdown.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub footer: String,
    /// The most messages a second.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10000)]
    pub rate_per_second: Option<i64>,
    /// The most messages on a day.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000_000)]
    pub daily_cap: Option<i64>,
    /// The most messages on each of the first days, such as 50, 100, 200: a new address that suddenly writes to
    /// everybody is taken for one that was stolen.
    #[serde(default)]
    #[schema(example = json!([50, 100, 200, 400]), max_items = 90)]
    pub warm_up: Vec<i64>,
    /// The hours by the recipient's clock in which nothing is sent.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// The domain that gets the bounces, if it is another one.
    #[serde(default)]
    #[schema(example = "bounces.example.com")]
    pub bounce_domain: String,
}

fn email() -> Channel {
    Channel::Email
}

/// The spelling in which two names are one.
pub(super) fn name_key(name: &str) -> String {
    one_line(name).to_lowercase().nfc().collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect()
}

impl SenderFields {
    /// The same with every field in its one spelling.
    ///
    /// # Errors
    /// [`MessagingError::Field`]: the first field that cannot have its value.
    pub(super) fn checked(self) -> Result<Self> {
        if self.channel == Channel::Phone {
            return Err(MessagingError::field("channel", "a sender writes by email or whatsapp: use one of them"));
        }
        let over_whatsapp = self.channel == Channel::Whatsapp;
        if over_whatsapp {
            self.is_of_whatsapp()?;
        }
        if let Some(quiet) = self.quiet {
            quiet.check()?;
        }
        let from_address = match over_whatsapp {
            true => number(&self.from_address)?,
            false => address("from_address", &self.from_address)?,
        };
        let least_postal = usize::from(!over_whatsapp);
        relays::checked(Self {
            name: line("name", &self.name)?,
            from_name: line("from_name", &self.from_name)?,
            reply_to: given(&self.reply_to, |text| address("reply_to", text))?,
            postal_address: lines("postal_address", &self.postal_address, least_postal, LONGEST_POSTAL)?,
            footer: footer(&self.footer)?,
            rate_per_second: within("rate_per_second", self.rate_per_second, MOST_A_SECOND)?,
            daily_cap: within("daily_cap", self.daily_cap, MOST_A_DAY)?,
            warm_up: warm_up(self.warm_up)?,
            bounce_domain: given(&self.bounce_domain, |text| domain("bounce_domain", text))?,
            from_address,
            ..self
        })
    }

    /// Whether a sender over WhatsApp has what it needs, and nothing that only mails have.
    fn is_of_whatsapp(&self) -> Result<()> {
        if self.connection_id.is_none() {
            let detail = "a sender over WhatsApp needs an account at Twilio or Meta: choose a connection";
            return Err(MessagingError::field("connection_id", detail));
        }
        if !self.relays.is_empty() {
            return Err(MessagingError::field("relays", "only mails are shared among mail servers: leave them out"));
        }
        for (field, text) in
            [("reply_to", &self.reply_to), ("bounce_domain", &self.bounce_domain), ("footer", &self.footer)]
        {
            if !text.trim().is_empty() {
                let detail = format!("only mails have a {}: leave it out", field.replace('_', " "));
                return Err(MessagingError::field(field, detail));
            }
        }
        Ok(())
    }
}

/// A number that sends over WhatsApp, in E.164.
fn number(text: &str) -> Result<String> {
    let spelt = address_spelt(Channel::Whatsapp, text);
    spelt.map_err(|_| {
        let detail = format!("{text:?} is not a phone number: write it with + and the country code");
        MessagingError::field("from_address", detail)
    })
}

fn given(text: &str, check: impl Fn(&str) -> Result<String>) -> Result<String> {
    if text.trim().is_empty() { Ok(String::new()) } else { check(text) }
}

fn line(field: &'static str, text: &str) -> Result<String> {
    let line = one_line(text);
    let long = line.chars().count();
    if long == 0 || long > LONGEST_NAME || line.chars().any(char::is_control) {
        let detail = format!("the {} has {long} characters: use 1 to {LONGEST_NAME}", field.replace('_', " "));
        return Err(MessagingError::field(field, detail));
    }
    Ok(line)
}

/// The footer. Its links must lead to where a mail can lead.
fn footer(text: &str) -> Result<String> {
    let text = lines("footer", text, 0, LONGEST_FOOTER)?;
    match crate::template::bad_link(&text) {
        None => Ok(text),
        Some(target) => {
            let detail =
                format!("the link {target:?} cannot be followed from a mail: write https://, mailto:, tel: or sms:");
            Err(MessagingError::field("footer", detail))
        }
    }
}

fn lines(field: &'static str, text: &str, least: usize, most: usize) -> Result<String> {
    let text: String = text.trim().replace("\r\n", "\n").nfc().collect();
    let long = text.chars().count();
    if long < least || long > most || text.chars().any(|c| c.is_control() && c != '\n') {
        let detail = format!(
            "the {} has {long} characters: use {least} to {most}, without control characters",
            field.replace('_', " ")
        );
        return Err(MessagingError::field(field, detail));
    }
    Ok(text)
}

fn address(field: &'static str, text: &str) -> Result<String> {
    let read = Mailbox::new(None, text.trim()).map_err(|error| MessagingError::field(field, error.to_string()))?;
    if !read.domain().contains('.') {
        let detail = format!("{:?} is not a domain of the internet: use an address of your own domain", read.domain());
        return Err(MessagingError::field(field, detail));
    }
    Ok(read.address().to_owned())
}

/// A domain in its ASCII form.
fn domain(field: &'static str, text: &str) -> Result<String> {
    let as_address = Mailbox::new(None, &format!("x@{}", text.trim()));
    match as_address.map(|read| read.domain().to_owned()) {
        Ok(domain) if domain.contains('.') => Ok(domain),
        _ => {
            let detail = format!("{text:?} is not a domain: write one like bounces.example.com");
            Err(MessagingError::field(field, detail))
        }
    }
}

fn within(field: &'static str, value: Option<i64>, most: i64) -> Result<Option<i64>> {
    match value {
        Some(value) if !(1..=most).contains(&value) => {
            Err(MessagingError::field(field, format!("{field} is {value}: use 1 to {most}, or leave it out")))
        }
        value => Ok(value),
    }
}

fn warm_up(caps: Vec<i64>) -> Result<Vec<i64>> {
    let wrong = |detail: String| Err(MessagingError::field("warm_up", detail));
    if caps.len() > MOST_DAYS {
        return wrong(format!("the warm-up has {} days: use at most {MOST_DAYS}", caps.len()));
    }
    if let Some(cap) = caps.iter().find(|cap| !(1..=MOST_A_DAY).contains(*cap)) {
        return wrong(format!("{cap} messages on a day of the warm-up: use 1 to {MOST_A_DAY}"));
    }
    Ok(caps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> SenderFields {
        serde_json::from_value(serde_json::json!({
            "name": "  News  letter ", "from_name": "Example Agency", "from_address": "News@bücher.example",
            "postal_address": "1 Example Street\r\n28001 Madrid",
        }))
        .unwrap()
    }

    #[test]
    fn fields_get_their_one_spelling() {
        let checked = fields().checked().unwrap();
        assert_eq!(checked.name, "News letter");
        assert_eq!(checked.from_address, "News@xn--bcher-kva.example");
        assert_eq!(checked.postal_address, "1 Example Street\n28001 Madrid");
        assert_eq!((checked.reply_to.as_str(), checked.channel), ("", Channel::Email));
        assert_eq!(name_key("NEWS  letter"), name_key("News Letter"));
    }

    #[test]
    fn what_cannot_be_is_named_with_its_cure() {
        let refused = |change: fn(&mut SenderFields)| {
            let mut fields = fields();
            change(&mut fields);
            match fields.checked().unwrap_err() {
                MessagingError::Field { field, detail } => (field, detail),
                other => panic!("{other}"),
            }
        };
        type Wrong = fn(&mut SenderFields);
        let over_whatsapp: Wrong = |one| {
            (one.channel, one.connection_id) = (Channel::Whatsapp, Some(Uuid::nil()));
        };
        assert_eq!(refused(over_whatsapp).0, "from_address");
        let cases: [(Wrong, &str, &str); 12] = [
            (|one| one.name = " ".into(), "name", "1 to 100"),
            (|one| one.from_name = "x".repeat(101), "from_name", "1 to 100"),
            (|one| one.from_address = "a@b.c\r\nBcc: x@y.z".into(), "from_address", "ann@example.com"),
            (|one| one.from_address = "herald@localhost".into(), "from_address", "your own domain"),
            (|one| one.postal_address = "\n".into(), "postal_address", "1 to 500"),
            (|one| one.footer = "\u{7}".into(), "footer", "control characters"),
            (|one| one.footer = "[us](/about)".into(), "footer", "https://"),
            (|one| one.rate_per_second = Some(0), "rate_per_second", "1 to 10000"),
            (|one| one.warm_up = vec![50, 0], "warm_up", "1 to"),
            (|one| one.bounce_domain = "b example".into(), "bounce_domain", "bounces.example.com"),
            (|one| one.channel = Channel::Phone, "channel", "email or whatsapp"),
            (|one| one.channel = Channel::Whatsapp, "connection_id", "Twilio or Meta"),
        ];
        for (change, field, part) in cases {
            let (named, said) = refused(change);
            assert!(named == field && said.contains(part), "{field}: {named} {said}");
        }
    }
}
