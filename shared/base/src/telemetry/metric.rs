//! The kinds of metric. Name, labels and help stand together in the [catalog](super::catalog). So code that counts
//! cannot misspell or omit a label, and every exported metric is described.

use metrics::{Label, Unit};

/// The description of a metric, for Prometheus, the documentation and the checks of the dashboards.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name in Prometheus. Histograms also have `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// The kind of the metric.
    pub kind: Kind,
    /// The labels. They never hold ids, names or addresses, because each value is a time series.
    pub labels: &'static [&'static str],
    /// The processes that export the metric: `api`, `worker`, `scheduler`; `herald up` is all three.
    pub by: &'static str,
    /// The meaning of the metric, in one sentence.
    pub help: &'static str,
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number that only increases.
    Counter,
    /// A number that increases and decreases.
    Gauge,
    /// The number of observations in each of these buckets (upper bounds).
    Histogram(&'static [f64]),
}

impl Kind {
    /// The name of the kind in Prometheus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

impl About {
    /// The unit, which the name of the metric states.
    pub fn unit(&self) -> Option<Unit> {
        let name = self.name.trim_end_matches("_total");
        [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes)]
            .into_iter()
            .find_map(|(suffix, unit)| name.ends_with(suffix).then_some(unit))
    }

    /// Registers the help text with the recorder, so that `/metrics` has HELP and TYPE.
    pub(super) fn describe(&self) {
        let unit = self.unit().unwrap_or(Unit::Count);
        match self.kind {
            Kind::Counter => metrics::describe_counter!(self.name, unit, self.help),
            Kind::Gauge => metrics::describe_gauge!(self.name, unit, self.help),
            Kind::Histogram(_) => metrics::describe_histogram!(self.name, unit, self.help),
        }
    }
}

/// A metric that only increases.
pub struct Counter<const L: usize>(pub(super) About);

impl<const L: usize> Counter<L> {
    /// Adds `by` to the series of these label values, in the catalog's order.
    #[expect(clippy::disallowed_macros, reason = "the one place that counts")]
    pub fn add(&self, values: [&str; L], by: u64) {
        metrics::counter!(self.0.name, labels(&self.0, values)).increment(by);
    }
}

/// A metric that increases and decreases.
pub struct Gauge<const L: usize>(pub(super) About);

impl<const L: usize> Gauge<L> {
    /// Sets the series of these label values.
    pub fn set(&self, values: [&str; L], to: f64) {
        self.handle(values).set(to);
    }

    /// Increases the gauge by one until the guard is dropped.
    pub fn hold(&self, values: [&str; L]) -> Held {
        let gauge = self.handle(values);
        gauge.increment(1.0);
        Held(gauge)
    }

    #[expect(clippy::disallowed_macros, reason = "the one place that sets gauges")]
    fn handle(&self, values: [&str; L]) -> metrics::Gauge {
        metrics::gauge!(self.0.name, labels(&self.0, values))
    }
}

/// A guard that increases a gauge by one while it lives.
pub struct Held(metrics::Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A metric that sorts observations into buckets.
pub struct Histogram<const L: usize>(pub(super) About);

impl<const L: usize> Histogram<L> {
    /// Records an observation, in the unit that the name states.
    #[expect(clippy::disallowed_macros, reason = "the one place that records observations")]
    pub fn record(&self, values: [&str; L], observed: f64) {
        metrics::histogram!(self.0.name, labels(&self.0, values)).record(observed);
    }
}

fn labels<const L: usize>(about: &About, values: [&str; L]) -> Vec<Label> {
    about.labels.iter().zip(values).map(|(name, value)| Label::new(*name, value.to_owned())).collect()
}
