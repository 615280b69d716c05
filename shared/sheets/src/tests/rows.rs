use super::*;

#[test]
fn columns_are_known_by_many_names() {
    for header in [
        "name,email,phone,external_id,picture",
        "Full Name,E-mail,Mobile,Guest ID,Photo URL",
        "GUEST,Mail,WhatsApp,Contact-ID,Image",
        "Nombre,Correo electrónico,Teléfono,ID,Foto",
        "Nom,Courriel,Téléphone,identifiant,Photo",
        "姓名,邮箱,电话,id,照片",
        "الاسم,البريد الإلكتروني,الهاتف,id,صورة",
        "Họ tên,Email,Số điện thoại,ID,Hình ảnh",
    ] {
        let guest = guests(format!("{header}\nAnn Example,ann@example.com,+6580000001,g-1,ann.jpg\n")).remove(0);
        let expected = GuestRow {
            line: 2,
            row: 1,
            name: "Ann Example".into(),
            email: Some("ann@example.com".into()),
            phone: Some("+6580000001".into()),
            external_id: Some("g-1".into()),
            picture: Some("ann.jpg".into()),
            row_key_before: guest.row_key_before.clone(),
            ..GuestRow::default()
        };
        assert_eq!(guest, expected, "{header}");
    }
}

#[test]
fn first_and_last_name_are_joined() {
    for header in ["First Name;Last Name", "Vorname;Name", "Prénom;Nom", "Nombre;Apellidos", "Nome;Cognome"] {
        let guest = guests(format!("{header}\nAnn;Example\n")).remove(0);
        assert_eq!(guest.name, "Ann Example", "{header}");
        assert_eq!((guest.first_name.as_deref(), guest.last_name.as_deref()), (Some("Ann"), Some("Example")));
    }
    let both = guests("name,first_name,last_name\nDr Ann Example,Ann,Example\n,Bob,Example\n,,Solo\n");
    assert_eq!(both.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), ["Dr Ann Example", "Bob Example", "Solo"]);
}

#[test]
fn the_plainer_of_two_columns_for_one_role_wins_and_the_other_is_kept() {
    let list = b"name,Mobile,Phone\nAnn,+6580000001,+6580000002\n";
    let mut file = open(list).unwrap();
    assert_eq!(
        file.notes(),
        ["columns \"Phone\" and \"Mobile\" mean the same; \"Phone\" is used, \"Mobile\" is kept as the field mobile"]
    );
    let guest = file.next().unwrap().unwrap();
    assert_eq!((guest.phone.as_deref(), guest.custom["mobile"].as_str()), (Some("+6580000002"), "+6580000001"));
}

#[test]
fn unknown_columns_become_custom_fields() {
    let list =
        b"name,Table No.,  Di\xc3\xa4t / Wunsch ,2nd Guest,\xe0\xa4\xae\xe0\xa5\x87\xe0\xa5\x9b,,\nAnn,7,vegan,,1,\n";
    let mut file = open(list).unwrap();
    assert!(file.notes().is_empty());
    let guest = file.next().unwrap().unwrap();
    assert_eq!(guest.custom["table_no"], "7");
    assert_eq!(guest.custom["diat_wunsch"], "vegan");
    assert_eq!(guest.custom["field_2nd_guest"], "");
    assert_eq!(guest.custom.len(), 4);
}

#[test]
fn a_column_without_a_header_is_kept_under_its_number() {
    let mut file = open(b"name,,note\nAnn,x,y\nBob,,z\n").unwrap();
    assert_eq!(file.notes(), ["column 2 has no name; its cells are kept as the field column_2"]);
    assert_eq!(file.next().unwrap().unwrap().custom["column_2"], "x");
    assert!(!file.next().unwrap().unwrap().custom.contains_key("column_2"));
}

#[test]
fn missing_cells_are_empty_and_noted() {
    let guest = &guests("name,email,Table\nAnn\n")[0];
    assert_eq!(guest.custom["table"], "");
    assert_eq!(guest.notes, ["line 2: the row has 1 of 3 cells; read as empty: \"email\", \"Table\""]);
}

#[test]
fn a_row_with_too_many_cells_is_named_and_the_others_go_on() {
    assert_eq!(
        outline("name,email\nAnn,ann@example.com,,\nBob,bob@example.com,,x\nCid,cid@example.com\n"),
        [
            "Ann",
            "line 3, column 4: the row has 4 cells but the header has 2; put quotes around a cell that contains the \
             separator",
            "Cid"
        ]
    );
}

