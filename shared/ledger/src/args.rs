//! A job of arguments that come from outside: checked to be those of its kind.

use thiserror::Error;
use uuid::Uuid;

use super::{MAX_ARGS_BYTES, NewJob, Payload};

/// Why arguments do not fit a kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct ArgsError {
    /// The argument, as a path with dots; empty when all of them are meant.
    pub field: String,
    /// What is wrong with it and what to do.
    pub detail: String,
}

pub(super) fn not_by_hand(why: &str) -> ArgsError {
    ArgsError { field: String::new(), detail: format!("{why}: it cannot be started by hand") }
}

/// The job of arguments that come from outside.
pub(super) fn payload_of<P: Payload>(workspace_id: Uuid, args: &serde_json::Value) -> Result<NewJob, ArgsError> {
    let kind = P::POLICY.name;
    let Some(given) = args.as_object() else {
        return Err(ArgsError {
            field: String::new(),
            detail: format!("the arguments of {kind} are not a JSON object: write one, such as {{\"run_id\": \"…\"}}"),
        });
    };
    // Where the path is not needed, it is not followed: it takes longer than all the rest.
    let payload = P::deserialize(args).or_else(|_| serde_path_to_error::deserialize(args));
    let payload: P = payload.map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        ArgsError { field, detail: format!("the arguments do not fit {kind}: {}", error.into_inner()) }
    })?;
    let job = payload.job(workspace_id);
    // What the kind does not know would be lost without a word, and is most likely a slip of the pen.
    let lost = given.iter().find(|(name, value)| !value.is_null() && job.args.get(name).is_none());
    if let Some((field, _)) = lost {
        let known: Vec<&str> = job.args.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let detail = format!("{kind} has no argument {field}: its arguments are {}", known.join(", "));
        return Err(ArgsError { field: field.clone(), detail });
    }
    let bytes = job.args.to_string().len();
    if bytes > MAX_ARGS_BYTES {
        let detail = format!("the arguments are {bytes} bytes of JSON, over the limit of {MAX_ARGS_BYTES}");
        return Err(ArgsError { field: String::new(), detail });
    }
    Ok(job)
}
