//! A campaign's messages over WhatsApp: what is put into the template, and what the provider's answer means for its
//! recipient.

use chrono::TimeDelta;
use herald_accounts::ProviderKind;
use herald_messaging::{Campaign, Claimed, Sender, WhatsappMessage};
use herald_providers::{
    Class,
    whatsapp::{Content, Meaning, Outgoing, SendError, TemplateUse, Whatsapp},
};

use super::part::{HandOver, Handed};
use crate::jobs::{Context, Task};
use crate::runner::Failure;

/// How often somebody who gets no more advertising today is tried again on another day.
const OTHER_DAYS: i64 = 2;
/// How long somebody waits who got a message a moment ago, the first time.
const A_MOMENT: TimeDelta = TimeDelta::seconds(6);
const LONGEST_MOMENT: TimeDelta = TimeDelta::hours(1);

/// The messages of a campaign over WhatsApp.
pub(super) struct Messages {
    account: Whatsapp,
    message: WhatsappMessage,
    from: String,
    report_to: Option<String>,
}

impl HandOver for Messages {
    const WAITS_AFTER_SILENCE: bool = true;

    async fn open<P: Send + Sync>(
        context: &Context,
        task: &Task<P>,
        campaign: &Campaign,
        sender: &Sender,
    ) -> Result<Result<Self, String>, Failure> {
        let Some(message) = &campaign.whatsapp else {
            return Ok(Err("it was sent without being submitted".to_owned()));
        };
        let Some(id) = sender.connection_id else {
            return Ok(Err("its sender has no account at Twilio or Meta: choose one".to_owned()));
        };
        if id != message.0.connection_id {
            let reason = "its sender has another account than when it was approved: submit a copy of it";
            return Ok(Err(reason.to_owned()));
        }
        let used = context.whatsapp(task, id).await?;
        // Meta has one address for all reports of an app, Twilio asks for it with each message.
        let reports = used.connection.settings.0.provider() == ProviderKind::Twilio;
        Ok(Ok(Self {
            account: used.client,
            message: message.0.clone(),
            from: sender.from_address.clone(),
            report_to: reports.then(|| context.links.page(&format!("/webhooks/twilio/{id}"))),
        }))
    }

    async fn hand_over(&self, claimed: &Claimed) -> Handed {
        let values = match self.message.values(&claimed.params.0) {
            Ok(values) => values,
            Err((cause, reason)) => return Handed::Refused { cause, reason },
        };
        let outgoing = Outgoing {
            id: claimed.id,
            from: &self.from,
            to: &claimed.address,
            content: Content::Template(TemplateUse { template: &self.message.template, values: &values }),
            report_to: self.report_to.as_deref(),
        };
        match self.account.send(&outgoing).await {
            Ok(accepted) => Handed::Over { said: accepted.said, provider_id: Some(accepted.provider_id) },
            Err(error) => what_of(error, claimed.tries),
        }
    }
}

/// What an error means for the recipient, or for all of them.
fn what_of(refused: SendError, tries: i64) -> Handed {
    let SendError { error, meaning } = refused;
    let reason = error.message;
    match (meaning, error.class) {
        (Some(Meaning::NotToday), _) if tries >= OTHER_DAYS => {
            Handed::Refused { cause: Meaning::NotToday.cause(), reason }
        }
        (Some(Meaning::NotToday), _) => Handed::PutOffFor { reason, wait: TimeDelta::hours(24) },
        (Some(Meaning::TooSoon), _) => {
            let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(16);
            let wait = A_MOMENT.checked_mul(1 << doublings).unwrap_or(LONGEST_MOMENT).min(LONGEST_MOMENT);
            Handed::PutOffFor { reason, wait }
        }
        (Some(Meaning::Internal), _) => Handed::PutOff { reason },
        (Some(Meaning::Slower(wait)), _) => Handed::Away { wait: error.retry_after.or(Some(wait)) },
        (Some(Meaning::Template | Meaning::Account), _) | (None, Class::Auth | Class::Config) => {
            Handed::NeedsAPerson { reason }
        }
        (Some(other), _) => Handed::Refused { cause: other.cause(), reason },
        (None, Class::Unknown) => Handed::Unanswered { reason },
        (None, Class::Recipient) => Handed::Refused { cause: "refused", reason },
        (None, Class::Rate | Class::Transient | Class::Down) => Handed::Away { wait: error.retry_after },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use herald_providers::ProviderError;

    use super::*;

    fn refused(meaning: Option<Meaning>, class: Class, tries: i64) -> Handed {
        what_of(SendError { error: ProviderError::new(class, "it is so"), meaning }, tries)
    }

    fn of(meaning: Meaning, tries: i64) -> Handed {
        refused(Some(meaning), meaning.class(), tries)
    }

    #[test]
    fn who_gets_no_more_advertising_today_waits_for_a_day_and_not_for_ever() {
        for tries in 0..OTHER_DAYS {
            let Handed::PutOffFor { wait, .. } = of(Meaning::NotToday, tries) else { panic!("it waits") };
            assert_eq!(wait, TimeDelta::hours(24));
        }
        assert!(matches!(of(Meaning::NotToday, OTHER_DAYS), Handed::Refused { cause: "not_today", .. }));
    }

    #[test]
    fn who_got_a_message_a_moment_ago_waits_longer_each_time() {
        let waits: Vec<i64> = [0, 1, 2, 20]
            .map(|tries| match of(Meaning::TooSoon, tries) {
                Handed::PutOffFor { wait, .. } => wait.num_seconds(),
                _ => panic!("it waits"),
            })
            .to_vec();
        assert_eq!(waits, [6, 12, 24, 3_600]);
    }

    #[test]
    fn what_concerns_one_person_stops_nobody_else() {
        for (meaning, cause) in [
            (Meaning::NoSuchAddress, "no_such_address"),
            (Meaning::Undeliverable, "undeliverable"),
            (Meaning::OptedOut, "opted_out"),
            (Meaning::NoAdvertising, "no_advertising"),
            (Meaning::WindowClosed, "window_closed"),
            (Meaning::Content, "content"),
        ] {
            assert!(matches!(of(meaning, 0), Handed::Refused { cause: found, .. } if found == cause), "{meaning:?}");
        }
        for meaning in [Meaning::Template, Meaning::Account] {
            assert!(matches!(of(meaning, 0), Handed::NeedsAPerson { .. }), "{meaning:?}");
        }
        let minute = Duration::from_secs(60);
        assert!(matches!(of(Meaning::Slower(minute), 0), Handed::Away { wait: Some(wait) } if wait == minute));
        assert!(matches!(of(Meaning::Internal, 0), Handed::PutOff { .. }));
    }

    #[test]
    fn what_may_have_been_taken_is_not_sent_again() {
        assert!(matches!(refused(None, Class::Unknown, 0), Handed::Unanswered { .. }));
        assert!(matches!(refused(None, Class::Down, 0), Handed::Away { .. }));
        assert!(matches!(refused(None, Class::Config, 0), Handed::NeedsAPerson { .. }));
    }
}
