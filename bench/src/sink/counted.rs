//! What a sink counts.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What came since the counting began.
pub(super) struct Counted {
    began: Instant,
    /// When each mail was there in full.
    at: Vec<Duration>,
    /// Who got one, as a hash: a million addresses are long.
    seen: HashSet<u64>,
    twice: usize,
    pub(super) bytes: u64,
    /// Connections that ended in the middle of a mail.
    pub(super) torn: usize,
    /// Commands that came before the answer to the one before, though PIPELINING was not offered; mails that came
    /// before they were asked for.
    pub(super) rude: usize,
}

impl Default for Counted {
    fn default() -> Self {
        Self { began: Instant::now(), at: Vec::new(), seen: HashSet::new(), twice: 0, bytes: 0, torn: 0, rude: 0 }
    }
}

impl Counted {
    /// A mail to this address is there, with its last dot.
    pub(super) fn mail(&mut self, to: &[u8]) {
        let mut hash = DefaultHasher::new();
        to.hash(&mut hash);
        self.twice += usize::from(!self.seen.insert(hash.finish()));
        self.at.push(self.began.elapsed());
    }

    /// All of it: mails a second in the first and the last tenth, and in each whole second, besides the counts.
    pub(super) fn told(&self) -> Value {
        let mails = self.at.len();
        let tenth = mails / 10;
        let mut seconds: Vec<usize> = Vec::new();
        if let Some(first) = self.at.first() {
            for at in &self.at {
                let second = usize::try_from((*at - *first).as_secs()).unwrap_or(usize::MAX);
                seconds.resize(seconds.len().max(second.saturating_add(1)), 0);
                if let Some(count) = seconds.get_mut(second) {
                    *count += 1;
                }
            }
            // The last one is not whole.
            seconds.pop();
        }
        json!({
            "mails": mails, "twice": self.twice, "bytes": self.bytes, "torn": self.torn, "rude": self.rude,
            "rate": self.rate(0, mails), "first_tenth": self.rate(0, tenth),
            "last_tenth": self.rate(mails - tenth, mails), "seconds": seconds,
        })
    }

    /// Mails a second among those of these numbers; zero of fewer than two.
    fn rate(&self, from: usize, to: usize) -> f64 {
        let Some((first, last)) = self.at.get(from..to).and_then(|at| Some((at.first()?, at.last()?))) else {
            return 0.0;
        };
        let seconds = (*last - *first).as_secs_f64();
        if seconds > 0.0 { (to - from - 1) as f64 / seconds } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_tenths_and_of_whole_seconds_and_second_mails_are_counted() {
        let mut counted = Counted::default();
        for number in 0..40_u32 {
            counted.mail(format!("guest{}@example.com", number % 39).as_bytes());
        }
        // Ten a second at first, twenty at last.
        let at = |number: u64| Duration::from_millis(if number < 20 { number * 100 } else { 1_000 + number * 50 });
        counted.at = (0..40).map(at).collect();
        let told = counted.told();
        assert_eq!((&told["mails"], &told["twice"]), (&json!(40), &json!(1)));
        assert_eq!((&told["first_tenth"], &told["last_tenth"]), (&json!(10.0), &json!(20.0)));
        assert_eq!(told["seconds"], json!([10, 10]));
        assert_eq!(Counted::default().told()["rate"], json!(0.0));
    }
}
