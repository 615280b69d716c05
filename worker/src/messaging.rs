//! Jobs of campaigns.

pub(crate) mod sender_test;
