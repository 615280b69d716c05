//! A campaign's mail: what is written into it, and what the mail server's answer means for its recipient.

use std::{collections::BTreeMap, time::Duration};

use herald_app::jobs::MessageEmail;
use herald_messaging::{
    Campaign, Claimed, Purpose, Sender, TrackedLinks, Tracking, archive_url, preferences_url, template::Compiled,
    tracked_links, unsubscribe_url,
};
use herald_providers::{
    Class, ProviderError,
    email::{Mailbox, Mailer, Message},
};
use uuid::Uuid;

use crate::jobs::{Context, Task};
use crate::runner::Failure;

/// What one campaign's mails have in common.
pub(super) struct Post {
    mailer: Mailer,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    sender: Sender,
    campaign_id: Uuid,
    purpose: Purpose,
    links: herald_base::links::LinkSigner,
    /// None: links lead where they say.
    tracked: Option<TrackedLinks>,
    archive: Option<String>,
}

/// What became of a mail.
pub(super) enum Handed {
    /// The mail server has it, and said this.
    Over { said: String },
    /// It was refused for good.
    Refused { cause: &'static str, reason: String },
    /// The server wants it later.
    PutOff { reason: String },
    /// The server had it, and did not answer.
    Unanswered { reason: String },
    /// It was not handed over: the server is away, or wants less.
    Away { wait: Option<Duration> },
    /// It was not handed over: somebody has to correct something first.
    NeedsAPerson { reason: String },
}

impl Post {
    /// Finds the mail server of a sender. The inner error is what a person has to correct.
    ///
    /// # Errors
    /// When the mail server's account cannot be used now.
    pub(super) async fn of(
        context: &Context,
        task: &Task<MessageEmail>,
        campaign: &Campaign,
        sender: &Sender,
    ) -> Result<Result<Self, String>, Failure> {
        let mailer = match sender.connection_id {
            None => context.mailer.clone(),
            Some(id) => context.mail_server(task, id).await?.client,
        };
        let tracked = match campaign.settings.0.tracking {
            Tracking::Off => None,
            _ => Some(tracked_links(&context.db, task.workspace_id, campaign.id).await?),
        };
        Ok(Self::with(mailer, context, campaign, sender).map(|post| Self { tracked, ..post }))
    }

    fn with(mailer: Mailer, context: &Context, campaign: &Campaign, sender: &Sender) -> Result<Self, String> {
        let wrong = |what: &str| format!("the {what} of its sender is not an e-mail address: correct the sender");
        let from = Mailbox::new(Some(&sender.from_name), &sender.from_address);
        let from = from.map_err(|_| wrong("address"))?;
        let reply_to = sender.reply_to.as_deref().map(Mailbox::parse).transpose();
        Ok(Self {
            mailer,
            from,
            reply_to: reply_to.map_err(|_| wrong("reply address"))?,
            sender: sender.clone(),
            campaign_id: campaign.id,
            purpose: campaign.settings.0.purpose,
            links: context.links.clone(),
            tracked: None,
            archive: campaign.settings.0.archive.then(|| archive_url(&context.links, campaign.id)),
        })
    }

    pub(super) async fn hand_over(&self, content: &Compiled, claimed: &Claimed) -> Handed {
        let message = match self.message(content, claimed) {
            Ok(message) => message,
            Err((cause, reason)) => return Handed::Refused { cause, reason },
        };
        match self.mailer.send(&message).await {
            Ok(receipt) => Handed::Over { said: receipt.said },
            Err(error) => what_of(error),
        }
    }

    /// The mail to one recipient.
    ///
    /// # Errors
    /// Why it cannot be written, in a word and in a sentence.
    fn message(&self, content: &Compiled, claimed: &Claimed) -> Result<Message, (&'static str, String)> {
        let to = Mailbox::new(claimed.params.0.get("name").map(String::as_str), &claimed.address)
            .map_err(|bad| ("bad_address", bad.to_string()))?;
        let unsubscribe = unsubscribe_url(&self.links, claimed.id);
        let mut values: BTreeMap<String, String> = claimed.params.0.clone();
        values.insert("unsubscribe_url".to_owned(), unsubscribe.clone());
        values.insert("preferences_url".to_owned(), preferences_url(&self.links, claimed.id));
        for name in ["archive_url", "view_url"] {
            values.extend(self.archive.iter().map(|url| (name.to_owned(), url.clone())));
        }
        values.insert("postal_address".to_owned(), self.sender.postal_address.clone());
        values.insert("sender_name".to_owned(), self.sender.from_name.clone());
        let language = claimed.language.as_deref().unwrap_or_else(|| content.language_for(None));
        let mail = match &self.tracked {
            None => content.render(language, &values),
            Some(tracked) => tracked.of_message(&self.links, claimed.id, language, |tracks| {
                content.render_with(language, &values, Some(tracks))
            }),
        };
        let mail = mail.map_err(|error| ("template", error.to_string()))?;
        let mut headers = vec![("Feedback-ID".to_owned(), format!("{}:herald", self.campaign_id.simple()))];
        if self.purpose == Purpose::Marketing {
            // RFC 2369 and RFC 8058.
            headers.push(("List-Unsubscribe".to_owned(), format!("<{unsubscribe}>")));
            headers.push(("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()));
            headers.push(("List-Id".to_owned(), format!("<{}.{}>", self.campaign_id.simple(), self.from.domain())));
            headers.push(("Precedence".to_owned(), "bulk".to_owned()));
        } else {
            headers.push(("Auto-Submitted".to_owned(), "auto-generated".to_owned()));
        }
        Ok(Message {
            id: claimed.id,
            to,
            from: Some(self.from.clone()),
            reply_to: self.reply_to.clone(),
            subject: mail.subject,
            text: mail.text,
            html: Some(mail.html),
            headers,
        })
    }
}

/// What an error means for the recipient, or for all of them.
fn what_of(error: ProviderError) -> Handed {
    let reason = error.message;
    match (error.class, error.refusal) {
        (Class::Unknown, _) => Handed::Unanswered { reason },
        (_, Some(refusal)) if refusal.is_for_now() => Handed::PutOff { reason },
        (_, Some(refusal)) if refusal.is_no_such_address() => Handed::Refused { cause: "no_such_address", reason },
        // The address is right, and the sender's standing or the content is not (RFC 3463, 3.8).
        (_, Some(refusal)) if matches!(refusal.status, Some((_, 7, _))) => Handed::Refused { cause: "policy", reason },
        (_, Some(refusal)) if matches!(refusal.status, Some((_, 2, 2))) => {
            Handed::Refused { cause: "mailbox_full", reason }
        }
        (_, Some(_)) | (Class::Recipient, None) => Handed::Refused { cause: "refused", reason },
        (Class::Auth | Class::Config, None) => Handed::NeedsAPerson { reason },
        (Class::Rate | Class::Transient | Class::Down, None) => Handed::Away { wait: error.retry_after },
    }
}
