//! Rows that are left out for what the workspace has when they are taken in. Their check may have known nothing of it,
//! so the reasons are kept with the chunk, by the transaction that takes it in.

use std::collections::VecDeque;

use herald_base::boxed;
use herald_sheets::RowProblem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Result;
use herald_db::{Db, Json, query};

/// Why a row is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Late {
    line: u64,
    message: String,
}

/// What a chunk keeps of its rows that are left out.
pub(super) fn kept(refused: &[RowProblem]) -> Option<Value> {
    let late = |problem: &RowProblem| Late { line: problem.line, message: problem.to_string() };
    let mut all: Vec<Late> = refused.iter().map(late).collect();
    all.sort_by_key(|row| row.line);
    (!all.is_empty()).then(|| json!(all))
}

/// The rows of an import that were left out when they were taken in, in the order of their lines. They are read chunk
/// by chunk, so that memory does not grow with the list.
#[derive(Debug)]
pub struct LateRefusals {
    workspace_id: Uuid,
    import_id: Uuid,
    waiting: VecDeque<Late>,
    /// The chunk that was read last; none if there are no more.
    after: Option<i64>,
}

impl LateRefusals {
    /// Those of an import.
    pub fn of(workspace_id: Uuid, import_id: Uuid) -> Self {
        Self { workspace_id, import_id, waiting: VecDeque::new(), after: Some(-1) }
    }

    /// Whether no row is left that was left out.
    #[boxed]
    pub async fn are_over(&mut self, db: &Db) -> Result<bool> {
        while let (true, Some(after)) = (self.waiting.is_empty(), self.after) {
            let next: Option<(i64, Json<VecDeque<Late>>)> = query(
                "select from_row, refused from import_chunks
                 where workspace_id = $1 and import_id = $2 and from_row > $3 and refused is not null
                 order by from_row limit 1",
            )
            .bind(self.workspace_id)
            .bind(self.import_id)
            .bind(after)
            .optional(db)
            .await?;
            self.after = next.as_ref().map(|(from, _)| *from);
            self.waiting = next.map(|(_, Json(rows))| rows).unwrap_or_default();
        }
        Ok(self.waiting.is_empty())
    }

    /// Why the row of a line was left out, if it was. Lines are asked for in their order.
    #[boxed]
    pub async fn why(&mut self, db: &Db, line: u64) -> Result<Option<String>> {
        while !self.are_over(db).await? {
            match self.waiting.front() {
                Some(next) if next.line > line => return Ok(None),
                Some(next) if next.line == line => return Ok(self.waiting.pop_front().map(|row| row.message)),
                _ => drop(self.waiting.pop_front()),
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use herald_sheets::ProblemKind;

    use super::*;

    #[test]
    fn reasons_are_kept_in_the_order_of_the_lines() {
        let row =
            |line| RowProblem { line, row: line - 1, guest: String::new(), place: None, kind: ProblemKind::NoName };
        let kept = kept(&[row(5), row(3)]).unwrap();
        let lines: Vec<_> = kept.as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect();
        assert_eq!(lines, [3, 5]);
        assert!(super::kept(&[]).is_none());
    }
}
