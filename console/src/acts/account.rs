//! What people do with their own accounts.

use super::{
    Act,
    Kind::{Cleared, Secret, Text},
    Then::{Back, Shown, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    act(
        "changeMe",
        &[("username", Cleared), ("bio", Cleared), ("locale", Cleared), ("time_zone", Cleared)],
        "Your profile is saved.",
        Back,
    ),
    act(
        "changePassword",
        &[("current", Secret), ("new", Secret)],
        "Your password is changed, and your other devices are signed out.",
        Back,
    ),
    act("askChangeEmail", &[("email", Cleared), ("password", Secret)], "", Shown("account/code.html")),
    act(
        "changeEmail",
        &[("verification_id", Text), ("code", Cleared)],
        "Your address is now {email}, and your other devices are signed out.",
        To("/account/security"),
    ),
    act(
        "saveView",
        &[("workspace", Text), ("place", Text), ("name", Cleared), ("query", Cleared)],
        "{name} is saved.",
        Back,
    ),
    act("deleteView", &[], "The view is deleted.", Back),
    act("readNotification", &[], "", Back),
    act("readAllNotifications", &[("workspace", Text)], "All is read.", Back),
    act(
        "setNotificationSettings",
        &[("workspace", Text), ("mail", Text)],
        "Herald keeps to that from the next notification on.",
        Back,
    ),
    act("endSession", &[], "That device is signed out.", Back),
    act("logoutEverywhere", &[], "Every device is signed out.", To("/sign-in")),
    act("leaveWorkspace", &[], "You left the workspace.", To("/account")),
    act("makeWorkspace", &[("slug", Cleared), ("name", Cleared)], "The workspace {name} is made.", To("/w/{slug}")),
];
