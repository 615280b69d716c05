//! Every act of the console: which operation of the API a form calls, with which fields, and what is said afterwards.
//!
//! Each domain has its table below. An act that is in none does not exist. Who may do it, the API decides.

mod account;
mod contacts;
mod invitations;
mod leads;
mod lists;
mod operate;
mod settings;

/// One act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    /// The operation of the API, which names the act in the addresses of forms.
    pub(crate) operation: &'static str,
    /// The fields of the body; `filter.state` is the field `state` of the object `filter`.
    pub(crate) fields: &'static [(&'static str, Kind)],
    /// What the next page says. `{name}` stands for a field of the answer or of the form.
    pub(crate) said: &'static str,
    pub(crate) then: Then,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A text; left out when it is empty.
    Text,
    /// A text that may be emptied.
    Cleared,
    /// A text that is passed on with every space.
    Secret,
    /// A whole number.
    Whole,
    /// A number, which may have a fraction.
    Number,
    /// A box that is ticked or not.
    Flag,
    /// A list, one ticked box an entry; the box `*` leaves the field out.
    Many,
    /// Any value, as JSON.
    Json,
    /// A list of words with commas between them, which may be emptied.
    Words,
    /// Names and their values, `name: value` on each line. Names of the field `<name>_before` that are not there any
    /// more get an empty value.
    Pairs,
    /// An amount such as `2,500.50`, in the currency of the field `currency` beside it.
    Money,
    /// Pairs of the fields `<name>_header` and `<name>_field`, in their order.
    Columns,
    /// A list of whole numbers with commas between them, which may be emptied.
    Wholes,
    /// TXT records, a name, a space and a text on each line.
    Records,
    /// The steps of leads, `name: open`, `name: won` or `name: lost` on each line.
    Statuses,
}

