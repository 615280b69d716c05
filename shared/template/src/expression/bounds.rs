//! Tests that hostile expressions take neither long nor much memory. They run in a child process with limits set by the
//! shell, so an expression that exceeds them ends the child and not the machine.

use std::process::Command;

use super::Expression;

const NAME: &str = "expression::bounds::hostile_expressions_end_within_little_time_and_memory";
const IN_CHILD: &str = "HERALD_TEST_IN_CHILD";

/// Each of these took seconds or gigabytes in an engine that counts instructions, or is built in the same way.
const HOSTILE: [&str; 18] = [
    "{{ 5 in ([1]*100000000) }}",
    "{{ ([1]*100000000) == ([1]*100000000) }}",
    "{{ 'a' * 1000000000 }}",
    "{{ a * 1000000000 }}",
    "{{ (a ~ a) * 99999999 | length }}",
    "{{ 2 ** 99999999 }}",
    "{{ 9223372036854775807 * 9223372036854775807 }}",
    "{{ range(1000000000) | last }}",
    "{{ a | replace('', a) | replace('', a) | replace('', a) | replace('', a) }}",
    "{{ a | replace(a | first, a) | replace(a | first, a) | upper | lower | title }}",
    "{{ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a ~ a }}",
    "{{ (a + a) + (a + a) + (a + a) + (a + a) + (a + a) + (a + a) + (a + a) }}",
    "{{ a in a and a in a and a in a and a in a and a in a and a in a }}",
    "{{ a | trim(a) | trim(a) | trim(a) }}",
    "{{ a in [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a] }}",
    "{{ 1.7 * 9999999999999999999999.9 | round(15) }}",
    "{{ a | int(a | int(a | int(a))) | float(a) }}",
    "{{ a | default(a | upper | replace('A', a), true) | length }}",
];

/// The parts of random expressions.
const WORDS: [&str; 40] = [
    "{{ ",
    " }}",
    "a",
    "b",
    " | ",
    "upper",
    "title",
    "replace('', a)",
    "replace('a', b)",
    "length",
    "first",
    "int",
    "float",
    "round(3)",
    "default(a)",
    "trim(a)",
    " ~ ",
    " + ",
    " - ",
    " * ",
    " / ",
    " // ",
    " % ",
    " ** ",
    "(",
    ")",
    "[",
    "]",
    ", ",
    "'x'",
    "99999999",
    "1.5",
    " in ",
    " not ",
    " and ",
    " or ",
    " if ",
    " else ",
    " == ",
    " < ",
];

fn try_out(source: &str) {
    let Ok(expression) = Expression::parse(source) else { return };
    for value in ["", "7", &"a".repeat(4_000), &"a".repeat(60_000), &"b".repeat(1 << 20)] {
        drop(expression.evaluate_with(|_| Some(value)));
        drop(expression.evaluate_isolated(|_| Some(value)));
    }
}

fn in_child() {
    HOSTILE.iter().for_each(|source| try_out(source));
    for depth in [20, 600] {
        try_out(&format!("{{{{ {}a{} }}}}", "(".repeat(depth), ")".repeat(depth)));
        try_out(&format!("{{{{ {}a }}}}", "not ".repeat(depth / 2)));
        try_out(&format!("{{{{ {}a }}}}", "-".repeat(depth)));
        try_out(&format!("{{{{ a{} }}}}", "|title".repeat(depth / 2)));
        try_out(&format!("{{{{ a{} }}}}", "~a".repeat(depth)));
        try_out(&format!("{{{{ a{} }}}}", " if a else a".repeat(depth / 8)));
    }
    // The expressions are the same in every run: a linear congruential generator after Knuth.
    let mut state = 1_u64;
    for _ in 0..2_000 {
        let mut source = String::from("{{ ");
        while source.len() < 190 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            source.push_str(WORDS[(state >> 33) as usize % WORDS.len()]);
            if state >> 61 == 0 {
                break;
            }
        }
        source.push_str(" }}");
        try_out(&source);
    }
}

#[test]
fn hostile_expressions_end_within_little_time_and_memory() {
    if std::env::var_os(IN_CHILD).is_some() {
        return in_child();
    }
    // The limit for memory is 512 MB of address space, most of it for the program itself and its threads. The limit for
    // time is ten seconds for all expressions, in a build without optimisation.
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 524288 && ulimit -t 10 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--test-threads=1"])
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
}
