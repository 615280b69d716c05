//! The meaning of a mail server's refusal (RFC 5321, 4.2; RFC 3463), decided in this one place.
//!
//! The code and the enhanced status decide first. The text decides only where servers agree on no code, as for
//! greylisting and rates. Herald passes on a server's text without addresses. After a login it passes on no text,
//! because some servers repeat what they received.
//!
//! Our server passes on another server's refusal of one address in the same words. So a refusal by policy
//! ([`Class::Config`]) or for sending too fast ([`Class::Rate`]) can concern one recipient only. A caller that sends
//! single e-mails delays that e-mail, not the queue.

use std::time::Duration;

use super::names::Names;
use crate::{Class, ProviderError, Refusal};

/// How long greylisting lasts if the server names no time; five minutes are usual.
const GREYLISTED: Duration = Duration::from_secs(300);
/// The longest wait a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest text of a server that is passed on, in characters.
const LONGEST_TEXT: usize = 160;

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

/// The command that a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connection was made.
    Greeting,
    /// `EHLO`
    Hello,
    /// `STARTTLS`
    Encryption,
    /// `AUTH`
    Login,
    /// `MAIL FROM`
    Sender,
    /// `RCPT TO`
    Recipient,
    /// `DATA`, or the whole e-mail.
    Content,
}

impl Reply {
    /// Whether the code is in this hundred: 2 means done, 3 means go on.
    pub(super) fn is(&self, hundred: u16) -> bool {
        self.code / 100 == hundred
    }

    /// Returns the enhanced status (RFC 3463), such as 5.1.1. A status that contradicts the code is ignored.
    fn status(&self) -> Option<(u16, u16, u16)> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.').map(|part| part.parse().ok());
        let status = (parts.next()??, parts.next()??, parts.next()??);
        (parts.next().is_none() && status.0 == self.code / 100).then_some(status)
    }

    /// The code and the text as they may be shown.
    pub(super) fn shown(&self) -> String {
        let words = self.lines.iter().flat_map(|line| line.split_whitespace());
        let words: Vec<String> = words
            .map(|word| if word.contains('@') { "(address)".to_owned() } else { word.replace(char::is_control, "") })
            .collect();
        let mut text = words.join(" ");
        if let Some((cut, _)) = text.char_indices().nth(LONGEST_TEXT) {
            text.truncate(cut);
            text.push('…');
        }
        format!("{} {text}", self.code).trim_end().to_owned()
    }

    /// The code and the status, without the server's text.
    fn bare(&self) -> String {
        match self.status() {
            Some((class, subject, detail)) => format!("{} {class}.{subject}.{detail}", self.code),
            None => self.code.to_string(),
        }
    }

    fn text(&self) -> String {
        self.lines.join(" ").to_lowercase()
    }

    /// Whether the server asks us to send less or more slowly.
    pub(super) fn is_about_speed(&self) -> bool {
        const WORDS: [&str; 5] = ["rate", "ratelimit", "ratelimited", "throttled", "throttling"];
        const PHRASES: [&str; 9] = [
            "too many",
            "too fast",
            "slow down",
            "sending limit",
            "sending quota",
            "message quota",
            "message limit",
            "daily limit",
            "thread limit",
        ];
        let text = self.text();
        matches!(self.status(), Some((5, 4, 5) | (4 | 5, 7, 28)))
            || text.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word))
            || PHRASES.iter().any(|phrase| text.contains(phrase))
    }

    /// Whether fewer mails at once would help: the server says so, or it refuses for now by policy (RFC 3463, 3.8).
    /// Greylisting is no such case, because it comes of the first mail as of the hundredth.
    pub(super) fn asks_for_less(&self) -> bool {
        let text = self.text();
        let is_greylisted = text.contains("greylist") || text.contains("graylist");
        let is_for_now = (400..500).contains(&self.code);
        let is_policy = matches!(self.status(), Some((4, 7, _)));
        is_for_now && !is_greylisted && (self.code == 421 || is_policy || self.is_about_speed())
    }

    /// The wait that the server asks for, such as "try again in 300 seconds".
    fn wait(&self) -> Option<Duration> {
        let text = self.text();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let named = words.windows(2).find_map(|pair| {
            let unit = match pair[1] {
                "s" | "sec" | "secs" | "second" | "seconds" => 1,
                "m" | "min" | "mins" | "minute" | "minutes" => 60,
                "h" | "hour" | "hours" => 3_600,
                _ => return None,
            };
            pair[0].parse::<u64>().ok().map(|number| Duration::from_secs(number.saturating_mul(unit)))
        });
        let is_grey = text.contains("greylist") || text.contains("graylist");
        named.filter(|wait| !wait.is_zero()).map(|wait| wait.min(LONGEST_WAIT)).or(is_grey.then_some(GREYLISTED))
    }
}

