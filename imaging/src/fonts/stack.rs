//! The faces that one text may use, in order.

use std::sync::Arc;

use super::face::covers_cluster;
use super::slot::Slot;
use super::{Face, FontLibrary, Want, embedded};

/// The faces for one style, from which each cluster gets one.
pub(crate) struct FaceStack<'a> {
    library: &'a FontLibrary,
    /// The faces that are tried in order before the machine's fonts; the first one is the primary face.
    near: Vec<Arc<Face>>,
    /// Whether the style names a family of the machine: related fonts then come before DejaVu.
    system_first: bool,
    serif: bool,
    found: bool,
}

impl<'a> FaceStack<'a> {
    /// Resolves a style's family and weight.
    pub(crate) fn new(library: &'a FontLibrary, family: Option<&str>, bold: bool, italic: bool) -> Self {
        let asked = family.map(|family| family.trim().to_lowercase()).filter(|family| !family.is_empty());
        let asked = asked.map(|family| embedded::generic(&family).map_or(family, str::to_owned));
        let family = asked.as_deref().unwrap_or(embedded::DEFAULT);
        let best = |slots: &mut dyn Iterator<Item = &Slot>| {
            slots.min_by_key(|slot| slot.style_distance(bold, italic)).and_then(Slot::face)
        };
        let own =
            |family: &str| best(&mut library.own.iter().map(|slot| &**slot).filter(|slot| slot.is_family(family)));
        let built_in = |family: &str, bold, italic| {
            let matching = library.embedded.iter().filter(|slot| slot.is_family(family));
            matching.min_by_key(|slot| slot.style_distance(bold, italic)).and_then(Slot::face)
        };

        let mut primary = own(family).or_else(|| built_in(family, bold, italic));
        let mut system_first = false;
        if primary.is_none() {
            primary = library.catalog().and_then(|catalog| best(&mut catalog.family(family).into_iter()));
            system_first = primary.is_some();
        }
        let found = primary.is_some();

        let mut near: Vec<Arc<Face>> = Vec::with_capacity(6);
        let mut push = |face: Option<Arc<Face>>| {
            if let Some(face) = face.filter(|face| !near.iter().any(|other| other.id() == face.id())) {
                near.push(face);
            }
        };
        push(primary);
        for slot in &library.own {
            push(slot.face());
        }
        push(built_in(embedded::DEFAULT, bold, italic));
        // The slanted faces lack Arabic and Hebrew, which are not slanted anyway.
        push(built_in(embedded::DEFAULT, bold, false));
        Self { library, near, system_first, serif: family.contains("serif") && !family.contains("sans"), found }
    }

    /// Whether the family of the style exists.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// Whether the style's family has serifs.
    pub(crate) fn serif(&self) -> bool {
        self.serif
    }

    /// The face whose metrics place the lines.
    pub(crate) fn primary(&self) -> Option<&Arc<Face>> {
        self.near.first()
    }

    /// Returns the face for a cluster; `None` if no font covers all of it.
    pub(crate) fn pick(&self, cluster: &str, want: Want) -> Option<Arc<Face>> {
        if want.emoji {
            return self.far(cluster, want).or_else(|| self.near(cluster, usize::MAX));
        }
        if self.system_first {
            return self
                .near(cluster, 1)
                .or_else(|| self.far(cluster, want))
                .or_else(|| self.near(cluster, usize::MAX));
        }
        self.near(cluster, usize::MAX).or_else(|| self.far(cluster, want))
    }

    fn near(&self, cluster: &str, first: usize) -> Option<Arc<Face>> {
        self.near.iter().take(first).find(|face| covers_cluster(cluster, |c| face.covers(c))).cloned()
    }

    fn far(&self, cluster: &str, want: Want) -> Option<Arc<Face>> {
        self.library.catalog().and_then(|catalog| catalog.find(cluster, want))
    }
}

/// Whether a face covers a whole cluster.
pub(crate) fn has_cluster(face: &Face, cluster: &str) -> bool {
    covers_cluster(cluster, |c| face.covers(c))
}
