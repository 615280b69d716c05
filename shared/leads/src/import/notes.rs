//! Notes that rows bring. A lead gets a note once, however often its list is imported.

use std::collections::{BTreeMap, HashMap, HashSet};

use herald_db::{Bulk, Result, Tx};
use uuid::Uuid;

use super::{decide::Touched, state::State};

/// A note of a row.
pub(super) struct Wanted {
    /// The place of the row.
    pub(super) at: usize,
    pub(super) lead_id: Uuid,
    pub(super) text: String,
}

/// Adds the notes that leads do not have yet. Returns the rows that bring one.
pub(super) async fn add_notes(
    tx: &mut Tx,
    workspace_id: Uuid,
    wanted: Vec<Wanted>,
    touched: &mut BTreeMap<Uuid, Touched>,
    known: &HashMap<Uuid, State>,
) -> Result<HashSet<usize>> {
    let asked: Vec<&Wanted> = wanted.iter().filter(|one| known.contains_key(&one.lead_id)).collect();
    let there: Vec<(Uuid, String)> = Bulk::new(
        "select n.lead_id, n.text from {rows} join lead_notes as n on n.workspace_id = rows.workspace_id
           and n.lead_id = rows.lead_id and n.text = rows.text
         where n.workspace_id = rows.workspace_id",
    )
    .column("workspace_id", asked.iter().map(|_| workspace_id).collect())
    .column("lead_id", asked.iter().map(|one| one.lead_id).collect())
    .column("text", asked.iter().map(|one| one.text.clone()).collect())
    .all(tx)
    .await?;
    let mut there: HashSet<(Uuid, String)> = there.into_iter().collect();
    let mut rows = HashSet::new();
    for Wanted { at, lead_id, text } in wanted {
        if !there.insert((lead_id, text.clone())) {
            continue;
        }
        let lead = match touched.entry(lead_id) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let Some(lead) = known.get(&lead_id) else { continue };
                entry.insert(Touched { before: Some(lead.clone()), after: lead.clone(), notes: Vec::new() })
            }
        };
        lead.notes.push((tx.db().new_id(), text));
        rows.insert(at);
    }
    Ok(rows)
}
