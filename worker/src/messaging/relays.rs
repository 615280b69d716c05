//! The mail servers of a sender, with the accounts behind them.

use herald_messaging::Sender;
use herald_providers::email::{Mailer, Relays};

use crate::accounts::Used;
use crate::jobs::{Context, Task};
use crate::runner::Failure;

/// The mail servers of a sender.
pub(super) struct Servers {
    pub(super) relays: Relays,
    /// The accounts, in the order of the servers. The server of the installation has none.
    accounts: Vec<Used<Mailer>>,
}

impl Servers {
    /// Finds the mail servers of a sender: its relays, its own, or that of the installation. A relay whose account
    /// cannot be used is left out if there are others.
    ///
    /// # Errors
    /// When no account can be used now.
    pub(super) async fn of<P>(context: &Context, task: &Task<P>, sender: &Sender) -> Result<Self, Failure> {
        let clock = context.db.clock().clone();
        let wanted: Vec<_> = match (sender.relays.as_slice(), sender.connection_id) {
            ([], None) => {
                let all = vec![(context.mailer.clone(), 1)];
                return Ok(Self { relays: Relays::new(all, clock), accounts: Vec::new() });
            }
            ([], Some(id)) => vec![(id, 1)],
            (relays, _) => relays.iter().map(|relay| (relay.connection_id, relay.weight)).collect(),
        };
        let (mut all, mut accounts, mut first_failure) = (Vec::new(), Vec::new(), None);
        for (id, weight) in wanted {
            match context.mail_server(task, id).await {
                Ok(used) => {
                    all.push((used.client.clone(), weight));
                    accounts.push(used);
                }
                Err(failure) => {
                    first_failure.get_or_insert(failure);
                }
            }
        }
        match first_failure {
            Some(failure) if all.is_empty() => Err(failure),
            _ => Ok(Self { relays: Relays::new(all, clock), accounts }),
        }
    }

    /// Notes at the accounts of several servers which of them a person must see to although the others take the mails,
    /// and which took a mail again.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) async fn note_states(&self, context: &Context) -> Result<(), Failure> {
        if self.accounts.len() < 2 {
            return Ok(());
        }
        let broken = self.relays.broken();
        for (at, account) in self.accounts.iter().enumerate() {
            if let Some((_, error)) = broken.iter().find(|(broken, _)| *broken == at) {
                // What a job would do about it does not matter: its mails go over the others.
                account.failed(context, error.clone()).await?;
            } else if self.relays.took_one(at) {
                account.settle(context, Ok(())).await?;
            }
        }
        Ok(())
    }

    /// Each server with its name, for a test of all of them.
    pub(super) fn each(&self) -> impl Iterator<Item = (Option<&str>, &Mailer)> {
        let names = self.accounts.iter().map(|account| Some(account.connection.name.as_str()));
        names.chain(std::iter::repeat(None)).zip(self.relays.each())
    }
}
