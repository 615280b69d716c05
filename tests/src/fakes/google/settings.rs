//! What a test sets and reads.

use std::time::Duration;

use super::{
    super::quota::Quota,
    FakeGoogle, GoogleCall,
    items::{DriveFile, FOLDER, Home, Item, Permission},
};

/// What Drive holds, set by the test.
impl FakeGoogle {
    /// The user makes a folder by hand at the top of My Drive; its id. An app with the scope `drive.file` does not see
    /// it.
    pub fn add_folder(&self, name: &str) -> String {
        let mut state = self.state();
        let root = state.root_of(Self::USER);
        state.put(Item::new(name, FOLDER, Some(root), Home::Mine(Self::USER.to_owned())))
    }

    /// A shared drive with members by e-mail address and role: `reader`, `writer`, `fileOrganizer` (content manager),
    /// `organizer` (manager); its id, which is also that of its topmost folder.
    pub fn add_shared_drive(&self, name: &str, members: &[(&str, &str)]) -> String {
        let mut state = self.state();
        let id = state.ids.drive();
        let mut item = Item::new(name, FOLDER, None, Home::Shared(id.clone()));
        item.permissions = members.iter().map(|(email, role)| Permission::user(email, role)).collect();
        item.id.clone_from(&id);
        state.put(item)
    }

    /// Shares an item with an e-mail address, as a person would.
    ///
    /// # Panics
    /// When there is no such item.
    pub fn share(&self, id: &str, email: &str, role: &str) {
        let mut state = self.state();
        let item = state.items.get_mut(id).expect("the test names an item that is there");
        item.permissions.push(Permission::user(email, role));
    }

    /// Opens an item with the app, as Google's picker does: the scope `drive.file` sees it from now on.
    ///
    /// # Panics
    /// When there is no such item.
    pub fn open_with_app(&self, id: &str) {
        self.state().items.get_mut(id).expect("the test names an item that is there").by_app = true;
    }

    /// Puts an item into the trash, or takes it out.
    ///
    /// # Panics
    /// When there is no such item.
    pub fn trash(&self, id: &str, trashed: bool) {
        self.state().items.get_mut(id).expect("the test names an item that is there").trashed = trashed;
    }

    /// Removes an item for good, with all that is in it.
    pub fn remove(&self, id: &str) {
        self.state().remove(id);
    }
}

/// Who may what, set by the test.
impl FakeGoogle {
    /// Lets the service account act for users, or no longer.
    pub fn allow_delegation(&self, allowed: bool) {
        self.state().auth.delegation = allowed;
    }

    /// Makes the consent page answer that the user declined, or no longer.
    pub fn deny_consent(&self, deny: bool) {
        self.state().auth.denies = deny;
    }

    /// The user takes the consent back: refresh tokens and access tokens for it end.
    pub fn revoke_consent(&self) {
        self.state().auth.revoke_consent();
    }

    /// Registers an address that the consent page may lead back to, besides any on this machine.
    pub fn allow_redirect(&self, uri: &str) {
        self.state().auth.redirects.insert(uri.to_owned());
    }

    /// A refresh token as a consent to those scopes gives it.
    pub fn consented(&self, scopes: &str) -> String {
        self.state().auth.consented(scopes)
    }

    /// Ends every access token.
    pub fn expire_tokens(&self) {
        self.state().auth.access.clear();
    }

    /// How long access tokens live from now on; an hour unless told.
    pub fn token_lifetime(&self, lifetime: Duration) {
        self.state().auth.lifetime = lifetime;
    }
}

/// How Drive behaves, set by the test.
impl FakeGoogle {
    /// Lets that many units of requests through per window, or any number.
    pub fn quota(&self, limit: Option<u64>, window: Duration) {
        let mut state = self.state();
        state.quota = Quota::new(limit, window, state.clock.clone());
    }

    /// How many units a kind of request takes; 1 unless told, 0 for the token endpoint.
    pub fn units(&self, call: GoogleCall, units: u64) {
        self.state().units.insert(call, units);
    }

    /// Forgets every resumable upload that is not done: its address answers 404.
    pub fn lose_sessions(&self) {
        self.state().uploads.clear();
    }

    /// Whether the organisation forbids links that anyone can open.
    pub fn forbid_public_links(&self, forbidden: bool) {
        self.state().forbids_public = forbidden;
    }

    /// Whether searches lag behind: what is made meanwhile is found only after this ends.
    pub fn search_lags(&self, lags: bool) {
        let mut state = self.state();
        state.search_lags = lags;
        if !lags {
            for item in state.items.values_mut() {
                item.found = true;
            }
        }
    }

    /// The most items of one answer to a list, whatever it asks for.
    pub fn page_limit(&self, limit: usize) {
        self.state().page_limit = limit;
    }

    /// Whether to keep only checksums and sizes of files from now on, for runs that are too large for memory.
    pub fn forget_bytes(&self, forget: bool) {
        self.state().forgets_bytes = forget;
    }
}

/// What became of it, for the test to read.
impl FakeGoogle {
    /// All files in the order in which they were made, without folders.
    pub fn files(&self) -> Vec<DriveFile> {
        self.snapshots(|item| !item.is_folder())
    }

    /// How many files there are, without looking into them.
    pub fn file_count(&self) -> usize {
        self.state().items.values().filter(|item| !item.is_folder()).count()
    }

    /// All folders, without the topmost ones.
    pub fn folders(&self) -> Vec<DriveFile> {
        self.snapshots(|item| item.is_folder() && item.parent.is_some())
    }

    /// An item.
    pub fn file(&self, id: &str) -> Option<DriveFile> {
        let state = self.state();
        state.items.get(id).map(|item| DriveFile::of(&state, item))
    }

    /// How many requests of a kind were handled; one that is done twice counts twice.
    pub fn requests(&self, call: GoogleCall) -> usize {
        self.state().requests.get(&call).copied().unwrap_or(0)
    }

    /// How many resumable uploads are begun and not done.
    pub fn open_sessions(&self) -> usize {
        self.state().uploads.values().filter(|upload| upload.done.is_none()).count()
    }

    /// How many requests were refused for the quota.
    pub fn quota_exceeded(&self) -> usize {
        self.state().quota.exceeded()
    }

    /// The most units within one window.
    pub fn busiest_window(&self) -> u64 {
        self.state().quota.busiest()
    }

    fn snapshots(&self, which: impl Fn(&Item) -> bool) -> Vec<DriveFile> {
        let state = self.state();
        let mut found: Vec<&Item> = state.items.values().filter(|item| which(item)).collect();
        found.sort_by_key(|item| item.seq);
        found.into_iter().map(|item| DriveFile::of(&state, item)).collect()
    }
}
