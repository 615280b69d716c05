//! Clients of outside systems, against servers that keep those systems' traps.

mod google;
mod mautic;
