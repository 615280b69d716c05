//! Where files of the store may be written from: what the type of the key cannot see is looked for in the source.

use crate::sources;

/// What gets round the type of the key, and the only files that may have it.
const WAYS_ROUND: &[(&str, &[&str])] = &[
    // The store itself: only the module of the file store has it.
    ("object_store::", &["shared/providers/src/files.rs", "shared/providers/src/files/"]),
    // A bucket of a workspace's own takes any key: only what makes the clients of accounts opens one.
    ("Bucket::open(", &["shared/accounts/src/clients.rs", "shared/providers/src/files/"]),
    // A path on this machine could be written to: these show it to a person.
    (
        "files.place(",
        &[
            "shared/invitations/src/results.rs",
            "shared/invitations/src/move_files.rs",
            "cli/src/home.rs",
            "cli/src/invite/summary.rs",
            "cli/src/doctor/fleet.rs",
        ],
    ),
    // The folder of the store: opened as a store, and nothing else.
    ("folder.files()", &["cli/src/home.rs", "cli/src/doctor.rs", "cli/src/migrate.rs"]),
];

#[test]
fn nothing_writes_to_the_file_store_but_by_a_workspaces_key() {
    let found = sources::of_the_program();
    assert!(found.len() > 200, "the sources were found");
    let mut seen = [false; WAYS_ROUND.len()];
    for (name, path) in found {
        let text = std::fs::read_to_string(&path).unwrap();
        for (way, (what, allowed)) in WAYS_ROUND.iter().enumerate() {
            if !text.contains(what) {
                continue;
            }
            seen[way] = true;
            assert!(
                allowed.iter().any(|allowed| name.starts_with(allowed)),
                "{name} has `{what}`, which gets round files::Key: write by a Key, which names its workspace, \
                 or give the reason in this test"
            );
        }
    }
    assert_eq!(seen, [true; WAYS_ROUND.len()], "a way round is called otherwise by now: name it anew");
}
