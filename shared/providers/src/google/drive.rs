//! Google Drive, as far as Herald uses it: folders that anyone with the link can see, and files in them.
//!
//! Nothing is made twice: an id is reserved before the file is made with it, so a second try after a lost answer meets
//! the first one's file (409). <https://developers.google.com/workspace/drive/api/guides/create-file#pregenerated-ids>

mod account;
mod file;
mod folder;
mod multipart;
mod request;
mod resumable;
mod upload;

use std::sync::Arc;

pub use self::{
    account::About,
    file::{NewFile, Stored},
    folder::{Folder, ShareError, folder_id},
    resumable::UploadSizes,
};
use super::{endpoints::Endpoints, token::Tokens};
use crate::{Http, google::GoogleAuth};

/// Drive, for one account. Cheap to clone. Each request pays one unit of the meter before it is made.
#[derive(Clone, Debug)]
pub struct Drive {
    http: Http,
    tokens: Tokens,
    endpoints: Arc<Endpoints>,
    sizes: UploadSizes,
}

impl Drive {
    /// For an account.
    pub fn new(http: Http, tokens: Tokens, endpoints: Endpoints) -> Self {
        Self { http, tokens, endpoints: Arc::new(endpoints), sizes: UploadSizes::default() }
    }

    /// The same, cutting uploads at other sizes.
    #[must_use]
    pub fn with_sizes(mut self, sizes: UploadSizes) -> Self {
        self.sizes = sizes;
        self
    }

    /// The account's tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    fn auth(&self) -> &GoogleAuth {
        self.tokens.auth()
    }
}
