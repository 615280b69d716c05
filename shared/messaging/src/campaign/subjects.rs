//! Subjects that are tried on a part of the audience, and the one that goes to the rest.
//!
//! ```text
//!   the audience ──┬── a part of it, split by a hash of the message's id ──▶ subject 1, subject 2, …
//!                  │                                                              │ opened, clicked
//!                  └── the rest waits ──────────────────▶ the winner ◀────────────┘
//! ```

mod winner;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::winner::{CampaignVariant, choose_winner, variants_of};
use super::Campaign;
use crate::{
    MessagingError, Result,
    template::{Compiled, MessageContent},
};

/// The subjects that are tried, at most.
const MOST: usize = 5;
/// The longest subject, in characters.
const LONGEST: usize = 500;
/// The longest time until the winner is chosen, in hours.
const MOST_HOURS: u16 = 168;
/// The parts into which the audience is split.
const PARTS: u64 = 10_000;

herald_base::text_enum! {
    /// What makes a subject win.
    pub enum WinnerBy, "no subject wins by {:?}" {
        /// The share of recipients who opened it.
        Opens "opens",
        /// The share of recipients who followed a link.
        Clicks "clicks",
    }
}

/// A test of subjects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectTest {
    /// The subjects, which stand in the place of the template's. Variables may stand in them.
    #[schema(min_items = 2, max_items = 5)]
    pub subjects: Vec<String>,
    /// The share of the audience on which they are tried, in percent, all of them together.
    #[schema(minimum = 1, maximum = 100)]
    pub split_percent: u8,
    /// What makes one win.
    pub winner_by: WinnerBy,
    /// How long after the last message of the part went out the winner is chosen, in hours.
    #[schema(minimum = 1, maximum = 168)]
    pub after_hours: u16,
}

impl SubjectTest {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// [`MessagingError::Field`].
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |detail: String| Err(MessagingError::field("settings", format!("ab: {detail}")));
        if !(2..=MOST).contains(&self.subjects.len()) {
            return wrong(format!("there are {} subjects: write 2 to {MOST}", self.subjects.len()));
        }
        for (number, subject) in self.subjects.iter().enumerate() {
            if subject.trim().is_empty() || subject.chars().count() > LONGEST || subject.contains(char::is_control) {
                return wrong(format!("subject {} is not one line of 1 to {LONGEST} characters", number + 1));
            }
            if self.subjects.iter().take(number).any(|other| other == subject) {
                return wrong(format!("subject {} is there twice", number + 1));
            }
        }
        if !(1..=100).contains(&self.split_percent) {
            return wrong("split_percent is a share: write 1 to 100".to_owned());
        }
        if !(1..=MOST_HOURS).contains(&self.after_hours) {
            return wrong(format!("after_hours is 1 to {MOST_HOURS}"));
        }
        Ok(())
    }

    /// The subject that is tried with a message, by its number from 0; none: it belongs to the rest. The same for the
    /// same message, always.
    pub(crate) fn number_of(&self, message: Uuid) -> Option<usize> {
        let hash = Sha256::digest(message.as_bytes());
        let hash = hash.iter().take(8).fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
        let is_tried = hash % PARTS < PARTS * u64::from(self.split_percent) / 100;
        let count = u64::try_from(self.subjects.len()).unwrap_or(1).max(1);
        is_tried.then(|| usize::try_from(hash / PARTS % count).unwrap_or_default())
    }

    /// Whether a template can be sent with each of the subjects.
    ///
    /// # Errors
    /// [`MessagingError::Field`].
    pub(super) fn fits(&self, content: &MessageContent) -> Result<()> {
        if content.languages.len() != 1 {
            let detail = "ab: the template has several languages, and a subject is written in one: take a template \
                          with one language, or leave the test out";
            return Err(MessagingError::field("settings", detail));
        }
        for (number, subject) in self.subjects.iter().enumerate() {
            if let Err(findings) = Compiled::with_footer(&with_subject(content, subject), "") {
                let first = findings.iter().find(|one| one.is_error).or_else(|| findings.first());
                let what = first.map_or_else(String::new, |one| format!(": {}", one.problem));
                return Err(MessagingError::field("settings", format!("ab: subject {} has a fault{what}", number + 1)));
            }
        }
        Ok(())
    }
}

fn with_subject(content: &MessageContent, subject: &str) -> MessageContent {
    let mut content = content.clone();
    for part in content.languages.values_mut() {
        subject.clone_into(&mut part.subject);
    }
    content
}

impl Campaign {
    /// Whether the rest of the audience waits for the winner.
    pub fn waits_for_winner(&self) -> bool {
        self.settings.0.ab.is_some() && self.ab_winner.is_none()
    }

    /// What is written to everybody, or to the rest of the audience: with the subject that won.
    pub fn content_of_all(&self) -> Option<MessageContent> {
        let content = &self.content.as_ref()?.0;
        let winner = self
            .settings
            .0
            .ab
            .as_ref()
            .zip(self.ab_winner)
            .and_then(|(ab, winner)| ab.subjects.get(usize::try_from(winner).ok()?.checked_sub(1)?));
        Some(winner.map_or_else(|| content.clone(), |subject| with_subject(content, subject)))
    }

    /// What is written with each of the subjects that are tried.
    pub fn contents_tried(&self) -> Vec<MessageContent> {
        let (Some(content), Some(ab)) = (&self.content, &self.settings.0.ab) else { return Vec::new() };
        ab.subjects.iter().map(|subject| with_subject(&content.0, subject)).collect()
    }

    /// What recipients need values for: all subjects at once.
    pub fn content_to_plan(&self) -> Option<MessageContent> {
        let content = &self.content.as_ref()?.0;
        let ab = self.settings.0.ab.as_ref();
        Some(ab.map_or_else(|| content.clone(), |ab| with_subject(content, &ab.subjects.join(" "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(subjects: &[&str], split_percent: u8) -> SubjectTest {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        SubjectTest { subjects, split_percent, winner_by: WinnerBy::Opens, after_hours: 4 }
    }

    #[test]
    fn a_part_is_split_evenly_and_the_same_way_each_time() {
        let ab = test(&["a", "b", "c"], 20);
        let ids: Vec<Uuid> = (0..30_000).map(|number: u128| Uuid::from_u128((number << 64) | 7)).collect();
        let mut counts = [0; 3];
        for id in &ids {
            assert_eq!(ab.number_of(*id), ab.number_of(*id));
            if let Some(number) = ab.number_of(*id) {
                counts[number] += 1;
            }
        }
        assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
        assert!(ids.iter().all(|id| test(&["a", "b"], 100).number_of(*id).is_some()));
    }

    #[test]
    fn tests_that_cannot_be_kept_are_named() {
        for (wrong, said) in [
            (test(&["a"], 20), "write 2 to 5"),
            (test(&["a", " "], 20), "subject 2"),
            (test(&["a", "a"], 20), "twice"),
            (test(&["a", "b\nBcc: c"], 20), "one line"),
            (test(&["a", "b"], 0), "1 to 100"),
            (SubjectTest { after_hours: 0, ..test(&["a", "b"], 20) }, "1 to 168"),
        ] {
            let refused = wrong.check().unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
        assert!(test(&["a", "b"], 100).check().is_ok());
    }
}
