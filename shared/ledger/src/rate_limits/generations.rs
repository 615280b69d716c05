//! A map that forgets entries that were not touched for a while. When it is full, it forgets those that were not
//! touched for longest.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

/// Entries touched since the last turn are young; the others are old, and are gone at the next turn. So every entry
/// stays for at least one generation after its last touch, and no call ever goes through all of them.
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Young entries at most; there are never more than twice as many in all.
    most: usize,
    /// How long a generation is, in microseconds.
    lasts: i64,
    /// When the young one began.
    began: i64,
}

impl<K: Eq + Hash + Copy, V: Default> Generations<K, V> {
    pub(super) fn new(most: usize, lasts: i64) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), most, lasts, began: 0 }
    }

    /// The entry of a key, made if it is not there. Tells whether entries had to be forgotten before their time to make
    /// room.
    pub(super) fn touch(&mut self, key: K, now: i64) -> (&mut V, bool) {
        let mut crowded = false;
        if now - self.began >= self.lasts {
            self.turn(now);
        } else if self.young.len() >= self.most && !self.young.contains_key(&key) {
            crowded = !self.old.is_empty();
            self.turn(now);
        }
        let entry = match self.young.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(place) => place.insert(self.old.remove(&key).unwrap_or_default()),
        };
        (entry, crowded)
    }

    fn turn(&mut self, now: i64) {
        self.old = std::mem::take(&mut self.young);
        self.began = now;
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stays_for_a_generation_after_it_was_touched_last_and_then_goes() {
        let mut map: Generations<u32, u32> = Generations::new(100, 10);
        *map.touch(1, 100).0 = 7;
        for now in [109, 115, 124, 125, 134] {
            assert_eq!(map.touch(1, now), (&mut 7, false), "{now}");
        }
        map.touch(2, 144);
        assert_eq!(map.touch(1, 144).0, &7);
        map.touch(2, 154);
        map.touch(2, 164);
        assert_eq!(map.touch(1, 164).0, &0, "it was not touched for two turns");
    }

    #[test]
    fn however_many_come_there_are_never_more_than_twice_the_most_and_who_keeps_coming_is_kept() {
        let mut map: Generations<u32, u32> = Generations::new(10, 1_000_000);
        *map.touch(0, 1).0 = 7;
        let mut crowded = 0;
        for other in 1..1_000 {
            crowded += u32::from(map.touch(other, 1).1);
            if other % 5 == 0 {
                assert_eq!(map.touch(0, 1).0, &7, "{other}");
            }
            assert!(map.len() <= 20, "{}", map.len());
        }
        assert!(crowded > 0);
        assert_eq!(map.touch(5, 1).0, &0, "one that came once is forgotten");
    }
}
