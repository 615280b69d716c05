//! The templates, and what they can do with values.

use herald_base::money;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter,
    syntax::SyntaxConfig,
};

use crate::{assets, when};

/// Every template, by the name that pages and other templates use.
const TEMPLATES: &[(&str, &str)] = &[
    ("alone.html", include_str!("../templates/alone.html")),
    ("layout.html", include_str!("../templates/layout.html")),
    ("notifications.html", include_str!("../templates/notifications.html")),
    ("outside.html", include_str!("../templates/outside.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("refused.html", include_str!("../templates/refused.html")),
    ("search.html", include_str!("../templates/search.html")),
    ("setup.html", include_str!("../templates/setup.html")),
    ("sign_in.html", include_str!("../templates/sign_in.html")),
    ("send_again.html", include_str!("../templates/send_again.html")),
    ("today.html", include_str!("../templates/today.html")),
    ("welcome.html", include_str!("../templates/welcome.html")),
    ("campaigns/campaign.html", include_str!("../templates/campaigns/campaign.html")),
    ("campaigns/campaigns.html", include_str!("../templates/campaigns/campaigns.html")),
    ("campaigns/compare.html", include_str!("../templates/campaigns/compare.html")),
    ("campaigns/form.html", include_str!("../templates/campaigns/form.html")),
    ("campaigns/message.html", include_str!("../templates/campaigns/message.html")),
    ("campaigns/messages.html", include_str!("../templates/campaigns/messages.html")),
    ("campaigns/parts.html", include_str!("../templates/campaigns/parts.html")),
    ("campaigns/test.html", include_str!("../templates/campaigns/test.html")),
    ("campaigns/tested.html", include_str!("../templates/campaigns/tested.html")),
    ("campaigns/tracking.html", include_str!("../templates/campaigns/tracking.html")),
    ("campaigns/whatsapp.html", include_str!("../templates/campaigns/whatsapp.html")),
    ("contacts/addresses.html", include_str!("../templates/contacts/addresses.html")),
    ("contacts/contact.html", include_str!("../templates/contacts/contact.html")),
    ("contacts/contacts.html", include_str!("../templates/contacts/contacts.html")),
    ("contacts/erase.html", include_str!("../templates/contacts/erase.html")),
    ("contacts/erasures.html", include_str!("../templates/contacts/erasures.html")),
    ("contacts/export.html", include_str!("../templates/contacts/export.html")),
    ("contacts/exports.html", include_str!("../templates/contacts/exports.html")),
    ("contacts/field.html", include_str!("../templates/contacts/field.html")),
    ("contacts/field_parts.html", include_str!("../templates/contacts/field_parts.html")),
    ("contacts/fields.html", include_str!("../templates/contacts/fields.html")),
    ("contacts/form.html", include_str!("../templates/contacts/form.html")),
    ("contacts/import.html", include_str!("../templates/contacts/import.html")),
    ("contacts/import_new.html", include_str!("../templates/contacts/import_new.html")),
    ("contacts/imports.html", include_str!("../templates/contacts/imports.html")),
    ("contacts/merge.html", include_str!("../templates/contacts/merge.html")),
    ("contacts/segment.html", include_str!("../templates/contacts/segment.html")),
    ("contacts/segment_form.html", include_str!("../templates/contacts/segment_form.html")),
    ("contacts/segment_parts.html", include_str!("../templates/contacts/segment_parts.html")),
    ("contacts/segments.html", include_str!("../templates/contacts/segments.html")),
    ("contacts/tags.html", include_str!("../templates/contacts/tags.html")),
    ("invitations/check.html", include_str!("../templates/invitations/check.html")),
    ("invitations/editor.html", include_str!("../templates/invitations/editor.html")),
    ("invitations/guest.html", include_str!("../templates/invitations/guest.html")),
    ("invitations/new_run.html", include_str!("../templates/invitations/new_run.html")),
    ("invitations/new_template.html", include_str!("../templates/invitations/new_template.html")),
    ("invitations/parts.html", include_str!("../templates/invitations/parts.html")),
    ("invitations/run.html", include_str!("../templates/invitations/run.html")),
    ("invitations/runs.html", include_str!("../templates/invitations/runs.html")),
    ("invitations/template.html", include_str!("../templates/invitations/template.html")),
    ("invitations/templates.html", include_str!("../templates/invitations/templates.html")),
    ("leads/board.html", include_str!("../templates/leads/board.html")),
    ("leads/follow_ups.html", include_str!("../templates/leads/follow_ups.html")),
    ("leads/lead.html", include_str!("../templates/leads/lead.html")),
    ("leads/leads.html", include_str!("../templates/leads/leads.html")),
    ("leads/new.html", include_str!("../templates/leads/new.html")),
    ("leads/numbers.html", include_str!("../templates/leads/numbers.html")),
    ("leads/parts.html", include_str!("../templates/leads/parts.html")),
    ("leads/reports.html", include_str!("../templates/leads/reports.html")),
    ("leads/statuses.html", include_str!("../templates/leads/statuses.html")),
    ("messaging/message_block.html", include_str!("../templates/messaging/message_block.html")),
    ("messaging/message_blocks.html", include_str!("../templates/messaging/message_blocks.html")),
    ("messaging/message_editor.html", include_str!("../templates/messaging/message_editor.html")),
    ("messaging/message_parts.html", include_str!("../templates/messaging/message_parts.html")),
    ("messaging/message_template.html", include_str!("../templates/messaging/message_template.html")),
    ("messaging/message_templates.html", include_str!("../templates/messaging/message_templates.html")),
    ("messaging/sender.html", include_str!("../templates/messaging/sender.html")),
    ("messaging/sender_form.html", include_str!("../templates/messaging/sender_form.html")),
    ("messaging/sender_parts.html", include_str!("../templates/messaging/sender_parts.html")),
    ("messaging/sender_test.html", include_str!("../templates/messaging/sender_test.html")),
    ("messaging/sender_tested.html", include_str!("../templates/messaging/sender_tested.html")),
    ("messaging/senders.html", include_str!("../templates/messaging/senders.html")),
    ("messaging/suppression_found.html", include_str!("../templates/messaging/suppression_found.html")),
    ("messaging/suppressions.html", include_str!("../templates/messaging/suppressions.html")),
    ("messaging/whatsapp_templates.html", include_str!("../templates/messaging/whatsapp_templates.html")),
    ("account/code.html", include_str!("../templates/account/code.html")),
    ("account/profile.html", include_str!("../templates/account/profile.html")),
    ("account/security.html", include_str!("../templates/account/security.html")),
    ("doors/forgot.html", include_str!("../templates/doors/forgot.html")),
    ("doors/invited.html", include_str!("../templates/doors/invited.html")),
    ("doors/join.html", include_str!("../templates/doors/join.html")),
    ("doors/register.html", include_str!("../templates/doors/register.html")),
    ("doors/reset.html", include_str!("../templates/doors/reset.html")),
    ("doors/verify.html", include_str!("../templates/doors/verify.html")),
    ("settings/connection.html", include_str!("../templates/settings/connection.html")),
    ("settings/connection_choose.html", include_str!("../templates/settings/connection_choose.html")),
    ("settings/connection_form.html", include_str!("../templates/settings/connection_form.html")),
    ("settings/connection_test.html", include_str!("../templates/settings/connection_test.html")),
    ("settings/connections.html", include_str!("../templates/settings/connections.html")),
    ("settings/consent.html", include_str!("../templates/settings/consent.html")),
    ("settings/crm.html", include_str!("../templates/settings/crm.html")),
    ("settings/crm_people.html", include_str!("../templates/settings/crm_people.html")),
    ("settings/invite.html", include_str!("../templates/settings/invite.html")),
    ("settings/invited.html", include_str!("../templates/settings/invited.html")),
    ("settings/key_made.html", include_str!("../templates/settings/key_made.html")),
    ("settings/key_new.html", include_str!("../templates/settings/key_new.html")),
    ("settings/keys.html", include_str!("../templates/settings/keys.html")),
    ("settings/member.html", include_str!("../templates/settings/member.html")),
    ("settings/members.html", include_str!("../templates/settings/members.html")),
    ("settings/parts.html", include_str!("../templates/settings/parts.html")),
    ("settings/user.html", include_str!("../templates/settings/user.html")),
    ("settings/users.html", include_str!("../templates/settings/users.html")),
    ("operate/audit.html", include_str!("../templates/operate/audit.html")),
    ("operate/audit_verify.html", include_str!("../templates/operate/audit_verify.html")),
    ("operate/batch.html", include_str!("../templates/operate/batch.html")),
    ("operate/bulk.html", include_str!("../templates/operate/bulk.html")),
    ("operate/failures.html", include_str!("../templates/operate/failures.html")),
    ("operate/fields.html", include_str!("../templates/operate/fields.html")),
    ("operate/filter_facts.html", include_str!("../templates/operate/filter_facts.html")),
    ("operate/health.html", include_str!("../templates/operate/health.html")),
    ("operate/job.html", include_str!("../templates/operate/job.html")),
    ("operate/job_act.html", include_str!("../templates/operate/job_act.html")),
    ("operate/jobs.html", include_str!("../templates/operate/jobs.html")),
    ("operate/queue.html", include_str!("../templates/operate/queue.html")),
    ("operate/queues.html", include_str!("../templates/operate/queues.html")),
    ("operate/schedule.html", include_str!("../templates/operate/schedule.html")),
    ("operate/schedule_form.html", include_str!("../templates/operate/schedule_form.html")),
    ("operate/schedule_kinds.html", include_str!("../templates/operate/schedule_kinds.html")),
    ("operate/schedule_new.html", include_str!("../templates/operate/schedule_new.html")),
    ("operate/schedules.html", include_str!("../templates/operate/schedules.html")),
    ("operate/workers.html", include_str!("../templates/operate/workers.html")),
];

/// Templates that are ready to be filled.
pub(crate) struct Templates(Environment<'static>);

impl Templates {
    /// Reads every template.
    pub(crate) fn load() -> Result<Self, Error> {
        let mut environment = Environment::new();
        // A misspelt field is an error, which a test finds, and never an empty place.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(write);
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment
            .add_filter("when", |state: &State<'_, '_>, value: Value| when::show(&value, &zone(state), &now(state)));
        environment
            .add_filter("ago", |state: &State<'_, '_>, value: Value| when::ago(&value, &zone(state), &now(state)));
        environment.add_filter("seconds", when::seconds);
        environment.add_filter("number", number);
        environment.add_filter("pretty", |value: Value| serde_json::to_string_pretty(&value).unwrap_or_default());
        // Not minijinja's `tojson`, which is for scripts and escapes what a form's value holds.
        environment.add_filter("compact", |value: Value| serde_json::to_string(&value).unwrap_or_default());
        environment.add_filter("money", amount);
        environment.add_filter("initials", initials);
        environment.add_function("asset", |name: &str| {
            assets::address(name).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no file {name}")))
        });
        environment.add_global("logo", Value::from_safe_string(assets::LOGO.to_owned()));
        environment.add_global("favicon", assets::icon());
        environment.add_function("with_query", crate::query::with);
        environment.add_function("shows", crate::query::shows);
        environment.add_function("fields_of", |address: &str, columns: bool| {
            let fields = crate::query::fields_of(address, columns).into_iter();
            fields.map(|(name, value)| vec![name, value]).collect::<Vec<_>>()
        });
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        Ok(Self(environment))
    }

    /// Fills a template.
    pub(crate) fn render(&self, name: &str, context: Value) -> Result<String, Error> {
        self.0.get_template(name)?.render(context)
    }
}

/// An amount with its currency: `2,500.00 EUR`.
fn amount(minor: i64, currency: Option<&str>) -> String {
    let digits = currency.and_then(money::digits).unwrap_or(2);
    format!("{} {}", money::show(minor, digits), currency.unwrap_or_default()).trim_end().to_owned()
}

/// Writes a value into a page. Of a text it escapes what HTML reads, in elements and in quoted attributes. The library
/// escapes `/` too, which makes every address longer.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let Some(mut text) = value.as_str().filter(|_| !value.is_safe()) else {
        return escape_formatter(out, state, value);
    };
    while let Some(at) = text.find(['<', '>', '&', '"', '\'']) {
        let (before, rest) = text.split_at(at);
        let escaped = match rest.as_bytes()[0] {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'"' => "&quot;",
            _ => "&#39;",
        };
        out.write_str(before)?;
        out.write_str(escaped)?;
        text = &rest[1..];
    }
    Ok(out.write_str(text)?)
}

fn zone(state: &State<'_, '_>) -> String {
    state.lookup("zone").and_then(|zone| zone.as_str().map(str::to_owned)).unwrap_or_default()
}

fn now(state: &State<'_, '_>) -> String {
    state.lookup("now").and_then(|now| now.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A whole number with a thin space between thousands, which every language reads.
fn number(value: Value) -> Result<String, Error> {
    let whole = i64::try_from(value).map_err(|_| Error::new(ErrorKind::InvalidOperation, "not a whole number"))?;
    let digits = whole.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    if whole < 0 {
        text.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    Ok(text)
}

/// The first letters of a name or an address, for the round mark of a person.
fn initials(text: &str) -> String {
    let name = text.split('@').next().unwrap_or_default();
    let words = name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(2).filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_well_formed() {
        Templates::load().unwrap();
    }

    #[test]
    fn a_text_can_be_no_markup_wherever_it_stands() {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(write);
        let shown = |text: &str| environment.render_str("{{ x }}", minijinja::context! { x => text }).unwrap();
        assert_eq!(shown("/w/acme?a=1&b=2"), "/w/acme?a=1&amp;b=2");
        assert_eq!(shown("<b title='\"é'>"), "&lt;b title=&#39;&quot;é&#39;&gt;");
    }

    #[test]
    fn thousands_are_set_apart() {
        let shown = |value: i64| number(Value::from(value)).unwrap();
        assert_eq!(shown(0), "0");
        assert_eq!(shown(1_204), "1\u{202f}204");
        assert_eq!(shown(-1_234_567), "−1\u{202f}234\u{202f}567");
    }

    #[test]
    fn a_person_has_two_letters() {
        assert_eq!(initials("ann.lee@example.com"), "AL");
        assert_eq!(initials("@"), "");
    }
}
