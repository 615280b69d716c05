//! `portrait.crop`: cuts a portrait out of a picture that somebody sent, for no invitation.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use herald_ledger::{Payload, Policy};
use herald_providers::files::{Area, Key};
use std::time::Duration;

/// Arguments of `portrait.crop`. Its result names the portrait's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PortraitCrop {
    /// The picture that was sent, by the SHA-256 of its content in hex.
    pub picture: String,
    /// The longest side of the portrait, in pixels.
    pub side: u32,
}

impl PortraitCrop {
    /// Where a picture lies that was sent: beside the samples, and for as long as they do.
    pub fn picture(workspace_id: Uuid, sha256: &str) -> Key {
        Key::new(workspace_id, Area::Previews, &format!("{sha256}.picture"))
    }
}

impl Payload for PortraitCrop {
    const POLICY: Policy = Policy::new("portrait.crop", "cpu")
        .attempts(3)
        .backoff(Duration::from_millis(100), Duration::from_secs(1))
        .seconds(60);
    const NOT_BY_HAND: Option<&'static str> =
        Some("a portrait.crop job starts with POST /face-crops, which takes the picture");

    /// The same picture to the same size is the same portrait.
    fn unique_key(&self) -> Option<String> {
        Some(format!("portrait:{}:{}", self.picture, self.side))
    }
}
