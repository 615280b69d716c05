//! rustls with ring, for everything that speaks TLS.

use std::sync::Once;

/// Selects ring as rustls's cryptography, once per process.
pub fn use_ring() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // If another crate has already chosen, that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
