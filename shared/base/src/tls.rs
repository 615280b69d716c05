//! rustls with ring, for everything that speaks TLS.

use std::sync::Once;

/// rustls is told once a process which cryptography it uses.
pub fn use_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Someone else having chosen is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
