//! Whom a campaign writes to.

use herald_base::boxed;
use herald_contacts::{
    Channel, Comparison, ConsentRule, ContactFilter, FieldRule, Rule, check_rule, count_contacts, whole_rule,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{MessagingError, Result};
use herald_db::Db;

/// The segments and tags that an audience may name, all together.
const MOST: usize = 100;

/// Whom a campaign writes to: everybody of these segments, tags, events and rules, without those who are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audience {
    /// Every contact of the workspace.
    #[serde(skip_serializing_if = "is_false")]
    pub everybody: bool,
    /// Whoever belongs to one of these segments, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub segments: Vec<Uuid>,
    /// Whoever has one of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100, example = json!(["vip"]))]
    pub tags: Vec<String>,
    /// Whoever has an invitation to one of these events, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub events: Vec<Uuid>,
    /// Whom this rule means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Without whoever belongs to one of these segments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub without_segments: Vec<Uuid>,
    /// Without whoever has one of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub without_tags: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Audience {
    /// Whether it names anybody.
    pub fn is_empty(&self) -> bool {
        !self.everybody
            && self.segments.is_empty()
            && self.tags.is_empty()
            && self.events.is_empty()
            && self.rule.is_none()
    }

    /// The same as one rule.
    pub fn rule(&self) -> Rule {
        let of_segments = |ids: &[Uuid]| ids.iter().copied().map(Rule::Segment).collect::<Vec<_>>();
        let of_tags = |tags: &[String]| tags.iter().cloned().map(Rule::Tag).collect::<Vec<_>>();
        let mut any = of_segments(&self.segments);
        any.extend(of_tags(&self.tags));
        any.extend(self.events.iter().copied().map(Rule::Guest));
        any.extend(self.rule.clone());
        let mut none = of_segments(&self.without_segments);
        none.extend(of_tags(&self.without_tags));
        let mut all = if self.everybody { Vec::new() } else { vec![Rule::Any(any)] };
        if !none.is_empty() {
            all.push(Rule::Not(Box::new(Rule::Any(none))));
        }
        Rule::All(all)
    }

    /// Whether it can be asked.
    ///
    /// # Errors
    /// [`MessagingError::Field`], and what is wrong with its rules.
    pub(crate) async fn check(&self, db: &Db, workspace_id: Uuid) -> Result<()> {
        let without = self.without_segments.len() + self.without_tags.len();
        let named = self.segments.len() + self.tags.len() + self.events.len() + without;
        if named > MOST {
            let detail =
                format!("the audience names {named} segments, tags and events: make a segment of them, at most {MOST}");
            return Err(MessagingError::field("audience", detail));
        }
        let rule = self.rule();
        check_rule(db, workspace_id, &rule).await?;
        whole_rule(db, workspace_id, &rule).await?;
        Ok(())
    }
}

/// How many people an audience has, and how many of them cannot be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AudienceCount {
    /// The contacts whom the audience means.
    pub contacts: i64,
    /// Those of them without an address of the channel.
    pub without_address: i64,
    /// Those of them who agreed to the channel.
    pub consented: i64,
    /// Those of them who took their consent back.
    pub withdrawn: i64,
}

/// Counts an audience as it is now.
///
/// # Errors
/// [`MessagingError::Contact`].
#[boxed]
pub async fn count_audience(
    db: &Db,
    workspace_id: Uuid,
    audience: &Audience,
    channel: Channel,
) -> Result<AudienceCount> {
    let rule = whole_rule(db, workspace_id, &audience.rule()).await?;
    let column = if channel == Channel::Email { "email" } else { "phone" };
    let without = Rule::Field(FieldRule { name: column.to_owned(), is: Comparison::Empty, value: None });
    let consent = |given| Rule::Consent(ConsentRule { channel, given });
    let mut counts = [0; 4];
    let conditions = [None, Some(without), Some(consent(true)), Some(consent(false))];
    for (count, condition) in counts.iter_mut().zip(conditions) {
        let rule = match condition {
            Some(condition) => Rule::All(vec![rule.clone(), condition]),
            None => rule.clone(),
        };
        let filter = ContactFilter { rule: Some(rule), ..ContactFilter::default() };
        *count = count_contacts(db, workspace_id, &filter, usize::MAX).await?;
    }
    let [contacts, without_address, consented, withdrawn] = counts;
    Ok(AudienceCount { contacts, without_address, consented, withdrawn })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_left_out_is_left_out_of_everybody_who_is_meant() {
        let audience = Audience {
            segments: vec![Uuid::from_u128(1)],
            tags: vec!["vip".to_owned()],
            events: vec![Uuid::from_u128(2)],
            without_tags: vec!["press".to_owned()],
            ..Audience::default()
        };
        let meant = Rule::Any(vec![
            Rule::Segment(Uuid::from_u128(1)),
            Rule::Tag("vip".to_owned()),
            Rule::Guest(Uuid::from_u128(2)),
        ]);
        let left_out = Rule::Not(Box::new(Rule::Any(vec![Rule::Tag("press".to_owned())])));
        assert_eq!(audience.rule(), Rule::All(vec![meant, left_out]));
        assert_eq!(Audience { everybody: true, ..Audience::default() }.rule(), Rule::All(vec![]));
        // Nobody is meant by accident.
        assert!(Audience::default().is_empty());
        assert_eq!(Audience::default().rule(), Rule::All(vec![Rule::Any(vec![])]));
    }
}