/// Converts a refusal into an error. `server` is the server's name and port.
pub(super) fn refused(names: Names, server: &str, stage: Stage, reply: &Reply) -> ProviderError {
    let Names { m, from, .. } = names;
    let class = class(stage, reply);
    let said = if stage == Stage::Login { reply.bare() } else { reply.shown() };
    let text = reply.text();
    let message = match (class, stage) {
        (Class::Rate, _) => format!("the mail server {server} asks Herald to send less or more slowly ({said})"),
        (Class::Down, _) => format!("the mail server {server} accepts no e-mail at the moment ({said})"),
        (Class::Auth, _)
            if reply.code == 534 || text.contains("app password") || text.contains("application-specific") =>
        {
            format!(
                "the mail server {server} requires an app password ({said}): create one in the account's security \
                 settings and set {m}password to it"
            )
        }
        (Class::Auth, Stage::Login) => {
            format!("the mail server {server} does not accept {m}user and {m}password ({said}): set them again")
        }
        (Class::Auth, _) => {
            format!("the mail server {server} requires a login ({said}): set {m}user and {m}password")
        }
        (Class::Config, Stage::Login) => format!(
            "the mail server {server} accepts no login here ({said}): check {m}tls and {m}port, or leave \
             {m}user empty"
        ),
        (Class::Config, _) if reply.code == 530 => format!(
            "the mail server {server} requires an encrypted connection ({said}): set {m}tls = \"starttls\", or \
             \"tls\" with port 465"
        ),
        (Class::Config, Stage::Greeting | Stage::Hello | Stage::Encryption) => {
            format!(
                "the mail server {server} does not accept e-mail from this machine ({said}): \
                 check {m}host and {m}port"
            )
        }
        (Class::Config, Stage::Sender) => format!(
            "the mail server {server} does not let Herald send as {from} ({said}): set {from} to an address of \
             the account, or allow it there"
        ),
        (Class::Config, _) if text.contains("relay") => format!(
            "the mail server {server} does not relay e-mail for Herald ({said}): set {m}user and {m}password, or \
             allow this machine to send"
        ),
        (Class::Config, _) => format!(
            "the policy of the mail server {server} refuses the e-mail ({said}): check {from} and its domain's \
             SPF, DKIM and DMARC"
        ),
        (Class::Recipient, Stage::Recipient) => {
            format!("the mail server {server} does not deliver to this address ({said})")
        }
        (Class::Recipient, _) => format!("the mail server {server} does not accept this e-mail ({said})"),
        (Class::Transient | Class::Unknown, _) => format!("the mail server {server} defers the e-mail ({said})"),
    };
    let wait = if (400..500).contains(&reply.code) { reply.wait() } else { None };
    let of_mail = matches!(stage, Stage::Recipient | Stage::Content);
    let is_of_address = stage == Stage::Recipient;
    let refusal = of_mail.then(|| Refusal { code: reply.code, status: reply.status(), is_of_address });
    ProviderError::new(class, message).after(wait).of_mail(refusal)
}

