//! What people say of themselves.

use herald_base::boxed;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{People, PeopleError, Result, User, register};
use herald_db::{DbError, Tx, query};
use herald_ledger::audit::{self, Actor, Entry};

const MOST_TAGS: usize = 30;
const LONGEST_TAG: usize = 40;
const LONGEST_BIO: usize = 2_000;

/// The fields to change; missing fields stay the same.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// The username, unique in the installation: 3 to 32 letters, digits, dots, hyphens and underscores. Empty removes
    /// it.
    pub username: Option<String>,
    /// A text about the person, at most 2,000 characters.
    pub bio: Option<String>,
    /// At most 30 tags, each with at most 40 characters.
    pub favourite_tags: Option<Vec<String>>,
    /// The language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The time zone, as an IANA name.
    pub time_zone: Option<String>,
}

fn check_username(name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if (3..=32).contains(&name.chars().count()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(PeopleError::field(
        "username",
        "the username is not valid: use 3 to 32 letters, digits, dots, hyphens and underscores",
    ))
}

fn tidy_tags(tags: &[String]) -> Result<Vec<String>> {
    let mut tidy: Vec<String> = Vec::new();
    for tag in tags {
        let tag: String = tag.trim().to_lowercase().nfc().collect();
        if tag.is_empty() || tag.chars().count() > LONGEST_TAG || tag.chars().any(char::is_control) {
            return Err(PeopleError::field(
                "favourite_tags",
                format!("a tag is empty or too long: use 1 to {LONGEST_TAG} characters"),
            ));
        }
        if !tidy.contains(&tag) {
            tidy.push(tag);
        }
    }
    if tidy.len() > MOST_TAGS {
        return Err(PeopleError::field("favourite_tags", format!("there are too many tags: keep at most {MOST_TAGS}")));
    }
    Ok(tidy)
}

impl People {
    /// Changes a person's profile, if it is still at `version` (if one is given).
    ///
    /// # Errors
    /// What is wrong with the fields; [`PeopleError::Changed`], [`PeopleError::Taken`].
    #[boxed]
    pub async fn change_profile(
        &self,
        actor: &Actor,
        user_id: Uuid,
        version: Option<i64>,
        change: &ProfileChange,
    ) -> Result<User> {
        let old = self.user(user_id).await?;
        let username = match change.username.as_deref().map(str::trim) {
            None => old.username.clone(),
            Some("") => None,
            Some(name) => {
                check_username(name)?;
                Some(name.nfc().collect())
            }
        };
        let bio = change.bio.clone().unwrap_or_else(|| old.bio.clone());
        if bio.chars().count() > LONGEST_BIO {
            return Err(PeopleError::field(
                "bio",
                format!("the bio is too long: use at most {LONGEST_BIO} characters"),
            ));
        }
        let tags = match &change.favourite_tags {
            Some(tags) => tidy_tags(tags)?,
            None => old.favourite_tags.0.clone(),
        };
        let locale = change.locale.clone().unwrap_or_else(|| old.locale.clone());
        let time_zone = change.time_zone.clone().unwrap_or_else(|| old.time_zone.clone());
        register::check_place(&locale, &time_zone)?;
        let key = username.as_ref().map(|name| name.to_lowercase());
        let mut tx = self.db.begin().await?;
        self.free_username(&mut tx, user_id, key.as_deref()).await?;
        let changed = query(
            "update users set username = $3, username_key = $4, bio = $5, favourite_tags = $6, locale = $7, \
             time_zone = $8,
               version = version + 1, updated_at = $9 where id = $1 and version = $2",
        )
        .bind(user_id)
        .bind(version.unwrap_or(old.version))
        .bind(username)
        .bind(key)
        .bind(bio)
        .bind(serde_json::json!(tags))
        .bind(locale)
        .bind(time_zone)
        .bind(self.db.now())
        .execute(&mut tx)
        .await
        .map_err(name_taken)?;
        if changed == 0 {
            return Err(PeopleError::Changed);
        }
        let fields = [
            ("username", change.username.is_some()),
            ("bio", change.bio.is_some()),
            ("favourite_tags", change.favourite_tags.is_some()),
            ("locale", change.locale.is_some()),
            ("time_zone", change.time_zone.is_some()),
        ];
        let fields: Vec<&str> = fields.iter().filter(|(_, is_named)| *is_named).map(|(field, _)| *field).collect();
        let entry = Entry::of("user.change_profile", user_id).with(serde_json::json!({ "fields": fields }));
        audit::record(&mut tx, actor, entry).await?;
        tx.commit().await?;
        self.user(user_id).await
    }

    async fn free_username(&self, tx: &mut Tx, user_id: Uuid, key: Option<&str>) -> Result<()> {
        let Some(key) = key else { return Ok(()) };
        let other: Option<(Uuid,)> = query("select id from users where username_key = $1 and id <> $2")
            .bind(key)
            .bind(user_id)
            .optional(tx)
            .await?;
        other.map_or(Ok(()), |_| Err(taken()))
    }
}

fn taken() -> PeopleError {
    PeopleError::Taken("this username is taken: choose another".to_owned())
}

/// Of two who choose a name in the same moment, the database refuses one.
fn name_taken(error: DbError) -> PeopleError {
    if error.is_unique_violation() { taken() } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_kept_once_in_one_spelling() {
        let tags = tidy_tags(&["Jazz".to_owned(), " jazz ".to_owned(), "Food".to_owned()]).unwrap();
        assert_eq!(tags, ["jazz", "food"]);
        assert!(tidy_tags(&[String::new()]).is_err());
        assert!(tidy_tags(&(0..31).map(|n| n.to_string()).collect::<Vec<_>>()).is_err());
    }

    #[test]
    fn a_username_has_no_room_for_tricks() {
        for good in ["ann", "Ann.Example_2", "علی-رضا"] {
            check_username(good).unwrap();
        }
        for bad in ["an", "ann example", "ann@example", "<script>", &"a".repeat(33)] {
            assert!(check_username(bad).is_err(), "{bad}");
        }
    }
}
