//! Reads SeetaFace's model file. It consists of 32-bit little-endian numbers, without names, and with only the lengths
//! that a reader needs.
//!
//! The file describes a cascade: several scans that each examine every window, then networks that each examine all
//! remaining windows in turn. The format could describe other cascades; they are refused. A truncated or faulty file is
//! refused, too. Memory is allocated in proportion to the bytes that have been read, never to the sizes that the file
//! claims.

use super::WINDOW;
use super::lab::{CODE_SIDE, GROUP, Group, Scan};
use super::net::Net;
use super::surf::{Layout, PATCH_LENGTH};

/// The overlap from which windows merge between two stages of a network, and after the last one.
const MERGE_BETWEEN: f32 = 0.8;
const MERGE_AT_THE_END: f32 = 0.3;

/// The number of a network's outputs for a window: certainty, shift right, shift down, size.
const ANSWERS: usize = 4;

/// The cascade.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) scans: Vec<Scan>,
    pub(super) judges: Vec<Judge>,
}

/// A network, its input, and the treatment of its windows.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) layout: Layout,
    pub(super) net: Net,
    /// The certainty that a face exceeds.
    pub(super) least: f32,
    /// The overlap from which the accepted windows are merged.
    pub(super) merge: Option<f32>,
}

/// Why a file is not a model that the detector can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ModelError {
    #[error("the model ends in the middle")]
    Truncated,
    #[error("the file is not a model of the kind that is known: {0}")]
    Foreign(&'static str),
}

impl Model {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        let mut reader = Reader(bytes);
        let steps = reader.count()?;
        check(steps >= 1, "it has no steps")?;
        let mut model = Self { scans: Vec::new(), judges: Vec::new() };

        let scans = reader.count()?;
        for _ in 0..scans {
            check(reader.count()? == 1, "a scan has several stages")?;
            check(reader.count()? == 0, "it does not begin with scans")?;
            model.scans.push(reader.scan()?);
            check(reader.number()? <= 0, "a scan has sources")?;
        }

        for step in 1..steps {
            check(reader.count()? == 1, "networks stand side by side")?;
            let stages = reader.count()?;
            for stage in 1..=stages {
                check(reader.count()? == 1, "a scan follows a network")?;
                let merge = match (stage == stages, step + 1 == steps) {
                    (false, _) => Some(MERGE_BETWEEN),
                    (true, false) => None,
                    (true, true) => Some(MERGE_AT_THE_END),
                };
                model.judges.push(reader.judge(merge)?);
            }
            let before = if step == 1 { scans } else { 1 };
            check(reader.count()? == before, "a network leaves windows out")?;
            for source in 0..before {
                check(reader.count()? == source, "a network takes windows in another order")?;
            }
        }
        check(reader.0.is_empty(), "something follows the model")?;
        Ok(model)
    }
}

fn check(holds: bool, otherwise: &'static str) -> Result<(), ModelError> {
    if holds { Ok(()) } else { Err(ModelError::Foreign(otherwise)) }
}

