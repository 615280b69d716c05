//! Bounces that only people were meant to read, and answers that no person wrote.

use std::collections::BTreeSet;

use crate::{Class, Told, code, cut, mail, mail::Headers, words};

/// Who writes bounces, in small letters.
const SENDERS: &[&str] = &[
    "mailer-daemon",
    "mailer_daemon",
    "mailerdaemon",
    "mail-daemon",
    "postmaster",
    "post_master",
    "mail delivery",
    "mail deliver system",
    "delivery subsystem",
    "mail administrator",
    "system administrator",
    "bounce",
    "mailadmin",
    "mail-router",
    "noreply-dmarc",
];

/// What bounces are about, in small letters.
const SUBJECTS: &[&str] = &[
    "undeliver",
    "non recapitabile",
    "delivery status notification",
    "delivery notification",
    "delivery failure",
    "delivery failed",
    "delivery report",
    "delivery error",
    "delivery problem",
    "failure delivery",
    "delivery status",
    "failure notice",
    "failure notification",
    "failed mail",
    "failed delivery",
    "mail failure",
    "mail delivery",
    "mail error",
    "mail system error",
    "returned mail",
    "returning message",
    "returned to sender",
    "return to sender",
    "message delivery",
    "message undeliverable",
    "message could not be delivered",
    "could not send message",
    "couldn't be delivered",
    "warning: could not send",
    "warning: message",
    "rejected mail",
    "mail rejected",
    "message you sent",
    "email rejected",
    "unzustellbar",
    "non remis",
    "no se pudo entregar",
    "bounce",
    "permanent delivery failure",
    "user unknown",
    "unknown user",
    "mail could not be delivered",
    "postmaster notify",
    "nondeliverable",
];

/// How bounces begin, in small letters.
const OPENINGS: &[&str] = &[
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "can't be delivered",
    "could not deliver",
    "couldn't deliver",
    "can not be delivered",
    "not be delivered",
    "not able to deliver",
    "wasn't able to deliver",
    "wasn't delivered",
    "was not delivered",
    "unable to deliver",
    "undeliverable",
    "undelivered",
    "did not reach",
    "delivery has failed",
    "delivery failed",
    "delivery failure",
    "failed to deliver",
    "failed to send",
    "failed permanently",
    "permanent error",
    "permanent fatal error",
    "transient non-fatal",
    "delivery error",
    "delivery problem",
    "delivery to the following",
    "following address",
    "following recipient",
    "failed recipient",
    "failed address",
    "returned message",
    "returned to sender",
    "returning message",
    "returned to you",
    "message was not accepted",
    "has been rejected",
    "was rejected",
    "could not be sent",
    "attempting to deliver",
    "cannot send",
    "not been delivered",
    "failure reason",
    "reason for failure",
    "user unknown",
    "unknown user",
    "mailbox exceeds",
    "no such user",
    "server message",
    "delivery status",
    "could not be found",
];

/// Lines behind which the mail that came back follows, without what decorates them.
const EDGES: &[&str] = &[
    "original message follows",
    "original message",
    "original message headers",
    "original message header",
    "original headers follow",
    "this is a copy of the message",
    "this is a copy of your message",
    "this is a copy of the headers",
    "below this line is a copy of",
    "below is a copy of",
    "a copy of the original message below this line",
    "the attached message had",
    "message header follows",
    "message headers follow",
    "message headers",
    "headers follow",
    "unsent message follows",
    "unsent message below",
    "returned message",
    "returned mail follows",
    "returned headers follow",
    "returned message follows",
    "the header of the original message",
    "the headers of the original message",
    "header of original message",
    "begin of original message",
    "start of original message",
    "included is a copy of the message header",
    "text of mail follows",
    "copy of your message",
    "message text follows",
    "message text",
    "original text",
    "bounced e-mail",
    "received message",
];

/// How far a text goes until the mail that came back.
fn edge(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut is_within = false;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if is_edge(line) && is_within {
            return Some((at, end));
        }
        // Headers of the mail that came back, without a line above.
        let begins =
            line.starts_with("Received: ") || line.starts_with("Return-Path: ") || line.starts_with("Return-path: ");
        if begins && is_within {
            return Some((at, at));
        }
        is_within |= !line.trim().is_empty();
        at = end;
    }
    None
}

