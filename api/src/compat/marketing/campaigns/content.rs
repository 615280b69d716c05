//! What a campaign of the marketing backend says, and in whose name. There, both stood in the campaign and in the
//! settings; here they are a message template and a sender. Each is made if the caller may make one.

use std::collections::BTreeMap;

use herald_contacts::Channel;
use herald_ledger::audit::Actor;
use herald_messaging::{
    MessagingError, SenderFields, create_sender, list_senders,
    template::{
        Compiled, LanguagePart, MessageContent, MessageFormat, create_message_template, remove_message_template,
    },
};
use herald_people::workspace_name;
use herald_providers::email::Mailbox;
use uuid::Uuid;

use crate::{
    Api,
    front::{
        auth::Caller,
        problem::{Kind, Problem},
    },
};

/// The routes whose permissions are asked for.
const TEMPLATES: &str = "/api/v1/message-templates";
const SENDERS: &str = "/api/v1/senders";
/// In whose name mails are that only go into the outbox, if the settings name no domain of the internet.
const OUTBOX_SENDER: &str = "herald@example.com";
/// The longest name of a template or a sender.
const LONGEST_NAME: usize = 100;
/// How many templates may be named after campaigns of one name.
const MOST_NAMESAKES: usize = 100;

/// What a campaign says.
pub(super) struct Content<'a> {
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    pub(super) language: &'a str,
}

impl Content<'_> {
    /// Keeps it as a message template with the name of the campaign.
    pub(super) async fn keep(&self, api: &Api, caller: &Caller, actor: &Actor, name: &str) -> Result<Uuid, Problem> {
        if !caller.may_post(TEMPLATES) {
            let detail = "you may not make message templates, which a campaign with content needs";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        let content = self.as_template();
        if let Err(findings) = Compiled::compile(&content, &BTreeMap::new()) {
            let found = findings.iter().find(|finding| finding.is_error);
            let (field, detail) = match found {
                Some(one) if one.place.starts_with("subject") => ("subject", format!("{}: {}", one.problem, one.cure)),
                Some(one) => ("content", format!("{}: {}", one.problem, one.cure)),
                None => ("content", "no mail can be made of it".to_owned()),
            };
            return Err(Problem::field(field, detail));
        }
        for number in 1..=MOST_NAMESAKES {
            let name = numbered(name, number);
            match create_message_template(&api.db, actor, &name, content.clone()).await {
                Ok(made) => return Ok(made.id),
                Err(MessagingError::NameTaken { .. }) if number < MOST_NAMESAKES => {}
                Err(error) => return Err(error.into()),
            }
        }
        unreachable!("the last number returns")
    }

    fn as_template(&self) -> MessageContent {
        let is_html = self.text.starts_with('<');
        let part = LanguagePart {
            subject: self.subject.split_whitespace().collect::<Vec<_>>().join(" "),
            preheader: None,
            body: if is_html { self.text.to_owned() } else { with_its_lines(self.text) },
            text: None,
        };
        MessageContent {
            format: if is_html { MessageFormat::Html } else { MessageFormat::Markdown },
            default_language: self.language.to_owned(),
            languages: BTreeMap::from([(self.language.to_owned(), part)]),
        }
    }
}

/// A text whose lines stay lines in Markdown.
fn with_its_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut kept = String::with_capacity(text.len() + 2 * lines.len());
    for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
        kept.push_str(line);
        kept.push_str(if line.is_empty() || next.is_empty() { "\n" } else { "  \n" });
    }
    kept.push_str(lines.last().copied().unwrap_or_default());
    kept
}

/// A name that is short enough, from the second one on with its number.
fn numbered(name: &str, number: usize) -> String {
    let end = if number == 1 { String::new() } else { format!(" ({number})") };
    let name: String = name.chars().take(LONGEST_NAME - end.len()).collect();
    format!("{}{end}", name.trim_end())
}

/// Removes a template that no campaign got.
pub(super) async fn forget(api: &Api, actor: &Actor, template: Uuid) -> Result<(), Problem> {
    remove_message_template(&api.db, actor, template).await?;
    Ok(())
}

/// The sender with the address of the settings, or the workspace's first one. A workspace without one gets one, if the
/// caller may make it. `None`: the campaign gets its sender later.
pub(super) async fn sender(api: &Api, caller: &Caller, actor: &Actor) -> Result<Option<Uuid>, Problem> {
    let mail = &api.settings.mail;
    let from = Mailbox::parse(&mail.from).ok().filter(|from| from.domain().contains('.'));
    let from = match from {
        Some(from) => Some(from.address().to_owned()),
        None if mail.host.is_empty() => Some(OUTBOX_SENDER.to_owned()),
        None => None,
    };
    let senders = list_senders(&api.db, actor.workspace_id).await?;
    let mut by_mail = senders.into_iter().filter(|sender| sender.channel == Channel::Email).collect::<Vec<_>>();
    if !mail.host.is_empty() {
        // It was made while mails only went into the outbox.
        by_mail.retain(|sender| sender.from_address != OUTBOX_SENDER);
    }
    let is_of_settings = |address: &str| from.as_deref() == Some(address);
    let found = by_mail.iter().find(|sender| is_of_settings(&sender.from_address)).or(by_mail.first());
    if let Some(sender) = found {
        return Ok(Some(sender.id));
    }
    let (Some(from_address), true) = (from, caller.may_post(SENDERS)) else { return Ok(None) };
    let name = workspace_name(&api.db, actor.workspace_id).await?.unwrap_or_default();
    let name = numbered(&name, 1);
    let fields = SenderFields {
        name: name.clone(),
        channel: Channel::Email,
        connection_id: None,
        relays: Vec::new(),
        from_name: name.clone(),
        from_address,
        reply_to: mail.reply_to.clone(),
        postal_address: name,
        footer: String::new(),
        rate_per_second: None,
        daily_cap: None,
        warm_up: Vec::new(),
        quiet: None,
        bounce_domain: String::new(),
    };
    Ok(Some(create_sender(&api.db, actor, fields).await?.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_text_stay_lines() {
        assert_eq!(with_its_lines("Hello,\nwe are open.\n\nBye"), "Hello,  \nwe are open.\n\nBye");
        assert_eq!(with_its_lines("Hello"), "Hello");
        let content = Content { subject: "One\nline", text: "<p>Hello</p>", language: "es" }.as_template();
        assert_eq!((content.format, content.default_language.as_str()), (MessageFormat::Html, "es"));
        assert_eq!(
            (content.languages["es"].subject.as_str(), content.languages["es"].body.as_str()),
            ("One line", "<p>Hello</p>")
        );
    }

    #[test]
    fn namesakes_get_numbers() {
        assert_eq!((numbered("Spring", 1), numbered("Spring", 2)), ("Spring".to_owned(), "Spring (2)".to_owned()));
        assert_eq!(numbered(&"x".repeat(200), 12).chars().count(), LONGEST_NAME);
    }
}
