//! `traceparent`, which names the trace of a request, in the form of W3C Trace Context, level 1.
//!
//! `tracestate` is not passed on: it holds notes of other systems to themselves, and a job's row has no column for
//! them.

use std::{fmt, str::FromStr};

use crate::ids::Ids;

/// The length of version 00.
const LENGTH: usize = 55;

/// A place in a trace: the trace, the span that is open in it, and whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

/// The header is not a valid `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of the form 00-<trace>-<span>-<flags>")]
pub struct NoTraceContext;

impl TraceContext {
    /// Creates the first span of a given trace.
    pub(super) fn root(trace: [u8; 16], sampled: bool, ids: &Ids) -> Self {
        Self { trace, span: not_zero(ids), sampled }
    }

    /// Creates the first span of a new trace.
    pub(super) fn random(sampled: impl FnOnce(&[u8; 16]) -> bool, ids: &Ids) -> Self {
        let trace = not_zero(ids);
        Self::root(trace, sampled(&trace), ids)
    }

    /// Creates a span below this one.
    pub(super) fn child(&self, ids: &Ids) -> Self {
        Self { span: not_zero(ids), ..*self }
    }

    /// The id of the trace, in hexadecimal.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace)
    }

    /// The id of the span, in hexadecimal.
    pub fn span_id(&self) -> String {
        hex::encode(self.span)
    }

    /// The bytes of the trace's id and of the span's id.
    pub(super) fn bytes(&self) -> ([u8; 16], [u8; 8]) {
        (self.trace, self.span)
    }

    /// Whether the system that began the trace wants it recorded.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }
}

/// Draws an id that is not zero, because all zeros mean "none" in the standard.
fn not_zero<const N: usize>(ids: &Ids) -> [u8; N] {
    loop {
        let bytes = ids.bytes();
        if bytes != [0; N] {
            return bytes;
        }
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id(), self.span_id(), u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = NoTraceContext;

    /// Parses strictly, as the standard demands: lower case, no zeros, nothing after version 00. From a later version,
    /// it reads the part that every version has.
    fn from_str(text: &str) -> Result<Self, NoTraceContext> {
        let bytes = text.as_bytes();
        if bytes.len() < LENGTH || [2, 35, 52].iter().any(|at| bytes[*at] != b'-') {
            return Err(NoTraceContext);
        }
        let [version] = lower_hex(&bytes[..2])?;
        let fits = match version {
            0 => bytes.len() == LENGTH,
            0xff => false,
            _ => bytes.len() == LENGTH || bytes[LENGTH] == b'-',
        };
        let (trace, span) = (lower_hex(&bytes[3..35])?, lower_hex(&bytes[36..52])?);
        let [flags] = lower_hex(&bytes[53..55])?;
        if !fits || trace == [0; 16] || span == [0; 8] {
            return Err(NoTraceContext);
        }
        Ok(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

fn lower_hex<const N: usize>(text: &[u8]) -> Result<[u8; N], NoTraceContext> {
    let mut bytes = [0; N];
    if text.iter().any(u8::is_ascii_uppercase) {
        return Err(NoTraceContext);
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NoTraceContext)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_good_header_is_read_and_written() {
        let context: TraceContext = GOOD.parse().unwrap();
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id(), "b7ad6b7169203331");
        assert!(context.is_sampled());
        assert_eq!(context.to_string(), GOOD);
        // Unknown flags are not passed on.
        let flags: TraceContext = GOOD.replace("-01", "-fe").parse().unwrap();
        assert!(!flags.is_sampled() && flags.to_string().ends_with("-00"));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for later in [GOOD.replacen("00", "01", 1), GOOD.replacen("00", "cc", 1) + "-what-the-future-brings"] {
            assert_eq!(later.parse::<TraceContext>().unwrap().span_id(), "b7ad6b7169203331", "{later}");
        }
    }

    #[test]
    fn what_is_not_quite_a_header_is_refused() {
        let bad = [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-"),
            format!("{GOOD}0"),
            format!(" {GOOD}"),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("00", "01", 1) + ".more",
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            GOOD.replace("b7ad", "b7ag"),
            GOOD.replacen('-', "_", 1),
            GOOD.replace("-01", "-0x"),
            GOOD.replace("b7ad6b71", "b7ad6b7é"),
        ];
        for text in bad {
            assert_eq!(text.parse::<TraceContext>(), Err(NoTraceContext), "{text:?}");
        }
    }

    #[test]
    fn a_child_is_in_the_same_trace_under_a_name_of_its_own() {
        let ids = Ids::seeded(1);
        let root = TraceContext::random(|_| true, &ids);
        let child = root.child(&ids);
        assert_eq!((child.trace_id(), child.is_sampled()), (root.trace_id(), true));
        assert_ne!(child.span_id(), root.span_id());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seed: u64, sampled: bool) {
            let context = TraceContext::random(|_| sampled, &Ids::seeded(seed));
            prop_assert_eq!(context.to_string().parse::<TraceContext>(), Ok(context));
        }

        #[test]
        fn no_text_makes_it_panic_and_what_is_taken_is_canonical(text in "\\PC{0,80}") {
            if let Ok(context) = text.parse::<TraceContext>() {
                prop_assert_eq!(&context.to_string()[3..52], &text[3..52]);
            }
        }

        #[test]
        fn one_wrong_byte_is_noticed(at in 0..55usize, byte: u8) {
            let mut bytes = GOOD.as_bytes().to_vec();
            bytes[at] = byte;
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
            let hexadecimal = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let dash = [2, 35, 52].contains(&at);
            // `0f-…` and similar prefixes are later versions, which are accepted at this length.
            let expected = if dash { byte == b'-' } else { hexadecimal };
            prop_assert_eq!(text.parse::<TraceContext>().is_ok(), expected, "{}", text);
        }
    }
}
