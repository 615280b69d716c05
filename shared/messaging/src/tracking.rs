//! Tracking: whether messages are opened, and which of their links are followed.
//!
//! Each link of a message leads to Herald first, by a signed token that names the message and the number of the link.
//! Where it goes on to stands in a row, so a token can lead nowhere else. What happened is recorded in groups, and a
//! reader is sent on once the group is written.
//!
//! ```text
//! link ─▶ token ─▶ waits for its group ─▶ event, counts, marks of the message: one transaction ─▶ target
//! ```
//!
//! Only of people who agreed it is kept who they were; everybody else is counted. Scanners are recorded, and count as
//! no person.

mod consent;
mod group;
mod links;
mod location;
mod numbers;
mod person;
mod recent;
mod recorder;
mod robots;
mod wish;

use herald_base::links::LinkSigner;
use uuid::Uuid;

pub use self::{
    consent::{NewTrackingConsent, TrackingConsent, add_tracking_consent, list_tracking_consents},
    links::{TrackedLinks, tracked_links},
    location::location,
    numbers::{CampaignTracking, HourTouches, LinkTouches, Touches, VariantTouches, recount_tracking, tracking_of},
    recorder::{Reached, Tracker},
    robots::{Request, robot},
    wish::{set_tracking_wish, tracking_wish},
};
pub(crate) use self::{
    consent::{consents_of_contact, forget_consents},
    links::register_links,
    numbers::{touches_by_variant, touches_of},
    person::{events_of_contact, forget_reader},
};

/// The number of the picture that tells of an opening.
const PIXEL: u16 = 0;
/// The number of the link that no person sees.
const TRAP: u16 = u16::MAX;
/// The largest number of a link.
const MOST: usize = 1_000;
const PURPOSE: &str = "track";

herald_base::text_enum! {
    /// What is kept of what recipients do with messages.
    pub enum Tracking, "there is no tracking {:?}" {
        /// Nothing: links lead where they say.
        Off "off",
        /// How many there were, without anybody's name.
        Aggregate "aggregate",
        /// Also who it was, of those who agreed.
        Personal "personal",
    }
}

/// What a token of a message names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackedPlace {
    /// The picture: the message is shown.
    Pixel,
    /// The link with this number.
    Link(u16),
    /// The link that no person sees.
    Trap,
}

impl TrackedPlace {
    fn of(number: u16) -> Self {
        match number {
            PIXEL => Self::Pixel,
            TRAP => Self::Trap,
            number => Self::Link(number),
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Pixel => PIXEL,
            Self::Link(number) => number,
            Self::Trap => TRAP,
        }
    }
}

/// Returns the address of a place in a message. It has at most 80 characters if the domain of tracked links has at most
/// 31.
pub fn tracked_url(links: &LinkSigner, message_id: Uuid, place: TrackedPlace) -> String {
    let token = links.numbered_token_for(PURPOSE, message_id, place.number());
    let end = if place == TrackedPlace::Pixel { ".gif" } else { "" };
    links.tracked_page(&format!("/t/{token}{end}"))
}

/// Returns the message and the place that a token names, if Herald signed it. The token of a picture ends with `.gif`.
pub fn open_tracked(links: &LinkSigner, token: &str) -> Option<(Uuid, TrackedPlace)> {
    let bare = token.strip_suffix(".gif");
    let (id, number) = links.open_numbered_token_for(PURPOSE, bare.unwrap_or(token))?;
    let place = TrackedPlace::of(number);
    (bare.is_some() == (place == TrackedPlace::Pixel)).then_some((id, place))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn a_link_is_short_and_a_picture_is_no_link() {
        let links = LinkSigner::new("https://invites.example.com", [7; 32], Duration::days(365));
        let id = Uuid::from_u128(42);
        let token = |place| tracked_url(&links, id, place).rsplit('/').next().unwrap_or_default().to_owned();
        for place in [TrackedPlace::Pixel, TrackedPlace::Link(1), TrackedPlace::Link(1_000), TrackedPlace::Trap] {
            let url = tracked_url(&links, id, place);
            assert!(url.len() <= 80 && url.starts_with("https://invites.example.com/t/"), "{url}");
            assert_eq!(open_tracked(&links, &token(place)), Some((id, place)));
        }
        assert_eq!(open_tracked(&links, token(TrackedPlace::Pixel).trim_end_matches(".gif")), None);
        assert_eq!(open_tracked(&links, &format!("{}.gif", token(TrackedPlace::Link(1)))), None);
        assert_eq!(open_tracked(&links, ""), None);
    }
}
