//! Registering: address and password first, a person once the code that was sent there came back.

use chrono_tz::Tz;
use herald_base::boxed;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Address, Asked, CODE_MINUTES, Device, People, PeopleError, Result, Role, Tokens,
    code::{Purpose, take_code},
    invitation, member, password,
    user::{self, NewUser},
};
use herald_db::Tx;
use herald_ledger::audit::{self, Actor, Entry};
use herald_providers::email::AccountMail;

/// A person's request for an account.
#[derive(Debug)]
pub struct Registration {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: SecretString,
    /// Their language, as a BCP 47 tag.
    pub locale: String,
    /// Their time zone, by its IANA name.
    pub time_zone: String,
    /// The token of an invitation into a workspace.
    pub invitation: Option<String>,
}

/// What becomes a person when the code is right.
#[derive(Serialize, Deserialize)]
struct Waiting {
    email: String,
    password_hash: String,
    locale: String,
    time_zone: String,
    invitation: Option<String>,
}

/// Checks the form of a language and a time zone.
pub(super) fn check_place(locale: &str, time_zone: &str) -> Result<()> {
    let fits = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
    if locale.len() > 35 || !locale.split('-').all(fits) {
        return Err(PeopleError::field(
            "locale",
            format!("{locale:?} is not a language tag: use one such as en or pt-BR"),
        ));
    }
    if time_zone.parse::<Tz>().is_err() {
        let detail = format!("{time_zone:?} is not a time zone: use an IANA name such as Europe/Madrid");
        return Err(PeopleError::field("time_zone", detail));
    }
    Ok(())
}

impl People {
    /// Takes a registration and sends a code to the address. If the address has an account, its owner gets a letter
    /// that says so, and the asker gets the same answer.
    ///
    /// # Errors
    /// What is wrong with the fields; [`PeopleError::RegistrationClosed`].
    #[boxed]
    pub async fn register(&self, new: Registration) -> Result<Asked> {
        let address = Address::parse(&new.email)?;
        check_place(&new.locale, &new.time_zone)?;
        password::fit(&new.password, &[address.written()])?;
        if !self.settings.open_registration {
            let token = new.invitation.as_deref().ok_or(PeopleError::RegistrationClosed)?;
            invitation::check(&self.db, token, address.key()).await?;
        }
        let key = self.keyring.current().await?;
        // Hashed for a known address, too: it takes most of the time.
        let password_hash = self.passwords.hash(&new.password).await;
        let waiting = Waiting {
            email: address.written().to_owned(),
            password_hash,
            locale: new.locale,
            time_zone: new.time_zone,
            invitation: new.invitation,
        };
        let mut tx = self.db.begin().await?;
        let known = user::by_address(&mut tx, &address).await?;
        let leads_to = known.is_none().then_some(&waiting);
        let (asked, code) = self.issue_code(&mut tx, &key, Purpose::Register, leads_to).await?;
        let (to, letter) = match known {
            // Their own spelling of it: another may be another's mailbox.
            Some(known) => (Address::parse(&known.email)?, AccountMail::AddressKnown),
            None => (address, AccountMail::VerifyAddress { code, minutes: CODE_MINUTES }),
        };
        self.post(&mut tx, &to, &waiting.locale, Some(letter)).await?;
        tx.commit().await?;
        Ok(asked)
    }

    /// Ends a registration with the code that was sent, and begins the first session.
    ///
    /// # Errors
    /// [`PeopleError::Code`].
    #[boxed]
    pub async fn verify(&self, verification_id: Uuid, code: &str, device: &Device) -> Result<Tokens> {
        let key = self.keyring.current().await?;
        let waiting: Waiting = self.try_code(Purpose::Register, verification_id, code).await?;
        let address = Address::parse(&waiting.email)?;
        let mut tx = self.db.begin().await?;
        take_code(&mut tx, verification_id).await?;
        let new = NewUser {
            address: &address,
            password_hash: Some(&waiting.password_hash),
            locale: &waiting.locale,
            time_zone: &waiting.time_zone,
            platform_admin: false,
        };
        let id = user::insert(&mut tx, &new).await?.ok_or(PeopleError::Code)?;
        if let Some(token) = &waiting.invitation {
            // One that ran out meanwhile does not undo the registration.
            match invitation::accept(&mut tx, token, id, address.key()).await {
                Ok(_) | Err(PeopleError::Invitation) => {}
                Err(error) => return Err(error),
            }
        }
        let tokens = self.begin_session(&mut tx, &key, id, device).await?;
        let actor = self.actor(&mut tx, id, device).await?;
        audit::record(&mut tx, &actor, Entry::of("user.register", id)).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Makes a person whose address needs no proof, for the command line: a user of the machine who may read the
    /// database may do that.
    ///
    /// # Errors
    /// What is wrong with the fields; [`PeopleError::Taken`].
    #[boxed]
    pub async fn add_user(
        &self,
        email: &str,
        password: &SecretString,
        platform_admin: bool,
        member_of: Option<(Uuid, Role)>,
        actor: &Actor,
    ) -> Result<Uuid> {
        let address = Address::parse(email)?;
        password::fit(password, &[address.written()])?;
        let hash = self.passwords.hash(password).await;
        let mut tx = self.db.begin().await?;
        let new =
            NewUser { address: &address, password_hash: Some(&hash), locale: "en", time_zone: "UTC", platform_admin };
        let taken = || PeopleError::Taken(format!("{} already has an account: use another address", address.written()));
        let id = user::insert(&mut tx, &new).await?.ok_or_else(taken)?;
        if let Some((workspace_id, role)) = member_of {
            member::add(&mut tx, workspace_id, id, role).await?;
        }
        let detail = serde_json::json!({ "platform_admin": platform_admin, "role": member_of.map(|(_, role)| role) });
        audit::record(&mut tx, actor, Entry::of("user.add", id).with(detail)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The installation's own workspace: what belongs to no other is written in its log, for administrators to read.
    ///
    /// # Errors
    /// [`PeopleError::Db`].
    #[boxed]
    pub async fn home(&self) -> Result<Uuid> {
        Ok(crate::installation(&self.db).await?)
    }

    /// Who acts on their own account: it belongs to no workspace, so the installation's own log tells it.
    pub(super) async fn actor(&self, tx: &mut Tx, user_id: Uuid, device: &Device) -> Result<Actor> {
        let workspace = crate::installation(tx).await?;
        Ok(Actor::user(workspace, user_id, None).from(device.address.clone()))
    }
}
