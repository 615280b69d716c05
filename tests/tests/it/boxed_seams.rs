//! What the lower crates offer to others returns its future in a box: the body is compiled once, where it stands, and
//! not again in every crate that awaits it (docs/adr/0030-boxed-seams.md). No type can forbid the other.

use crate::sources::of_the_program;

/// A public async function and where it stands.
struct Offered {
    line: usize,
    signature: String,
    is_boxed: bool,
    /// Whether `#[boxed]` would be of no use, or impossible: a generic body is compiled where it is used in any case,
    /// and the macro does not see the unnamed lifetime in an argument's own type.
    is_generic: bool,
}

fn offered(source: &str) -> Vec<Offered> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut in_generic_impl = false;
    for (at, line) in source.lines().enumerate() {
        if line.starts_with("impl") {
            in_generic_impl = line.starts_with("impl<");
        }
        if !lines[at].starts_with("pub async fn ") {
            continue;
        }
        let end = lines[at..].iter().position(|line| line.ends_with('{')).expect("a function has a body");
        let signature = lines[at..=at + end].join(" ");
        let arguments = signature.split("->").next().expect("a split has a first part");
        let name = arguments.split('(').next().expect("a split has a first part");
        let has_type_parameter = name.split_once('<').is_some_and(|(_, parameters)| !parameters.starts_with('\''));
        let is_generic =
            in_generic_impl || has_type_parameter || arguments.contains("impl ") || arguments.contains("<'_>");
        let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
        let is_boxed = attributes.any(|line| *line == "#[boxed]");
        found.push(Offered { line: at + 1, signature, is_boxed, is_generic });
    }
    found
}

#[test]
fn what_a_lower_crate_offers_is_compiled_once() {
    let mut boxed = 0;
    let mut missing = Vec::new();
    for (name, path) in of_the_program().iter().filter(|(name, _)| name.starts_with("shared/")) {
        for one in offered(&std::fs::read_to_string(path).expect("the file can be read")) {
            boxed += usize::from(one.is_boxed);
            if !one.is_boxed && !one.is_generic {
                missing.push(format!("{name}:{}: {}", one.line, one.signature));
            }
        }
    }
    assert!(missing.is_empty(), "put #[boxed] before each of these:\n{}", missing.join("\n"));
    assert!(boxed > 300, "only {boxed} are boxed: are these the right files?");
}

#[test]
fn a_function_without_its_box_is_found() {
    let source =
        "impl Store {\n    /// Reads.\n    pub async fn read(\n        &self,\n    ) -> Result<u8> {\n    }\n}\n";
    let one = |source: &str| offered(source).pop().map(|one| (one.line, one.is_boxed, one.is_generic));
    assert_eq!(one(source), Some((3, false, false)));
    assert_eq!(one(&source.replace("    pub", "    #[boxed]\n    #[cold]\n    pub")), Some((5, true, false)));
    for (from, to) in [
        ("&self", "on: impl Into<Target<'_>>"),
        ("&self", "probe: Probe<'_>"),
        ("read(", "read<T: Row>("),
        ("impl Store", "impl<T> Store<T>"),
    ] {
        assert_eq!(one(&source.replace(from, to)), Some((3, false, true)), "{to}");
    }
    assert_eq!(one(&source.replace("read(", "read<'a>(")), Some((3, false, false)));
}
