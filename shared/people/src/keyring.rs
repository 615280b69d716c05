//! The keys that access tokens and codes are signed with: rows that only the installation's vault opens, so that every
//! process has the same ones and no settings file holds them.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{People, PeopleError, Result};
use herald_base::{boxed, vault::Vault};
use herald_db::{Db, FromRow, query};

/// How long a process goes on with the keys it has read: a new one signs everywhere after that.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// An unknown key is looked for this often at most, so that made-up ones cost nothing.
const PATIENCE: TimeDelta = TimeDelta::seconds(2);
/// How long a retired key still checks: whatever it signed is over by then.
const RETIRED: TimeDelta = TimeDelta::days(1);

/// The signing keys. Cheap to clone.
#[derive(Clone)]
pub(super) struct Keyring {
    db: Db,
    vault: Vault,
    held: Arc<RwLock<Held>>,
}

#[derive(Default)]
struct Held {
    /// The newest first.
    keys: Vec<SigningKey>,
    read_at: Option<DateTime<Utc>>,
}

/// A key and its name.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) kid: String,
    secret: [u8; 32],
}

#[derive(FromRow)]
struct Row {
    kid: String,
    sealed: Vec<u8>,
}

fn place(kid: &str) -> String {
    format!("signing-key:{kid}")
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl SigningKey {
    /// HMAC-SHA256 of `data` for one use: a signature for one `label` is worth nothing under another.
    pub(super) fn sign(&self, label: &str, data: &[u8]) -> [u8; 32] {
        self.mac(label, data).finalize().into_bytes().into()
    }

    /// Whether it signed this, in constant time.
    pub(super) fn signed(&self, label: &str, data: &[u8], signature: &[u8]) -> bool {
        self.mac(label, data).verify_slice(signature).is_ok()
    }

    fn mac(&self, label: &str, data: &[u8]) -> Hmac<Sha256> {
        let mut of_label = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        of_label.update(label.as_bytes());
        let key = of_label.finalize().into_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
        mac.update(data);
        mac
    }
}

impl Keyring {
    pub(super) fn new(db: &Db, vault: &Vault) -> Self {
        Self { db: db.clone(), vault: vault.clone(), held: Arc::default() }
    }

    /// The key that signs now; made if there is none yet. Do not call it inside a transaction: it may write.
    pub(super) async fn current(&self) -> Result<SigningKey> {
        let now = self.db.now();
        if let Some(key) = self.look(|held| held.read_at.filter(|at| now - *at < FRESH).and(held.keys.first())) {
            return Ok(key);
        }
        if self.read().await?.is_empty() {
            self.add().await?;
            self.read().await?;
        }
        self.look(|held| held.keys.first()).ok_or(PeopleError::Missing("signing key"))
    }

    /// The key of that name, if its signatures still count.
    pub(super) async fn named(&self, kid: &str) -> Result<Option<SigningKey>> {
        if let Some(key) = self.look(|held| held.keys.iter().find(|key| key.kid == kid)) {
            return Ok(Some(key));
        }
        let now = self.db.now();
        let was_read = self.held.read().unwrap_or_else(PoisonError::into_inner).read_at;
        if was_read.is_none_or(|at| now - at >= PATIENCE) {
            self.read().await?;
        }
        Ok(self.look(|held| held.keys.iter().find(|key| key.kid == kid)))
    }

    fn look(&self, find: impl FnOnce(&Held) -> Option<&SigningKey>) -> Option<SigningKey> {
        find(&self.held.read().unwrap_or_else(PoisonError::into_inner)).cloned()
    }

    async fn read(&self) -> Result<Vec<String>> {
        let now = self.db.now();
        let rows: Vec<Row> = query(
            "select kid, sealed from signing_keys where retired_at is null or retired_at > $1 \
             order by created_at desc, kid desc",
        )
        .bind(now - RETIRED)
        .all(&self.db)
        .await?;
        let mut keys = Vec::new();
        for row in rows {
            let secret: [u8; 32] = self.vault.open(&place(&row.kid), &row.sealed)?;
            keys.push(SigningKey { kid: row.kid, secret });
        }
        let names = keys.iter().map(|key| key.kid.clone()).collect();
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Held { keys, read_at: Some(now) };
        Ok(names)
    }

    async fn add(&self) -> Result<String> {
        let now = self.db.now();
        let kid = hex::encode(self.db.ids().bytes::<8>());
        let sealed = self.vault.seal(&place(&kid), &self.db.ids().bytes::<32>());
        let mut tx = self.db.begin().await?;
        query("update signing_keys set retired_at = $1 where retired_at is null").bind(now).execute(&mut tx).await?;
        query("insert into signing_keys (kid, sealed, created_at) values ($1, $2, $3)")
            .bind(kid.as_str())
            .bind(sealed)
            .bind(now)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(kid)
    }
}

impl People {
    /// Begins to sign with a new key, within a minute everywhere; what older ones signed runs out by itself. Returns
    /// the new key's name.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn rotate_signing_key(&self) -> Result<String> {
        let kid = self.keyring.add().await?;
        self.keyring.read().await?;
        Ok(kid)
    }
}