fn is_edge(line: &str) -> bool {
    let bare = line.trim().trim_matches(['-', '=', '*', '_', '#', '>', '<', '|', ' ', ':', '.']).to_lowercase();
    // "The original message was received at …" tells of a transcript.
    EDGES.iter().any(|edge| {
        let rest = bare.strip_prefix("the ").unwrap_or(&bare);
        rest.strip_prefix(edge).is_some_and(|after| after.len() <= 60 && !after.trim_start().starts_with("was "))
            && bare.len() <= 100
    })
}

/// What stands above the mail that came back.
pub(crate) fn above(text: &str) -> &str {
    edge(text).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The mail that came back, if it stands in the text.
pub(crate) fn below(text: &str) -> Option<String> {
    let (_, begin) = edge(text)?;
    let rest = text.get(begin..)?.trim_start_matches('\n');
    // Some mail servers indent it, or quote it.
    let indented = |line: &str| line.strip_prefix("> ").or(line.strip_prefix("  ")).unwrap_or(line).to_owned();
    let is_indented = rest.starts_with("> ") || rest.starts_with("  ");
    let lines: Vec<String> =
        rest.lines().map(|line| if is_indented { indented(line) } else { line.to_owned() }).collect();
    Some(lines.join("\n"))
}

/// Whether a machine wrote the mail in the place of a person, such as one who is away.
pub(crate) fn is_auto_reply(headers: &Headers) -> bool {
    if is_from_a_daemon(headers) || headers.get("x-failed-recipients").is_some() {
        return false;
    }
    let says = |name: &str, words: &[&str]| {
        let value = headers.lower(name);
        words.iter().any(|word| value.contains(word))
    };
    let begins = [
        "out of office",
        "out of the office",
        "automatic reply",
        "auto reply",
        "auto-reply",
        "autoreply",
        "auto response",
        "auto:",
        "automatische antwort",
        "abwesenheit",
        "abwesend",
        "réponse automatique",
        "absence du bureau",
        "respuesta automática",
        "fuera de la oficina",
        "fuera de oficina",
        "risposta automatica",
        "vacation",
    ];
    let subject = headers.lower("subject");
    let subject = subject.trim_start_matches("re: ").trim_start();
    says("auto-submitted", &["auto-replied", "auto-notified", "auto_replied"])
        || says("precedence", &["auto_reply", "auto-reply"])
        || says("x-autoreply", &["yes", "auto"])
        || ["x-autorespond", "x-autoreply-from", "x-auto-reply", "x-auto-response"]
            .iter()
            .any(|h| headers.get(h).is_some())
        || begins.iter().any(|begin| subject.starts_with(begin))
}

fn is_from_a_daemon(headers: &Headers) -> bool {
    let from = headers.lower("from");
    SENDERS.iter().any(|sender| from.contains(sender))
}

/// What a bounce without a report for machines tells.
pub(crate) fn bounces(headers: &Headers, explained: &str, quoted: Option<&Headers>) -> Vec<Told> {
    if !is_bounce(headers, explained) {
        return Vec::new();
    }
    let ours: BTreeSet<String> = ["to", "from", "delivered-to", "x-original-to", "reply-to", "sender"]
        .iter()
        .filter_map(|name| headers.get(name).and_then(mail::address_in))
        .map(|address| address.to_lowercase())
        .collect();
    let failed: Vec<String> =
        headers.get("x-failed-recipients").map(|all| mail::addresses_in(all).collect()).unwrap_or_default();
    let mut found = if failed.is_empty() { recipients(explained, &ours) } else { failed };
    if found.is_empty() {
        found.extend(quoted.and_then(|quoted| quoted.get("to")).and_then(mail::address_in));
    }
    let subject = headers.get("subject").unwrap_or_default();
    let waits = is_waiting(subject, explained);
    let of = |recipient: Option<String>, is_alone: bool| {
        let near = recipient.as_deref().map(|address| around(explained, address)).unwrap_or_default();
        let near_class = class(&near);
        let whole = if is_alone || near_class.is_none() { class(explained).or_else(|| class(subject)) } else { None };
        let found = if waits { Class::Delayed } else { near_class.or(whole).unwrap_or(Class::Soft) };
        let said = if near_class.is_some() { near.as_str() } else { explained };
        let status = code::enhanced_in(&near).or_else(|| code::enhanced_in(explained).filter(|_| is_alone));
        Told { recipient, class: found, status: status.map(str::to_owned), said: cut(said) }
    };
    match found.len() {
        0 => vec![of(None, true)],
        1 => vec![of(found.pop(), true)],
        _ => found.into_iter().map(|recipient| of(Some(recipient), false)).collect(),
    }
}

fn class(text: &str) -> Option<Class> {
    code::class_of(None, text).filter(|class| class.is_bounce())
}

fn is_bounce(headers: &Headers, explained: &str) -> bool {
    let subject = headers.lower("subject");
    let about = SUBJECTS.iter().any(|known| subject.contains(known));
    let returned = headers.get("return-path").is_some_and(|path| path.trim() == "<>");
    let lower = explained.to_lowercase();
    let opens = OPENINGS.iter().any(|known| lower.contains(known));
    let says_code = code::enhanced_in(explained).is_some() || code::smtp_in(explained).is_some();
    let is_daemon = is_from_a_daemon(headers);
    let says_why = says_code || words::class_in(explained).is_some();
    headers.get("x-failed-recipients").is_some()
        || is_daemon && (opens || about || says_code && says_why)
        || returned && (opens || about && says_why)
        || about && opens && says_why
}

/// Whether the mail server says that it goes on trying.
fn is_waiting(subject: &str, explained: &str) -> bool {
    let (subject, explained) = (subject.to_lowercase(), explained.to_lowercase());
    let warned = ["delayed", "delay)", "warning: could not send", "warning: message", "still being retried"];
    let goes_on = [
        "you do not need to resend",
        "you do not need to take any action",
        "no action is required on your part",
        "will continue to try",
        "will be retried",
        "this is a warning message only",
        "will keep trying",
    ];
    warned.iter().any(|word| subject.contains(word)) || goes_on.iter().any(|word| explained.contains(word))
}

/// The recipients that a text names, as lines of their own first.
fn recipients(text: &str, ours: &BTreeSet<String>) -> Vec<String> {
    let is_theirs = |address: &String| !ours.contains(&address.to_lowercase());
    let mut in_lines: Vec<String> = Vec::new();
    let mut anywhere: Vec<String> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        let named = ["to:", "recipient:", "recipient address:", "address:", "user:", "rcpt to:", "failed recipient:"];
        let lower = trimmed.to_lowercase();
        let is_named = named.iter().any(|name| lower.starts_with(name));
        for address in mail::addresses_in(trimmed).filter(is_theirs) {
            let begins = trimmed.trim_start_matches(['<', '"', '*', '-', ' ']).starts_with(&address);
            let list = if begins || is_named { &mut in_lines } else { &mut anywhere };
            if !list.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                list.push(address);
            }
        }
    }
    if in_lines.is_empty() {
        anywhere.truncate(1);
        return anywhere;
    }
    in_lines
}

/// What a text says from the line that names an address to the next empty line, or to that of another recipient.
fn around(text: &str, address: &str) -> String {
    let mut near = String::new();
    let (mut is_near, mut within_answers) = (false, false);
    for line in text.lines() {
        let names = line.contains(address);
        let begun = line.trim_start_matches(|c: char| c.is_ascii_digit() || " \t\"<.-*".contains(c));
        let begins_another = !names && mail::addresses_in(line).any(|another| begun.starts_with(&another));
        // A line of a transcript stands for itself.
        let is_answer = begins_with_code(line);
        if is_near && (line.trim().is_empty() || begins_another || within_answers && is_answer && !names) {
            is_near = false;
        }
        within_answers = if names { is_answer } else { within_answers };
        is_near |= names;
        if is_near {
            near.push_str(line);
            near.push('\n');
        }
    }
    // An address such as spam@example.com is no reason.
    near.replace(address, "")
}

fn begins_with_code(line: &str) -> bool {
    let code = line.split([' ', '-']).next().unwrap_or_default();
    code.len() == 3 && code::smtp_in(code).is_some()
}
