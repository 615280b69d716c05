use serde_json::json;

use super::*;

fn item(contact_id: i64) -> WriteBack {
    WriteBack { contact_id, link: "https://drive.example.com/a?b=1&c=2".to_owned(), number: "0042".to_owned() }
}

fn kept(all: Value) -> Result<()> {
    let contact = json!({"id": 47, "fields": {"core": {}, "all": all}});
    let fields = Fields::new("invitation_link", Some("lucky_number".to_owned())).unwrap();
    stored(&contact, &MauticContact::read(&contact).unwrap(), &item(47), &fields)
}

#[test]
fn only_what_mautic_says_to_have_stored_is_written() {
    let link = "https://drive.example.com/a?b=1&c=2";
    assert_eq!(kept(json!({"invitation_link": link, "lucky_number": "0042"})), Ok(()));
    assert_eq!(
        kept(json!({"invitation_link": "https://drive.example.com/a?b=1&amp;c=2", "lucky_number": "0042"})),
        Ok(())
    );
    for (all, says) in [
        (json!({"lucky_number": "0042"}), "there is no contact field «invitation_link»"),
        (json!({"invitation_link": link}), "there is no contact field «lucky_number»"),
        (json!({"invitation_link": "https://drive.example", "lucky_number": "0042"}), "cut the link to 21 characters"),
        (json!({"invitation_link": link, "lucky_number": "00"}), "cut the number to 2 characters"),
        (json!({"invitation_link": null, "lucky_number": "0042"}), "did not keep the link"),
        (json!({"invitation_link": "https://old.example.com", "lucky_number": "0042"}), "did not keep the link"),
        (json!({"invitation_link": link, "lucky_number": 42}), "did not keep the number"),
        (json!([]), "there is no contact field «invitation_link»"),
    ] {
        let error = kept(all.clone()).unwrap_err();
        assert_eq!(error.class, Class::Config, "{all}");
        assert!(error.message.contains(says), "{all}: {error}");
        assert!(!error.message.contains("https://"), "{error}");
    }
}

#[test]
fn groups_are_small_and_have_nobody_twice() {
    let sizes = |ids: &[i64]| -> Vec<usize> {
        let items: Vec<_> = ids.iter().map(|id| item(*id)).collect();
        let groups = groups(&items);
        assert!(groups.iter().flatten().copied().eq(0..ids.len()), "in their order");
        groups.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes(&[]), Vec::<usize>::new());
    assert_eq!(sizes(&(0..120).collect::<Vec<_>>()), [50, 50, 20]);
    assert_eq!(sizes(&[1, 2, 1, 3, 3]), [2, 2, 1]);
}

#[test]
fn nothing_that_identifies_a_contact_is_sent() {
    let fields = Fields::new("invitation_link", None).unwrap();
    let sent = Value::Object(item(47).body(&fields));
    assert_eq!(sent, json!({"invitation_link": "https://drive.example.com/a?b=1&c=2"}));
}
