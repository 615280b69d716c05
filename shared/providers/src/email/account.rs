//! The e-mails about a person's account, as text and HTML with the same content.
//!
//! The templates are compiled in, one pair per e-mail and language: `templates/<language>/<mail>.txt`, whose first line
//! is the subject, and the same name with `.html`. The layout `templates/layout.html` surrounds the HTML. To add a
//! language, add a folder with the same files and a line in [`LANGUAGES`]. In HTML, every inserted value is escaped.

use std::{fmt, sync::LazyLock};

use chrono::{DateTime, Utc};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::{Deserialize, Serialize};

use super::line::one_line;

/// Names in e-mails are cut to this length, so that a person cannot send messages by choosing a long name.
const LONGEST_NAME: usize = 60;
/// Titles of notifications are cut to this length.
const LONGEST_TITLE: usize = 160;

/// An e-mail about an account, and its values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountMail {
    /// The code that proves that an address belongs to the person.
    VerifyAddress {
        /// The code.
        code: String,
        /// The validity of the code.
        minutes: u32,
    },
    /// The code that lets a person set a new password.
    ResetPassword {
        /// The code.
        code: String,
        /// The validity of the code.
        minutes: u32,
    },
    /// The code that makes this address the address of the account.
    ChangeAddress {
        /// The code.
        code: String,
        /// The validity of the code.
        minutes: u32,
    },
    /// An invitation into a workspace.
    WorkspaceInvitation {
        /// The name of the workspace, which its people chose.
        workspace: String,
        /// The name of the person who invites, which they chose themselves.
        inviter: String,
        /// The address where the invitation is accepted.
        link: String,
        /// The validity of the invitation.
        days: u32,
    },
    /// A person tries to register with an address that already has an account.
    AddressKnown,
    /// The account has another address now; this e-mail goes to the old one.
    AddressChanged,
    /// Something that a member of a workspace is told.
    Notification {
        /// What it says. It may hold names that strangers chose.
        title: String,
        /// The name of the workspace, which its people chose.
        workspace: String,
        /// The page that it leads to.
        link: String,
        /// The page where the member says that they want no such mails.
        settings: String,
    },
    /// The password was changed, and every session was ended.
    PasswordChanged {
        /// The time of the change.
        when: DateTime<Utc>,
    },
}

/// The content of an e-mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, on one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same content in HTML.
    pub html: String,
}

struct Language {
    /// The language as in a `lang` attribute, in lower case.
    tag: &'static str,
    direction: &'static str,
    /// The name, text and HTML of each e-mail.
    mails: [(&'static str, &'static str, &'static str); 8],
}

macro_rules! mails {
    ($language:literal: $($name:literal),*) => {
        [$((
            $name,
            include_str!(concat!("templates/", $language, "/", $name, ".txt")),
            include_str!(concat!("templates/", $language, "/", $name, ".html")),
        )),*]
    };
}

/// The first language is the fallback for people whose language is missing.
const LANGUAGES: &[Language] = &[Language {
    tag: "en",
    direction: "ltr",
    mails: mails!("en": "verify_address", "reset_password", "change_address", "workspace_invitation", "sign_in_alert",
        "address_known", "address_changed", "notification"),
}];

const LAYOUT: &str = "layout.html";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut add = |name: String, source: &'static str| {
        templates.add_template_owned(name, source).expect("the templates are compiled in, and tests render each");
    };
    add(LAYOUT.to_owned(), include_str!("templates/layout.html"));
    for language in LANGUAGES {
        for (name, text, html) in language.mails {
            add(format!("{}/{name}.txt", language.tag), text);
            add(format!("{}/{name}.html", language.tag), html);
        }
    }
    templates
});

impl AccountMail {
    /// Renders the e-mail in a language, such as `de` or `en-GB`; in English if that language is missing.
    pub fn render(&self, locale: &str) -> Rendered {
        let wanted = locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let language = LANGUAGES.iter().find(|language| language.tag == wanted).unwrap_or(&LANGUAGES[0]);
        let (name, values) = (self.name(), self.values());
        let text = render(&format!("{}/{name}.txt", language.tag), &values);
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        let (subject, text) = (one_line(subject, 200), format!("{}\n", text.trim()));
        let body = render(&format!("{}/{name}.html", language.tag), &values);
        let (lang, dir, title) = (language.tag, language.direction, &subject);
        let html = render(LAYOUT, &context! { lang, dir, title, body => Value::from_safe_string(body) });
        Rendered { subject, text, html }
    }

    /// Whether the e-mail holds a code, which is worthless if it arrives late.
    pub fn holds_code(&self) -> bool {
        matches!(self, Self::VerifyAddress { .. } | Self::ResetPassword { .. } | Self::ChangeAddress { .. })
    }

    /// The name of the e-mail's templates; also fit for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::VerifyAddress { .. } => "verify_address",
            Self::ResetPassword { .. } => "reset_password",
            Self::ChangeAddress { .. } => "change_address",
            Self::WorkspaceInvitation { .. } => "workspace_invitation",
            Self::AddressKnown => "address_known",
            Self::AddressChanged => "address_changed",
            Self::Notification { .. } => "notification",
            Self::PasswordChanged { .. } => "sign_in_alert",
        }
    }

    fn values(&self) -> Value {
        match self {
            Self::VerifyAddress { code, minutes }
            | Self::ResetPassword { code, minutes }
            | Self::ChangeAddress { code, minutes } => context! { code, minutes },
            Self::AddressKnown | Self::AddressChanged => context! {},
            Self::WorkspaceInvitation { workspace, inviter, link, days } => {
                context! { workspace => name(workspace), inviter => name(inviter), link, days }
            }
            Self::Notification { title, workspace, link, settings } => {
                context! { title => without_links(title, LONGEST_TITLE), workspace => name(workspace), link, settings }
            }
            Self::PasswordChanged { when } => context! { when => when.format("%-d %B %Y, %H:%M UTC").to_string() },
        }
    }
}