/// Where an act leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// To the page with the form.
    Back,
    /// To a page of the workspace.
    To(&'static str),
    /// To a page that is shown once, with the answer.
    Shown(&'static str),
}

const ACTS: &[&[Act]] =
    &[invitations::ACTS, contacts::ACTS, leads::ACTS, lists::ACTS, operate::ACTS, account::ACTS, settings::ACTS];
use Kind::{
    Cleared, Columns, Flag, Json, Many, Money, Number, Pairs, Records, Secret, Statuses, Text, Whole, Wholes, Words,
};
use Then::{Back, Shown, To};

const ACTS: &[Act] = &[
    // Invitations. The check of a list comes with a file: `upload` has its form.
    act("cancelRun", &[], "The run is cancelled. What was made stays.", Back),
    act("retryRun", &[("cause", Text)], "Herald tries again: {enqueued} jobs.", Back),
    act("startCheckedRun", &[], "The run has started.", To("/runs/{id}")),
    act("retryGuest", &[], "The invitation is made again.", Back),
    act(
        "cropGuest",
        &[("left", Number), ("top", Number), ("side", Number)],
        "The portrait is this part of the picture now, and the invitation is made again.",
        Back,
    ),
    act(
        "checkRun",
        &[
            ("event", Text),
            ("template", Text),
            ("source.kind", Text),
            ("source.connection", Text),
            ("source.form", Whole),
            ("source.segment", Text),
            ("source.search", Text),
            ("source.picture_field", Text),
            ("source.link_field", Text),
            ("source.number_field", Cleared),
            ("destination", Json),
            ("destination.folder", Text),
            ("format", Text),
            ("on_bad_picture", Text),
            ("allow_missing_glyphs", Flag),
            ("limit", Whole),
            ("refresh", Flag),
            ("only_failed", Flag),
            ("number_prefix", Text),
            ("number_digits", Whole),
        ],
        "",
        To("/runs/checks/{id}"),
    ),
    act(
        "restoreTemplate",
        &[],
        "This version is the current one again: the next run gets it. Runs that have begun keep theirs.",
        To("/templates/{id}"),
    ),
    // Contacts.
    act("createContact", CONTACT, "{name} is a contact now.", To("/contacts/{id}")),
    act("changeContact", CONTACT, "{name} is saved.", To("/contacts/{id}")),
    act("trashContact", &[], "The contact is in the trash. It can be taken out again.", Back),
    act("restoreContact", &[], "{name} is out of the trash.", Back),
    act(
        "changeChosenContacts",
        &[("ids", Many), ("act", Text), ("tag", Text)],
        "Contacts that have changed: {changed}.",
        Back,
    ),
    act(
        "eraseContact",
        &[("records", Whole)],
        "The person is erased. This list keeps that it was done.",
        To("/erasures"),
    ),
    act(
        "mergeContacts",
        &[("contact_id", Text), ("take", Many), ("updated_at", Text), ("other_updated_at", Text)],
        "Both are {name} now.",
        To("/contacts/{id}"),
    ),
    act("undoMerge", &[], "Both are contacts again. What was edited since stays with {name}.", Back),
    act("addContactNote", &[("text", Cleared)], "The note is in the timeline.", Back),
    act(
        "addConsent",
        &[("channel", Text), ("given", Json), ("wording", Cleared), ("source", Cleared), ("proof", Text)],
        "It is written down.",
        Back,
    ),
    act(
        "addAddress",
        &[("kind", Text), ("value", Cleared), ("label", Text), ("verified_how", Text)],
        "{value} is an address of the contact.",
        Back,
    ),
    act("changeAddress", &[("value", Text), ("label", Cleared)], "{value} is saved.", Back),
    act("makeAddressPrimary", &[], "{value} is the primary address now. The old one stays.", Back),
    act("verifyAddress", &[("verified", Json), ("how", Text)], "It is written down.", Back),
    act("removeAddress", &[], "The address is removed.", Back),
    act(
        "createContactField",
        &[("label", Cleared), ("key", Text), ("type", Text), ("choices", Words)],
        "{label} has a type now.",
        To("/contact-fields/{id}"),
    ),
    act(
        "changeContactField",
        &[("label", Text), ("type", Text), ("choices", Words), ("position", Whole)],
        "{label} is saved.",
        Back,
    ),
    act("deleteContactField", &[], "The field is text again. Its values stay.", To("/contact-fields")),
    act("deleteTag", &[], "The tag is gone from all contacts.", To("/tags")),
    // Leads.
    act(
        "createLead",
        &[
            ("contact_id", Text),
            ("contact.name", Text),
            ("contact.email", Text),
            ("contact.phone", Text),
            ("lead.need", Cleared),
            ("lead.status", Text),
            ("lead.value_minor", Money),
            ("lead.currency", Text),
            ("lead.source", Text),
            ("lead.owner_id", Text),
            ("lead.follow_up_at", Text),
            ("lead.follow_up_zone", Text),
        ],
        "The lead of {name} is made.",
        To("/leads/{id}"),
    ),
    act(
        "changeLead",
        &[
            ("need", Cleared),
            ("status", Text),
            ("value_minor", Money),
            ("currency", Cleared),
            ("source", Cleared),
            ("owner_id", Cleared),
            ("follow_up_at", Cleared),
            ("follow_up_zone", Text),
        ],
        "The lead of {name} is saved.",
        Back,
    ),
    act(
        "createJob",
        &[("kind", Text), ("args.day", Text), ("args.time_zone", Text)],
        "The report is being made. It stands in the list in a moment.",
        Back,
    ),
    act("addLeadNote", &[("text", Cleared)], "The note is written down.", Back),
    act("setLeadStatuses", &[("statuses", Statuses)], "The steps of leads are saved.", Back),
    // Example data.
    act("loadExampleData", &[], "The example data is there. One run is at work: look at its bar.", Back),
    act("removeExampleData", &[], "The example data is gone.", Back),
    // Jobs.
    act("retryJob", &[], "The job is ready again.", Back),
    act("cancelJob", &[], "The job is asked to stop.", Back),
    act("deleteJob", &[], "The job is deleted.", To("/jobs")),
    act(
        "actOnJobs",
        &[
            ("filter.ids", Text),
            ("filter.kind", Text),
            ("filter.state", Text),
            ("filter.queue", Text),
            ("filter.batch", Text),
            ("filter.arg", Text),
            ("filter.fingerprint", Text),
            ("filter.created_after", Text),
            ("filter.created_before", Text),
            ("filter.finished_after", Text),
            ("filter.finished_before", Text),
        ],
        "Herald does it now: this job shows how far it is.",
        To("/jobs/{job}"),
    ),
    // The person's own account.
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
    // Lists as files.
    act("createExport", EXPORT, "The file is being written.", To("/exports")),
    act(
        "setReportPlan",
        &[("on", Flag), ("at", Cleared), ("time_zone", Cleared)],
        "Herald keeps to that from the next report on.",
        Back,
    ),
    act("subscribeToReports", &[], "The next report is mailed there, too.", Back),
    act("unsubscribeFromReports", &[], "No more reports are mailed there.", Back),
    act("cancelExport", &[], "The export is stopped.", Back),
    // Imports and segments.
    act(
        "changeImport",
        &[("mode", Text), ("sheet", Text), ("tags", Words), ("columns", Columns)],
        "The list is checked again.",
        Back,
    ),
    act("startImport", &[], "The import has started.", Back),
    act("cancelImport", &[], "The import is stopped. What it has made stays.", Back),
    act("undoImport", &[], "The import is being undone.", Back),
    act("createSegment", SEGMENT, "The segment {name} is made.", To("/segments/{id}")),
    act("changeSegment", SEGMENT, "The segment {name} is saved.", To("/segments/{id}")),
    act("deleteSegment", &[], "The segment is deleted.", Back),
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
    // Senders and suppressions.
    act("createSender", SENDER, "The sender {name} is made. Test it before you write to many.", To("/senders/{id}")),
    act("changeSender", SENDER, "The sender {name} is saved.", To("/senders/{id}")),
    act("deleteSender", &[], "The sender is deleted.", To("/senders")),
    act(
        "testSender",
        &[("to", Text), ("records", Records), ("addresses", Words)],
        "",
        Shown("messaging/sender_test.html"),
    ),
    act(
        "addSuppression",
        &[("channel", Text), ("address", Cleared), ("note", Text)],
        "Nothing is sent to this address any more.",
        Back,
    ),
    act("lookUpSuppression", &[("channel", Text), ("address", Cleared)], "", Shown("messaging/suppression_found.html")),
    act("liftSuppression", &[("why", Cleared)], "The address may be written to again.", Back),
    act("undoUnsubscription", &[("why", Cleared)], "The unsubscription is undone.", Back),
    // The installation's people.
    act("changeUser", &[("active", Flag)], "{email} is now {state}.", Back),
    act("startCrmSync", &[("scope", Text), ("allow_missing", Whole)], "The sync begins.", To("/crm")),
    // Queues and workers.
    act(
        "setQueueLimits",
        &[
            ("rate", Whole),
            ("rate_seconds", Whole),
            ("burst", Whole),
            ("concurrency", Whole),
            ("key_concurrency", Whole),
            ("workspace_concurrency", Whole),
        ],
        "The limits hold from the next job on.",
        Back,
    ),
    act("setQueueKey", &[("concurrency", Whole)], "The limit of {key} holds from the next job on.", Back),
    act("pauseQueue", &[], "{name} is paused: running jobs go on, and no other starts.", Back),
    act("resumeQueue", &[], "{name} goes on.", Back),
    act("unblockQueue", &[], "{name} waits for no provider any longer.", Back),
    act("quietWorker", &[], "{name} finishes its jobs, and takes no more.", Back),
    act("resumeWorker", &[], "{name} takes jobs again.", Back),
    // Schedules.
    act("createSchedule", SCHEDULE, "The schedule {name} is made.", To("/schedules/{id}")),
    act("changeSchedule", SCHEDULE, "The schedule is changed.", Back),
    act("runSchedule", &[], "The schedule runs now: this is its job.", To("/jobs/{last_job_id}")),
    act("pauseSchedule", &[], "{name} is paused.", Back),
    act("resumeSchedule", &[], "{name} goes on.", Back),
    act("deleteSchedule", &[], "The schedule is deleted. Its jobs stay.", To("/schedules")),
];

/// The form of a contact, new or not.
const CONTACT: &[(&str, Kind)] = &[
    ("name", Cleared),
    ("email", Cleared),
    ("phone", Cleared),
    ("external_id", Cleared),
    ("locale", Cleared),
    ("time_zone", Cleared),
    ("country", Cleared),
    ("preferred_channel", Text),
    ("tags", Words),
    ("fields", Pairs),
];

/// The form that exports a list under its filters.
const EXPORT: &[(&str, Kind)] = &[
    ("what", Text),
    ("format", Text),
    ("filter.search", Text),
    ("filter.tag", Text),
    ("filter.segment", Text),
    ("filter.snapshot", Text),
    ("filter.country", Text),
    ("filter.locale", Text),
    ("filter.trashed", Json),
    ("filter.status", Text),
    ("filter.outcome", Text),
    ("filter.owner", Text),
    ("filter.source", Text),
];

/// The form of a sender, new or not.
const SENDER: &[(&str, Kind)] = &[
    ("name", Cleared),
    ("connection_id", Text),
    ("from_name", Cleared),
    ("from_address", Cleared),
    ("reply_to", Text),
    ("postal_address", Cleared),
    ("footer", Text),
    ("rate_per_second", Whole),
    ("daily_cap", Whole),
    ("warm_up", Wholes),
    ("quiet.from", Text),
    ("quiet.to", Text),
    ("bounce_domain", Text),
];

/// The form of a segment, new or not.
const SEGMENT: &[(&str, Kind)] = &[("name", Text), ("rule", Json)];

/// The form of a schedule, new or not. Only a new one can be `paused` in it: ticked, the box sends `true`.
const SCHEDULE: &[(&str, Kind)] = &[
    ("name", Text),
    ("cron", Text),
    ("time_zone", Text),
    ("kind", Text),
    ("args", Json),
    ("missed", Text),
    ("overlap", Text),
    ("paused", Json),
];

const fn act(operation: &'static str, fields: &'static [(&'static str, Kind)], said: &'static str, then: Then) -> Act {
    Act { operation, fields, said, then }
}

/// The act of an operation.
pub(crate) fn find(operation: &str) -> Option<&'static Act> {
    ACTS.iter().copied().flatten().find(|act| act.operation == operation)
}
