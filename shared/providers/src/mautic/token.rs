//! A token of an OAuth 2 client, requested once and shared (<https://developer.mautic.org/#authorization>).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::lenient::{number, part};
use crate::{Class, ProviderError, Result, http::Reply};
use herald_base::clock::Clock;

/// A token is not used any more during this time before it expires.
const MARGIN: Duration = Duration::from_secs(60);
/// The lifetime of a token without a stated lifetime, in seconds. Mautic's default is an hour.
const LIFETIME: i64 = 3600;

/// The token that all clones of a client share.
#[derive(Debug, Default)]
pub(super) struct Token(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    token: SecretString,
    until: DateTime<Utc>,
}

/// A token from Mautic's answer.
#[derive(Debug)]
pub(super) struct Given {
    token: SecretString,
    seconds: i64,
}

impl Given {
    /// Reads the answer to a request for a token.
    ///
    /// # Errors
    /// [`Class::Config`] when the answer contains no token.
    pub(super) fn read(reply: &Reply) -> Result<Self> {
        let answer: Value = reply.json("Mautic")?;
        let token = part(&answer, "access_token")?.as_str().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| ProviderError::new(Class::Config, "Mautic gave an empty token"))?;
        let seconds = answer.get("expires_in").and_then(number).unwrap_or(LIFETIME);
        Ok(Self { token: SecretString::from(token), seconds: seconds.clamp(0, 24 * LIFETIME) })
    }
}

impl Token {
    /// Returns a valid token. `ask` requests a new one if there is none, or if the known one is `refused`. Other
    /// callers wait for it meanwhile.
    ///
    /// # Errors
    /// The errors of `ask`.
    pub(super) async fn get<F: Future<Output = Result<Given>>>(
        &self,
        clock: &Clock,
        refused: Option<&SecretString>,
        ask: impl FnOnce() -> F,
    ) -> Result<SecretString> {
        let mut known = self.0.lock().await;
        let is_refused =
            |token: &SecretString| refused.is_some_and(|refused| refused.expose_secret() == token.expose_secret());
        if let Some(known) =
            known.as_ref().filter(|known| clock.now() + MARGIN < known.until && !is_refused(&known.token))
        {
            return Ok(known.token.clone());
        }
        let asked_at = clock.now();
        let Given { token, seconds } = ask().await?;
        *known = Some(Known { token: token.clone(), until: asked_at + TimeDelta::seconds(seconds) });
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn one_request_brings_the_token_for_all_until_a_minute_before_its_end() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let (token, asked) = (Token::default(), AtomicUsize::new(0));
        let get = async |refused: Option<&SecretString>| {
            let ask = async || {
                // Other callers arrive here while the first one waits.
                tokio::task::yield_now().await;
                let nth = asked.fetch_add(1, Ordering::Relaxed);
                Ok(Given { token: format!("token {nth}").into(), seconds: 3600 })
            };
            token.get(&clock, refused, ask).await.unwrap()
        };
        let all = futures::future::join_all((0..5).map(|_| get(None))).await;
        assert!(all.iter().all(|token| token.expose_secret() == "token 0"));

        clock.advance(Duration::from_secs(3539));
        assert_eq!(get(None).await.expose_secret(), "token 0");
        clock.advance(Duration::from_secs(1));
        assert_eq!(get(None).await.expose_secret(), "token 1");

        // Two callers learn that the first token is refused; the second one finds a new token.
        let first = SecretString::from("token 1");
        assert_eq!(get(Some(&first)).await.expose_secret(), "token 2");
        assert_eq!(get(Some(&first)).await.expose_secret(), "token 2");
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_failed_request_is_not_remembered_and_no_token_shows() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let token = Token::default();
        let failed = token.get(&clock, None, async || Err(ProviderError::new(Class::Down, "away"))).await;
        assert_eq!(failed.unwrap_err().class, Class::Down);
        let given = || Given { token: "hunter2".into(), seconds: 3600 };
        assert_eq!(token.get(&clock, None, async || Ok(given())).await.unwrap().expose_secret(), "hunter2");
        assert!(!format!("{token:?} {:?}", given()).contains("hunter2"));
    }
}