fn render(template: &str, values: &Value) -> String {
    let rendered = TEMPLATES.get_template(template).and_then(|template| template.render(values));
    rendered.expect("the templates are compiled in, and tests render each")
}

/// Shortens a name that one person chose and a stranger reads in our e-mail.
fn name(chosen: &str) -> String {
    without_links(chosen, LONGEST_NAME)
}

/// A text on one line, of which no part becomes a link: mail programs turn everything that looks like an address into
/// one.
fn without_links(chosen: &str, longest: usize) -> String {
    const WORD_JOINER: char = '\u{2060}';
    let mut name = String::new();
    for c in one_line(chosen, longest).chars() {
        name.push(c);
        if matches!(c, '.' | ':' | '/' | '@') {
            name.push(WORD_JOINER);
        }
    }
    name
}

impl fmt::Debug for AccountMail {
    /// Omits the content, because codes open accounts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountMail({})", self.name())
    }
}

impl fmt::Debug for Rendered {
    /// Omits the content, because codes open accounts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rendered")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(workspace: &str, inviter: &str) -> AccountMail {
        AccountMail::WorkspaceInvitation {
            workspace: workspace.to_owned(),
            inviter: inviter.to_owned(),
            link: "https://herald.example/join?token=a&b=c".to_owned(),
            days: 7,
        }
    }

    fn notification(title: &str) -> AccountMail {
        AccountMail::Notification {
            title: title.to_owned(),
            workspace: "North".to_owned(),
            link: "https://herald.example/w/north/leads/7".to_owned(),
            settings: "https://herald.example/w/north/notifications".to_owned(),
        }
    }

    fn all() -> [AccountMail; 6] {
        let (code, minutes) = ("482913".to_owned(), 10);
        [
            AccountMail::VerifyAddress { code: code.clone(), minutes },
            AccountMail::ResetPassword { code: code.clone(), minutes },
            AccountMail::ChangeAddress { code, minutes },
            invitation("Gala & Sons", "Ann Example"),
            notification("Follow up with Ann & Bo"),
            AccountMail::PasswordChanged { when: DateTime::UNIX_EPOCH },
        ]
    }

    /// The text that a person sees on a page.
    fn read(html: &str) -> String {
        let body = html.split_once("<body").unwrap().1.split_once('>').unwrap().1;
        let mut text = String::new();
        for piece in body.split('<') {
            text.push(' ');
            text.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
        }
        for (escaped, plain) in
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")]
        {
            text = text.replace(escaped, plain);
        }
        words(&text)
    }

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn text_and_html_of_every_mail_say_the_same() {
        for mail in all() {
            let written = mail.render("en");
            assert!(!written.subject.is_empty() && written.subject.len() < 80, "{mail:?}: {}", written.subject);
            assert_eq!(read(&written.html), words(&written.text), "{mail:?}");
            assert!(!written.subject.contains("482913"), "a code shows on a locked screen");
        }
    }

    #[test]
    fn a_code_stands_alone_on_its_line_with_how_long_it_is_good_for() {
        for mail in &all()[..3] {
            let written = mail.render("en");
            assert!(written.text.lines().any(|line| line.trim() == "482913"), "{}", written.text);
            assert!(written.text.contains("10 minutes"), "{}", written.text);
        }
        let mail = AccountMail::VerifyAddress { code: "482913".to_owned(), minutes: 1 };
        assert!(mail.render("en").text.contains("1 minute "));
    }

    #[test]
    fn a_language_that_is_not_there_is_english() {
        for locale in ["", "xx", "EN-gb", "en_US", "../en"] {
            for mail in all() {
                assert!(mail.render(locale) == mail.render("en"), "{locale}");
            }
        }
    }

    #[test]
    fn nobody_writes_html_or_links_or_lines_with_a_name() {
        let written = invitation("<b>Win</b>\r\nhttps://evil.example/x", "Ann \u{202e}<script>").render("en");
        assert!(!written.html.contains("<b>") && !written.html.contains("<script>"), "{}", written.html);
        for text in [&written.text, &written.html, &written.subject] {
            assert!(!text.contains("evil.example") && !text.contains("//evil"), "{text}");
        }
        assert!(!written.subject.contains(['\r', '\n', '\u{202e}']));
        assert!(written.text.contains("https://herald.example/join?token=a&b=c"));
        let told = notification("Call <i>https://evil.example</i>").render("en");
        assert!(!told.html.contains("<i>") && !told.text.contains("//evil") && !told.subject.contains("evil.example"));
        assert!(told.text.contains("https://herald.example/w/north/leads/7"));
        let long = invitation(&"x".repeat(500), "Ann").render("en");
        assert!(!long.text.contains(&"x".repeat(LONGEST_NAME + 1)));
    }

    #[test]
    fn a_mail_is_never_shown_in_a_log() {
        for mail in all() {
            let shown = format!("{mail:?} {:?}", mail.render("en"));
            assert!(!shown.contains("482913") && !shown.contains("herald.example"), "{shown}");
        }
    }
}
