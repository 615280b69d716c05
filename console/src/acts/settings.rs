//! Acts on a workspace's members, keys and accounts at providers, its example data, and the people of the installation.

use super::{
    Act,
    Kind::{Cleared, Flag, Json, Many, Secret, Text, Whole},
    Then::{Back, Shown, To},
    act,
};

pub(super) const ACTS: &[Act] = &[
    // Example data.
    act("loadExampleData", &[], "The example data is there. One run is at work: look at its bar.", Back),
    act("removeExampleData", &[], "The example data is gone.", Back),
    // Members, invitations and keys.
    act("setRole", &[("role", Text)], "{email} is now {role}.", Back),
    act("removeMember", &[], "{email} is removed.", To("/members")),
    act(
        "makeWorkspaceInvitation",
        &[("role", Text), ("email", Text), ("max_uses", Whole), ("days", Whole)],
        "",
        Shown("settings/invited.html"),
    ),
    act("revokeWorkspaceInvitation", &[], "The invitation is revoked.", Back),
    act(
        "makeKey",
        &[("name", Cleared), ("role", Text), ("platform_admin", Flag), ("scopes", Many), ("expires_at", Text)],
        "",
        Shown("settings/key_made.html"),
    ),
    act("revokeKey", &[], "The key is revoked.", Back),
    // Accounts at providers.
    act(
        "saveConnection",
        &[
            ("provider", Text),
            ("url", Cleared),
            ("user", Text),
            ("password", Secret),
            ("client_id", Text),
            ("client_secret", Secret),
            ("webhook_secret", Secret),
            ("service_account", Secret),
            ("subject", Text),
            ("client", Secret),
            ("bucket", Cleared),
            ("prefix", Text),
            ("endpoint", Text),
            ("region", Text),
            ("access_key_id", Cleared),
            ("secret_key", Secret),
            ("host", Cleared),
            ("port", Whole),
            ("tls", Text),
            ("account_sid", Cleared),
            ("messaging_service_sid", Text),
            ("auth_token", Secret),
            ("phone_number_id", Cleared),
            ("business_account_id", Cleared),
            ("access_token", Secret),
            ("app_secret", Secret),
            ("verify_token", Secret),
            // Ticked, the box sends `true`; the other providers have no such fields, and take none.
            ("path_style", Json),
            ("allow_http", Json),
        ],
        "The account {name} is saved.",
        To("/connections/{name}"),
    ),
    act("deleteConnection", &[], "The account {name} is deleted.", To("/connections")),
    act("testConnection", &[("target", Text)], "", To("/connections/{name}/tests/{job_id}")),
    act("authorizeConnection", &[], "", Shown("settings/consent.html")),
    // The installation's people.
    act("changeUser", &[("active", Flag)], "{email} is now {state}.", Back),
    act("startCrmSync", &[("scope", Text), ("allow_missing", Whole)], "The sync begins.", To("/crm")),
];
