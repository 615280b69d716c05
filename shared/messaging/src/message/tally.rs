//! Counts what became of messages, for the metrics.

use herald_base::telemetry::catalog::MESSAGES;
use herald_contacts::Channel;

use super::MessageState;

/// Counts a message that got this state, unless it waits.
pub(super) fn count_outcome(channel: Channel, state: MessageState, cause: Option<&str>) {
    if !matches!(state, MessageState::Pending | MessageState::Claimed) {
        MESSAGES.add([channel.as_str(), state.as_str(), cause.unwrap_or("none")], 1);
    }
}
