//! An e-mail, and how it is serialised.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::message::{
    MultiPart, SinglePart,
    header::{HeaderName, HeaderValue},
};
use uuid::Uuid;

use super::{Mailbox, account::Rendered, line::one_line};
use crate::{Class, ProviderError, Result};

/// The longest subject, in characters; a longer one is cut.
const LONGEST_SUBJECT: usize = 250;
/// The longest value of an additional header, in characters.
const LONGEST_VALUE: usize = 2_000;
/// Headers that every e-mail has already, or that servers write.
const OURS: &[&str] = &[
    "bcc",
    "cc",
    "content-transfer-encoding",
    "content-type",
    "date",
    "dkim-signature",
    "from",
    "message-id",
    "mime-version",
    "received",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
    "resent-to",
];

/// An e-mail to one person.
#[derive(Clone)]
pub struct Message {
    /// The base of the `Message-ID`. A second attempt of the same e-mail has the same id, so that the copies can be
    /// recognised as the same.
    pub id: Uuid,
    /// The recipient.
    pub to: Mailbox,
    /// The sender; `None` means the sender of the settings.
    pub from: Option<Mailbox>,
    /// Where reports about the e-mail go if it cannot be delivered; `None` means the sender's address.
    pub envelope_from: Option<Mailbox>,
    /// The address for replies; `None` means the address of the settings.
    pub reply_to: Option<Mailbox>,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same content in HTML.
    pub html: Option<String>,
    /// Additional headers, such as `List-Unsubscribe`.
    pub headers: Vec<(String, String)>,
}

/// An e-mail as it goes over the wire.
pub(super) struct Letter {
    pub(super) id: Uuid,
    pub(super) message_id: String,
    /// The sender in the envelope.
    pub(super) from: String,
    pub(super) to: String,
    /// The content; every line ends with CR LF.
    pub(super) bytes: Vec<u8>,
}