#[test]
fn a_guest_without_a_name_is_named() {
    assert_eq!(
        outline("email,name\nann@example.com, \nbob@example.com,Bob\n"),
        ["line 2, column 2 (name): the guest has no name; fill it in", "Bob"]
    );
}

#[test]
fn a_name_longer_than_a_name_is_refused() {
    assert_eq!(
        outline(format!("name\n{}\n{}\n", "é".repeat(201), "é".repeat(200)))[0],
        "line 2, column 1 (name): the name has 201 characters, the limit is 200; shorten it"
    );
}

#[test]
fn names_are_composed_and_cleaned() {
    let rows = guests("name\n\"  Jose\u{301}\u{a0} \n Example\u{7} \"\n\u{202e}Ann\u{202c}\nکتاب\u{200c}خانه\n");
    let names: Vec<_> = rows.iter().map(|g| g.name.as_str()).collect();
    assert_eq!(names, ["José Example", "Ann", "کتاب\u{200c}خانه"]);
}

#[test]
fn an_email_cell_never_costs_an_invitation() {
    for (cell, email, note) in [
        (
            "\u{200b}ann@example.com",
            Some("ann@example.com"),
            "the e-mail is read as \"ann@example.com\": invisible characters were removed",
        ),
        (
            "Ann Example <ann@example.com>",
            Some("ann@example.com"),
            "the e-mail is read as \"ann@example.com\": the text around it was removed",
        ),
        (
            "ann@example.com / bo@example.com",
            Some("ann@example.com"),
            "\"ann@example.com / bo@example.com\" holds several e-mails: the first, \"ann@example.com\", is used",
        ),
        ("n/a", None, "\"n/a\" is read as no e-mail"),
        (
            "ann(at)example",
            None,
            "\"ann(at)example\" is not an e-mail address: the guest is invited without one; \
             correct it or leave the cell empty",
        ),
    ] {
        let guest = &guests(format!("name,E-mail\nAnn,{cell}\n"))[0];
        assert_eq!(
            (guest.email.as_deref(), guest.notes.as_slice()),
            (email, [format!("line 2: {note}")].as_slice()),
            "{cell}"
        );
        assert_eq!(guest.row_key.is_none(), email.is_some());
    }
    let list = "name,email\nAnn,  ann.o'example+tag@mail.example.com \nBob,\n";
    assert!(guests(list).iter().all(|guest| guest.notes.is_empty()));
}

#[test]
fn rows_with_one_email_are_different_guests_if_ids_or_names_differ() {
    assert_eq!(
        outline(
            "name,email,id\nAnn,ann@example.com,1\n\nBob, ANN@Example.com,2\nAnn,ann@example.com,3\n\
             Ann,ann@example.com,\n\
             Cid,ann@example.com,\nCID,Ann@Example.com,\nCid,ann@example.com,4\nDan,,4\nEve,,4\n"
        ),
        [
            "Ann",
            "Bob",
            "Ann",
            "line 6, column 2 (email): same name and e-mail as line 2; remove one of the two, or give each an id",
            "Cid",
            "line 8, column 2 (email): same name and e-mail as line 7; remove one of the two, or give each an id",
            "line 9, column 2 (email): same name and e-mail as line 7; remove one of the two, or give each an id",
            "Dan",
            "line 11, column 3 (id): same id as line 10; remove one of the two",
        ]
    );
}

#[test]
fn a_row_that_is_refused_tells_its_guest() {
    let refused = |list: &str| match read(list).remove(0) {
        Err(problem) => problem.guest,
        Ok(guest) => panic!("{guest:?} was accepted"),
    };
    assert_eq!(refused("name,town\nAnn Example,Bonn,Germany\n"), "Ann Example");
    assert_eq!(refused("name,town\nAnn  Example,\"Le\" Mans\n"), "Ann Example");
    assert_eq!(refused("First Name,Last Name,town\nAnn,Example,Bonn,Germany\n"), "Ann Example");
    assert_eq!(refused(&format!("name\n{}\n", "n".repeat(300))), "n".repeat(200));
    assert_eq!(refused("name,town\n,Bonn\n"), "");
}

