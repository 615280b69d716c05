//! `/segments`: groups of customers by the values of their fields, and by tags. A segment with other rules, made
//! elsewhere, is listed without filters.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use herald_contacts::{Comparison, FieldRule, Rule, Segment, create_segment, list_segments};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Api,
    front::{actor::By, auth::Workspace, input, problem::Problem},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// A segment as the marketing backend told of it.
#[derive(Serialize, ToSchema)]
#[schema(as = MarketingSegment)]
struct OldSegment {
    id: Uuid,
    name: String,
    /// By field, the value that customers have.
    filters: BTreeMap<String, String>,
    /// The tags that customers have, all of them.
    tags: Vec<String>,
    created_at: String,
    updated_at: String,
}

impl From<Segment> for OldSegment {
    fn from(segment: Segment) -> Self {
        let (mut filters, mut tags) = (BTreeMap::new(), Vec::new());
        if let Rule::All(rules) = segment.rule.0 {
            for rule in rules {
                match rule {
                    Rule::Tag(tag) => tags.push(tag),
                    Rule::Field(FieldRule { name, is: Comparison::Equal, value: Some(value) }) => {
                        let name = if name == "locale" { "language".to_owned() } else { name };
                        filters.insert(name, value);
                    }
                    _ => {}
                }
            }
        }
        Self {
            id: segment.id,
            name: segment.name,
            filters,
            tags,
            created_at: segment.created_at.to_rfc3339(),
            updated_at: segment.updated_at.to_rfc3339(),
        }
    }
}

/// Lists the segments in the order of their names.
#[utoipa::path(get, path = "/segments", operation_id = "marketingSegments", tag = "compat",
    responses(
        (status = 200, description = "The segments", body = Vec<OldSegment>),
    )
)]
async fn list(State(api): State<Api>, Workspace(workspace): Workspace) -> Result<Json<Vec<OldSegment>>, Problem> {
    let segments = list_segments(&api.db, workspace).await?;
    Ok(Json(segments.into_iter().map(OldSegment::from).collect()))
}

/// A segment as the front end sends one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = MarketingNewSegment)]
#[serde(default)]
struct Sent {
    name: String,
    /// By field, the value that customers have.
    filters: BTreeMap<String, Value>,
    /// The tags that customers have, all of them.
    tags: Vec<String>,
}

impl Sent {
    fn rule(&self) -> Rule {
        let fields = self.filters.iter().map(|(name, value)| {
            let name = if name == "language" { "locale".to_owned() } else { name.clone() };
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Rule::Field(FieldRule { name, is: Comparison::Equal, value: Some(value) })
        });
        Rule::All(fields.chain(self.tags.iter().cloned().map(Rule::Tag)).collect())
    }
}

/// Creates a segment. Who belongs to it is asked anew each time that it is used.
#[utoipa::path(post, path = "/segments", operation_id = "marketingCreateSegment", tag = "compat",
    request_body = Sent,
    responses(
        (status = 201, description = "The segment", body = OldSegment),
    )
)]
async fn create(
    State(api): State<Api>,
    By(actor): By,
    request: Request,
) -> Result<(StatusCode, Json<OldSegment>), Problem> {
    let sent: Sent = input::json(request).await?;
    let made = create_segment(&api.db, &actor, &sent.name, sent.rule()).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_and_tags_become_a_rule_and_come_back() {
        let sent: Sent = serde_json::from_value(
            json!({ "name": "VIP", "filters": { "language": "es", "seats": 40 }, "tags": ["vip"] }),
        )
        .unwrap();
        let rule = sent.rule();
        assert_eq!(
            serde_json::to_value(&rule).unwrap(),
            json!({ "all": [
                { "field": { "name": "locale", "is": "equal", "value": "es" } },
                { "field": { "name": "seats", "is": "equal", "value": "40" } },
                { "tag": "vip" },
            ] })
        );
        let at = chrono::DateTime::UNIX_EPOCH;
        let segment = Segment {
            id: Uuid::nil(),
            name: "VIP".into(),
            rule: herald_db::Json(rule),
            created_at: at,
            updated_at: at,
        };
        let old = OldSegment::from(segment);
        assert_eq!(old.filters["language"], "es");
        assert_eq!(old.tags, ["vip"]);
    }
}
