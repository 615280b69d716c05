//! Messages that Twilio has: what to do about one whose end nobody heard.

use chrono::{DateTime, TimeDelta, Utc};
use herald_base::boxed;
use serde_json::Value;

use super::client::Twilio;
use crate::{
    Result,
    twilio::webhook,
    whatsapp::{Report, ReportState},
};

/// Messages of one page, which are the most that are looked at.
const PAGE: &str = "200";

/// A message that Twilio has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What Twilio says of it.
    pub report: Report,
    /// What it says to the person, if Twilio keeps that.
    pub body: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Twilio {
    /// The messages that were sent to a number (E.164) around a moment: from ten minutes before it to an hour after.
    ///
    /// # Errors
    /// [`ProviderError`](crate::ProviderError).
    #[boxed]
    pub async fn find_sent(&self, to: &str, around: DateTime<Utc>) -> Result<Vec<Found>> {
        let (from, until) = (around - TimeDelta::minutes(10), around + TimeDelta::hours(1));
        let mut url = self.address(&["Messages.json"]);
        // Days of UTC. A message that was made late on a day may count to the next one.
        let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
        url.query_pairs_mut()
            .append_pair("To", &format!("whatsapp:{to}"))
            .append_pair("DateSent>", &day(from - TimeDelta::days(1)))
            .append_pair("DateSent<", &day(until + TimeDelta::days(1)))
            .append_pair("PageSize", PAGE);
        let answer = self.get(url).await?;
        let messages = answer.get("messages").and_then(Value::as_array).into_iter().flatten();
        let found = messages.filter_map(found).filter(|one| one.created_at >= from && one.created_at <= until);
        Ok(found.collect())
    }

    /// How far a message is that Twilio has.
    ///
    /// # Errors
    /// [`ProviderError`](crate::ProviderError).
    #[boxed]
    pub async fn look_up(&self, sid: &str) -> Result<Option<Report>> {
        let answer = self.get(self.address(&["Messages", &format!("{sid}.json")])).await?;
        Ok(found(&answer).map(|found| found.report))
    }
}

fn found(message: &Value) -> Option<Found> {
    let word = |name: &str| message.get(name).and_then(Value::as_str);
    let created_at = DateTime::parse_from_rfc2822(word("date_created")?).ok()?.to_utc();
    let provider_id = word("sid")?.to_owned();
    let state = webhook::state(word("status")?).unwrap_or(ReportState::Accepted);
    let code = message.get("error_code").and_then(Value::as_i64);
    let report = Report { provider_id, message_id: None, state, code, at: None };
    Some(Found { report, body: word("body").map(str::to_owned), created_at })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_read_with_its_time() {
        let message = json!({"sid": "SM1", "status": "undelivered", "error_code": 63016, "body": "Hola",
            "date_created": "Tue, 01 Dec 2026 10:00:00 +0000"});
        let found = found(&message).unwrap();
        assert_eq!((found.report.state, found.report.code), (ReportState::Failed, Some(63_016)));
        assert_eq!(found.created_at.to_rfc3339(), "2026-12-01T10:00:00+00:00");
        assert_eq!(super::found(&json!({"sid": "SM1", "status": "sent"})), None);
    }
}
