//! Clients of outside systems, against servers that keep those systems' traps.

mod email;
mod google;
mod mautic;
