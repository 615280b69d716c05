//! Rules over fields with a type: numbers are compared as numbers and days as days, and what is compared with them is
//! brought into the one form in which values are kept.

use super::rule::{Comparison, FieldRule, Rule, wrong};
use crate::{ContactError, ContactField, FieldType};

/// The rule as it is asked. A rule that does not go with the type of its field, which may have got it later, stays as
/// it is.
pub(super) fn typed(rule: &Rule, fields: &[ContactField]) -> Rule {
    let each = |rules: &[Rule]| rules.iter().map(|rule| typed(rule, fields)).collect();
    match rule {
        Rule::All(rules) => Rule::All(each(rules)),
        Rule::Any(rules) => Rule::Any(each(rules)),
        Rule::Not(rule) => Rule::Not(Box::new(typed(rule, fields))),
        Rule::Field(of) => as_asked(of, fields).unwrap_or_else(|_| rule.clone()),
        rule => rule.clone(),
    }
}

/// Whether every comparison goes with the type of its field.
///
/// # Errors
/// [`ContactError::Field`]: what does not, and what to write.
pub(super) fn check(rule: &Rule, fields: &[ContactField]) -> Result<(), ContactError> {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => rules.iter().try_for_each(|rule| check(rule, fields)),
        Rule::Not(rule) => check(rule, fields),
        Rule::Field(of) => as_asked(of, fields).map(drop),
        _ => Ok(()),
    }
}

fn as_asked(of: &FieldRule, fields: &[ContactField]) -> Result<Rule, ContactError> {
    let as_it_is = || Ok(Rule::Field(of.clone()));
    let Some(field) = fields.iter().find(|field| field.key == of.name) else { return as_it_is() };
    if field.kind == FieldType::Text || matches!(of.is, Comparison::Filled | Comparison::Empty) {
        return as_it_is();
    }
    let (numbers, days) = (field.kind == FieldType::Number, field.kind == FieldType::Date);
    if of.is.is_of_numbers() && !numbers || of.is.is_of_days() && !days {
        let cure = match (numbers, days) {
            (true, _) => "equal, at_least, at_most, more_than or less_than",
            (_, true) => "equal, before or after",
            _ => "equal, begins, contains, filled or empty",
        };
        return Err(wrong(format!("{}: its values are of the type {}: compare them by {cure}", of.name, field.kind)));
    }
    if matches!(of.is, Comparison::Begins | Comparison::Contains) {
        return as_it_is();
    }
    let value = field.fit(of.value.as_deref().unwrap_or_default()).map_err(wrong)?;
    let with = |is| Rule::Field(FieldRule { name: of.name.clone(), is, value: Some(value.clone()) });
    Ok(match of.is {
        // An old value may be the same number in another form.
        Comparison::Equal if numbers => Rule::All(vec![with(Comparison::AtLeast), with(Comparison::AtMost)]),
        is => with(is),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::field;

    fn rule(name: &str, is: Comparison, value: &str) -> Rule {
        Rule::Field(FieldRule { name: name.to_owned(), is, value: Some(value.to_owned()) })
    }

    #[test]
    fn a_value_is_compared_in_the_form_in_which_it_is_kept() {
        let fields =
            [field("seats", FieldType::Number), field("joined", FieldType::Date), field("diet", FieldType::Choice)];
        let of = |rule: Rule| typed(&rule, &fields);
        assert_eq!(of(rule("seats", Comparison::MoreThan, "012.50")), rule("seats", Comparison::MoreThan, "12.5"));
        let twelve = |is| rule("seats", is, "12");
        let both = vec![twelve(Comparison::AtLeast), twelve(Comparison::AtMost)];
        assert_eq!(of(rule("seats", Comparison::Equal, "12.0")), Rule::All(both));
        assert_eq!(
            of(rule("joined", Comparison::Before, "2026-3-1")),
            rule("joined", Comparison::Before, "2026-03-01")
        );
        let diet = Rule::Not(Box::new(rule("diet", Comparison::Equal, "VEGAN")));
        assert_eq!(of(diet), Rule::Not(Box::new(rule("diet", Comparison::Equal, "Vegan"))));
        assert_eq!(of(rule("other", Comparison::Equal, "12.0")), rule("other", Comparison::Equal, "12.0"));
    }

    #[test]
    fn what_does_not_go_with_a_type_is_named_and_means_nobody_if_it_is_old() {
        let fields =
            [field("seats", FieldType::Number), field("joined", FieldType::Date), field("vip", FieldType::YesNo)];
        for (one, part) in [
            (rule("seats", Comparison::Before, "2026-03-01"), "more_than"),
            (rule("joined", Comparison::AtLeast, "3"), "before or after"),
            (rule("vip", Comparison::AtMost, "3"), "begins"),
            (rule("vip", Comparison::Equal, "perhaps"), "yes or no"),
            (rule("seats", Comparison::Equal, "many"), "12.5"),
        ] {
            let said = check(&Rule::Any(vec![one.clone()]), &fields).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
            assert_eq!(typed(&one, &fields), one);
        }
    }
}