impl Message {
    /// Creates an e-mail about an account. Its headers say that a machine wrote it, so that no absence assistant
    /// answers it (RFC 3834).
    pub fn account(id: Uuid, to: Mailbox, mail: Rendered) -> Self {
        let headers = [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")];
        Self {
            id,
            to,
            from: None,
            envelope_from: None,
            reply_to: None,
            subject: mail.subject,
            text: mail.text,
            html: Some(mail.html),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    /// Serialises the e-mail. The same message at the same time gives the same bytes.
    ///
    /// # Errors
    /// [`Class::Config`] when a header is not valid or the caller may not set it.
    pub(super) fn write(
        &self,
        from: Option<&Mailbox>,
        reply_to: Option<&Mailbox>,
        now: DateTime<Utc>,
    ) -> Result<Letter> {
        let from = self.from.as_ref().or(from);
        let from = from.ok_or_else(|| ProviderError::new(Class::Config, "the e-mail has no sender: give it one"))?;
        let message_id = format!("<{}@{}>", self.id, from.domain());
        let mut mail = lettre::Message::builder()
            .from(from.header())
            .to(self.to.header())
            .subject(subject(&self.subject))
            .message_id(Some(message_id.clone()))
            .date(SystemTime::from(now));
        if let Some(reply_to) = self.reply_to.as_ref().or(reply_to) {
            mail = mail.reply_to(reply_to.header());
        }
        for (name, value) in &self.headers {
            mail = mail.raw_header(header(name, value)?);
        }
        let text = SinglePart::plain(with_plain_ends(&self.text));
        let written = match &self.html {
            None => mail.singlepart(text),
            Some(html) => {
                // The boundary comes from the id, so that the same e-mail gives the same bytes. No line of an e-mail
                // begins like this by accident.
                let parts = MultiPart::alternative().boundary(format!("=_{}", self.id.simple()));
                mail.multipart(parts.singlepart(text).singlepart(SinglePart::html(with_plain_ends(html))))
            }
        };
        let written = written
            .map_err(|error| ProviderError::new(Class::Config, format!("the e-mail cannot be written: {error}")))?;
        Ok(Letter {
            id: self.id,
            message_id,
            from: self.envelope_from.as_ref().unwrap_or(from).address().to_owned(),
            to: self.to.address().to_owned(),
            bytes: written.formatted(),
        })
    }
}

/// Puts a subject on one line and keeps its literal meaning. A reader would take `=?` as the beginning of an encoded
/// word, which can mean any text (RFC 2047), and lettre does not encode it.
fn subject(text: &str) -> String {
    one_line(text, LONGEST_SUBJECT).replace("=?", "=\u{2060}?")
}

fn header(name: &str, value: &str) -> Result<HeaderValue> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let known = HeaderName::new_from_ascii(name.to_owned()).ok();
    match known.filter(|_| is_plain && !OURS.contains(&name.to_ascii_lowercase().as_str())) {
        Some(known) => Ok(HeaderValue::new(known, one_line(value, LONGEST_VALUE))),
        None => Err(ProviderError::new(Class::Config, format!("the header {name:?} cannot be set"))),
    }
}

/// Makes all line ends the same, so that every server finds the same end of the content.
fn with_plain_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            id: Uuid::from_u128(7),
            to: Mailbox::parse("Ann Example <ann@example.com>").unwrap(),
            from: None,
            envelope_from: None,
            reply_to: None,
            subject: "Hello".to_owned(),
            text: "Hello\n.\nAnn\r\n".to_owned(),
            html: Some("<p>Hello</p>".to_owned()),
            headers: vec![],
        }
    }

    fn written(message: &Message) -> Result<String> {
        let from = Mailbox::parse("Herald <herald@example.org>").unwrap();
        let letter = message.write(Some(&from), None, DateTime::UNIX_EPOCH)?;
        Ok(String::from_utf8(letter.bytes).unwrap())
    }

    #[test]
    fn the_same_message_is_the_same_mail() {
        let (first, second) = (written(&message()).unwrap(), written(&message()).unwrap());
        assert_eq!(first, second);
        for line in [
            "From: Herald <herald@example.org>",
            "To: \"Ann Example\" <ann@example.com>",
            "Subject: Hello",
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.org>",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000",
            "MIME-Version: 1.0",
        ] {
            assert!(first.lines().any(|written| written == line), "{line}\n{first}");
        }
        assert!(!first.replace("\r\n", "").contains(['\r', '\n']), "a line does not end with CR LF");
    }

    #[test]
    fn the_sender_in_the_envelope_is_another_one_only_if_it_is_named() {
        let from = Mailbox::parse("Herald <herald@example.org>").unwrap();
        let sent = |message: &Message| message.write(Some(&from), None, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(sent(&message()).from, "herald@example.org");
        let mut mail = message();
        mail.envelope_from = Some(Mailbox::parse("b+abc@bounces.example.org").unwrap());
        let letter = sent(&mail);
        assert_eq!(letter.from, "b+abc@bounces.example.org");
        let written = String::from_utf8(letter.bytes).unwrap();
        assert!(written.contains("From: Herald <herald@example.org>\r\n") && !written.contains("b+abc"), "{written}");
    }

    #[test]
    fn nobody_adds_a_header_through_a_subject_or_a_value() {
        let mut mail = message();
        mail.subject = "Hello\r\nBcc: bo@example.com".to_owned();
        mail.headers = vec![("List-Id".to_owned(), "gala\nBcc: bo@example.com".to_owned())];
        let written = written(&mail).unwrap();
        assert!(written.contains("Subject: Hello Bcc: bo@example.com\r\n"), "{written}");
        assert!(!written.lines().any(|line| line.starts_with("Bcc")), "{written}");
    }

    #[test]
    fn nobody_writes_a_subject_in_code() {
        let mut mail = message();
        mail.subject = "Join =?utf-8?q?evil=2Eexample?=".to_owned();
        let written = written(&mail).unwrap();
        assert!(!written.contains("=?utf-8?q?evil"), "{written}");
    }

    #[test]
    fn a_header_that_is_none_or_ours_is_refused() {
        for name in ["", "From", "BCC", "Content-Type", "X:Y", "X\r\nBcc", "X Y", "Ünder"] {
            let mut mail = message();
            mail.headers = vec![(name.to_owned(), "x".to_owned())];
            assert_eq!(written(&mail).unwrap_err().class, Class::Config, "{name:?}");
        }
    }
}
