//! Whether an account can do what Herald needs.

use herald_base::boxed;
use uuid::Uuid;

use super::{Client, ClientError, Clients, Connection, ConnectionError, Settings, mark_broken, mark_ok};
use herald_db::Db;
use herald_providers::{Finding, files::Bucket, google, mautic};

/// Asks a connection's provider, and says what it found. `target` is the folder of Drive that will be written to, or
/// the form of Mautic that will be read.
///
/// # Errors
/// When there is no such connection, or its secret does not open.
#[boxed]
pub async fn check(
    clients: &Clients,
    workspace_id: Uuid,
    id: Uuid,
    target: Option<&str>,
) -> Result<(Connection, Vec<Finding>), ClientError> {
    let (connection, client) = match clients.client(workspace_id, id).await {
        Ok(found) => found,
        Err(ClientError::Settings { connection, why, .. }) => return Ok((*connection, vec![Finding::wrong(why)])),
        Err(error) => return Err(error),
    };
    let findings = match (&client, &connection.settings.0) {
        (Client::Drive(drive), Settings::Google(auth)) => google::check(drive, target, auth).await,
        (Client::Mautic(mautic), _) => match target.map(str::parse).transpose() {
            Ok(form) => mautic::check(mautic, None, form).await,
            Err(_) => vec![Finding::wrong("the form is not a number: give the id from the list of forms in Mautic")],
        },
        (Client::Bucket(bucket), _) => of_bucket(bucket).await,
        (Client::Mail(mailer), _) => mailer.check().await,
        (Client::Whatsapp(whatsapp), _) => whatsapp.check().await,
        (Client::Drive(_), _) => Vec::new(),
    };
    Ok((connection, findings))
}

/// Notes on a connection what a test found, and returns whether all is well. An error that a person must repair becomes
/// the connection's reason. An error that passes by itself changes nothing, and neither does one of the folder or form
/// of a single run.
///
/// # Errors
/// When the database does not answer.
#[boxed]
pub async fn note(
    db: &Db,
    workspace_id: Uuid,
    connection: &Connection,
    target: Option<&str>,
    findings: &[Finding],
) -> Result<bool, ConnectionError> {
    let well = findings.iter().all(|found| found.ok);
    let wrong: Vec<&str> =
        findings.iter().filter(|found| found.needs_a_person()).map(|found| found.text.as_str()).collect();
    if well {
        mark_ok(db, workspace_id, connection).await?;
    } else if target.is_none() && !wrong.is_empty() {
        mark_broken(db, workspace_id, connection, &wrong.join("; ")).await?;
    }
    Ok(well)
}

async fn of_bucket(bucket: &Bucket) -> Vec<Finding> {
    let place = bucket.place();
    match bucket.try_out().await {
        Ok(()) => vec![Finding::ok(format!("Herald can write, read and delete files under {place}"))],
        Err(error) => vec![Finding::failed(error.of_provider())],
    }
}
