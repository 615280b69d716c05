//! Looks for obstacles before a thousand jobs find them.

use herald_base::boxed;

use super::{
    drive::{Drive, Folder, folder_id},
    errors,
};
use crate::{Finding, Meter, google::GoogleAuth};

/// Tests an account and its target folder, which is given by its id or its address. It changes nothing at Google. It
/// stops at a problem that makes the remaining tests pointless.
#[boxed]
pub async fn check(drive: &Drive, folder: Option<&str>, auth: &GoogleAuth) -> Vec<Finding> {
    let mut found = Vec::new();
    // The queue's rate does not apply to an admin's test.
    let meter = Meter::free();
    if let Err(error) = drive.tokens().get().await {
        found.push(Finding::failed(error));
        return found;
    }
    found.push(Finding::ok(format!("Google issues tokens for {}", errors::whom(auth))));
    match drive.about(&meter).await {
        Err(error) => {
            found.push(Finding::failed(error));
            return found;
        }
        Ok(about) => {
            found.push(Finding::ok(match about.user_email.as_str() {
                "" => "the Google Drive API answers".to_owned(),
                email => format!("the Google Drive API answers, and knows Herald as {email}"),
            }));
            if bare(auth).is_none() {
                found.push(room(about.limit, about.usage));
            }
        }
    }
    match folder.map(folder_id) {
        Some(Some(id)) => match drive.folder(&id, &meter).await {
            Ok(folder) => found.extend(fitness(&folder, auth)),
            Err(error) => found.push(Finding::failed(error)),
        },
        Some(None) => found.push(Finding::wrong(
            "this is not a Drive folder: open the folder in a browser and copy its address, or the part after folders/",
        )),
        None => found
            .extend(bare(auth).map(|email| {
                Finding::ok(format!("no folder was given to test, but note: {}", errors::no_room(email)))
            })),
    }
    found
}

/// Returns the address of a service account that acts only as itself.
fn bare(auth: &GoogleAuth) -> Option<&str> {
    match auth {
        GoogleAuth::ServiceAccount { client_email, subject: None, .. } => Some(client_email),
        GoogleAuth::ServiceAccount { .. } | GoogleAuth::User { .. } => None,
    }
}

fn room(limit: Option<u64>, usage: u64) -> Finding {
    const MB: u64 = 1_000_000;
    match limit {
        None => Finding::ok("its Drive has no limit"),
        Some(limit) if usage >= limit => {
            Finding::wrong(format!("its Drive is full ({} MB): make room, or buy storage", limit / MB))
        }
        Some(limit) => Finding::ok(format!("its Drive has {} MB left of {} MB", (limit - usage) / MB, limit / MB)),
    }
}

fn fitness(folder: &Folder, auth: &GoogleAuth) -> Vec<Finding> {
    let (name, me) = (&folder.name, errors::whom(auth));
    if folder.trashed {
        return vec![Finding::wrong(format!(
            "the folder {name:?} is in the trash: restore it in Google Drive, or choose another"
        ))];
    }
    let mut found = vec![Finding::ok(format!("the folder {name:?} exists"))];
    found.push(match (&folder.drive_id, bare(auth)) {
        (Some(_), _) => Finding::ok("it is in a Shared Drive"),
        (None, Some(email)) => Finding::wrong(format!("it is in a person's own Drive: {}", errors::no_room(email))),
        (None, None) => Finding::ok("it is in a person's own Drive"),
    });
    found.push(match folder.can_add_children {
        true => Finding::ok(format!("{me} may write to it")),
        false => Finding::wrong(format!(
            "{me} may not write to it: share it with that account as Editor (in a Shared Drive: Content manager)"
        )),
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder {
            id: "f".into(),
            name: "Gala".into(),
            trashed: false,
            shared: true,
            drive_id: None,
            can_add_children: true,
        }
    }

    fn account(subject: Option<&str>) -> GoogleAuth {
        GoogleAuth::ServiceAccount {
            client_email: "herald@agency.iam.gserviceaccount.com".into(),
            private_key_id: "k".into(),
            subject: subject.map(str::to_owned),
        }
    }

    fn wrong(found: Vec<Finding>) -> Vec<String> {
        found.into_iter().filter(|finding| !finding.ok).map(|finding| finding.text).collect()
    }

    #[test]
    fn a_bare_service_account_needs_a_shared_drive() {
        let found = wrong(fitness(&folder(), &account(None)));
        assert!(
            found.len() == 1 && found[0].contains("Content manager") && found[0].contains("--subject"),
            "{found:?}"
        );
        assert!(wrong(fitness(&folder(), &account(Some("ann@example.com")))).is_empty());
        let shared = Folder { drive_id: Some("d".into()), ..folder() };
        assert!(wrong(fitness(&shared, &account(None))).is_empty());
    }

    #[test]
    fn a_folder_in_the_trash_or_without_the_right_to_write_is_named() {
        let auth = account(Some("ann@example.com"));
        let found = wrong(fitness(&Folder { trashed: true, ..folder() }, &auth));
        assert!(found.len() == 1 && found[0].contains("restore it"), "{found:?}");
        let found = wrong(fitness(&Folder { can_add_children: false, ..folder() }, &auth));
        assert!(found.len() == 1 && found[0].contains("share it with that account"), "{found:?}");
    }

    #[test]
    fn a_full_drive_is_named() {
        assert!(!room(Some(10), 10).ok);
        assert!(room(Some(10), 9).ok);
        assert!(room(None, 1 << 50).ok);
    }
}
