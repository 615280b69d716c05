//! The types of problems. Each type has one line here, and one section in `docs/problems.md`.

use axum::http::StatusCode;

macro_rules! kinds {
    ($($(#[$about:meta])* $kind:ident $name:literal $status:ident $title:literal,)*) => {
        /// The kind of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($(#[$about])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            /// The name in the type URI, the status, and the title.
            pub(crate) fn facts(self) -> (&'static str, StatusCode, &'static str) {
                match self {
                    $(Self::$kind => ($name, StatusCode::$status, $title),)*
                }
            }
        }
    };
}

kinds! {
    /// The request cannot be read.
    InvalidRequest "invalid-request" BAD_REQUEST "The request cannot be read",
    /// The request has no token, or a token that is not valid.
    Unauthorized "unauthorized" UNAUTHORIZED "A valid token is needed",
    /// The address and password, or the refresh token, are not valid.
    InvalidCredentials "invalid-credentials" UNAUTHORIZED "The credentials are not valid",
    /// The caller is known, but does not have the permission.
    Forbidden "forbidden" FORBIDDEN "The caller is not allowed to do that",
    /// The request must name one of the caller's workspaces.
    WorkspaceNeeded "workspace-needed" BAD_REQUEST "The request must name a workspace",
    /// The code or the invitation is not valid.
    CodeRefused "code-refused" UNPROCESSABLE_ENTITY "The code is not valid",
    /// The resource does not exist.
    NotFound "not-found" NOT_FOUND "Nothing was found",
    /// The resource exists, but does not support the method.
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "The path does not support the method",
    /// The state of the resource does not allow the action.
    WrongState "wrong-state" CONFLICT "The current state does not allow that",
    /// The same request is still being answered.
    InProgress "in-progress" CONFLICT "The same request is being answered",
    /// The resource is not in the state that the client expects.
    PreconditionFailed "precondition-failed" PRECONDITION_FAILED "The resource is not in the expected state",
    /// The workspace has as many of these resources as it may have.
    QuotaExceeded "quota-exceeded" CONFLICT "The workspace has reached its quota",
    /// The upload is over a limit.
    TooLarge "too-large" PAYLOAD_TOO_LARGE "The upload is too large",
    /// The endpoint does not read bodies of this type.
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The content type is not supported",
    /// A field has a value that is not allowed.
    InvalidField "invalid-field" UNPROCESSABLE_ENTITY "A field has a wrong value",
    /// The `Idempotency-Key` belongs to another request.
    KeyReused "key-reused" UNPROCESSABLE_ENTITY "The Idempotency-Key belongs to another request",
    /// The guest list cannot be read.
    InvalidList "invalid-list" UNPROCESSABLE_ENTITY "The guest list cannot be read",
    /// The template is wrong, or it does not fit the list.
    InvalidTemplate "invalid-template" UNPROCESSABLE_ENTITY "The template cannot be used",
    /// The sample could not be drawn.
    PreviewFailed "preview-failed" UNPROCESSABLE_ENTITY "The preview could not be drawn",
    /// The sample was not drawn in time.
    PreviewTimeout "preview-timeout" GATEWAY_TIMEOUT "The preview was not drawn in time",
    /// The client sent more requests than the limit allows.
    TooManyRequests "too-many-requests" TOO_MANY_REQUESTS "Too many requests",
    /// The request took too long.
    TimedOut "timed-out" SERVICE_UNAVAILABLE "The request took too long",
    /// Herald cannot answer now, but may be able to later.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "Herald cannot answer now",
    /// A disk is full.
    StorageFull "storage-full" INSUFFICIENT_STORAGE "A disk is full",
    /// A defect of Herald.
    Internal "internal" INTERNAL_SERVER_ERROR "Herald failed",
}
