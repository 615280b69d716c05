//! Reads mails that tell what became of other mails: bounces with a report for machines (RFC 3464) and without,
//! complaints (RFC 5965), and answers that no person wrote.
//!
//! Mail servers write such mails as they like, and strangers write to the same address. So nothing here fails: a mail
//! that cannot be understood is [`Class::None`]. The class of a bounce follows the enhanced status code (RFC 3463)
//! where that says enough, and else the words beside it. A SMTP code alone says too little: 550 stands for an address
//! that does not exist and for a sender that is not wanted.

mod code;
mod mail;
mod plain;
mod report;
mod words;

pub use code::class_of;
use mail::{Headers, Part};

/// The bytes of a mail that are read at most. What comes behind them is the mail that came back, as a rule.
pub const MOST: usize = 1024 * 1024;
/// The longest answer of a mail server that is kept, in characters.
const LONGEST: usize = 500;
/// The recipients of one mail that are reported at most.
const RECIPIENTS: usize = 100;

/// What a mail tells of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// It came back for good: there is no such address.
    Hard,
    /// It came back: the address may take another one later.
    Soft,
    /// It came back because of the sender or of what it says, which is not the address's fault.
    Policy,
    /// The recipient complained about it.
    Complaint,
    /// A machine answered it, such as that of a person who is away.
    AutoReply,
    /// It has not arrived yet, and the mail server goes on trying.
    Delayed,
    /// It has arrived.
    Delivered,
    /// Nothing: it is an ordinary mail.
    None,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Hard,
        Self::Soft,
        Self::Policy,
        Self::Complaint,
        Self::AutoReply,
        Self::Delayed,
        Self::Delivered,
        Self::None,
    ];

    /// The class in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Policy => "policy",
            Self::Complaint => "complaint",
            Self::AutoReply => "auto_reply",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::None => "none",
        }
    }

    /// Whether the mail came back.
    pub const fn is_bounce(self) -> bool {
        matches!(self, Self::Hard | Self::Soft | Self::Policy)
    }
}

/// What a mail tells of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose mail it is about, if the mail says so.
    pub recipient: Option<String>,
    /// What became of it.
    pub class: Class,
    /// The enhanced status code, such as 5.1.1.
    pub status: Option<String>,
    /// What the mail server said, at most 500 characters.
    pub said: String,
}

/// What a mail tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The class of the whole: of the first recipient about whom it says anything.
    pub class: Class,
    /// What it tells of each recipient: at least one, unless it tells nothing.
    pub told: Vec<Told>,
    /// The `Message-ID` of the mail that it is about, without angle brackets, as far as it quotes one.
    pub message_ids: Vec<String>,
    /// Addresses to which the mail itself came, and from which the other one was sent: an envelope sender of a message
    /// is among them.
    pub sent_to: Vec<String>,
}

/// Reads a mail. It is never refused, and only its first megabyte is looked at.
pub fn read(raw: &[u8]) -> Report {
    let text = mail::text_of(raw.get(..MOST).unwrap_or(raw));
    let (headers, body) = mail::split(&text);
    let parts = mail::parts(&headers, body);
    let original = original(&parts);
    let quoted = original.as_ref().map(|text| mail::split(text).0);
    let told = told(&headers, &parts, quoted.as_ref());
    Report {
        class: told.first().map_or(Class::None, |one| one.class),
        message_ids: message_ids(&headers, quoted.as_ref()),
        sent_to: sent_to(&headers, quoted.as_ref()),
        told,
    }
}

fn told(headers: &Headers, parts: &[Part], quoted: Option<&Headers>) -> Vec<Told> {
    if let Some(told) = report::complaint(headers, parts, quoted) {
        return vec![told];
    }
    let explained: String = parts.iter().filter(|part| part.is_text()).map(|part| plain::above(&part.text)).collect();
    let mut told = report::deliveries(headers, parts, &explained);
    if told.is_empty() {
        if plain::is_auto_reply(headers) {
            let said = headers.get("subject").map(cut).unwrap_or_default();
            let recipient = headers.get("from").and_then(mail::address_in);
            return vec![Told { recipient, class: Class::AutoReply, status: None, said }];
        }
        told = plain::bounces(headers, &explained, quoted);
    }
    told.truncate(RECIPIENTS);
    // What came back stands before what only waits or arrived.
    told.sort_by_key(|one| !one.class.is_bounce());
    told
}

/// The mail that came back, or its headers.
fn original(parts: &[Part]) -> Option<String> {
    let attached = parts.iter().find(|part| part.is_original()).map(|part| part.text.clone());
    attached.or_else(|| parts.iter().filter(|part| part.is_text()).find_map(|part| plain::below(&part.text)))
}

fn message_ids(headers: &Headers, quoted: Option<&Headers>) -> Vec<String> {
    let of_original = quoted.into_iter().flat_map(|quoted| quoted.all("message-id"));
    let answered = ["in-reply-to", "references", "x-original-message-id"];
    let mut ids = Vec::new();
    for text in of_original.chain(answered.iter().flat_map(|name| headers.all(name))) {
        for id in text.split_whitespace().map(|id| id.trim_matches(['<', '>', ',', ';'])) {
            let known = ids.iter().any(|known| known == id);
            if id.contains('@') && id.len() <= 250 && !known && ids.len() < RECIPIENTS {
                ids.push(id.to_owned());
            }
        }
    }
    ids
}

fn sent_to(headers: &Headers, quoted: Option<&Headers>) -> Vec<String> {
    let own = ["x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "to"];
    let of_original = ["return-path", "sender", "x-envelope-from", "errors-to"];
    let texts = own.iter().flat_map(|name| headers.all(name));
    let quoted = quoted.into_iter().flat_map(|quoted| of_original.iter().flat_map(move |name| quoted.all(name)));
    let mut all = Vec::new();
    for address in texts.chain(quoted).filter_map(mail::address_in) {
        if !all.contains(&address) && all.len() < RECIPIENTS {
            all.push(address);
        }
    }
    all
}

/// One line of at most 500 characters.
fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests;
