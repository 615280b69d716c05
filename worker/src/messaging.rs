//! Jobs of campaigns.
