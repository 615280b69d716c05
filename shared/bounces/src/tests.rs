use super::*;

const DSN: &str = "\
Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: b+abc@bounce.example.org
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=\"edge/1\"

--edge/1
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--edge/1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; ana@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <ana@example.com>:
    Recipient address rejected

Final-Recipient: rfc822; bo@example.com
Action: delayed
Status: 4.2.2

--edge/1
Content-Type: message/rfc822

Return-Path: <b+abc@bounce.example.org>
Message-ID: <one@example.org>
To: ana@example.com

Hello
--edge/1--
";

#[test]
fn a_report_tells_of_each_recipient_whatever_ends_its_lines() {
    for ends in ["\n", "\r\n", "\r"] {
        let report = read(DSN.replace('\n', ends).as_bytes());
        let told: Vec<(Option<&str>, Class, Option<&str>)> =
            report.told.iter().map(|one| (one.recipient.as_deref(), one.class, one.status.as_deref())).collect();
        assert_eq!(
            told,
            [
                (Some("ana@example.com"), Class::Hard, Some("5.1.1")),
                (Some("bo@example.com"), Class::Delayed, Some("4.2.2")),
            ]
        );
        assert_eq!(report.class, Class::Hard);
        assert_eq!(report.message_ids, ["one@example.org"]);
        assert_eq!(report.sent_to, ["b+abc@bounce.example.org"]);
        assert!(report.told[0].said.contains("Recipient address rejected"), "{report:?}");
    }
}

#[test]
fn a_complaint_is_none_of_a_bounce() {
    let mail = "From: fbl@example.net\nTo: abuse@example.org\nSubject: FW: Spring\n\
        Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\n\nA complaint.\n--x\n\
        Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: <ana@example.com>\n--x\n\
        Content-Type: text/rfc822-headers\n\nMessage-ID: <two@example.org>\n\
        Return-Path: <b+abc@bounce.example.org>\n--x--\n";
    let report = read(mail.as_bytes());
    assert_eq!((report.class, report.told.len()), (Class::Complaint, 1));
    assert_eq!(report.told[0].recipient.as_deref(), Some("ana@example.com"));
    assert_eq!(report.message_ids, ["two@example.org"]);
    assert!(report.sent_to.contains(&"b+abc@bounce.example.org".to_owned()));
    assert_eq!(read(mail.replace("abuse\n", "not-spam\n").as_bytes()).class, Class::None);
}

#[test]
fn what_is_meant_for_people_alone_is_read_as_well() {
    let qmail = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.com\nTo: b+abc@bounce.example.org\n\
        Subject: failure notice\n\nHi. I wasn't able to deliver your message to the following addresses.\n\n\
        <ana@example.com>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n\
        <bo@example.com>:\n192.0.2.1 said: 552 over quota\n\n\
        --- Below this line is a copy of the message.\n\nMessage-ID: <three@example.org>\nTo: ana@example.com\n\n\
        spam\n";
    let report = read(qmail.as_bytes());
    let told: Vec<(Option<&str>, Class)> =
        report.told.iter().map(|one| (one.recipient.as_deref(), one.class)).collect();
    assert_eq!(told, [(Some("ana@example.com"), Class::Hard), (Some("bo@example.com"), Class::Soft)]);
    assert_eq!(report.message_ids, ["three@example.org"]);
}

#[test]
fn an_answer_of_a_machine_and_a_mail_of_a_person_are_no_bounces() {
    let away = "From: ana@example.com\nTo: news@example.org\nSubject: Out of office: Spring\n\
        Auto-Submitted: auto-replied\n\nI am away, and mail to me is undeliverable: 550 5.1.1\n";
    assert_eq!(read(away.as_bytes()).class, Class::AutoReply);
    for mail in [
        "From: ana@example.com\nSubject: Returned mail\n\nI got your mail back.\n",
        "From: ana@example.com\nSubject: Re: Spring\n\nOur server said: user unknown (550 5.1.1). Was it lost?\n",
        "",
        "\n\n\n",
        "hello",
        "From: x",
        ":\n:\n\n:",
    ] {
        let report = read(mail.as_bytes());
        assert_eq!((report.class, report.told.len()), (Class::None, 0), "{mail}");
    }
}

#[test]
fn a_broken_mail_is_taken_as_it_stands() {
    let without_edge = DSN.replace("--edge/1", "--other");
    assert_eq!(read(without_edge.as_bytes()).class, Class::Hard);
    let cut = &DSN[..DSN.find("Action: failed").unwrap() + 30];
    assert_eq!(read(cut.as_bytes()).class, Class::Hard);
    let mut bytes = DSN.as_bytes().to_vec();
    bytes.extend(std::iter::repeat_n(0xFF, 2 * MOST));
    assert_eq!(read(&bytes).class, Class::Hard);
    let nested = "Content-Type: multipart/mixed; boundary=x\n\n--x\n".repeat(1_000);
    assert_eq!(read(nested.as_bytes()).class, Class::None);
}

#[test]
fn no_piece_of_a_mail_makes_the_reader_fail() {
    for end in 0..DSN.len() {
        read(&DSN.as_bytes()[..end]);
        read(&DSN.as_bytes()[end..]);
        let mut odd = DSN.as_bytes().to_vec();
        odd[end] = 0xC3;
        read(&odd);
    }
}

#[test]
fn encodings_are_opened() {
    let said = "VGhlIGZvbGxvd2luZyBhZGRyZXNzIGZhaWxlZDogYW5hQGV4YW1wbGUuY29tIHVzZXIgdW5rbm93bg==";
    let mail =
        format!("From: postmaster@example.com\nSubject: Undeliverable\nContent-Transfer-Encoding: base64\n\n{said}\n");
    let report = read(mail.as_bytes());
    assert_eq!((report.class, report.told[0].recipient.as_deref()), (Class::Hard, Some("ana@example.com")));
    let mail = "From: postmaster@example.com\nSubject: Undeliverable\nContent-Transfer-Encoding: quoted-printable\n\n\
        ana@example.com could not be deli=\nvered: mailbox=20is full=\n";
    assert_eq!(read(mail.as_bytes()).class, Class::Soft);
}
