//! `report.daily_leads`: the workbook of a local day's leads.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use herald_ledger::{Described, Payload, Policy, staff};

/// Arguments of `report.daily_leads`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportDailyLeads {
    /// The day: `today`, `yesterday` or a date. By default yesterday, which is over and has all of its leads.
    #[schema(example = "yesterday")]
    pub day: Option<String>,
    /// The time zone of the day, as an IANA name. By default UTC.
    #[schema(example = "Europe/Madrid")]
    pub time_zone: Option<String>,
    /// Whether the subscribers are told of the report, each once a day. Days without a report since the last one, at
    /// most a week of them, are then made up for.
    pub tell: bool,
}

impl Payload for ReportDailyLeads {
    const POLICY: Policy = Policy::new("report.daily_leads", "control").seconds(600).by(staff("reports"));

    fn described() -> Option<Described> {
        Some(Described::by::<Self>())
    }
}
