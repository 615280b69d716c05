use proptest::prelude::*;

use super::*;

fn guest() -> BTreeMap<String, String> {
    [("first_name", "Zoë"), ("last_name", "O’Hara"), ("company", ""), ("table", "7"), ("Plus One", "yes")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn text(source: &str) -> String {
    Expression::parse(source).unwrap().evaluate(&guest()).unwrap()
}

fn refusal(source: &str) -> String {
    Expression::parse(source).unwrap_err().message
}

#[test]
fn a_field_with_a_default_is_not_required() {
    let source = "{{ name }} {{ company | default('') }}{{ ' at ' ~ table if table is defined }}";
    let expression = Expression::parse(source).unwrap();
    let required = ["name", "company", "table", "other"].into_iter().filter(|name| expression.requires(name));
    assert_eq!(required.collect::<Vec<_>>(), ["name"]);
}

#[test]
fn text_outside_braces_stands_for_itself() {
    assert_eq!(text("Table {{ table }}, please"), "Table 7, please");
    assert_eq!(text("no braces, <b> & %}"), "no braces, <b> & %}");
    assert_eq!(text("a {#- a remark -#} b{# another #} {{- table -}}  !"), "ab7!");
}

#[test]
fn filters_conditions_and_arithmetic_work() {
    for (source, expected) in [
        ("{{ first_name }} {{ last_name | upper }}", "Zoë O’HARA"),
        ("{{ company | default('–', true) }}", "–"),
        ("{{ company or 'Guest' }}", "Guest"),
        ("{{ \"guest of \" ~ company if company else \"\" }}", ""),
        ("{{ table | int + 1 }}", "8"),
        ("{{ (table | int) * 2 - 3 }}", "11"),
        ("{{ 2 + 3 * 4 }} {{ (2 + 3) * 4 }} {{ -7 // 2 }} {{ -7 % 2 }} {{ 7 / 2 }} {{ 8 / 2 }}", "14 20 -4 1 3.5 4.0"),
        ("{{ '7.9' | int }} {{ 'x' | int(3) }} {{ '2.345' | float | round(2) }} {{ 2.5 | round }}", "7 3 2.35 2.0"),
        ("{{ last_name | replace('’', \"'\") }}", "O'Hara"),
        ("{{ 'ann-marie van DAM' | title }} {{ 'ÉCOLE' | capitalize }}", "Ann-Marie Van Dam École"),
        ("{{ '  x ' | trim }} {{ '--x-' | trim('-') }} {{ first_name | first }}{{ first_name | last }}", "x x Zë"),
        ("{{ first_name | length }}{{ company | first }}", "3"),
        ("{{ 'Z' in first_name }} {{ 'q' not in first_name }} {{ table in ['7', '8'] }}", "True True True"),
        ("{{ table == '7' and not company }} {{ 1 < 2 <= 2 }} {{ 'a' != 'b' }} {{ 3 >= 4 }}", "True True True False"),
        ("{{ title is defined }} {{ title is undefined }} {{ table is not undefined }}", "False True True"),
        ("{{ 'a' if title is defined else 'b' if company else 'c' }}", "c"),
        ("{{ 'caf\\u00e9 \\'x\\'' }}", "café 'x'"),
        ("{{ 'a' + 'b' ~ 1 }}", "ab1"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn the_fields_an_expression_reads_are_known() {
    let expression = Expression::parse("{{ a }} {{ b | default(c) }}").unwrap();
    assert_eq!(expression.fields().iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(!expression.is_constant());
    assert!(Expression::parse("{{ 'x' | upper }}").unwrap().is_constant());
}

#[test]
fn a_bare_field_may_have_any_name() {
    let expression = Expression::field("Plus One");
    assert_eq!(expression.evaluate(&guest()).unwrap(), "yes");
}

#[test]
fn a_field_the_guest_lacks_is_named() {
    let error = Expression::parse("{{ first_name }} {{ title }}").unwrap().evaluate(&guest()).unwrap_err();
    assert_eq!(error, EvaluateError::MissingField("title".into()));
    assert_eq!(text("{{ title | default('dear') }}"), "dear");
    let error = Expression::field("title").evaluate(&guest()).unwrap_err();
    assert_eq!(error, EvaluateError::MissingField("title".into()));
}

#[test]
fn a_syntax_error_has_a_position() {
    let error = Expression::parse("Dear {{ first_name | }}").unwrap_err();
    assert!(error.message.contains("cannot be read"), "{error}");
    assert!(error.offset.is_some_and(|offset| offset >= 8), "{error:?}");
    for (source, offset) in
        [("{{ a b }}", 5), ("é {{ $ }}", 6), ("{{ 'a }}", 3), ("{{ a", 2), ("x {# y", 2), ("{{ }}", 3)]
    {
        assert_eq!(Expression::parse(source).unwrap_err().offset, Some(offset), "{source}");
    }
}

#[test]
fn what_is_not_in_the_language_is_refused_with_the_way_out() {
    for (source, message) in [
        ("{{ a | shout }}", "the filters are upper, lower"),
        ("{{ range(9) }}", "functions are not available"),
        ("{% include 'secret' %}", "not allowed"),
        ("{{ 1 / 0 }}", "divided by zero"),
        ("{{ [1] }}", "cannot be read"),
        ("{{ {'a': 1} }}", "cannot be read"),
        ("{{ a[0] }}", "have no parts"),
        ("{{ a.b }}", "have no parts"),
        ("{{ 2 ** 9 }}", "powers are not available"),
        ("{{ 'a' * 9 }}", "turn a field into a number first"),
        ("{{ a * 9 }}", "turn a field into a number first"),
        ("{{ a | replace('x') }}", "takes two texts"),
        ("{{ none }}", "cannot be read"),
        ("{{ a is even }}", "defined or undefined"),
    ] {
        let refused = refusal(source);
        assert!(refused.contains(message), "{source}: {refused}");
    }
    let many: String = (0..=MAX_FIELDS).map(|n| format!("{{{{ f{n} }}}}")).collect();
    assert!(refusal(&many).contains("at most 32"));
    assert!(Expression::parse(&"x".repeat(MAX_SOURCE + 1)).is_err());
}

#[test]
fn a_lenient_condition_may_ask_for_a_missing_field_and_nothing_else_may() {
    let lenient = |source: &str| Expression::parse(source).unwrap().evaluate_leniently(|name| guest_field(name));
    fn guest_field(name: &str) -> Option<&'static str> {
        (name == "name").then_some("Linh")
    }
    assert_eq!(lenient("{{ 'Dr' if title else 'Ms' }}").unwrap(), "Ms");
    assert_eq!(lenient("{{ 'Dr' if not title else title }}").unwrap(), "Dr");
    assert_eq!(lenient("{{ 'gold' if plan == 'gold' and name else 'none' }}").unwrap(), "none");
    assert_eq!(lenient("{{ nick or name }}").unwrap(), "Linh");
    assert_eq!(lenient("{{ 'a' if title | default('Dr') == 'Dr' else 'b' }}").unwrap(), "a");
    assert_eq!(lenient("{{ 'a' if title is defined else 'b' }}").unwrap(), "b");
    for source in ["{{ title }}", "{{ 'Hi ' ~ title }}", "{{ title if not title else 'x' }}", "{{ name and title }}"] {
        assert_eq!(lenient(source), Err(EvaluateError::MissingField("title".into())), "{source}");
    }
    let strict = Expression::parse("{{ 'Dr' if title else 'Ms' }}").unwrap();
    assert!(matches!(strict.evaluate(&BTreeMap::new()), Err(EvaluateError::MissingField(_))));
}

#[test]
fn insertions_are_found_with_their_braces() {
    let source = "a {{ b }} {{- 'x }} y' -}} {# {{ c }} #}";
    let found: Vec<&str> = insertions(source).unwrap().into_iter().map(|range| &source[range]).collect();
    assert_eq!(found, ["{{ b }}", "{{- 'x }} y' -}}", "{{ c }}"]);
    assert!(insertions("a {{ b").is_err());
}

#[test]
fn output_and_work_are_bounded() {
    let bomb = Expression::parse("{{ a | replace('a', a) | replace('a', a) | replace('a', a) }}").unwrap();
    let fields = BTreeMap::from([("a".to_owned(), "a".repeat(1_000))]);
    assert_eq!(bomb.evaluate(&fields), Err(EvaluateError::TooLong));
    let long = Expression::parse("{{ a }}{{ a }}{{ a }}{{ a }}{{ a }}").unwrap();
    assert_eq!(long.evaluate(&fields), Err(EvaluateError::TooLong));
    let book = BTreeMap::from([("a".to_owned(), "a".repeat(1 << 20))]);
    let error = Expression::parse("{{ a | length }}").unwrap().evaluate(&book).unwrap_err();
    assert!(error.to_string().contains("too much work"), "{error}");
    assert_eq!(Expression::parse("{{ 'long' if a else '' }}").unwrap().evaluate(&book).unwrap(), "long");
}

proptest! {
    #[test]
    fn any_source_is_accepted_or_refused_but_never_panics(source in "[{}|%#a-z0-9'\" .()+*~\\[\\]-]{0,60}") {
        if let Ok(expression) = Expression::parse(&source) {
            drop(expression.evaluate(&guest()));
        }
    }

    #[test]
    fn a_field_comes_out_as_it_went_in(value in "\\PC{0,80}") {
        let fields = BTreeMap::from([("a".to_owned(), value.clone())]);
        prop_assert_eq!(Expression::parse("{{ a }}").unwrap().evaluate(&fields).unwrap(), value.clone());
        prop_assert_eq!(Expression::field("a").evaluate(&fields).unwrap(), value);
    }
}
