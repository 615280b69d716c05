//! The example campaign: a sender, a message template in four languages, and a campaign to the example people.
//!
//! Everything is made by the functions that people's own campaigns take.

use std::collections::BTreeMap;

use herald_base::boxed;
use herald_contacts::{Channel, Comparison, FieldRule, Rule};
use uuid::Uuid;

use crate::{
    Approver, Audience, CampaignFields, CampaignFilter, CampaignState, MessagingError, NewCampaign, Result,
    SenderFields, approve_campaign, cancel_campaign, create_campaign, create_sender, list_campaigns, list_senders,
    send_campaign, submit_campaign,
    template::{LanguagePart, MessageContent, MessageFormat, create_message_template, list_message_templates},
};
use herald_db::{Db, Tx, contains, query};
use herald_ledger::audit::Actor;
use herald_notifications::forget_about;

/// The names of what is an example end with this.
const MARK: &str = "(example)";
/// What the ids of the example people begin with.
const PEOPLE: &str = "(example) person";

const SENDER: &str = "Harbour House (example)";
const TEMPLATE: &str = "Summer party (example)";
const CAMPAIGN: &str = "Summer party (example)";

/// Language, subject, what lists of mails show behind it, and body.
const TEXTS: [(&str, &str, &str, &str); 4] = [
    (
        "en",
        "{{ first_name | default(\"Dear friend\") }}, we celebrate the summer",
        "An evening by the water, with music and good food",
        "# A summer evening at Harbour House\n\nDear {{ name }},\n\non **21 June** at seven we open the terrace. A \
         table is kept for you: number **{{ table | default(\"at the bar\") }}**.\n\n[Say that you come]\
         (https://example.com/summer)\n\nSee you soon!",
    ),
    (
        "es",
        "{{ first_name | default(\"Hola\") }}, celebramos el verano",
        "Una noche junto al agua, con música y buena comida",
        "# Una noche de verano en Harbour House\n\nHola, {{ name }}:\n\nel **21 de junio** a las siete abrimos la \
         terraza. Tiene reservada la mesa **{{ table | default(\"de la barra\") }}**.\n\n[Confirmar asistencia]\
         (https://example.com/summer)\n\n¡Hasta pronto!",
    ),
    (
        "de",
        "{{ first_name | default(\"Hallo\") }}, wir feiern den Sommer",
        "Ein Abend am Wasser, mit Musik und gutem Essen",
        "# Ein Sommerabend im Harbour House\n\nGuten Tag {{ name }},\n\nam **21. Juni** um sieben öffnen wir die \
         Terrasse. Für Sie ist ein Tisch reserviert: **{{ table | default(\"an der Bar\") }}**.\n\n[Zusagen]\
         (https://example.com/summer)\n\nBis bald!",
    ),
    (
        "ar",
        "{{ first_name | default(\"مرحبا\") }}، نحتفل بالصيف",
        "أمسية على الماء مع الموسيقى والطعام الطيب",
        "# أمسية صيفية في Harbour House\n\nمرحبا {{ name }}،\n\nنفتح الشرفة يوم **21 يونيو** في السابعة مساء. طاولتكم \
         المحجوزة: **{{ table | default(\"عند البار\") }}**.\n\n[تأكيد الحضور](https://example.com/summer)\n\n\
         إلى اللقاء!",
    ),
];

/// The tables with rows of a campaign.
const OF_CAMPAIGN: [&str; 10] = [
    "tracking_events",
    "tracking_counts",
    "tracked_links",
    "messages",
    "campaign_members",
    "campaign_counts",
    "campaign_log",
    "campaign_minutes",
    "campaign_faults",
    "campaign_checks",
];

/// Adds the example campaign to a workspace that has the example people. It is sent if `sends`: the caller knows that
/// mails do not leave the machine; else it stays a draft. A workspace that has it gets no other.
///
/// # Errors
/// When the database refuses, or the workspace has no room for a sender or a template.
#[boxed]
pub async fn add_example(db: &Db, actor: &Actor, sends: bool) -> Result<()> {
    let workspace_id = actor.workspace_id;
    let filter = CampaignFilter { text: Some(CAMPAIGN.to_owned()), ..CampaignFilter::default() };
    if !list_campaigns(db, workspace_id, &filter, None, 1).await?.is_empty() {
        return Ok(());
    }
    let senders = list_senders(db, workspace_id).await?;
    let sender_id = match senders.into_iter().find(|sender| sender.name == SENDER) {
        Some(sender) => sender.id,
        None => create_sender(db, actor, sender()).await?.id,
    };
    let templates = list_message_templates(db, workspace_id, Some(TEMPLATE), None, 1).await?;
    let template_id = match templates.into_iter().next() {
        Some(template) => template.id,
        None => create_message_template(db, actor, TEMPLATE, content()).await?.id,
    };
    let fields = CampaignFields {
        name: Some(CAMPAIGN.to_owned()),
        sender_id: Some(sender_id),
        template_id: Some(template_id),
        audience: Some(Audience { rule: Some(people()), ..Audience::default() }),
        ..CampaignFields::default()
    };
    let campaign = create_campaign(db, actor, NewCampaign { channel: Channel::Email, fields }).await?;
    if sends {
        submit_campaign(db, actor, campaign.id).await?;
        approve_campaign(db, actor, campaign.id, Approver::Operator).await?;
        send_campaign(db, actor, campaign.id).await?;
    }
    Ok(())
}

