//! Campaigns side by side: two to five of them.

use axum::{Router, response::Response, routing::get};
use serde_json::{Value, json};

use super::all;
use crate::{
    Console,
    page::page,
    query::part,
    visit::{Stop, Visit},
};

/// The campaigns that stand side by side, at most.
const MOST: usize = 5;

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/w/{ws}/campaigns/compare", get(compare))
}

async fn compare(visit: Visit) -> Result<Response, Stop> {
    let wanted: Vec<String> = ids(&visit.address);
    let mut chosen: Vec<Value> = Vec::new();
    for id in &wanted {
        chosen.extend(visit.ask(&format!("/api/v1/campaigns/{}", part(id))).await.ok());
    }
    let others = all(&visit, "campaigns").await;
    let own = json!({ "chosen": chosen, "wanted": wanted, "campaigns": others, "most": MOST });
    Ok(page(&visit, "campaigns/compare.html").show(own))
}

/// The campaigns that an address names, each once.
fn ids(address: &str) -> Vec<String> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let mut ids = Vec::new();
    for id in query.split('&').filter_map(|pair| pair.strip_prefix("id=")).filter(|id| !id.is_empty()) {
        if ids.len() < MOST && !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_two_to_five_campaigns_each_once() {
        assert_eq!(ids("/w/a/campaigns/compare?id=1&id=2&id=1&x=3&id="), ["1", "2"]);
        assert_eq!(ids("/w/a/campaigns/compare?id=1&id=2&id=3&id=4&id=5&id=6").len(), MOST);
        assert!(ids("/w/a/campaigns/compare").is_empty());
    }
}
