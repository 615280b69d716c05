//! Jobs about leads.

pub mod report_daily_leads;