fn sender() -> SenderFields {
    SenderFields {
        name: SENDER.to_owned(),
        channel: Channel::Email,
        connection_id: None,
        relays: Vec::new(),
        from_name: "Harbour House".to_owned(),
        from_address: "news@example.com".to_owned(),
        reply_to: String::new(),
        postal_address: "Harbour House, 1 Example Quay, 28001 Madrid".to_owned(),
        footer: String::new(),
        rate_per_second: None,
        daily_cap: None,
        warm_up: Vec::new(),
        quiet: None,
        bounce_domain: String::new(),
    }
}

fn content() -> MessageContent {
    let part = |(language, subject, preheader, body): (&str, &str, &str, &str)| {
        let part = LanguagePart {
            subject: subject.to_owned(),
            preheader: Some(preheader.to_owned()),
            body: body.to_owned(),
            text: None,
        };
        (language.to_owned(), part)
    };
    MessageContent {
        format: MessageFormat::Markdown,
        default_language: "en".to_owned(),
        languages: TEXTS.into_iter().map(part).collect::<BTreeMap<_, _>>(),
    }
}

/// The example people, and nobody else of the workspace.
fn people() -> Rule {
    Rule::Field(FieldRule { name: "external_id".to_owned(), is: Comparison::Begins, value: Some(PEOPLE.to_owned()) })
}

/// Stops the example campaign, before it is removed.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn stop_example(db: &Db, actor: &Actor) -> Result<()> {
    let filter = CampaignFilter { text: Some(MARK.to_owned()), ..CampaignFilter::default() };
    for campaign in list_campaigns(db, actor.workspace_id, &filter, None, usize::MAX).await? {
        let goes_on = campaign.name.ends_with(MARK) && campaign.state != CampaignState::Draft;
        if !goes_on || campaign.state.is_last() {
            continue;
        }
        match cancel_campaign(db, actor, campaign.id).await {
            // It has just ended.
            Ok(_) | Err(MessagingError::WrongState(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes the example campaign with its messages, and the sender and the template, unless a campaign of the
/// workspace's own has them. The campaign was stopped before.
///
/// # Errors
/// When the database refuses.
#[boxed]
pub async fn remove_example(tx: &mut Tx, workspace_id: Uuid) -> Result<()> {
    let ends = contains(MARK).trim_end_matches('%').to_owned();
    let campaigns: Vec<(Uuid,)> =
        query("select id from campaigns where workspace_id = $1 and name like $2 escape '\\'")
            .bind(workspace_id)
            .bind(ends.as_str())
            .all(&mut *tx)
            .await?;
    for (id,) in &campaigns {
        for table in OF_CAMPAIGN {
            query(&format!("delete from {table} where workspace_id = $1 and campaign_id = $2"))
                .bind(workspace_id)
                .bind(*id)
                .execute(&mut *tx)
                .await?;
        }
        query("delete from campaigns where workspace_id = $1 and id = $2")
            .bind(workspace_id)
            .bind(*id)
            .execute(&mut *tx)
            .await?;
    }
    for statement in [
        "delete from sender_relays where workspace_id = $1 and sender_id in
           (select s.id from senders as s where s.workspace_id = $1 and s.name like $2 escape '\\' and not exists
             (select 1 from campaigns as c where c.workspace_id = $1 and c.sender_id = s.id))",
        "delete from sender_turns where workspace_id = $1 and sender_id in
           (select s.id from senders as s where s.workspace_id = $1 and s.name like $2 escape '\\')",
        "delete from senders where workspace_id = $1 and name like $2 escape '\\' and not exists
           (select 1 from campaigns as c where c.workspace_id = $1 and c.sender_id = senders.id)",
        "delete from message_template_versions where workspace_id = $1 and template_id in
           (select t.id from message_templates as t where t.workspace_id = $1 and t.name like $2 escape '\\' and not
             exists (select 1 from campaigns as c where c.workspace_id = $1 and c.template_id = t.id))",
        "delete from message_templates where workspace_id = $1 and name like $2 escape '\\' and not exists
           (select 1 from campaigns as c where c.workspace_id = $1 and c.template_id = message_templates.id)",
    ] {
        query(statement).bind(workspace_id).bind(ends.as_str()).execute(&mut *tx).await?;
    }
    let links = campaigns.into_iter().map(|(id,)| format!("/campaigns/{id}")).collect();
    Ok(forget_about(tx, workspace_id, links).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Compiled;

    #[test]
    fn the_texts_can_be_sent_in_every_language() {
        let compiled = Compiled::compile(&content(), &BTreeMap::new()).unwrap();
        let required = compiled.required();
        assert!(required.iter().all(|field| field == "name"), "{required:?}");
        for (language, ..) in TEXTS {
            assert_eq!(compiled.language_for(Some(language)), language);
        }
    }
}
