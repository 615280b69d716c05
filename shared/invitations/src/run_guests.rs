//! Finding guests of a run: by state, by the cause of their failure, by name, address or number.
//!
//! A run may have a million guests. Failed ones are found by an index, in the order of their numbers. All other
//! filters look at a bounded part of the list, and say where the next part begins.

use herald_base::boxed;
use uuid::Uuid;

use super::{InvitationRow, InvitationState, Run, invitation::ROW};
use herald_db::{Db, FromRow, Query, Result, query};
use herald_sheets::{email_key, name_key};

/// The guests that the first statement of a call looks at: most filters find a page among them.
const FIRST: i64 = 200;
/// The guests that one statement looks at, at most: each looks at four times as many as the one before it.
const WINDOW: i64 = 20_000;
/// The guests that one call looks at.
const MOST: i64 = 200_000;
/// Up to this number of failed guests are looked at for one page of a text.
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

impl GuestFilter {
    fn is_of_failed(&self) -> bool {
        self.cause.is_some() || self.state == Some(InvitationState::Failed)
    }

    fn text(&self) -> Option<&str> {
        self.text.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// Whether an index has exactly the guests that it asks for: all failed ones, or all of one cause.
    fn is_indexed(&self) -> bool {
        self.is_of_failed() && self.text().is_none()
    }
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
    if filter.is_indexed() || filter.is_of_failed() && run.failed <= FEW {
        let mut rows = failed(db, workspace_id, run.id, filter, after, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|row| row.position).filter(|_| more);
        return Ok(FoundGuests { rows, next });
    }
    let mut after = after.unwrap_or(i64::MIN);
    let mut rows: Vec<InvitationRow> = Vec::new();
    let mut size = FIRST.max(i64::try_from(limit + 1).unwrap_or(WINDOW)).min(WINDOW);
    let mut looked_at = 0;
    while looked_at < MOST {
        let missing = limit + 1 - rows.len();
        rows.extend(window(db, workspace_id, run.id, filter, (after, size), missing).await?);
        if rows.len() > limit {
            rows.truncate(limit);
            let next = rows.last().map(|row| row.position);
            return Ok(FoundGuests { rows, next });
        }
        match end_of_window(db, workspace_id, run.id, (after, size)).await? {
            Some(end) => after = end,
            None => return Ok(FoundGuests { rows, next: None }),
        }
        looked_at += size;
        size = (4 * size).min(WINDOW);
    }
    Ok(FoundGuests { rows, next: Some(after) })
}

/// Failed guests in the order of their numbers: that of the list, but for those whose invitation is older than the run.
async fn failed(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    filter: &GuestFilter,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<InvitationRow>> {
    let position = after.unwrap_or(i64::MIN);
    let number = match after {
        Some(position) => number_before(db, workspace_id, run_id, position).await?,
        None => i64::MIN,
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Only guests of this run count as its failed ones; another run may have taken up one of its list.
    let conditions = Conditions::of(filter, 7);
    let listed = format!(
        "(select * from invitations as i
          where i.workspace_id = $1 and i.run_id = $2 and i.state = 'failed' and i.number_index >= $3{}
          order by i.number_index limit $4) as i
         join run_guests as g on g.invitation_id = i.id and g.run_id = i.run_id and g.workspace_id = i.workspace_id",
        conditions.cause
    );
    // A list may name a guest twice: the second place comes after the first, even if a page ends between them.
    let after = "and (i.number_index > $3 or g.position > $6) order by i.number_index, g.position limit $5";
    let asked = query(&format!("{} {after}", selected(&listed, &conditions)))
        .bind(workspace_id)
        .bind(run_id)
        .bind(number)
        .bind(if filter.is_indexed() { limit + 1 } else { FEW })
        .bind(limit)
        .bind(position);
    conditions.bind(asked).all(db).await
}

/// The number of the last guest up to a position of the list. Before the first guest it is the smallest one.
async fn number_before(db: &Db, workspace_id: Uuid, run_id: Uuid, position: i64) -> Result<i64> {
    let at: Option<(i64,)> = query(
        "select i.number_index from run_guests as g
         join invitations as i on i.workspace_id = g.workspace_id and i.id = g.invitation_id
         where g.workspace_id = $1 and g.run_id = $2 and g.position <= $3 order by g.position desc limit 1",
    )
    .bind(workspace_id)
    .bind(run_id)
    .bind(position)
    .optional(db)
    .await?;
    Ok(at.map_or(i64::MIN, |(number,)| number))
}

/// The guests of one part of the list.
async fn window(
    db: &Db,
    workspace_id: Uuid,
    run_id: Uuid,
    filter: &GuestFilter,
    (after, size): (i64, i64),
    limit: usize,
) -> Result<Vec<InvitationRow>> {
    let listed = "(select workspace_id, position, invitation_id, had_one from run_guests
          where workspace_id = $1 and run_id = $2 and position > $3 order by position limit $4) as g
         join invitations as i on i.workspace_id = g.workspace_id and i.id = g.invitation_id";
    let conditions = Conditions::of(filter, 6);
    let asked = query(&format!("{} order by g.position limit $5", selected(listed, &conditions)))
        .bind(workspace_id)
        .bind(run_id)
        .bind(after)
        .bind(size)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    conditions.bind(asked).all(db).await
}

/// The rows of guests that meet the conditions, of places `g` in the list with their invitations `i`. PostgreSQL plans
/// the statement each time it is asked, and each table more doubles what that takes.
fn selected(listed: &str, conditions: &Conditions) -> String {
    format!(
        "select {ROW}
         from {listed}
         join contacts as c on c.workspace_id = i.workspace_id and c.id = i.contact_id
         left join uploads as u on u.workspace_id = i.workspace_id and u.invitation_id = i.id and u.sha256 is not null
         where i.workspace_id = $1{}",
        conditions.sql
    )
}

/// The last position of the part of the list that begins after `after`; `None` if the list ends in it.
async fn end_of_window(db: &Db, workspace_id: Uuid, run_id: Uuid, (after, size): (i64, i64)) -> Result<Option<i64>> {
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
    .bind(size - 1)
    .optional(db)
    .await?;
    Ok(end.map(|end| end.position))
}

/// Conditions, and the values that they name by number.
struct Conditions {
    sql: String,
    /// Of these, the one for the cause: a failed guest's.
    cause: String,
    values: Vec<String>,
    first: usize,
}

impl Conditions {
    /// The conditions of a filter, whose first value has this number.
    fn of(filter: &GuestFilter, first: usize) -> Self {
        let mut all = Self { sql: String::new(), cause: String::new(), values: Vec::new(), first };
        if let Some(state) = filter.state {
            let value = all.value(state.as_str().to_owned());
            all.sql.push_str(&format!(" and i.state = {value}"));
        }
        if let Some(cause) = &filter.cause {
            // Two conditions rather than a coalesce, which no index would serve.
            all.cause = match cause == UNKNOWN_CAUSE {
                true => " and i.cause is null".to_owned(),
                false => format!(" and i.cause = {}", all.value(cause.clone())),
            };
            all.sql.push_str(&format!(" and i.state = 'failed'{}", all.cause));
        }
        if let Some(text) = filter.text() {
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
