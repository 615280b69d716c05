//! Several mail servers that share the mails of one sender by their weights.
//!
//! The next mail goes to the server that is furthest behind its share, so the shares hold over every few mails, and
//! without chance. A server that is away, takes no login or wants less is left out for a while, and the others take its
//! share. A mail goes to another server only if it was certainly not handed over: one whose end is unknown stays so.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Mailer, Message, Receipt};
use crate::{Class, ProviderError, Result};
use herald_base::{boxed, clock::Clock};

/// How long a server is left out that lost a connection, that wants less, that is away, or that a person must see to.
const LOST: Duration = Duration::from_secs(5);
const WANTS_LESS: Duration = Duration::from_secs(30);
const AWAY: Duration = Duration::from_secs(60);
const PERSON: Duration = Duration::from_secs(300);

/// The mail servers of a sender.
#[derive(Debug)]
pub struct Relays {
    all: Vec<(Mailer, i64)>,
    /// How far each is behind its share, in mails times the sum of the weights.
    behind: Mutex<Vec<i64>>,
    /// Which have taken a mail.
    took: Vec<AtomicBool>,
    clock: Clock,
}

/// Since when a mail server is left out, and why.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    until: DateTime<Utc>,
    why: ProviderError,
}

impl Rest {
    /// Whether it lasts at this time.
    pub(super) fn is_on(&self, now: DateTime<Utc>) -> bool {
        now < self.until
    }
}

impl Relays {
    /// Mail servers and their weights, which are more than zero.
    pub fn new(all: Vec<(Mailer, i64)>, clock: Clock) -> Self {
        let behind = Mutex::new(vec![0; all.len()]);
        let took = all.iter().map(|_| AtomicBool::new(false)).collect();
        Self { all, behind, took, clock }
    }

    /// Sends an e-mail over one of the servers. With only one there is nothing to choose, and its errors are returned
    /// as they are.
    ///
    /// # Errors
    /// As [`Mailer::send`]. An error that is not about this e-mail means that no server takes it now.
    #[boxed]
    pub async fn send(&self, message: &Message) -> Result<Receipt> {
        if let [(mailer, _)] = self.all.as_slice() {
            return mailer.send(message).await;
        }
        let mut tried = vec![false; self.all.len()];
        let mut failed: Vec<ProviderError> = Vec::new();
        loop {
            let Some((at, mailer)) = self.choose(&tried) else {
                failed.extend(self.resting().map(|(_, error)| error));
                return Err(of_all(failed));
            };
            let error = match mailer.send(message).await {
                Ok(receipt) => {
                    if let Some(took) = self.took.get(at) {
                        took.store(true, Ordering::Relaxed);
                    }
                    return Ok(receipt);
                }
                Err(error) if is_of_the_server(&error) => error,
                Err(error) => return Err(error),
            };
            let until = self.clock.now() + TimeDelta::from_std(pause(&error)).unwrap_or_default();
            mailer.rest(Rest { until, why: error.clone() });
            if let Some(tried) = tried.get_mut(at) {
                *tried = true;
            }
            failed.push(error);
        }
    }

    /// Every server, in the order in which they were given.
    pub fn each(&self) -> impl Iterator<Item = &Mailer> {
        self.all.iter().map(|(mailer, _)| mailer)
    }

    /// Whether a server, by its place among those that were given, has taken a mail.
    pub fn took_one(&self, at: usize) -> bool {
        self.took.get(at).is_some_and(|took| took.load(Ordering::Relaxed))
    }

    /// The servers to which a person must see, by their places among those that were given, and what is wrong.
    pub fn broken(&self) -> Vec<(usize, ProviderError)> {
        self.resting().filter(|(_, error)| error.needs_a_person()).collect()
    }

    /// Those that are left out now. Each error says how long it lasts.
    fn resting(&self) -> impl Iterator<Item = (usize, ProviderError)> {
        let now = self.clock.now();
        let each = self.all.iter().enumerate();
        each.filter_map(move |(at, (mailer, _))| {
            let Rest { until, why } = mailer.resting(now)?;
            Some((at, why.after((until - now).to_std().ok())))
        })
    }

    /// The server for the next mail, among those that were not tried for it and are not left out.
    fn choose(&self, tried: &[bool]) -> Option<(usize, &Mailer)> {
        let now = self.clock.now();
        let there: Vec<bool> = self
            .all
            .iter()
            .zip(tried)
            .map(|((mailer, _), was_tried)| !was_tried && mailer.resting(now).is_none())
            .collect();
        let weights: Vec<i64> = self.all.iter().map(|(_, weight)| *weight).collect();
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next(&mut behind, &weights, &there)?;
        Some((at, &self.all.get(at)?.0))
    }
}

