//! What the audit log says of what people do with schedules.

use serde_json::{Value, json};

use super::Schedule;
use crate::audit::Entry;

/// Something was done to a schedule. Named by its id, which stays, and by what people call it.
pub(super) fn act(verb: &str, schedule: &Schedule) -> Entry {
    Entry::of(&format!("schedule.{verb}"), schedule.id).affecting(1).with(json!({ "name": schedule.name }))
}

/// It was made, so.
pub(super) fn made(schedule: &Schedule) -> Entry {
    let mut detail = fields(schedule);
    detail["paused"] = schedule.paused.into();
    act("create", schedule).with(detail)
}

/// The schedule was changed: its different fields before and now.
pub(super) fn changed(old: &Schedule, new: &Schedule) -> Entry {
    let (before, now) = (fields(old), fields(new));
    let mut changed: serde_json::Map<String, Value> = now
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, value)| before[field.as_str()] != **value)
        .map(|(field, value)| (field.clone(), json!({ "from": before[field.as_str()], "to": value })))
        .collect();
    if old.args.0 != new.args.0 {
        changed.insert("args".to_owned(), "changed".into());
    }
    act("change", new).with(json!({ "name": new.name, "changed": changed }))
}

/// The fields that the log may show. The arguments of a job may hold a guest's name, so the log says only that they
/// changed.
fn fields(schedule: &Schedule) -> Value {
    let Schedule { name, cron, time_zone, kind, missed, overlap, .. } = schedule;
    json!({ "name": name, "cron": cron, "time_zone": time_zone, "kind": kind, "missed": missed, "overlap": overlap })
}
