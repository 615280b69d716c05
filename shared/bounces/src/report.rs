//! Reports for machines within a mail: of deliveries (RFC 3464), and of complaints (RFC 5965).

use crate::{Class, Told, code, cut, mail, mail::Headers, mail::Part, plain};

/// The fields of a delivery report about one recipient.
#[derive(Clone, Debug, Default)]
struct Fields {
    /// Of `Final-Recipient`, or of what stands in for it.
    recipient: Option<String>,
    is_final: bool,
    action: Option<String>,
    status: Option<String>,
    said: String,
}

impl Fields {
    fn is_empty(&self) -> bool {
        self.action.is_none() && self.status.is_none() && self.said.is_empty()
    }
}

/// What delivery reports tell, one for each recipient. `explained` is what people read beside them.
pub(crate) fn deliveries(headers: &Headers, parts: &[Part], explained: &str) -> Vec<Told> {
    let attached: Vec<&Part> = parts.iter().filter(|part| part.kind.contains("delivery-status")).collect();
    let mut all: Vec<Fields> = attached.iter().flat_map(|part| fields(&part.text)).collect();
    if all.is_empty() && (!attached.is_empty() || headers.lower("content-type").starts_with("multipart/")) {
        // Some mail servers say so in a part of another type.
        let loose = parts.iter().filter(|part| !part.is_original()).flat_map(|part| fields(plain::above(&part.text)));
        all = loose.filter(|one| one.recipient.is_some() && one.status.is_some()).collect();
    }
    let alone = all.len() == 1;
    let failed = headers.get("x-failed-recipients").and_then(mail::address_in);
    all.into_iter()
        .map(|one| {
            let recipient = one.recipient.clone().or_else(|| failed.clone().filter(|_| alone));
            told(one, recipient, explained, alone)
        })
        .collect()
}

fn told(one: Fields, recipient: Option<String>, explained: &str, alone: bool) -> Told {
    let status = one.status.as_deref().and_then(code::enhanced_in).map(str::to_owned);
    let class = match one.action.as_deref() {
        Some("delivered" | "relayed" | "expanded" | "deliverable") => Class::Delivered,
        Some("delayed") => Class::Delayed,
        _ => {
            let by_report = code::class_of(status.as_deref(), &one.said);
            // What people read may name the reason, if the report is about nobody else.
            let is_vague = by_report.is_none() || !says_why(status.as_deref(), &one.said);
            let read = if is_vague && alone { code::class_of(None, explained) } else { None };
            read.filter(|class| class.is_bounce()).or(by_report).unwrap_or(Class::Soft)
        }
    };
    let within = code::enhanced_in(&one.said).map(str::to_owned);
    let status = status.filter(|status| !status.ends_with(".0.0")).or(within).or(one.status.as_deref().map(cut));
    let said = if one.said.is_empty() { cut(explained) } else { cut(&one.said) };
    Told { recipient, class, status, said }
}

/// Whether a report names a reason at all.
fn says_why(status: Option<&str>, said: &str) -> bool {
    let is_specific = |code: &str| code.starts_with('4') || !code.ends_with(".0.0") && !code.starts_with("5.5.");
    status.is_some_and(is_specific)
        || code::enhanced_in(said).is_some_and(is_specific)
        || crate::words::class_in(said).is_some()
}

