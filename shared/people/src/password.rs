//! Passwords: Argon2id (RFC 9106), on threads of their own, a few at a time.

use std::{fmt, sync::Arc};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use super::PeopleError;
use herald_base::{boxed, cpu::CpuPool, ids::Ids};

/// NIST SP 800-63B-4, 3.1.1.2, asks for 15 where nothing else is asked for; a slow hash, five tries a minute and a
/// check against guessable ones stand beside these ten.
const SHORTEST: usize = 10;
/// In bytes: a sentence in any script fits, and nobody has us hash a book.
const LONGEST: usize = 512;
/// OWASP's cheat sheet on password storage: 19 MiB, two passes, one lane.
const PASSES: u32 = 2;

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// One for each processor: more at once would only take each other's memory and time.
    cpu: Arc<CpuPool>,
    ids: Ids,
    /// A hash that fits no password, checked where there is no account.
    decoy: Arc<str>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

impl Passwords {
    /// Passwords whose hashes take `memory_kib` KiB.
    pub fn new(ids: Ids, memory_kib: u32) -> Self {
        let params =
            Params::new(memory_kib.max(Params::MIN_M_COST), PASSES, 1, None).expect("the figures are in range");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let cpu = CpuPool::new("password", 0).expect("the machine has room for a thread for each processor");
        let decoy = hash(&argon2, &ids.bytes::<32>(), &ids.bytes());
        Self { argon2, cpu: Arc::new(cpu), ids, decoy: decoy.into() }
    }

    /// The hash to keep of a password, as a PHC string.
    #[boxed]
    pub async fn hash(&self, password: &SecretString) -> String {
        let (argon2, salt, password) = (self.argon2.clone(), self.ids.bytes(), plain(password));
        self.cpu.run(move || hash(&argon2, password.expose_secret().as_bytes(), &salt)).await
    }

    /// Whether it is the password of this hash. Without a hash the answer is no, after the same work.
    #[boxed]
    pub async fn check(&self, password: &SecretString, kept: Option<&str>) -> bool {
        let is_kept = kept.is_some();
        let kept = kept.map_or_else(|| self.decoy.clone(), Arc::from);
        let (argon2, password) = (self.argon2.clone(), plain(password));
        let fits = self
            .cpu
            .run(move || {
                let password = password.expose_secret().as_bytes();
                PasswordVerifier::<str>::verify_password(&argon2, password, &kept).is_ok()
            })
            .await;
        fits && is_kept
    }
}

/// In one spelling: the same keys pressed on another machine may compose characters otherwise (RFC 8265).
fn plain(password: &SecretString) -> SecretString {
    // Bounded, whatever came in: a longer one is refused where it is set, and fits no hash.
    password.expose_secret().chars().take(LONGEST).nfc().collect::<String>().into()
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8; 16]) -> String {
    argon2
        .hash_password_with_salt(password, salt)
        .expect("the salt and the output have their usual lengths")
        .to_string()
}

/// Holds a new password to the rules: long enough, and not one of those that are tried first. `about` are words that
/// belong to the person.
///
/// # Errors
/// [`PeopleError::Password`], with what to do.
pub(super) fn fit(password: &SecretString, about: &[&str]) -> Result<(), PeopleError> {
    let text = password.expose_secret();
    let refuse = |why: &str| Err(PeopleError::Password(why.to_owned()));
    if text.chars().count() < SHORTEST {
        return refuse("use at least 10 characters, such as a few words");
    }
    if text.len() > LONGEST {
        return refuse("use at most 512 bytes");
    }
    // The estimate's cost grows with the length, and a long text does not come from a list of passwords.
    let beginning: String = text.chars().take(64).collect();
    // The address, its two sides of the @, and each of their words.
    let parts = about.iter().flat_map(|text| text.split('@')).chain(about.iter().copied());
    let words: Vec<&str> = parts.flat_map(|text| text.split(['.', '+', '-', '_']).chain([text])).collect();
    let found = zxcvbn::zxcvbn(&beginning, &words);
    if found.score() >= zxcvbn::Score::Two {
        return Ok(());
    }
    let hint = found.feedback().and_then(|feedback| feedback.warning()).map(|warning| warning.to_string());
    refuse(&format!(
        "it is easy to guess ({}): add a few uncommon words",
        hint.as_deref().unwrap_or("it is a common password").trim_end_matches('.')
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(Ids::seeded(1), 8)
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_in_any_composition_and_no_other() {
        let passwords = cheap();
        let hash = passwords.hash(&"caf\u{e9} au lait 27".into()).await;
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{hash}");
        assert!(passwords.check(&"cafe\u{301} au lait 27".into(), Some(&hash)).await);
        assert!(!passwords.check(&"cafe au lait 27".into(), Some(&hash)).await);
        assert_ne!(hash, passwords.hash(&"caf\u{e9} au lait 27".into()).await, "each has its own salt");
    }

    #[tokio::test]
    async fn without_an_account_no_password_fits() {
        let passwords = cheap();
        assert!(!passwords.check(&"".into(), None).await);
        assert!(!passwords.check(&"correct horse battery".into(), Some("not a hash")).await);
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for weak in
            ["short", "1234567890", "password123", "qwertyuiop", "aaaaaaaaaaaa", "ann.example1", &"x".repeat(600)]
        {
            assert!(fit(&weak.into(), &["ann.example@example.com"]).is_err(), "{weak}");
        }
        for good in ["four words make sense", "Tr1cky-lamp-92-ocean", "نیلا آسمان اور پرانا درخت"]
        {
            fit(&good.into(), &["ann.example@example.com"]).unwrap();
        }
    }
}
