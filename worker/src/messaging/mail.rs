//! A campaign's mail: what is written into it, and what the mail server's answer means for its recipient.

use std::collections::BTreeMap;

use herald_base::links::LinkSigner;
use herald_messaging::{
    Campaign, Claimed, Purpose, Sender, TrackedLinks, Tracking, archive_url, preferences_url, template::Compiled,
    tracked_links, unsubscribe_url, verp,
};
use herald_providers::{
    Class, ProviderError,
    email::{BadMailbox, Mailbox, Message},
};
use uuid::Uuid;

use super::{
    campaign_dispatch::{mail_of, mails_tried},
    part::{HandOver, Handed},
    relays::Servers,
};
use crate::jobs::{Context, Task};
use crate::runner::Failure;

/// What one campaign's mails have in common.
pub(super) struct Post {
    servers: Servers,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    sender: Sender,
    /// What is said with each of the subjects that are tried.
    tried: Vec<Compiled>,
    campaign_id: Uuid,
    purpose: Purpose,
    links: LinkSigner,
    /// None: links lead where they say.
    tracked: Option<TrackedLinks>,
    archive: Option<String>,
}

/// The mails of a campaign.
pub(super) struct Mails {
    post: Post,
    content: Compiled,
}

impl HandOver for Mails {
    // A mail server that closes one connection has others.
    const WAITS_AFTER_SILENCE: bool = false;

    async fn open<P: Send + Sync>(
        context: &Context,
        task: &Task<P>,
        campaign: &Campaign,
        sender: &Sender,
    ) -> Result<Result<Self, String>, Failure> {
        let content = match mail_of(campaign, sender) {
            Ok(content) => content,
            Err(reason) => return Ok(Err(reason)),
        };
        let tracked = match campaign.settings.0.tracking {
            Tracking::Off => None,
            _ => Some(tracked_links(&context.db, task.workspace_id, campaign.id).await?),
        };
        let post = Post::of(context, task, campaign, sender).await?;
        Ok(post.map(|post| Self { post: Post { tracked, ..post }, content }))
    }

    async fn hand_over(&self, claimed: &Claimed) -> Handed {
        self.post.hand_over(&self.content, claimed).await
    }

    async fn ended(&self, context: &Context) -> Result<(), Failure> {
        self.post.servers.note_states(context).await
    }
}

impl Post {
    /// Finds the mail servers of a sender. Its links lead where they say. The inner error is what a person has to
    /// correct.
    ///
    /// # Errors
    /// When no account of a mail server can be used now.
    pub(super) async fn of<P>(
        context: &Context,
        task: &Task<P>,
        campaign: &Campaign,
        sender: &Sender,
    ) -> Result<Result<Self, String>, Failure> {
        let servers = Servers::of(context, task, sender).await?;
        Ok(Self::with(servers, context, campaign, sender))
    }

    fn with(servers: Servers, context: &Context, campaign: &Campaign, sender: &Sender) -> Result<Self, String> {
        let wrong = |what: &str| format!("the {what} of its sender is not an e-mail address: correct the sender");
        let from = Mailbox::new(Some(&sender.from_name), &sender.from_address);
        let from = from.map_err(|_| wrong("address"))?;
        let reply_to = sender.reply_to.as_deref().map(Mailbox::parse).transpose();
        bounces_to(&context.links, sender, campaign.id).map_err(|_| wrong("address for bounces"))?;
        Ok(Self {
            servers,
            from,
            reply_to: reply_to.map_err(|_| wrong("reply address"))?,
            sender: sender.clone(),
            tried: mails_tried(campaign, sender)?,
            campaign_id: campaign.id,
            purpose: campaign.settings.0.purpose,
            links: context.links.clone(),
            tracked: None,
            archive: campaign.settings.0.archive.then(|| archive_url(&context.links, campaign.id)),
        })
    }

    pub(super) async fn hand_over(&self, content: &Compiled, claimed: &Claimed) -> Handed {
        match self.message(content, claimed) {
            Ok(message) => self.send(&message).await,
            Err((cause, reason)) => Handed::Refused { cause, reason },
        }
    }

    /// Hands over the same mail, whose subject says that it is a test.
    pub(super) async fn hand_over_test(&self, content: &Compiled, claimed: &Claimed) -> Handed {
        match self.message(content, claimed) {
            Ok(message) => self.send(&Message { subject: format!("[Test] {}", message.subject), ..message }).await,
            Err((cause, reason)) => Handed::Refused { cause, reason },
        }
    }

    async fn send(&self, message: &Message) -> Handed {
        match self.servers.relays.send(message).await {
            Ok(receipt) => Handed::Over { said: receipt.said, provider_id: None },
            Err(error) => what_of(error),
        }
    }

    /// The mail to one recipient.
    ///
    /// # Errors
    /// Why it cannot be written, in a word and in a sentence.
    fn message(&self, content: &Compiled, claimed: &Claimed) -> Result<Message, (&'static str, String)> {
        let number = claimed.variant.as_deref().and_then(|variant| variant.parse::<usize>().ok()?.checked_sub(1));
        let content = number.and_then(|number| self.tried.get(number)).unwrap_or(content);
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
        let mut headers = vec![
            ("Feedback-ID".to_owned(), format!("{}:herald", self.campaign_id.simple())),
            // Postmark tells nothing else of a mail that names the message.
            ("X-PM-Metadata-herald".to_owned(), claimed.id.to_string()),
        ];
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
            envelope_from: bounces_to(&self.links, &self.sender, claimed.id)
                .map_err(|bad| ("bad_address", bad.to_string()))?,
            reply_to: self.reply_to.clone(),
            subject: mail.subject,
            text: mail.text,
            html: Some(mail.html),
            headers,
        })
    }
}

/// The address to which the bounces of a message go, if the sender has a domain for them. The message can be recognised
/// by it.
pub(super) fn bounces_to(links: &LinkSigner, sender: &Sender, message_id: Uuid) -> Result<Option<Mailbox>, BadMailbox> {
    let domain = sender.bounce_domain.as_deref();
    domain.map(|domain| Mailbox::new(None, &verp::address(links, message_id, domain))).transpose()
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
