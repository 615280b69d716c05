//! Admission of connections: a cap in all, a cap for each address, and a reserve for probes.
//!
//! A full service must still show that it is alive, or its supervisor restarts it. So a connection over a cap may get a
//! place in a small reserve. The reserve answers only probes, and ends each connection after one answer.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use herald_ledger::rate_limits::Subject;

use super::Bounds;

/// The number of connections in the reserve.
pub(super) const RESERVE: usize = herald_app::open_files::RESERVE;
/// The number of connections of one address in the reserve.
const RESERVE_PER_ADDRESS: usize = 2;

/// Counts connections.
#[derive(Clone)]
pub(super) struct Admission(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    whole: Count,
    reserve: Count,
}

#[derive(Default)]
struct Count {
    all: usize,
    by_address: HashMap<Subject, usize>,
}

impl Count {
    fn of(&self, address: &Subject) -> usize {
        self.by_address.get(address).copied().unwrap_or(0)
    }

    fn add(&mut self, address: Subject) {
        self.all += 1;
        *self.by_address.entry(address).or_default() += 1;
    }

    fn remove(&mut self, address: Subject) {
        self.all -= 1;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// The place that a new connection gets.
pub(super) enum Place {
    /// A place with every endpoint.
    Whole(Permit),
    /// A place in the reserve, with probes alone.
    Reserve(Permit),
    /// No place. The reason is a label of the metric.
    No(&'static str),
}

/// A counted connection. It counts until this value is dropped.
pub(super) struct Permit {
    inner: Arc<Inner>,
    address: Subject,
    reserve: bool,
}

impl Admission {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Inner { bounds, counts: Mutex::default() }))
    }

    pub(super) fn admit(&self, peer: IpAddr) -> Place {
        let bounds = &self.0.bounds;
        let address = Subject::address(peer);
        let is_proxy = bounds.is_proxy(peer);
        let mut counts = self.0.counts();
        let why = if counts.whole.all >= bounds.connections {
            "full"
        } else if !is_proxy && counts.whole.of(&address) >= bounds.per_address {
            "address"
        } else {
            counts.whole.add(address);
            return Place::Whole(self.permit(address, false));
        };
        let room = counts.reserve.all < RESERVE;
        if room && (is_proxy || counts.reserve.of(&address) < RESERVE_PER_ADDRESS) {
            counts.reserve.add(address);
            return Place::Reserve(self.permit(address, true));
        }
        Place::No(why)
    }

    fn permit(&self, address: Subject, reserve: bool) -> Permit {
        Permit { inner: self.0.clone(), address, reserve }
    }
}

impl Inner {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.inner.counts();
        let count = if self.reserve { &mut counts.reserve } else { &mut counts.whole };
        count.remove(self.address);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use herald_app::config::Settings;

    use super::{super::bounds::Times, *};

    fn bounds(connections: usize, per_address: usize) -> Bounds {
        let second = Duration::from_secs(1);
        Bounds::for_tests(connections, per_address, Times { head: second, idle: second, stall: second })
    }

    fn from(admission: &Admission, address: &str) -> Place {
        admission.admit(address.parse().unwrap())
    }

    fn word(place: &Place) -> &'static str {
        match place {
            Place::Whole(_) => "whole",
            Place::Reserve(_) => "reserve",
            Place::No(why) => why,
        }
    }

    #[test]
    fn an_address_has_its_cap_and_a_place_in_the_reserve() {
        let admission = Admission::new(bounds(100, 2));
        let mut held: Vec<Place> = (0..5).map(|_| from(&admission, "192.0.2.1")).collect();
        assert_eq!(held.iter().map(word).collect::<Vec<_>>(), ["whole", "whole", "reserve", "reserve", "address"]);
        assert_eq!(word(&from(&admission, "192.0.2.2")), "whole", "another address has its own");
        held.remove(0);
        assert_eq!(word(&from(&admission, "192.0.2.1")), "whole", "a place that was left is free again");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let admission = Admission::new(bounds(100, 1));
        let _held = from(&admission, "2001:db8:1:2::1");
        assert_eq!(word(&from(&admission, "2001:db8:1:2::2")), "reserve");
        assert_eq!(word(&from(&admission, "2001:db8:1:3::1")), "whole");
    }

    #[test]
    fn a_full_service_keeps_its_reserve() {
        let admission = Admission::new(bounds(3, 3));
        let addresses = (1..=200_u8).map(|last| format!("192.0.2.{last}"));
        let held: Vec<Place> = addresses.map(|address| from(&admission, &address)).collect();
        let count = |what| held.iter().filter(|place| word(place) == what).count();
        assert_eq!((count("whole"), count("reserve"), count("full")), (3, RESERVE, 200 - 3 - RESERVE));
    }

    #[test]
    fn a_trusted_proxy_speaks_for_many() {
        let mut settings = Settings::load(None).unwrap();
        settings.limits.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let admission = Admission::new(bounds(50, 1).trusting(settings));
        let held: Vec<Place> = (0..51).map(|_| from(&admission, "10.1.2.3")).collect();
        assert_eq!(held.iter().filter(|place| word(place) == "whole").count(), 50);
        assert_eq!(word(&held[50]), "reserve", "the cap in all holds for it, too");
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_left() {
        let admission = Admission::new(bounds(300, 1));
        let held: Vec<Place> = (0..=255_u8).map(|last| from(&admission, &format!("192.0.2.{last}"))).collect();
        drop(held);
        let counts = admission.0.counts();
        assert_eq!((counts.whole.all, counts.whole.by_address.len()), (0, 0));
    }
}
