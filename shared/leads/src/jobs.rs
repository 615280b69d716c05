//! The kinds of job of this domain.

mod report_daily_leads;

pub use report_daily_leads::ReportDailyLeads;
