//! The numbers of a day by status, source and owner.

use std::collections::BTreeMap;

use super::rows::ReportRow;

/// Leads of one status, source or owner, and their values by currency.
#[derive(Default)]
pub(super) struct Total {
    pub(super) leads: i64,
    pub(super) values: BTreeMap<String, i64>,
}

/// The numbers of a day.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) status: BTreeMap<String, Total>,
    pub(super) source: BTreeMap<String, Total>,
    pub(super) owner: BTreeMap<String, Total>,
}

impl Totals {
    pub(super) fn add(&mut self, row: &ReportRow) {
        let without = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".to_owned());
        for (totals, name) in [
            (&mut self.status, row.status.clone()),
            (&mut self.source, without(&row.source)),
            (&mut self.owner, without(&row.owner)),
        ] {
            let total = totals.entry(name).or_default();
            total.leads += 1;
            if let (Some(value), Some(currency)) = (row.value_minor, &row.currency) {
                let sum = total.values.entry(currency.clone()).or_default();
                *sum = sum.saturating_add(value);
            }
        }
    }
}
