//! The public page of a campaign: what it says to everybody, at an address that can be passed on.
//!
//! The page is made of the content that the recipients got, on the same way as their mails. It has no value of anybody:
//! where a template gives a default, that stands there, else nothing. Its links lead where they say, and nothing on it
//! unsubscribes anybody.

use herald_base::{boxed, links::LinkSigner};
use uuid::Uuid;

use crate::{
    CampaignSettings, CampaignState, MessagingError, Result,
    template::{Compiled, MessageContent, RenderError, RenderedMail},
};
use herald_db::{Db, FromRow, Json, query};

const PURPOSE: &str = "archive";

/// Returns the address of the public page of a campaign.
pub fn archive_url(links: &LinkSigner, campaign_id: Uuid) -> String {
    links.tracked_page(&format!("/a/{}", links.token_for(PURPOSE, campaign_id)))
}

/// Returns the campaign that a token names, if Herald signed it.
pub fn open_archive_token(links: &LinkSigner, token: &str) -> Option<Uuid> {
    links.open_token_for(PURPOSE, token)
}

/// Whether the links of a template lead somewhere.
///
/// # Errors
/// [`MessagingError::Field`] if it reads the address of a page that the campaign does not have.
pub(crate) fn can_be_archived(content: &Compiled, is_archived: bool) -> Result<()> {
    let read = ["archive_url", "view_url"].into_iter().find(|name| content.reads(name));
    match read {
        Some(name) if !is_archived => {
            let detail = format!(
                "the template reads {name}, and the campaign has no public page: set archive to true, or take it out"
            );
            Err(MessagingError::field("settings", detail))
        }
        _ => Ok(()),
    }
}

/// A campaign whose page is public.
#[derive(Clone, Debug)]
pub struct Archived {
    content: MessageContent,
    from_name: Option<String>,
    postal_address: Option<String>,
    footer: String,
}

#[derive(FromRow)]
struct Row {
    state: String,
    settings: Json<CampaignSettings>,
    content: Option<Json<MessageContent>>,
    from_name: Option<String>,
    postal_address: Option<String>,
    footer: Option<String>,
}

/// A campaign whose page is public. `None`: there is none, it has not begun, or its page is not public.
#[boxed]
pub async fn archived_campaign(db: &Db, id: Uuid) -> Result<Option<Archived>> {
    let found: Option<Row> = query(
        "select k.state, k.settings, k.content, s.from_name, s.postal_address, s.footer from campaigns as k
         left join senders as s on s.workspace_id = k.workspace_id and s.id = k.sender_id where k.id = $1",
    )
    .bind(id)
    .optional(db)
    .await?;
    let Some(Row { state, settings, content, from_name, postal_address, footer }) = found else { return Ok(None) };
    let has_begun = matches!(state.parse(), Ok(CampaignState::Sending | CampaignState::Paused | CampaignState::Sent));
    let content = content.filter(|_| has_begun && settings.0.archive);
    Ok(content.map(|content| Archived {
        content: content.0,
        from_name,
        postal_address,
        footer: footer.unwrap_or_default(),
    }))
}

impl Archived {
    /// The page in the first of these languages that there is, or in the default one. `here` is its own address, and
    /// `nowhere` one that says that a link is not complete. It takes a while: call it where it keeps nobody waiting.
    ///
    /// # Errors
    /// [`RenderError`] if the content cannot be written without a person.
    pub fn page(
        &self,
        languages: &[String],
        here: &str,
        nowhere: &str,
    ) -> std::result::Result<(String, RenderedMail), RenderError> {
        let compiled = Compiled::with_footer(&self.content, &self.footer).map_err(|findings| RenderError {
            language: self.content.default_language.clone(),
            place: "mail".to_owned(),
            variable: None,
            detail: findings.into_iter().find(|one| one.is_error).map(|one| one.problem).unwrap_or_default(),
        })?;
        let default = compiled.language_for(None);
        let base = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        // Of a language that is not there one gets the default, too.
        let chosen = languages.iter().find_map(|wanted| {
            let found = compiled.language_for(Some(wanted));
            (found != default || base(wanted) == base(default)).then_some(found)
        });
        let language = chosen.unwrap_or(default).to_owned();
        let given = [
            ("archive_url", Some(here)),
            ("view_url", Some(here)),
            ("unsubscribe_url", Some(nowhere)),
            ("preferences_url", Some(nowhere)),
            ("sender_name", self.from_name.as_deref()),
            ("postal_address", self.postal_address.as_deref()),
        ];
        let values = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let mail = compiled.render_for_all(&language, &values.collect(), here)?;
        Ok((language, mail))
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::json;

    use super::*;

    fn archived(body: &str) -> Archived {
        let part = |body: &str| json!({ "subject": "News for {{ first_name }}", "body": body });
        let content = json!({ "format": "markdown", "default_language": "en",
            "languages": { "en": part(body), "de": part("Hallo") } });
        let content = serde_json::from_value(content).unwrap();
        Archived {
            content,
            from_name: Some("North & Co".to_owned()),
            postal_address: Some("1 Example Street".to_owned()),
            footer: "**Register B 1234**, {{ name }}".to_owned(),
        }
    }

    #[test]
    fn the_page_says_what_is_for_all_and_nothing_of_anybody() {
        let body = "Dear {{ first_name | default('friend') }} of {{ company }}, [read](https://x.test/?a=1&b=2), \
            [yours]({{ invitation_link }}), [here]({{ archive_url }})";
        let page = |languages: &[&str]| {
            let languages: Vec<String> = languages.iter().map(|one| (*one).to_owned()).collect();
            archived(body).page(&languages, "https://h.test/a/x", "https://h.test/u/x").unwrap()
        };
        let (language, mail) = page(&[]);
        assert_eq!((language.as_str(), mail.subject.as_str()), ("en", "News for"));
        assert!(mail.html.contains("Dear friend of ,"), "{}", mail.html);
        assert!(mail.html.contains("href=\"https://x.test/?a=1&amp;b=2\""), "{}", mail.html);
        assert_eq!(mail.html.matches("href=\"https://h.test/a/x\"").count(), 2, "{}", mail.html);
        assert!(mail.html.contains("href=\"https://h.test/u/x\"") && mail.html.contains("North &amp; Co"));
        assert!(mail.html.contains("<strong>Register B 1234</strong>, {{ name }}"), "{}", mail.html);
        assert_eq!(page(&["de-AT", "en"]).0, "de");
        assert_eq!((page(&["fr", "de"]).0.as_str(), page(&["en-GB", "de"]).0.as_str()), ("de", "en"));
    }

    #[test]
    fn a_token_opens_its_campaign_alone() {
        let links = LinkSigner::new("https://invites.example.com", [7; 32], Duration::days(1));
        let id = Uuid::from_u128(42);
        let url = archive_url(&links, id);
        assert_eq!(open_archive_token(&links, url.rsplit('/').next().unwrap()), Some(id));
        assert_eq!(open_archive_token(&links, &links.token_for("unsubscribe", id)), None);
    }
}
