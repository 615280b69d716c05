//! Whether a statement names the workspace of what it touches: read from its text, since that is what is run.

use std::collections::BTreeSet;

const COLUMN: &str = "workspace_id";

/// What is wrong with a statement, if it touches one of `tables` without naming the workspace.
pub fn fault(sql: &str, tables: &BTreeSet<String>) -> Option<String> {
    let words = words(sql);
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    // Mentions that need a comparison of their own, and what they mention.
    let mut needed = Vec::new();
    let mut inserted = None;
    for at in 0..words.len() {
        let name = word(at + 1);
        match word(at) {
            "from" | "join" | "update" => {
                needed.extend(tables.get(name));
                let mut next = after_alias(&words, at + 2);
                // `from one, another`
                while word(at) == "from" && word(next) == "," {
                    needed.extend(tables.get(word(next + 1)));
                    next = after_alias(&words, next + 2);
                }
            }
            "into" => {
                inserted = tables.get(name);
                if inserted.is_some() && !group(&words, at + 2).iter().any(|word| word == COLUMN) {
                    return Some(format!("inserts into {name} without {COLUMN}"));
                }
            }
            // Changes a row that was there, whosever it is.
            "conflict" if !group(&words, at + 1).iter().any(|word| word == COLUMN) && updates(&words[at..]) => {
                needed.extend(inserted);
            }
            _ => {}
        }
    }
    let comparisons = comparisons(&words);
    let mentions: Vec<&str> = needed.iter().map(|table| table.as_str()).collect();
    if comparisons.len() < needed.len() {
        return Some(format!(
            "touches {} and compares {COLUMN} {} times of {}",
            mentions.join(", "),
            comparisons.len(),
            needed.len()
        ));
    }
    let anchored = comparisons.iter().any(|anchored| *anchored);
    (!needed.is_empty() && !anchored).then(|| format!("touches {} of no given workspace", mentions.join(", ")))
}

/// Each comparison of the column, and whether it is with something given.
fn comparisons(words: &[String]) -> Vec<bool> {
    let mut found = Vec::new();
    for at in 1..words.len().saturating_sub(1) {
        let (left, right) = (words[at - 1].as_str(), words[at + 1].as_str());
        match words[at].as_str() {
            "=" if is_column(left) && is_column(right) => {
                found.push(left.starts_with("rows.") || right.starts_with("rows.") || right.starts_with("excluded."));
            }
            "=" if (is_column(left) && is_given(right)) || (is_column(right) && is_given(left)) => found.push(true),
            // `(workspace_id, id) in (select …)`
            "in" if left == ")" => {
                let open = words[..at].iter().rposition(|word| word == "(").unwrap_or_default();
                if words[open..at].iter().any(|word| is_column(word)) {
                    found.push(true);
                }
            }
            _ => {}
        }
    }
    found
}

fn is_column(word: &str) -> bool {
    word == COLUMN || word.strip_suffix(COLUMN).is_some_and(|alias| alias.ends_with('.'))
}

fn is_given(word: &str) -> bool {
    word.starts_with('$') || word == "?" || word == "rows.workspace"
}

/// Whether what follows `on conflict` changes the row that is there.
fn updates(words: &[String]) -> bool {
    let doing = words.iter().position(|word| word == "do");
    doing.and_then(|at| words.get(at + 1)).is_some_and(|word| word == "update")
}

fn after_alias(words: &[String], at: usize) -> usize {
    match words.get(at).map(String::as_str) {
        Some("as") => at + 2,
        Some(word) if word != "," && words.get(at + 1).is_some_and(|next| next == ",") => at + 1,
        _ => at,
    }
}

/// The words in the brackets that open at `at`.
fn group(words: &[String], at: usize) -> &[String] {
    if words.get(at).is_none_or(|word| word != "(") {
        return &[];
    }
    let close = words[at..].iter().position(|word| word == ")").map_or(words.len(), |close| at + close);
    &words[at..close]
}

/// A statement's words in lower case: names with their dots, parameters, brackets, commas and `=`. Texts in quotes are
/// left out.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' => while rest.next().is_some_and(|c| c != '\'') {},
            '(' | ')' | ',' | '=' | '?' => words.push(c.to_string()),
            '<' | '>' | '!' => {
                words.push("<>".to_owned());
                rest.next_if(|next| matches!(next, '=' | '>'));
            }
            c if c.is_alphanumeric() || matches!(c, '_' | '$' | '"') => {
                let mut word: String = c.to_lowercase().collect();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"')) {
                    word.extend(c.to_lowercase());
                }
                words.push(word.replace('"', ""));
            }
            _ => {}
        }
    }
    words
}

/// A statement in one line.
pub(super) fn plain(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(sql: &str) -> Option<String> {
        let tables = ["jobs", "batches", "contacts", "invitations", "uploads"].map(str::to_owned).into();
        fault(sql, &tables)
    }

    #[test]
    fn what_names_the_workspace_of_each_table_is_fine() {
        for sql in [
            "select 1",
            "select id from queues where name = $1",
            "select id from jobs where workspace_id = $1 and id = $2",
            "SELECT id FROM Jobs WHERE jobs.workspace_id = $1",
            "delete from jobs where (workspace_id, id) in (select workspace_id, id from unnest($1, $2) as rows)",
            "update jobs set state = 'x' from (select $1 as id) as rows where jobs.id = rows.id \
             and jobs.workspace_id = rows.workspace_id",
            "select i.id from invitations as i join contacts as c on c.workspace_id = i.workspace_id \
             and c.id = i.contact_id
             where i.workspace_id = $1",
            "insert into jobs (id, workspace_id) values ($1, $2) on conflict (workspace_id, unique_key) do nothing",
            "insert into uploads (id, workspace_id) values ($1, $2) on conflict (id) do update set link = excluded.link
             where uploads.workspace_id = excluded.workspace_id",
            "select id from queues where name in ('jobs', 'from jobs') for update skip locked",
            "select rows.nth, id from (select $1 as workspace) as rows join jobs on workspace_id = rows.workspace",
        ] {
            assert_eq!(fault_of(sql), None, "{sql}");
        }
    }

    #[test]
    fn what_goes_by_id_alone_is_found() {
        for sql in [
            "update jobs set state = 'dead' where id = $1",
            "select workspace_id, id from jobs where id = $1",
            "delete from jobs",
            "insert into jobs (id) values ($1)",
            "insert into uploads (id, workspace_id) values ($1, $2) on conflict (id) do update \
             set link = excluded.link",
            "select i.id from invitations as i join contacts as c on c.id = i.contact_id where i.workspace_id = $1",
            "select i.id from invitations i, contacts c where c.id = i.contact_id and i.workspace_id = $1",
            "update contacts set link = (select link from uploads where id = $1) where workspace_id = $2 and id = $3",
            "select i.id from invitations as i join contacts as c on c.workspace_id = i.workspace_id \
             where i.workspace_id = c.workspace_id",
            "update batches set n = 1 where id = (select batch_id from jobs where workspace_id = $1)",
            "select 'workspace_id = $1' from jobs",
            "select m.id from jobs as m join workspaces as w on w.id = m.workspace_id where m.user_id = $1",
            "select id from jobs where workspace_id <> $1",
        ] {
            assert!(fault_of(sql).is_some(), "{sql}");
        }
    }
}