/// The unread part of the file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn words(&mut self, count: usize) -> Result<impl Iterator<Item = [u8; 4]> + use<'a>, ModelError> {
        let length = count.checked_mul(4).ok_or(ModelError::Truncated)?;
        let (words, rest) = self.0.split_at_checked(length).ok_or(ModelError::Truncated)?;
        self.0 = rest;
        Ok(words.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]))
    }

    fn number(&mut self) -> Result<i32, ModelError> {
        self.words(1)?.next().map(i32::from_le_bytes).ok_or(ModelError::Truncated)
    }

    fn count(&mut self) -> Result<usize, ModelError> {
        usize::try_from(self.number()?).map_err(|_| ModelError::Foreign("a count is negative"))
    }

    fn counts(&mut self, count: usize) -> Result<Vec<usize>, ModelError> {
        (0..count).map(|_| self.count()).collect()
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, ModelError> {
        Ok(self.words(count)?.map(f32::from_le_bytes).collect())
    }

    fn scan(&mut self) -> Result<Scan, ModelError> {
        let codes = self.count()?;
        check(self.count()? == 255, "a code has another number of values")?;
        check(codes.is_multiple_of(GROUP), "a scan's codes come in other groups")?;
        let places = self.counts(2 * codes)?;
        let fits = |place: &usize| *place <= WINDOW - CODE_SIDE;
        check(places.iter().all(fits), "a code lies outside the window")?;
        let least = self.floats(codes)?;
        let mut groups = Vec::new();
        for (places, least) in places.chunks_exact(2 * GROUP).zip(least.chunks_exact(GROUP)) {
            let mut weights = Box::new([[0.0; 256]; GROUP]);
            for weights in weights.as_flattened_mut().chunks_exact_mut(256) {
                weights.copy_from_slice(&self.floats(256)?);
            }
            let places = std::array::from_fn(|code| (places[2 * code], places[2 * code + 1]));
            groups.push(Group { places, weights, least: least[GROUP - 1] });
        }
        Ok(Scan { groups })
    }

    fn judge(&mut self, merge: Option<f32>) -> Result<Judge, ModelError> {
        let layers = self.count()?;
        let patches = self.count()?;
        let patches = self.counts(patches)?;
        // The file counts patches from one.
        let patches: Option<Vec<usize>> = patches.iter().map(|patch| patch.checked_sub(1)).collect();
        let patches = patches.ok_or(ModelError::Foreign("a patch has no number"))?;
        let layout = Layout::of(&patches).ok_or(ModelError::Foreign("a patch is not in the pool"))?;
        let least = self.floats(1)?[0];
        let mut inputs = self.count()?;
        check(inputs > 0 && inputs == patches.len() * PATCH_LENGTH, "a network reads other numbers")?;
        let mut net = Net::new();
        for _ in 1..layers {
            let outputs = self.count()?;
            check(outputs > 0, "a layer is empty")?;
            let weights = self.floats(inputs.checked_mul(outputs).ok_or(ModelError::Truncated)?)?;
            net.push(inputs, &weights, self.floats(outputs)?);
            inputs = outputs;
        }
        check(inputs == ANSWERS && layers > 1, "a network gives other answers")?;
        Ok(Judge { layout, net, least, merge })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::MODEL;
    use super::{GROUP, Model, ModelError};

    #[test]
    fn the_embedded_model_has_three_scans_and_three_judges() {
        let model = Model::parse(MODEL).unwrap();
        assert_eq!(model.scans.iter().map(|scan| scan.groups.len()).collect::<Vec<_>>(), [15, 15, 15]);
        assert_eq!(model.judges.iter().map(|judge| judge.merge).collect::<Vec<_>>(), [Some(0.8), None, Some(0.3)]);
    }

    #[test]
    fn something_after_the_model_is_refused() {
        let longer = [MODEL, &[0]].concat();
        assert!(matches!(Model::parse(&longer), Err(ModelError::Foreign(_))));
    }

    #[test]
    fn counts_beyond_the_file_are_refused_before_anything_is_allocated() {
        let scan = [1, 1, 1, 0, i32::MAX / GROUP as i32 * GROUP as i32, 255].map(i32::to_le_bytes);
        assert_eq!(Model::parse(scan.as_flattened()).unwrap_err(), ModelError::Truncated);
        let layer = [2, 0, 1, 1, 1, 2, 1, 1, 0, 32, i32::MAX].map(i32::to_le_bytes);
        assert_eq!(Model::parse(layer.as_flattened()).unwrap_err(), ModelError::Truncated);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_model_cut_short_is_refused(length in 0..MODEL.len()) {
            prop_assert_eq!(Model::parse(&MODEL[..length]).unwrap_err(), ModelError::Truncated);
        }

        #[test]
        fn arbitrary_bytes_are_no_model(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            prop_assert!(Model::parse(&bytes).is_err());
        }

        #[test]
        fn small_numbers_never_make_reading_panic(numbers in prop::collection::vec(-2..60_i32, 0..400)) {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
            let _ = Model::parse(&bytes);
        }

        #[test]
        fn a_number_gone_wrong_never_makes_reading_panic(place in 0..MODEL.len() / 4, number: i32) {
            let mut bytes = MODEL.to_vec();
            bytes[4 * place..4 * place + 4].copy_from_slice(&number.to_le_bytes());
            let _ = Model::parse(&bytes);
        }
    }
}
