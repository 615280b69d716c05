//! `herald jobs add`: enqueues a job, or thousands of jobs from a file. The operator may start every kind that any user
//! may start.

use std::{fs::File, io::Read, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use herald_db::Db;
use herald_ledger::{
    Draft, Entered, LedgerError, Way,
    audit::{self, Actor, Entry},
    orders::{self, AT_ONCE, Flaw, Order},
    rows::{Format, Rows},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{say, time};
use crate::{args::Add, audit::me};

/// The largest number of printed flaws.
const SHOWN: u64 = 100;

pub(super) async fn run(db: &Db, workspace: Uuid, typed: Add) -> anyhow::Result<ExitCode> {
    if let Some(path) = &typed.file {
        return file(db, workspace, path, typed.skip).await;
    }
    let args = args(typed.args.as_deref(), &typed.arg)?;
    let order = Order {
        kind: typed.kind.context("the command names no kind: name one, such as template.preview")?,
        args,
        run_at: time("--run-at", typed.run_at)?,
        priority: typed.priority,
        unique_key: typed.unique_key,
        expires_at: time("--expires-at", typed.expires_at)?,
        batch: typed.batch,
    };
    let kind = order.kind.clone();
    let draft = order.draft(workspace, db.now()).map_err(told)?;
    let actor = me(workspace);
    let mut tx = db.begin().await?;
    let taken = orders::take(&mut tx, workspace, &actor.who, Way::Hand, vec![draft]).await?;
    let entered = taken.into_iter().next().expect("one answer an order").map_err(told)?;
    if let Entered::New(id) = entered {
        let entry = Entry::of("job.enqueue", id).affecting(1).with(serde_json::json!({ "kind": kind }));
        audit::record(&mut tx, &actor, entry).await?;
    }
    tx.commit().await?;
    say(&match entered {
        Entered::New(id) => format!("job {id}"),
        entered => format!("job {} already does this: no other was enqueued", entered.id()),
    });
    Ok(ExitCode::SUCCESS)
}

/// Reads the arguments, from JSON or one by one.
fn args(json: Option<&str>, each: &[String]) -> anyhow::Result<Map<String, Value>> {
    if let Some(json) = json {
        return serde_json::from_str(json)
            .context("--args is not a JSON object: write for example '{\"template_id\": \"…\"}'");
    }
    let mut args = Map::new();
    for arg in each {
        let (key, value) = arg
            .split_once('=')
            .with_context(|| format!("--arg {arg:?} has no =: write for example --arg template_id=0199…"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if args.insert(key.to_owned(), value).is_some() {
            bail!("--arg {key} is given twice: give it once");
        }
    }
    Ok(args)
}

/// Converts a flaw into an error that names the option.
fn told(flaw: Flaw) -> anyhow::Error {
    let option = match flaw.pointer.strip_prefix("/args/") {
        Some(arg) => format!("the argument {}: ", arg.replace('/', ".")),
        None => String::new(),
    };
    anyhow::anyhow!("{option}{}", flaw.detail)
}

/// The results of the rows of a file.
#[derive(Debug, Default)]
struct Tally {
    rows: u64,
    accepted: u64,
    duplicates: u64,
    refused: u64,
}

async fn file(db: &Db, workspace: Uuid, path: &Path, skip: usize) -> anyhow::Result<ExitCode> {
    let opened: Box<dyn Read + Send> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(File::open(path).with_context(|| format!("opening {}", path.display()))?),
    };
    let mut rows = Rows::of(opened, Format::Lines);
    let (actor, mut tally, mut left_out) = (me(workspace), Tally::default(), skip);
    loop {
        let most = if left_out > 0 { left_out.min(AT_ONCE) } else { AT_ONCE };
        let read = tokio::task::spawn_blocking(move || {
            let some = rows.next(most);
            (rows, some)
        });
        let (again, some) = read.await.context("reading the file")?;
        rows = again;
        let some = some.with_context(|| format!("reading {}", path.display()))?;
        if some.is_empty() {
            break;
        }
        if left_out > 0 {
            left_out -= some.len();
            tally.rows += some.len() as u64;
            continue;
        }
        let now = db.now();
        let read: Vec<Result<Draft, Flaw>> =
            some.iter().map(|row| Order::read(row).and_then(|order| order.draft(workspace, now))).collect();
        let taken = enqueue(db, &actor, read, tally.rows).await.with_context(|| match tally.rows {
            0 => "no row was taken".to_owned(),
            rows => format!("the first {rows} rows were taken: go on with --skip {rows}"),
        })?;
        for row in taken {
            tally.count(row);
        }
    }
    let Tally { accepted, duplicates, refused, .. } = tally;
    if refused > SHOWN {
        say(&format!("… and {} more rows with errors", refused - SHOWN));
    }
    say(&format!("{accepted} jobs enqueued, {duplicates} duplicates left out, {refused} rows refused"));
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Enqueues the valid rows of a thousand, after the first `before` rows.
async fn enqueue(
    db: &Db,
    actor: &Actor,
    rows: Vec<Result<Draft, Flaw>>,
    before: u64,
) -> Result<Vec<Result<Entered, Flaw>>, LedgerError> {
    let last = before + rows.len() as u64;
    let mut drafts = Vec::with_capacity(rows.len());
    let rows: Vec<Result<(), Flaw>> = rows.into_iter().map(|row| row.map(|draft| drafts.push(draft))).collect();
    let mut tx = db.begin().await?;
    let mut taken = orders::take(&mut tx, actor.workspace_id, &actor.who, Way::Hand, drafts).await?.into_iter();
    let answer = |row: Result<(), Flaw>| row.and_then(|()| taken.next().expect("an answer for each row that was read"));
    let answers: Vec<Result<Entered, Flaw>> = rows.into_iter().map(answer).collect();
    let accepted = answers.iter().filter(|answer| matches!(answer, Ok(Entered::New(_)))).count();
    if accepted > 0 {
        let entry = Entry::of("jobs.enqueue", format!("rows {} to {last}", before + 1)).affecting(accepted);
        audit::record(&mut tx, actor, entry).await?;
    }
    tx.commit().await?;
    Ok(answers)
}

impl Tally {
    fn count(&mut self, row: Result<Entered, Flaw>) {
        self.rows += 1;
        match row {
            Ok(Entered::New(_)) => self.accepted += 1,
            Ok(_) => self.duplicates += 1,
            Err(Flaw { pointer, detail, .. }) => {
                self.refused += 1;
                if self.refused <= SHOWN {
                    let field = if pointer.is_empty() { String::new() } else { format!(" {pointer}") };
                    say(&format!("row {}{field}: {detail}", self.rows));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_json_or_text() {
        let given = ["template_id=0199", "number=5", "fields={\"name\": \"Ann\"}", "empty="].map(str::to_owned);
        let read = Value::from(args(None, &given[1..]).unwrap());
        assert_eq!(read, json!({ "number": 5, "fields": { "name": "Ann" }, "empty": "" }));
        // A text that begins with 0 is not a JSON number.
        assert_eq!(args(None, &given[..1]).unwrap()["template_id"], "0199");
        assert!(args(None, &["number".to_owned()]).unwrap_err().to_string().contains("has no ="));
        assert!(args(None, &["a=1".to_owned(), "a=2".to_owned()]).is_err());
        assert!(args(Some("[]"), &[]).is_err());
    }
}
