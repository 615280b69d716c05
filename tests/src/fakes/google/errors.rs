//! What Drive says when it does not do something. The words are Google's; callers decide by `reason`, not by status.
//!
//! See <https://developers.google.com/workspace/drive/api/guides/handle-errors>.

use serde_json::{Value, json};

use super::super::http::Answered;

/// An error's whole body.
pub(super) fn error(status: u16, domain: &str, reason: &str, message: &str) -> Answered {
    with_location(status, domain, reason, message, None)
}

/// An error about one parameter.
pub(super) fn at_parameter(status: u16, reason: &str, message: &str, parameter: &str) -> Answered {
    with_location(status, "global", reason, message, Some(parameter))
}

fn with_location(status: u16, domain: &str, reason: &str, message: &str, parameter: Option<&str>) -> Answered {
    let mut one = json!({"message": message, "domain": domain, "reason": reason});
    if let Some(parameter) = parameter {
        (one["location"], one["locationType"]) = (json!(parameter), json!("parameter"));
    }
    Answered::json(status, &json!({"error": {"code": status, "message": message, "errors": [one]}}))
}

pub(super) fn bad_request(message: &str) -> Answered {
    error(400, "global", "badRequest", message)
}

pub(super) fn not_found(id: &str) -> Answered {
    at_parameter(404, "notFound", &format!("File not found: {id}."), "fileId")
}

pub(super) fn bad_token() -> Answered {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, \
        login cookie or other valid authentication credential. See \
        https://developers.google.com/identity/sign-in/web/devconsole-project.";
    let body: Value = json!({"error": {"code": 401, "message": message, "errors": [{"message": "Invalid Credentials",
        "domain": "global", "reason": "authError", "location": "Authorization", "locationType": "header"}],
        "status": "UNAUTHENTICATED"}});
    Answered::json(401, &body)
        .with("www-authenticate", "Bearer realm=\"https://accounts.google.com/\", error=invalid_token")
}

pub(super) fn id_in_use() -> Answered {
    error(409, "global", "fileIdInUse", "A file already exists with the provided ID.")
}

pub(super) fn forbidden() -> Answered {
    by_reason("insufficientFilePermissions")
}

/// The answer for a reason.
pub(super) fn by_reason(reason: &str) -> Answered {
    let (status, domain, message) = match reason {
        "badRequest" => (400, "global", "Bad Request"),
        "invalid" => (400, "global", "Invalid Value"),
        "authError" => return bad_token(),
        "userRateLimitExceeded" => (
            403,
            "usageLimits",
            "User Rate Limit Exceeded. Rate of requests for user exceed configured project quota, \
             you may consider re-evaluating expected per-user traffic to the API and adjust project quota limits \
             accordingly.",
        ),
        "rateLimitExceeded" => (403, "usageLimits", "Rate Limit Exceeded"),
        "sharingRateLimitExceeded" => {
            (403, "usageLimits", "Rate limit exceeded. User message: \"Sorry, you have exceeded your sharing quota.\"")
        }
        "dailyLimitExceeded" => (403, "usageLimits", "Daily Limit Exceeded"),
        "quotaExceeded" => {
            (403, "usageLimits", "Quota exceeded for quota metric 'Queries' and limit 'Queries per day'.")
        }
        "storageQuotaExceeded" => (403, "usageLimits", "The user's Drive storage quota has been exceeded."),
        "teamDriveFileLimitExceeded" => (403, "global", "The file limit for this shared drive has been exceeded."),
        "numChildrenInNonRootLimitExceeded" => {
            (403, "global", "The limit for this folder's number of children (files and folders) has been exceeded.")
        }
        "insufficientFilePermissions" => {
            (403, "global", "The user does not have sufficient permissions for this file.")
        }
        "appNotAuthorizedToFile" => (403, "global", "The user has not granted the app access to the file."),
        "insufficientPermissions" => {
            (403, "global", "Insufficient Permission: Request had insufficient authentication scopes.")
        }
        "domainPolicy" => (403, "global", "The domain administrators have disabled Drive apps."),
        "publishOutNotPermitted" => {
            (403, "global", "The domain policy does not allow publishing this item outside of the domain.")
        }
        "notFound" => return not_found("unknown"),
        "fileIdInUse" => return id_in_use(),
        "backendError" => (500, "global", "Backend Error"),
        "internalError" => (500, "global", "Internal Error"),
        // The family of refusals to share, and whatever else a test wants to see.
        _ => (403, "global", "The request was refused."),
    };
    error(status, domain, reason, message)
}

/// A bare service account's own error, which is about more than a full disk.
pub(super) fn no_storage() -> Answered {
    error(
        403,
        "usageLimits",
        "storageQuotaExceeded",
        "Service Accounts do not have storage quota. Leverage shared drives \
         (https://developers.google.com/workspace/drive/api/guides/about-shareddrives), \
         or use OAuth delegation (http://support.google.com/a/answer/7281227) instead.",
    )
}

/// Too many requests, as 429.
pub(super) fn too_many() -> Answered {
    error(429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")
}

/// A status of 500 and above.
pub(super) fn server(status: u16) -> Answered {
    match status {
        500 => by_reason("internalError"),
        503 => error(503, "global", "backendError", "The service is currently unavailable."),
        status => Answered::html(
            status,
            format!(
                "<!DOCTYPE html>\n<html lang=en><title>Error {status} (Server Error)!!1</title>\n\
                 <p><b>{status}.</b> <ins>That’s an error.</ins></html>\n"
            ),
        ),
    }
}

/// An error of the token endpoint, which has a shape of its own.
pub(super) fn oauth(status: u16, error: &str, description: &str) -> Answered {
    Answered::json(status, &json!({"error": error, "error_description": description}))
}
