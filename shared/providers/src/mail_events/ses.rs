//! What Amazon SES tells through SNS.

use herald_base::boxed;
use herald_bounces::Class;
use serde_json::Value;

use super::{
    MailEvent, MailTold, NotTaken, bounced, cut, json,
    sns::{self, Certificates, Confirm},
    text, texts, time,
};

/// Reads what SES tells.
#[derive(Clone, Debug)]
pub struct Ses {
    topics: Vec<String>,
}

impl Ses {
    /// Reads what comes through these topics, by their ARNs with spaces between them.
    ///
    /// # Errors
    /// When one is not the ARN of a topic.
    pub fn new(topics: &str) -> Result<Self, &'static str> {
        let topics: Vec<String> = topics.split_whitespace().map(str::to_owned).collect();
        match topics.iter().all(|topic| topic.starts_with("arn:aws") && topic.contains(":sns:")) {
            true => Ok(Self { topics }),
            false => Err("use the ARNs of the topics, such as arn:aws:sns:eu-west-1:123456789012:bounces"),
        }
    }

    /// Reads what SNS sends: events, or the question whether Herald wants them.
    ///
    /// # Errors
    /// [`NotTaken`].
    #[boxed]
    pub async fn read(
        &self,
        certificates: &Certificates,
        body: &[u8],
    ) -> Result<(Vec<MailEvent>, Option<Confirm>), NotTaken> {
        let envelope = json(body)?;
        let topic = text(&envelope, "/TopicArn").unwrap_or_default();
        if !self.topics.iter().any(|known| known == topic) {
            return Err(NotTaken::NotGenuine("its topic is not one of the settings"));
        }
        sns::check(certificates, &envelope).await?;
        match text(&envelope, "/Type") {
            Some("SubscriptionConfirmation") => Ok((Vec::new(), Some(sns::confirmation(&envelope)?))),
            Some("Notification") => Ok((events(&envelope), None)),
            _ => Ok((Vec::new(), None)),
        }
    }
}

fn events(envelope: &Value) -> Vec<MailEvent> {
    // SNS also sends words, such as when a topic is made.
    let Some(told) = text(envelope, "/Message").and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Vec::new();
    };
    let Some(kind) = text(&told, "/notificationType").or(text(&told, "/eventType")) else { return Vec::new() };
    let key = text(envelope, "/MessageId").unwrap_or_default();
    let (what, status, said, at) = match kind {
        "Bounce" => {
            let first = told.pointer("/bounce/bouncedRecipients/0").cloned().unwrap_or_default();
            let (status, said) = (text(&first, "/status"), text(&first, "/diagnosticCode").unwrap_or_default());
            let by_word = match (text(&told, "/bounce/bounceType"), text(&told, "/bounce/bounceSubType")) {
                (_, Some("ContentRejected" | "AttachmentRejected")) => Class::Policy,
                (Some("Permanent"), _) => Class::Hard,
                _ => Class::Soft,
            };
            let what = match text(&told, "/bounce/bounceSubType") {
                Some("Suppressed" | "OnAccountSuppressionList") => MailTold::Dropped,
                _ => bounced(status, said, Some(by_word)),
            };
            (what, status.map(cut), cut(said), text(&told, "/bounce/timestamp"))
        }
        // A list of SES's own mailbox providers, not a person's act.
        "Complaint" if text(&told, "/complaint/complaintSubType").is_some() => {
            (MailTold::Dropped, None, String::new(), text(&told, "/complaint/timestamp"))
        }
        "Complaint" if text(&told, "/complaint/complaintFeedbackType") == Some("not-spam") => return Vec::new(),
        "Complaint" => {
            let said = text(&told, "/complaint/complaintFeedbackType").unwrap_or_default();
            (MailTold::Complained, None, cut(said), text(&told, "/complaint/timestamp"))
        }
        "Delivery" => {
            let said = text(&told, "/delivery/smtpResponse").unwrap_or_default();
            (MailTold::Delivered, None, cut(said), text(&told, "/delivery/timestamp"))
        }
        _ => return Vec::new(),
    };
    vec![MailEvent {
        key: cut(key),
        named: named(&told),
        what,
        status,
        said,
        at: at.and_then(time),
        raw: told.to_string(),
    }]
}

/// SES gives mails a `Message-ID` of its own. Ours is among the original headers, if the topic gets these.
fn named(told: &Value) -> Vec<String> {
    let headers = told.pointer("/mail/headers").and_then(Value::as_array).into_iter().flatten();
    let ours =
        headers.filter(|header| text(header, "/name").is_some_and(|name| name.eq_ignore_ascii_case("message-id")));
    let mut named: Vec<String> = ours.filter_map(|header| text(header, "/value")).map(cut).collect();
    named.extend(texts(told, &["/mail/source", "/mail/commonHeaders/returnPath", "/mail/commonHeaders/messageId"]));
    named
}