#[test]
fn phones_become_international_where_they_can() {
    let singapore = Options { calling_code: Some("65".into()), ..Options::default() };
    for (given, plain, with_code) in [
        ("+65 8000-0001", "+6580000001", "+6580000001"),
        ("'+6580000001", "+6580000001", "+6580000001"),
        ("0065 8000 0001", "+6580000001", "+6580000001"),
        ("+44 (0)20 7946 0000", "+442079460000", "+442079460000"),
        ("tel:+65.8000.0001", "+6580000001", "+6580000001"),
        ("8000 0001", "8000 0001", "+6580000001"),
        ("08000 0001", "08000 0001", "+6580000001"),
        ("(+44) 20 79460152", "+442079460152", "+442079460152"),
        ("( +44 )(0)20-7946 0152", "+442079460152", "+442079460152"),
        ("(0044) 20 7946 0152", "+442079460152", "+442079460152"),
        ("Tel. [+44] 20 7946 0152", "+442079460152", "+442079460152"),
        ("\u{200e}（＋４４）２０ ７９４６ ０１５２", "+442079460152", "+442079460152"),
        ("+٤٤ ٢٠ ٧٩٤٦ ٠١٥٢", "+442079460152", "+442079460152"),
        ("+1", "+1", "+1"),
        ("call me", "call me", "call me"),
    ] {
        let list = format!("name,phone\nAnn,{given}\n");
        assert_eq!(guests(&list)[0].phone.as_deref(), Some(plain), "{given}");
        let mut file = GuestFile::from_bytes(list.as_bytes(), &singapore).unwrap();
        assert_eq!(file.next().unwrap().unwrap().phone.as_deref(), Some(with_code), "{given}");
    }
}

#[test]
fn a_phone_kept_as_given_says_why() {
    for (given, why) in [
        ("8000 0001", "it has no country code; write it with + and the country code"),
        ("6.58E+09", "the spreadsheet rounded it; format the column as text and export again"),
        ("+1234567890123456", "an international number has 7 to 15 digits"),
        ("ask Bob", "it has characters a phone number cannot have"),
    ] {
        let guest = &guests(format!("name,phone\nAnn,{given}\n"))[0];
        assert_eq!(guest.notes, [format!("line 2: phone \"{given}\" is kept as given: {why}")]);
    }
}

#[test]
fn an_unclosed_quote_is_named_by_the_line_it_opened_on() {
    let rows = read("name,note\nAnn,x\nBob,\"open\nCid,y\nDan,z\n");
    assert_eq!(rows.len(), 2);
    let problem = rows[1].as_ref().unwrap_err();
    assert!(problem.ends_file());
    assert_eq!(
        problem.to_string(),
        "line 3, column 2 (note): the quote opened here is never closed, so nothing after it was read; close it and \
         import again"
    );
}

#[test]
fn quotes_that_do_not_match_are_a_problem_of_their_row() {
    let stray = "the quotes of this cell do not match; close the quote, or double the quotes inside it (\"\")";
    assert_eq!(
        outline("name,note\nAnn,\"x\" y\nBob,\"a\nCid,\"b\"\nDan,\"say \"\"hi\"\"\"\nEve \"E\" Example,5\" nail\n"),
        [
            format!("line 2, column 2 (note): {stray}"),
            format!("line 3, column 2 (note): {stray}"),
            "Dan".into(),
            "Eve \"E\" Example".into(),
        ]
    );
    // The cell has an even number of quotes, and one of them at the end.
    assert_eq!(
        outline("name,note\n\"Fay \"Fee\" Lee\",x\nGus,y\n"),
        [format!("line 2, column 1 (name): {stray}"), "Gus".into()]
    );
}

#[test]
fn a_formula_that_is_only_a_text_is_that_text() {
    let list = "name,table,phone,note\nAnn,=\"007\",\"=\"\"+12025550141\"\"\",=\"a\"&\"b\"\n";
    let ann = &guests(list)[0];
    assert_eq!((ann.custom["table"].as_str(), ann.phone.as_deref()), ("007", Some("+12025550141")));
    assert_eq!(ann.custom["note"], "=\"a\"&\"b\"");
}

#[test]
fn a_cell_beyond_the_limit_is_named_and_the_others_go_on() {
    let fits = "x".repeat(64 << 10);
    for quote in ["", "\""] {
        let list = format!("name,note\nAnn,{quote}{fits}x{quote}\nBob,{quote}{fits}{quote}\nCid,\n");
        assert_eq!(
            outline(list),
            ["line 2, column 2 (note): the cell is larger than 64 KiB; shorten it", "Bob", "Cid"]
        );
    }
}

