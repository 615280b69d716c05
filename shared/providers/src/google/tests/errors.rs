//! The meaning of each of Drive's errors.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde_json::json;

use super::super::{
    errors::{Asked, Fault, refused},
    token_endpoint::tests::reply,
};
use crate::{Class, google::GoogleAuth};

fn account(subject: Option<&str>) -> GoogleAuth {
    GoogleAuth::ServiceAccount {
        client_email: "herald@agency.iam.gserviceaccount.com".into(),
        private_key_id: "key-1".into(),
        subject: subject.map(str::to_owned),
    }
}

fn body(reason: &str, message: &str) -> String {
    json!({ "error": { "code": 403, "message": message, "errors": [{ "reason": reason, "message": message }] } })
        .to_string()
}

#[test]
fn each_reason_has_its_class_and_its_fix() {
    const HOUR: Option<u64> = Some(3600);
    let into = Asked::Into("folder-1");
    for (status, reason, asked, class, wait, said) in [
        (403, "userRateLimitExceeded", into, Class::Rate, Some(10), "too many requests"),
        (403, "rateLimitExceeded", into, Class::Rate, Some(10), "too many requests"),
        (429, "rateLimitExceeded", into, Class::Rate, Some(10), "too many requests"),
        (403, "sharingRateLimitExceeded", Asked::Share("folder-1"), Class::Rate, HOUR, "no more sharing"),
        (403, "dailyLimitExceeded", into, Class::Rate, HOUR, "quota"),
        (403, "quotaExceeded", into, Class::Rate, HOUR, "quota"),
        (403, "storageQuotaExceeded", into, Class::Config, None, "is full"),
        (403, "teamDriveFileLimitExceeded", into, Class::Config, None, "another"),
        (403, "numChildrenInNonRootLimitExceeded", into, Class::Config, None, "500,000"),
        (403, "insufficientFilePermissions", into, Class::Config, None, "share the folder with that account"),
        (403, "insufficientFilePermissions", Asked::File, Class::Config, None, "share the folder with that account"),
        (403, "appNotAuthorizedToFile", into, Class::Config, None, "connect again"),
        (403, "domainPolicy", Asked::Share("folder-1"), Class::Config, None, "Admin console"),
        (403, "publishOutNotPermitted", Asked::Share("folder-1"), Class::Config, None, "Admin console"),
        (
            403,
            "cannotShareTeamDriveTopFolderWithAnyoneOrDomains",
            Asked::Share("folder-1"),
            Class::Config,
            None,
            "Admin console",
        ),
        (403, "insufficientPermissions", into, Class::Config, None, "https://www.googleapis.com/auth/drive"),
        (403, "accessNotConfigured", into, Class::Config, None, "apis/library/drive.googleapis.com"),
        (403, "somethingNew", into, Class::Config, None, "somethingNew"),
        (404, "notFound", into, Class::Config, None, "no folder folder-1"),
        (404, "notFound", Asked::Folder("folder-1"), Class::Config, None, "no folder folder-1"),
        (404, "notFound", Asked::File, Class::Recipient, None, "no longer in Google Drive"),
        (400, "badRequest", into, Class::Recipient, None, "refuses this file"),
        (400, "invalid", into, Class::Recipient, None, "refuses this file"),
        (401, "authError", into, Class::Auth, None, "connect again"),
        (500, "backendError", into, Class::Transient, None, "failed"),
        (502, "backendError", into, Class::Down, None, "not available"),
        (503, "backendError", into, Class::Down, None, "not available"),
        (504, "backendError", into, Class::Down, None, "not available"),
    ] {
        let error = refused(&reply(status, &body(reason, "")), asked, &account(Some("ann@example.com")));
        assert_eq!(error.class, class, "{status} {reason}");
        assert_eq!(error.retry_after, wait.map(Duration::from_secs), "{status} {reason}");
        assert!(error.message.contains(said), "{status} {reason}: {error}");
    }
}

