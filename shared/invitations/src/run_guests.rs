//! Finding guests of a run: by state, by the cause of their failure, by name, address or number.
//!
//! A run may have a million guests. Failed ones are found by an index, as long as they are few. All other filters look
//! at a bounded part of the list, and say where the next part begins.

use herald_base::boxed;
use uuid::Uuid;

use super::{InvitationRow, InvitationState, Run, invitation::ROW};
use herald_db::{Db, FromRow, Query, Result, query};
use herald_sheets::{email_key, name_key};

/// The guests that one statement looks at.
const WINDOW: i64 = 20_000;
/// The statements of one call: so many times a window of guests are looked at.
const WINDOWS: usize = 10;
/// Failed guests up to this number are found by their index.
const FEW: i64 = 20_000;
/// The words of a search that count.
const WORDS: usize = 6;
/// The cause of invitations that failed before causes were remembered.
pub const UNKNOWN_CAUSE: &str = "unknown";

/// Which guests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestFilter {
    /// Those whose invitation is in this state.
    pub state: Option<InvitationState>,
    /// Those whose invitation failed for this cause.
    pub cause: Option<String>,
    /// Those whose name, e-mail address or lucky number has this text. Capitals and accents do not count.
    pub text: Option<String>,
    /// Whether the text may be a part of an e-mail address.
    pub in_addresses: bool,
}

/// Some of the guests.
#[derive(Clone, Debug)]
pub struct FoundGuests {
    /// They, in the order of the list.
    pub rows: Vec<InvitationRow>,
    /// The position after which there may be more.
    pub next: Option<i64>,
}

/// The guests of a run that the filter finds, from after `after` (a position), at most `limit`.
///
/// It looks at 200,000 guests at most. So there may be fewer than `limit`, or none, and more behind `next`.
#[boxed]
pub async fn find_guests(
    db: &Db,
    workspace_id: Uuid,
    run: &Run,
    filter: &GuestFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<FoundGuests> {
    let mut after = after.unwrap_or(i64::MIN);
    let failed = filter.cause.is_some() || filter.state == Some(InvitationState::Failed);
    let few = failed && run.failed <= FEW;
    let mut rows: Vec<InvitationRow> = Vec::new();
    for _ in 0..WINDOWS {
        let missing = limit + 1 - rows.len();
        rows.extend(window(db, workspace_id, run.id, filter, (after, few), missing).await?);
        if rows.len() > limit {
            rows.truncate(limit);
            let next = rows.last().map(|row| row.position);
            return Ok(FoundGuests { rows, next });
        }
        if few {
            return Ok(FoundGuests { rows, next: None });
        }
        match end_of_window(db, workspace_id, run.id, after).await? {
            Some(end) => after = end,
            None => return Ok(FoundGuests { rows, next: None }),
        }
    }
    Ok(FoundGuests { rows, next: Some(after) })
}

/// The guests of one part of the list, or of all failed ones.
async fn window(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    filter: &GuestFilter,
    (after, few): (i64, bool),
    limit: usize,
) -> Result<Vec<InvitationRow>> {
    let listed = match few {
        // Only guests of this run count as its failed ones; another run may have taken up one of its list.
        true => {
            "(select g.run_id, g.workspace_id, g.position, g.invitation_id, g.had_one
              from invitations as failed join run_guests as g
                on g.workspace_id = failed.workspace_id and g.invitation_id = failed.id and g.run_id = failed.run_id
              where failed.workspace_id = $1 and failed.run_id = $2 and failed.state = 'failed' and g.position > $3
                and $4 > 0)"
        }
        false => {
            "(select run_id, workspace_id, position, invitation_id, had_one from run_guests
              where workspace_id = $1 and run_id = $2 and position > $3 order by position limit $4)"
        }
    };
    let mut sql = format!(
        "select {ROW}
         from {listed} as g
         join invitations as i on i.workspace_id = g.workspace_id and i.id = g.invitation_id
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         left join uploads as u on u.workspace_id = i.workspace_id and u.invitation_id = i.id and u.sha256 is not null
         where i.workspace_id = $1"
    );
    let conditions = Conditions::of(filter, 6);
    sql.push_str(&conditions.sql);
    sql.push_str(" order by g.position limit $5");
    let asked = query(&sql)
        .bind(workspace_id)
        .bind(run_id)
        .bind(after)
        .bind(WINDOW)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    conditions.bind(asked).all(db).await
}

/// The last position of the part of the list that begins after `after`; `None` if the list ends in it.
async fn end_of_window(db: &Db, workspace_id: Uuid, run_id: Uuid, after: i64) -> Result<Option<i64>> {
    #[derive(FromRow)]
    struct End {
        position: i64,
    }
    let end: Option<End> = query(
        "select position from run_guests where workspace_id = $1 and run_id = $2 and position > $3
         order by position limit 1 offset $4",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(after)
    .bind(WINDOW - 1)
    .optional(db)
    .await?;
    Ok(end.map(|end| end.position))
}

/// Conditions, and the values that they name by number.
struct Conditions {
    sql: String,
    values: Vec<String>,
    first: usize,
}

impl Conditions {
    /// The conditions of a filter, whose first value has this number.
    fn of(filter: &GuestFilter, first: usize) -> Self {
        let mut all = Self { sql: String::new(), values: Vec::new(), first };
        if let Some(state) = filter.state {
            let value = all.value(state.as_str().to_owned());
            all.sql.push_str(&format!(" and i.state = {value}"));
        }
        if let Some(cause) = &filter.cause {
            let value = all.value(cause.clone());
            all.sql.push_str(&format!(" and i.state = 'failed' and coalesce(i.cause, '{UNKNOWN_CAUSE}') = {value}"));
        }
        if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            all.text(text, filter.in_addresses);
        }
        all
    }

    /// Every word is in the name, or the whole text in the address, or it is the number.
    fn text(&mut self, text: &str, in_addresses: bool) {
        let words = name_key(text);
        let words: Vec<String> = words
            .split_whitespace()
            .take(WORDS)
            .map(|word| {
                let value = self.value(format!("%{}%", escaped(word)));
                // Contacts of older releases have no key until they change.
                format!("coalesce(c.name_key, lower(c.name)) like {value} escape '!'")
            })
            .collect();
        let number = self.value(text.to_owned());
        let mut ways = vec![format!("i.lucky_number = {number}")];
        if !words.is_empty() {
            ways.push(format!("({})", words.join(" and ")));
        }
        if in_addresses {
            let value = self.value(format!("%{}%", escaped(&email_key(text))));
            ways.push(format!("c.email like {value} escape '!'"));
        }
        self.sql.push_str(&format!(" and ({})", ways.join(" or ")));
    }

    fn value(&mut self, value: String) -> String {
        self.values.push(value);
        format!("${}", self.first + self.values.len() - 1)
    }

    fn bind(self, asked: Query) -> Query {
        self.values.into_iter().fold(asked, Query::bind)
    }
}

/// A text in which `like` sees only itself.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, c| {
        if matches!(c, '%' | '_' | '!') {
            all.push('!');
        }
        all.push(c);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_means_nothing_to_the_database() {
        assert_eq!(escaped("100%_!"), "100!%!_!!");
        let filter = GuestFilter { text: Some("Anné O'Hara %".into()), in_addresses: true, ..GuestFilter::default() };
        let conditions = Conditions::of(&filter, 6);
        assert_eq!(conditions.values, ["%anne%", "%ohara%", "Anné O'Hara %", "%anné o'hara !%%"]);
        assert!(!conditions.sql.contains("Hara") && conditions.sql.contains("$9"), "{}", conditions.sql);
    }
}