/// Whose turn it is. Each gains its weight, and who has most gives the sum of them: over as many mails as that sum,
/// each gets as many as its weight.
fn next(behind: &mut [i64], weights: &[i64], there: &[bool]) -> Option<usize> {
    let mut chosen: Option<(usize, i64)> = None;
    let mut sum = 0;
    for (at, ((behind, weight), _)) in behind.iter_mut().zip(weights).zip(there).enumerate().filter(|(_, (_, on))| **on)
    {
        *behind += weight;
        sum += weight;
        if chosen.is_none_or(|(_, most)| *behind > most) {
            chosen = Some((at, *behind));
        }
    }
    let (at, _) = chosen?;
    if let Some(behind) = behind.get_mut(at) {
        *behind -= sum;
    }
    Some(at)
}

/// Whether another server may take the mail: this one has not got it, and did not refuse it for its recipient or its
/// content.
fn is_of_the_server(error: &ProviderError) -> bool {
    !matches!(error.class, Class::Recipient | Class::Unknown) && error.refusal.is_none()
}

fn pause(error: &ProviderError) -> Duration {
    let usual = match error.class {
        Class::Auth | Class::Config => PERSON,
        Class::Rate => WANTS_LESS,
        Class::Transient => LOST,
        _ => AWAY,
    };
    error.retry_after.unwrap_or(usual)
}

/// What it means that all servers failed: a wait for the first of them that may come back by itself. A person must act
/// if none will.
fn of_all(failed: Vec<ProviderError>) -> ProviderError {
    let soonest = failed
        .iter()
        .filter(|error| !error.needs_a_person())
        .min_by_key(|error| error.retry_after.unwrap_or_else(|| pause(error)));
    match (soonest, failed.first()) {
        (Some(error), _) => error.clone().after(Some(pause(error))),
        (None, Some(error)) => error.clone(),
        (None, None) => {
            ProviderError::new(Class::Config, "the sender has no mail server that can be used: connect one")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many mails each server gets.
    fn shares(behind: &mut [i64], weights: &[i64], there: &[bool], mails: usize) -> Vec<usize> {
        let mut shares = vec![0; weights.len()];
        for _ in 0..mails {
            shares[next(behind, weights, there).unwrap()] += 1;
        }
        shares
    }

    #[test]
    fn shares_hold_over_every_few_mails() {
        for (weights, mails, expected) in [
            (&[3, 1][..], 1_000, &[750, 250][..]),
            (&[1, 1, 1], 999, &[333, 333, 333]),
            (&[50, 30, 20], 1_000, &[500, 300, 200]),
            (&[100, 1], 1_010, &[1_000, 10]),
            (&[7], 10, &[10]),
        ] {
            let mut behind = vec![0; weights.len()];
            assert_eq!(shares(&mut behind, weights, &vec![true; weights.len()], mails), expected, "{weights:?}");
            assert!(behind.iter().all(|behind| *behind == 0), "every share is even: {behind:?}");
        }
        let mut behind = vec![0, 0];
        let order: Vec<usize> = (0..8).filter_map(|_| next(&mut behind, &[3, 1], &[true, true])).collect();
        assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0], "never many to one in a row");
    }

    #[test]
    fn the_others_take_the_share_of_one_that_is_left_out_and_it_does_not_catch_up() {
        let (mut behind, weights) = (vec![0; 3], [2, 1, 1]);
        assert_eq!(shares(&mut behind, &weights, &[false, true, true], 100), [0, 50, 50]);
        assert_eq!(shares(&mut behind, &weights, &[true, true, true], 100), [50, 25, 25]);
        assert_eq!(next(&mut behind, &weights, &[false, false, false]), None);
    }

    #[test]
    fn only_a_mail_that_a_server_has_not_got_goes_to_another() {
        let error = |class| ProviderError::new(class, "it is so");
        for class in [Class::Rate, Class::Transient, Class::Down, Class::Auth, Class::Config] {
            assert!(is_of_the_server(&error(class)), "{class:?}");
        }
        for class in [Class::Unknown, Class::Recipient] {
            assert!(!is_of_the_server(&error(class)), "{class:?}");
        }
        let refusal = crate::Refusal { code: 451, status: Some((4, 7, 1)), is_of_address: true };
        assert!(!is_of_the_server(&error(Class::Transient).of_mail(Some(refusal))), "greylisted");
    }

    #[test]
    fn all_wait_for_the_first_that_may_come_back_and_for_a_person_only_if_none_will() {
        let error =
            |class, wait: Option<u64>| ProviderError::new(class, "it is so").after(wait.map(Duration::from_secs));
        let all = of_all(vec![error(Class::Auth, None), error(Class::Down, None), error(Class::Rate, Some(7))]);
        assert_eq!((all.class, all.retry_after), (Class::Rate, Some(Duration::from_secs(7))));
        let all = of_all(vec![error(Class::Auth, None), error(Class::Config, None)]);
        assert_eq!(all.class, Class::Auth);
        assert_eq!(of_all(Vec::new()).class, Class::Config);
    }
}