#[test]
fn an_answer_without_a_reason_is_read_by_its_status() {
    for (status, class) in [
        (302, Class::Config),
        (400, Class::Recipient),
        (401, Class::Auth),
        (403, Class::Config),
        (408, Class::Transient),
        (413, Class::Recipient),
        (429, Class::Rate),
        (500, Class::Transient),
        (501, Class::Transient),
        (503, Class::Down),
    ] {
        for body in ["", "<html>Sorry", "{}", r#"{"error":"text"}"#, r#"{"error":{"errors":[]}}"#] {
            assert_eq!(refused(&reply(status, body), Asked::File, &account(None)).class, class, "{status} {body}");
        }
    }
}

#[test]
fn a_bare_service_account_without_storage_is_told_the_three_ways() {
    let answer = reply(403, &body("storageQuotaExceeded", "Service Accounts do not have storage quota."));
    let error = refused(&answer, Asked::Into("folder-1"), &account(None));
    assert_eq!(error.class, Class::Config);
    for way in ["Shared Drive", "Content manager", "--subject", "consent", "herald@agency.iam.gserviceaccount.com"] {
        assert!(error.message.contains(way), "{way}: {error}");
    }
    let person = refused(&answer, Asked::Into("folder-1"), &GoogleAuth::User { client_id: "1".into() });
    assert!(person.message.contains("is full"), "{person}");
}

#[test]
fn a_full_drive_that_google_calls_a_quota_is_not_waited_for() {
    let answer = reply(403, &body("quotaExceeded", "The user has exceeded their Drive storage quota"));
    assert_eq!(refused(&answer, Asked::File, &account(Some("ann@example.com"))).class, Class::Config);
}

#[test]
fn the_wait_that_google_asks_for_is_honoured_but_not_below_an_hour_where_that_is_needed() {
    let wait = |reason: &str, seconds: &'static str| {
        let mut answer = reply(403, &body(reason, ""));
        answer.headers.insert(RETRY_AFTER, seconds.parse().unwrap());
        refused(&answer, Asked::File, &account(None)).retry_after.unwrap().as_secs()
    };
    assert_eq!(wait("userRateLimitExceeded", "42"), 42);
    assert_eq!(wait("sharingRateLimitExceeded", "42"), 3600);
    assert_eq!(wait("sharingRateLimitExceeded", "7200"), 7200);
}

#[test]
fn the_new_form_of_an_error_is_read_too() {
    let of = |reason: &str, old: &str| {
        let error = json!({ "error": {
            "message": "m", "status": "PERMISSION_DENIED", "errors": [{ "reason": old }],
            "details": [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                "metadata": { "consumer": "projects/123456789012", "service": "drive.googleapis.com" } }],
        } });
        refused(&reply(403, &error.to_string()), Asked::Account, &account(None))
    };
    let error = of("SERVICE_DISABLED", "");
    assert!(
        error.message.contains("Cloud project 123456789012") && error.message.contains("?project=123456789012"),
        "{error}"
    );
    assert_eq!(of("SERVICE_DISABLED", "accessNotConfigured"), error);
    let error = of("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "forbidden");
    assert!(error.message.contains("no right to use Drive"), "{error}");
}

#[test]
fn what_an_answer_says_beside_its_reason_does_not_show() {
    let answer = reply(403, &body("odd <b>reason</b>", "secret text"));
    let error = refused(&answer, Asked::File, &account(None));
    assert!(error.message.contains("oddbreasonb"), "{error}");
    assert!(!format!("{error:?}").contains("secret text"));
}

#[test]
fn only_rules_about_links_forbid_sharing() {
    let forbids = |reason| Fault::of(&reply(403, &body(reason, ""))).forbids_sharing();
    for reason in ["domainPolicy", "publishOutNotPermitted", "shareOutNotPermitted", "cannotShareWithAnyone"] {
        assert!(forbids(reason), "{reason}");
    }
    for reason in ["insufficientFilePermissions", "sharingRateLimitExceeded", "notFound", ""] {
        assert!(!forbids(reason), "{reason}");
    }
}