/// The blocks of a delivery report that are about a recipient.
fn fields(text: &str) -> Vec<Fields> {
    let mut all: Vec<Fields> = Vec::new();
    let mut now = Fields::default();
    for (name, value) in lines(text) {
        let Some(name) = name else {
            keep(&mut all, std::mem::take(&mut now));
            continue;
        };
        match name.as_str() {
            "final-recipient" => {
                if now.is_final {
                    keep(&mut all, std::mem::take(&mut now));
                }
                now.recipient = address_of(&value).or(now.recipient);
                now.is_final = true;
            }
            "original-recipient" | "x-actual-recipient" => {
                now.recipient = now.recipient.or_else(|| address_of(&value));
            }
            "action" => {
                let word = value.split([' ', '(', ';']).next().unwrap_or_default().to_lowercase();
                now.action = Some(if word == "fail" || word == "failure" { "failed".to_owned() } else { word });
            }
            "status" => now.status = Some(value),
            "diagnostic-code" | "x-supplementary-info" => {
                let value =
                    value.split_once(';').filter(|(kind, _)| !kind.contains(' ')).map_or(&*value, |(_, said)| said);
                if !now.said.is_empty() {
                    now.said.push(' ');
                }
                now.said.push_str(value.trim());
            }
            _ => {}
        }
    }
    keep(&mut all, now);
    all
}

/// Keeps a block. One that lacks the recipient goes on with the one before that lacks the rest.
fn keep(all: &mut Vec<Fields>, block: Fields) {
    match all.last_mut() {
        Some(last) if last.is_empty() && block.recipient.is_none() => {
            (last.action, last.status, last.said) = (block.action, block.status, block.said);
        }
        _ if block.recipient.is_some() || !block.is_empty() => all.push(block),
        _ => {}
    }
}

/// The fields of a text, folded lines joined; `None` for an empty line.
fn lines(text: &str) -> Vec<(Option<String>, String)> {
    let mut all: Vec<(Option<String>, String)> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            all.push((None, String::new()));
        } else if line.starts_with([' ', '\t']) {
            if let Some((Some(_), value)) = all.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            all.push((Some(name.trim().to_lowercase()), value.trim().to_owned()));
        } else if let Some((Some(name), value)) = all.last_mut()
            && name == "diagnostic-code"
        {
            // A line that forgot to be folded.
            value.push(' ');
            value.push_str(line.trim());
        }
    }
    all
}

/// The address of a recipient's field; a name without a domain counts as well.
fn address_of(value: &str) -> Option<String> {
    let address = value.split_once(';').map_or(value, |(_, address)| address).trim();
    mail::address_in(address).or_else(|| {
        let name = address.trim_matches(['<', '>', '"', ' ']);
        (!name.is_empty() && name.len() <= 254 && !name.contains([' ', '\t'])).then(|| name.to_owned())
    })
}

/// What a complaint tells. Reports of other things than a recipient's wish are none.
pub(crate) fn complaint(headers: &Headers, parts: &[Part], quoted: Option<&Headers>) -> Option<Told> {
    let part = parts.iter().find(|part| part.kind == "message/feedback-report");
    let is_report = headers.lower("content-type").contains("feedback-report");
    // Outlook.com passes on what people call junk, without a report.
    let is_junk = headers.lower("from").contains("staff@hotmail.com")
        && headers.lower("subject").contains("complaint about message")
        && quoted.is_some();
    if part.is_none() && !is_report && !is_junk {
        return None;
    }
    let fields = lines(part.map(|part| part.text.as_str()).unwrap_or_default());
    let get = |name: &str| fields.iter().find(|(known, _)| known.as_deref() == Some(name)).map(|(_, value)| value);
    let kind = get("feedback-type").map(|kind| kind.trim().to_lowercase()).unwrap_or_default();
    let class = match kind.as_str() {
        "not-spam" => Class::None,
        // Of mails that somebody else sent in the sender's name, or of a sender without proof.
        "auth-failure" | "dmarc" => Class::Policy,
        _ => Class::Complaint,
    };
    let named = ["original-rcpt-to", "removal-recipient", "x-original-rcpt-to"];
    let recipient = named.iter().find_map(|name| get(name)).and_then(|value| mail::address_in(value)).or_else(|| {
        let of_original = ["x-hmxmroriginalrecipient", "to"];
        quoted.and_then(|quoted| of_original.iter().find_map(|name| quoted.get(name).and_then(mail::address_in)))
    });
    let said = if kind.is_empty() { "complaint".to_owned() } else { cut(&kind) };
    Some(Told { recipient, class, status: None, said })
}
