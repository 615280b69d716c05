//! What the Google holds.

use std::collections::{BTreeMap, BTreeSet};

use herald_base::clock::Clock;
use sha2::{Digest, Sha256};

use super::{
    super::quota::Quota,
    auth::Auth,
    calls::GoogleCall,
    ids::DriveIds,
    items::{FOLDER, Home, Item},
    resumable::Upload,
};

/// All of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) origin: String,
    pub(super) clock: Clock,
    pub(super) ids: DriveIds,
    pub(super) auth: Auth,
    pub(super) quota: Quota,
    pub(super) units: BTreeMap<GoogleCall, u64>,
    pub(super) items: BTreeMap<String, Item>,
    /// Ids of what was deleted.
    pub(super) used: BTreeSet<String>,
    /// Resumable uploads by their secret.
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) requests: BTreeMap<GoogleCall, usize>,
    pub(super) forbids_public: bool,
    pub(super) search_lags: bool,
    pub(super) page_limit: usize,
    pub(super) forgets_bytes: bool,
    pub(super) made: u64,
}

impl State {
    pub(super) fn new(origin: String, clock: Clock) -> Self {
        Self {
            origin,
            clock: clock.clone(),
            ids: DriveIds::new(),
            auth: Auth::new(),
            quota: Quota::none(clock.clone()),
            units: BTreeMap::new(),
            items: BTreeMap::new(),
            used: BTreeSet::new(),
            uploads: BTreeMap::new(),
            requests: BTreeMap::new(),
            forbids_public: false,
            search_lags: false,
            page_limit: 1000,
            forgets_bytes: false,
            made: 0,
        }
    }

    /// The topmost folder of somebody's My Drive.
    pub(super) fn root_of(&mut self, email: &str) -> String {
        let id = format!("0A{}PVA", &hex::encode(Sha256::digest(email))[..14]);
        if !self.items.contains_key(&id) {
            let mut root = Item::new("My Drive", FOLDER, None, Home::Mine(email.to_owned()));
            root.id.clone_from(&id);
            root.by_app = true;
            self.put(root);
        }
        id
    }
}
