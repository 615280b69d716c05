//! What kinds of requests are told apart.

use std::time::Duration;

use super::{LimitsSettings, Window};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What kind a request is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Signing in, registering, entering a code: by address, and by account and network.
    SignIn,
    /// A letter to an address that somebody names: by account and network.
    Letter,
    /// A message to the assistant: by person or token, or by address.
    Chat,
    /// Whatever a valid token or a person who has signed in asks for.
    General,
    /// A request with a wrong token or none where one is needed: by address.
    Address,
    /// What is open to everybody: links in invitations, webhooks, consent pages; by address.
    Public,
    /// Whatever the people and tokens of a workspace ask for together.
    Workspace,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] =
        [Self::SignIn, Self::Letter, Self::Chat, Self::General, Self::Address, Self::Public, Self::Workspace];

    /// Its name in keys and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Letter => "letter",
            Self::Chat => "chat",
            Self::General => "general",
            Self::Address => "address",
            Self::Public => "public",
            Self::Workspace => "workspace",
        }
    }

    /// Whether it keeps secrets from being guessed, or money from being spent: then it is never left uncounted.
    pub const fn guards(self) -> bool {
        matches!(self, Self::SignIn | Self::Letter | Self::Chat | Self::Address)
    }

    /// Its place in [`Class::ALL`].
    pub(super) const fn number(self) -> usize {
        self as usize
    }

    /// Its windows; none if it is not limited.
    pub(super) fn windows(self, limits: &LimitsSettings) -> Vec<Window> {
        let window = |name, limit, period| Window { name, limit, period };
        match self {
            Self::SignIn => vec![window("sign-in", limits.sign_in_per_minute, MINUTE)],
            Self::Letter => vec![window("letter", limits.sign_in_per_minute, 10 * MINUTE)],
            Self::Chat => {
                vec![window("chat-hour", limits.chat_per_hour, HOUR), window("chat-day", limits.chat_per_day, DAY)]
            }
            Self::Address => vec![window("address", limits.address_per_minute, MINUTE)],
            Self::General | Self::Public | Self::Workspace if !limits.general => Vec::new(),
            Self::General => vec![window("general", limits.general_per_minute, MINUTE)],
            Self::Public => vec![window("public", limits.public_per_minute, MINUTE)],
            Self::Workspace => vec![window("workspace", limits.workspace_per_minute, MINUTE)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_finds_its_own_place() {
        for (number, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class.number(), number, "{class:?}");
        }
    }
}