#[test]
fn damaged_characters_are_named_and_the_other_accents_survive() {
    let list = b"name\nJos\xc3\xa9\nZo\xc3\xab\nRen\xc3\xa9\nAnna\xc3\xafs\nM\xfcller\n";
    assert_eq!(
        outline(list),
        [
            "José",
            "Zoë",
            "René",
            "Annaïs",
            "line 6, column 1 (name): the cell has characters that cannot be read as UTF-8; correct them and save the \
             file as UTF-8",
        ]
    );
}

#[test]
fn one_formula_guard_comes_off() {
    let guest = &guests("name,a,b,c,d\n'=Ann,'-5,''=x,'s-Gravenhage,'\n")[0];
    let cells: Vec<_> = guest.custom.values().map(String::as_str).collect();
    assert_eq!((guest.name.as_str(), cells.as_slice()), ("=Ann", ["-5", "'=x", "'s-Gravenhage", "'"].as_slice()));
}

#[test]
fn guests_without_email_and_id_have_a_key_that_survives_sorting() {
    let keys = |list: &str| {
        let mut keys: Vec<_> = guests(list).into_iter().map(|g| (g.name.to_lowercase(), g.row_key)).collect();
        keys.sort();
        keys
    };
    let one = keys("name,phone,email\nAnn,+6580000001,\nAnn,,\nAnn,,\nBob,,bob@example.com\n");
    let other = keys("email,Table,name,phone\nbob@example.com,1,Bob,\n,2,Ann,\n,3, ANN,0065 80000001\n,4,ann,\n");
    assert_eq!(one, other);
    let distinct: std::collections::BTreeSet<_> = one.iter().map(|(_, key)| key).collect();
    assert_eq!(distinct.len(), 4);
    assert_eq!(one[3].1, None);
    // Databases store these keys: after a change, every such guest would be a new one.
    let with = guests("name,email\nBob,bob@example.com\nBob,bo@example.com\nBob,\n");
    let before: Vec<_> = with.iter().map(|guest| guest.row_key_before.clone()).collect();
    let [first, second] = [1, 2].map(|n| Some(format!("{}-{n}", &with[2].row_key.as_ref().unwrap()[..32])));
    assert_eq!(before, [first, second, None]);
    let stable = guests("name\nAnn Example\n")[0].row_key.clone().unwrap();
    assert_eq!(stable, "41275185688b4175329ada33454f4a13-1");
}

#[test]
fn guests_that_only_a_number_tells_apart_are_noted() {
    let rows = guests("name\nAnn\nAnn\n");
    assert_eq!(
        rows[1].notes,
        ["line 3: same name and phone as line 2; kept as another guest, as there is no e-mail or id to tell"]
    );
}

#[test]
fn people_without_e_mail_and_id_are_found_without_reading_the_others() {
    let list = "name,email,id,phone\nAnn,ann@example.com,,\nBo,#N/A,#N/A,\nCy,,7,\nDi,n/a,,+12025550100\n,,,\n\
                Ed,nowhere,,\n";
    for is_strict in [false, true] {
        let options = Options { is_strict, ..Options::default() };
        let open = || GuestFile::from_bytes(list.as_bytes(), &options).unwrap();
        let mut read = Bare::default();
        open().flatten().for_each(|row| read.add(&row));
        let found = open().bare();
        assert_eq!(format!("{found:?}").matches(',').count() + 1, if is_strict { 2 } else { 3 });
        assert_eq!(found, read);
    }
}

#[test]
fn a_person_of_a_list_about_something_else_is_there_several_times() {
    let list = "name,email,phone,need\nAnn,ann@example.com,,Dinner\nAnn,ann@example.com,,Lunch\n\
                Bo,,+12025550100,Dinner\nBo,,+12025550100,Lunch\nCy,,,Dinner\nCy,,,Lunch\n";
    let options = Options { is_repeating: true, ..Options::default() };
    let rows: Vec<_> = GuestFile::from_bytes(list.as_bytes(), &options).unwrap().flatten().collect();
    assert_eq!(rows.len(), 6);
    assert_eq!((&rows[2].row_key, rows[3].notes.len()), (&rows[3].row_key, 0));
    // Two people may have one name.
    assert_ne!(rows[4].row_key, rows[5].row_key);
    assert!(rows[5].notes[0].contains("kept as another guest"), "{:?}", rows[5].notes);
}
