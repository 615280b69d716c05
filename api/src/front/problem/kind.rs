//! The types of problems: a line each, and a section each in `docs/problems.md`.

use axum::http::StatusCode;

macro_rules! kinds {
    ($($(#[$about:meta])* $kind:ident $name:literal $status:ident $title:literal,)*) => {
        /// What kind of problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($(#[$about])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name in the type URI, its status, its title.
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
    /// No token, or one that opens nothing.
    Unauthorized "unauthorized" UNAUTHORIZED "A valid token is needed",
    /// Address and password, or a refresh token, open nothing.
    InvalidCredentials "invalid-credentials" UNAUTHORIZED "The credentials are not valid",
    /// Known, but not allowed.
    Forbidden "forbidden" FORBIDDEN "The caller is not allowed to do that",
    /// One of several workspaces must be named.
    WorkspaceNeeded "workspace-needed" BAD_REQUEST "The request must name a workspace",
    /// A code or an invitation opens nothing.
    CodeRefused "code-refused" UNPROCESSABLE_ENTITY "The code is not valid",
    /// There is no such thing.
    NotFound "not-found" NOT_FOUND "Nothing was found",
    /// The thing is there, the method is not.
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "The path does not support the method",
    /// The thing is in a state in which this cannot be done.
    WrongState "wrong-state" CONFLICT "The current state does not allow that",
    /// The same request is still being answered.
    InProgress "in-progress" CONFLICT "The same request is being answered",
    /// It is not what the client thinks it is.
    PreconditionFailed "precondition-failed" PRECONDITION_FAILED "The resource is not in the expected state",
    /// The workspace has as much of it as it may have.
    QuotaExceeded "quota-exceeded" CONFLICT "The workspace has reached its quota",
    /// The upload is over a limit.
    TooLarge "too-large" PAYLOAD_TOO_LARGE "The upload is too large",
    /// The body is of a type the endpoint does not read.
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The content type is not supported",
    /// A field has a value it cannot have.
    InvalidField "invalid-field" UNPROCESSABLE_ENTITY "A field has a wrong value",
    /// The `Idempotency-Key` belongs to another request.
    KeyReused "key-reused" UNPROCESSABLE_ENTITY "The Idempotency-Key belongs to another request",
    /// The guest list cannot be read.
    InvalidList "invalid-list" UNPROCESSABLE_ENTITY "The guest list cannot be read",
    /// The template is wrong, or does not fit the list.
    InvalidTemplate "invalid-template" UNPROCESSABLE_ENTITY "The template cannot be used",
    /// The sample could not be drawn.
    PreviewFailed "preview-failed" UNPROCESSABLE_ENTITY "The preview could not be drawn",
    /// The sample was not drawn in time.
    PreviewTimeout "preview-timeout" GATEWAY_TIMEOUT "The preview was not drawn in time",
    /// More requests came than may.
    TooManyRequests "too-many-requests" TOO_MANY_REQUESTS "Too many requests",
    /// The request took too long.
    TimedOut "timed-out" SERVICE_UNAVAILABLE "The request took too long",
    /// Herald cannot answer now; later it can.
    Unavailable "unavailable" SERVICE_UNAVAILABLE "Herald cannot answer now",
    /// A disk is full.
    StorageFull "storage-full" INSUFFICIENT_STORAGE "A disk is full",
    /// A defect of Herald.
    Internal "internal" INTERNAL_SERVER_ERROR "Herald failed",
}