fn class(stage: Stage, reply: &Reply) -> Class {
    use Stage::{Content, Encryption, Greeting, Hello, Login, Recipient, Sender};
    let text = reply.text();
    match (stage, reply.code, reply.status()) {
        // A full mailbox is not a rate limit, whatever words the server uses.
        (_, _, status) if !matches!(status, Some((_, 2, _))) && reply.is_about_speed() => Class::Rate,
        (Greeting | Hello, 400..=499, _) => Class::Down,
        (_, 400..=499, _) => Class::Transient,
        (Greeting | Hello | Encryption, ..) => Class::Config,
        (_, 530, _) if text.contains("starttls") || text.contains("encrypt") => Class::Config,
        (_, 530 | 534 | 535, _) => Class::Auth,
        (_, 500..=504 | 523 | 538 | 555, _) if stage != Recipient && stage != Content => Class::Config,
        (Login, ..) => Class::Auth,
        // The e-mail is too large, for the server or for the mailbox.
        (_, _, Some((_, 3, 4) | (_, 2, 3))) => Class::Recipient,
        (Sender, 552, _) => Class::Recipient,
        (Sender, ..) => Class::Config,
        // The sender's address is wrong.
        (_, _, Some((_, 1, 7 | 8))) => Class::Config,
        (_, _, Some((_, 7, _))) => Class::Config,
        (Recipient, ..) if text.contains("relay") => Class::Config,
        (Recipient | Content, ..) => Class::Recipient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::names::OF_SETTINGS;

    fn told(stage: Stage, said: &str) -> ProviderError {
        let (code, text) = said.split_at(3);
        let lines = text.split('\n').map(|line| line.trim_start_matches([' ', '-']).to_owned()).collect();
        refused(OF_SETTINGS, "smtp.example.com:587", stage, &Reply { code: code.parse().unwrap(), lines })
    }

    #[test]
    fn what_servers_say_has_one_class() {
        use Class::{Auth, Config, Down, Rate, Recipient, Transient};
        for (stage, said, class) in [
            (Stage::Greeting, "421 4.3.2 Service not available", Down),
            (Stage::Greeting, "421 4.7.0 Too many connections from your host", Rate),
            (Stage::Greeting, "554 5.7.1 blocked", Config),
            (Stage::Hello, "501 Invalid domain name", Config),
            (Stage::Encryption, "454 4.7.0 TLS not available due to a temporary reason", Transient),
            (Stage::Login, "535 5.7.8 Username and Password not accepted", Auth),
            (Stage::Login, "534 5.7.9 Application-specific password required", Auth),
            (Stage::Login, "535 authentication failed", Auth),
            (Stage::Login, "454 4.7.0 Temporary authentication failure", Transient),
            (Stage::Login, "504 5.5.4 Unrecognized authentication type", Config),
            (Stage::Login, "538 5.7.11 Encryption required", Config),
            (Stage::Sender, "530 5.7.0 Must issue a STARTTLS command first", Config),
            (Stage::Sender, "530 5.7.0 Authentication Required", Auth),
            (Stage::Sender, "553 5.7.1 Sender address rejected: not owned by user", Config),
            (Stage::Sender, "550 5.7.60 Client does not have permissions to send as this sender", Config),
            (Stage::Sender, "552 5.3.4 Message size exceeds fixed limit", Recipient),
            (Stage::Sender, "421 4.7.28 Our system has detected an unusual amount of mail", Rate),
            (Stage::Sender, "454 Throttling failure: Maximum sending rate exceeded.", Rate),
            (Stage::Sender, "550 5.4.5 Daily user sending limit exceeded", Rate),
            (Stage::Recipient, "450 4.2.0 Greylisted, see http://postgrey.example", Transient),
            (Stage::Recipient, "450 4.2.1 The mailbox operates elsewhere", Transient),
            (Stage::Recipient, "451 4.7.1 Please try again later", Transient),
            (Stage::Recipient, "452 4.2.2 The mailbox is over its message quota", Transient),
            (Stage::Recipient, "452 4.5.3 Too many recipients", Rate),
            (Stage::Recipient, "550 5.1.1 The account does not exist", Recipient),
            (Stage::Recipient, "550 No such user here", Recipient),
            (Stage::Recipient, "551 User not local", Recipient),
            (Stage::Recipient, "552 5.2.2 Mailbox full", Recipient),
            (Stage::Recipient, "553 5.1.3 Malformed address", Recipient),
            (Stage::Recipient, "554 5.7.1 Relay access denied", Config),
            (Stage::Recipient, "550 relay not permitted", Config),
            (Stage::Recipient, "553 5.1.8 Sender address rejected: Domain not found", Config),
            (Stage::Content, "451 4.3.0 Queue file write error", Transient),
            (Stage::Content, "452 4.3.1 Insufficient system storage", Transient),
            (Stage::Content, "550 5.7.26 This mail is unauthenticated", Config),
            (Stage::Content, "550 5.7.515 Access denied, sending domain does not meet the required level", Config),
            (Stage::Content, "552 5.3.4 Message too big", Recipient),
            (Stage::Content, "554 Transaction failed", Recipient),
        ] {
            assert_eq!(told(stage, said).class, class, "{stage:?} {said}");
        }
    }

    #[test]
    fn a_server_that_is_pressed_is_told_from_one_that_refuses() {
        for (code, said, less) in [
            (421, "4.7.0 Try again later", true),
            (421, "Service not available", true),
            (450, "4.7.1 Too many connections", true),
            (451, "4.7.500 Server busy", true),
            (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", true),
            (454, "Throttling failure: Maximum sending rate exceeded.", true),
            (451, "4.7.1 Greylisted, try again in 60 seconds", false),
            (450, "4.2.1 The mailbox operates elsewhere", false),
            (451, "4.3.0 Local error", false),
            (550, "5.7.1 blocked", false),
            (550, "5.4.5 Daily user sending limit exceeded", false),
        ] {
            let reply = Reply { code, lines: vec![said.to_owned()] };
            assert_eq!(reply.asks_for_less(), less, "{code} {said}");
        }
    }

    #[test]
    fn the_wait_is_the_one_that_is_named() {
        for (said, seconds) in [
            ("450 4.2.0 Greylisted; try again in 120 seconds", Some(120)),
            ("451 4.7.1 Greylisting in action, please come back in 2 minutes", Some(120)),
            ("451 Graylisted", Some(300)),
            ("421 4.7.0 Too many messages, wait 1 hour", Some(3_600)),
            ("421 try again in 99999999999999999 hours", Some(86_400)),
            ("451 4.3.0 Local error", None),
            ("550 5.1.1 deleted 3 hours ago", None),
        ] {
            let wait = told(Stage::Recipient, said).retry_after;
            assert_eq!(wait, seconds.map(Duration::from_secs), "{said}");
        }
    }

    #[test]
    fn nobodys_address_and_no_login_is_passed_on() {
        let error =
            told(Stage::Recipient, "550-5.1.1 <ann@example.com>: Recipient address\n5.1.1 rejected (ann@example.com)");
        assert_eq!(
            error.message,
            "the mail server smtp.example.com:587 does not deliver to this address (550 5.1.1 (address) Recipient \
             address 5.1.1 rejected (address))"
        );
        let error = told(Stage::Login, "535 5.7.8 no: AGFubgBodW50ZXIy");
        assert!(!error.message.contains("AGFub") && error.message.contains("(535 5.7.8)"), "{error}");
        let long = told(Stage::Content, &format!("554 {}", "x".repeat(5_000))).message;
        assert!(long.len() < 300, "{long}");
    }
}
