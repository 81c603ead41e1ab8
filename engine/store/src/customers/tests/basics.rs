//! Customers, assets, contacts, tickets, examples, retention.

use super::*;

#[test]
fn what_the_shop_tells_twice_is_stored_once() {
    let scene = Scene::new();
    let one = customer("kim");
    assert_eq!(scene.customers.put_customer(&one).unwrap(), Put::New);
    assert_eq!(scene.customers.put_customer(&one).unwrap(), Put::Same);
    let moved = Customer { email: Some("kim@elsewhere.example".into()), ..one.clone() };
    assert_eq!(scene.customers.put_customer(&moved).unwrap(), Put::Changed);
    assert_eq!(scene.customers.put_asset(&asset("vm:100", "kim")).unwrap(), Put::New);
    assert_eq!(scene.customers.put_asset(&asset("vm:100", "kim")).unwrap(), Put::Same);
    scene.customers.put_all(&[customer("lee")], &[asset("vm:200", "lee"), asset("vm:100", "lee")]).unwrap();
    let scene = scene.again();
    assert_eq!(scene.customers.customer("kim").unwrap(), Some(moved));
    assert_eq!(scene.customers.customer("nobody").unwrap(), None);
    assert_eq!(scene.customers.assets_of("kim").unwrap(), []);
    assert_eq!(scene.customers.assets_of("lee").unwrap(), [asset("vm:100", "lee"), asset("vm:200", "lee")]);
    assert_eq!(scene.customers.asset("vm:200").unwrap(), Some(asset("vm:200", "lee")));
    assert_eq!(scene.reader().customers().unwrap().len(), 2);
    assert!(scene.customers.remove_asset("vm:200").unwrap() && !scene.customers.remove_asset("vm:200").unwrap());
    assert_eq!(scene.customers.assets().unwrap().len(), 1);
}

#[test]
fn a_bounce_counts_once_and_for_the_address_in_use() {
    let scene = Scene::new();
    scene.customers.put_customer(&customer("kim")).unwrap();
    assert_eq!(scene.customers.bounced("KIM@example.com", "user-unknown", at(100)).unwrap(), 1);
    assert_eq!(scene.customers.bounced("kim@example.com", "user-unknown", at(100)).unwrap(), 1);
    assert_eq!(scene.customers.bounced("kim@example.com", "user-unknown", at(90)).unwrap(), 1);
    assert_eq!(scene.customers.bounced("kim@example.com", "quota-exceeded", at(200)).unwrap(), 1);
    assert_eq!(scene.customers.bounced("stranger@example.com", "user-unknown", at(100)).unwrap(), 0);
    let contacts = scene.reader().contacts().unwrap();
    assert_eq!(contacts.len(), 1);
    assert_eq!((contacts[0].bounces, contacts[0].bounced_at), (2, Some(at(200))));
    assert_eq!(contacts[0].bounced_why.as_deref(), Some("quota-exceeded"));
    assert_eq!(contacts[0].used_at, Some(at(50)), "the shop saw them then");
    scene.customers.put_ticket(&ticket("t1", 500)).unwrap();
    assert_eq!(scene.reader().contacts().unwrap()[0].used_at, Some(at(500)));
    let moved = Customer { email: Some("new@example.com".into()), ..customer("kim") };
    scene.customers.put_customer(&moved).unwrap();
    let contacts = scene.reader().contacts().unwrap();
    assert_eq!((contacts.len(), contacts[0].bounces), (1, 0), "{contacts:?}");
}

#[test]
fn a_ticket_that_comes_again_keeps_what_was_found() {
    let scene = Scene::new();
    let put = |ticket: &Ticket| scene.customers.put_ticket(ticket).unwrap().put();
    assert_eq!(put(&ticket("t1", 5)), Put::New);
    assert_eq!(put(&ticket("t1", 5)), Put::Same);
    assert_eq!(put(&Ticket { incidents: vec![7, 1], ..ticket("t1", 5) }), Put::Changed);
    let used = Ticket { answer_used: Some("mail/quota".into()), draft: None, incidents: vec![], ..ticket("t1", 5) };
    assert_eq!(put(&used), Put::Changed);
    assert_eq!(put(&ticket("t1", 5)), Put::Same);
    let expected = Ticket {
        answer_used: Some("mail/quota".into()),
        draft: Some("d1".into()),
        incidents: vec![1, 2, 7],
        ..ticket("t1", 5)
    };
    let scene = scene.again();
    assert_eq!(scene.customers.ticket("t1").unwrap(), Some(expected.clone()));
    scene.customers.put_ticket(&ticket("t0", 9)).unwrap();
    let reader = scene.reader();
    assert_eq!(reader.tickets(Range { from: at(5), until: at(9) }).unwrap(), std::slice::from_ref(&expected));
    assert_eq!(reader.sent(Range::ALL).unwrap()[0], (&expected).into());
    assert_eq!(reader.heard().unwrap()["kim"].ticket, Some(at(9)));
}

#[test]
fn a_draft_becomes_one_ticket() {
    let scene = Scene::new();
    let put = |id: &str, draft: &str| {
        let ticket = Ticket { draft: Some(draft.into()), ..ticket(id, 5) };
        scene.customers.put_ticket(&ticket).unwrap().now.draft
    };
    assert_eq!(scene.customers.ticket_of_draft("d1").unwrap(), None);
    assert_eq!(put("t1", "d1").as_deref(), Some("d1"));
    assert_eq!(put("t2", "d1"), None, "it was another's");
    assert_eq!(put("t1", "d1").as_deref(), Some("d1"), "twice is once");
    assert_eq!(put("t2", "d2").as_deref(), Some("d2"));
    assert_eq!(put("t2", "d1").as_deref(), Some("d2"), "what it has it keeps");
    assert_eq!(scene.customers.ticket_of_draft("d1").unwrap().as_deref(), Some("t1"));
}

#[test]
fn a_tickets_text_and_time_are_those_of_the_first_time() {
    let scene = Scene::new();
    let first = ticket("t1", 5);
    scene.customers.put_ticket(&first).unwrap();
    let later = Ticket {
        subject: "Re: Hilfe".into(),
        body: "Danke, es geht wieder!".into(),
        language: Some("en".into()),
        page: Some("/mail".into()),
        customer: None,
        asset: None,
        ..ticket("t1", 400_000)
    };
    assert_eq!(scene.customers.put_ticket(&later).unwrap().put(), Put::Same);
    let reader = scene.reader();
    assert_eq!(reader.tickets(Range::ALL).unwrap(), [Ticket { incidents: vec![1, 2], ..first }]);
    assert_eq!(reader.heard().unwrap()["kim"].ticket, Some(at(5)));
    let corrected = Ticket { customer: Some("lee".into()), asset: Some("vm:200".into()), ..later };
    let corrected = scene.customers.put_ticket(&corrected).unwrap();
    assert_eq!((corrected.put(), corrected.before.unwrap().customer), (Put::Changed, Some("kim".into())));
    assert_eq!((corrected.now.customer.as_deref(), corrected.now.created), (Some("lee"), at(5)));
}

#[test]
fn the_answer_that_support_used_is_noted_of_a_known_ticket() {
    let scene = Scene::new();
    assert_eq!(scene.customers.answered_ticket("t1", "mail/quota").unwrap(), None);
    assert_eq!(scene.customers.ticket("t1").unwrap(), None, "no ticket comes from it");
    let before = scene.customers.put_ticket(&ticket("t1", 5)).unwrap().now;
    let put = scene.customers.answered_ticket("t1", "mail/quota").unwrap().unwrap();
    assert_eq!(put.now, Ticket { answer_used: Some("mail/quota".into()), ..before.clone() });
    assert_eq!(put.before, Some(before));
    let again = scene.customers.answered_ticket("t1", "mail/quota").unwrap().unwrap();
    assert_eq!(again.put(), Put::Same);
    assert_eq!(scene.customers.ticket("t1").unwrap(), Some(put.now));
}

#[test]
fn one_example_of_each_owner_is_learned_and_no_answer_gets_too_many() {
    let scene = Scene::new();
    let learn =
        |text: &str, origin, owner: &Owner| scene.customers.learn(&example("mail/quota", text, origin), owner).unwrap();
    assert!(learn("Postfach voll", Origin::Logged, &kim()));
    assert!(!learn("Postfach voll", Origin::Logged, &kim()), "told twice");
    assert!(learn("Mein Postfach ist voll", Origin::Confirmed, &kim()), "confirmed says more");
    assert!(!learn("Anderes", Origin::Logged, &kim()), "and stays");
    assert!(learn("Mein Postfach ist voll", Origin::Logged, &Owner::Key("kim".into())), "a key is no customer");
    assert!(!learn("a@b.de", Origin::Confirmed, &Owner::Customer("lee".into())), "nothing but personal data");
    let examples = scene.customers.examples();
    assert_eq!(examples.len(), 1);
    assert_eq!((examples[0].origin, examples[0].count), (Origin::Confirmed, 3));
    for number in 0..2 * MOST_EXAMPLES {
        learn(&format!("Nummer{number} geht nicht"), Origin::Logged, &Owner::Customer(number.to_string()));
    }
    let examples = scene.customers.examples();
    assert_eq!(examples.len(), MOST_EXAMPLES);
    assert!(examples.iter().any(|e| e.text.as_str() == "Mein Postfach ist voll"), "the confirmed one stays");
    assert!(examples.iter().any(|e| e.text.as_str().contains("Nummer99")), "the newest stays");
    assert_eq!(*scene.again().customers.examples(), *examples);
}

#[test]
fn what_is_old_goes_and_who_was_heard_of_stays() {
    let scene = Scene::new();
    let day = 86_400;
    for (id, last) in [("old", 0), ("new", 100 * day)] {
        scene.customers.note_draft(draft(id, kim(), last));
        scene.customers.note_shown(vec![shown(id, last)]);
        let feedback = Feedback { draft: id.into(), what: Deed::Opened, answer: None, at: at(last) };
        assert!(scene.customers.put_feedback(&feedback).unwrap());
        scene.customers.put_ticket(&ticket(id, last)).unwrap();
    }
    scene.customers.flush().unwrap();
    let keep = Retention::default();
    let retained = scene.customers.retain(at(120 * day), &keep).unwrap();
    assert_eq!((retained.drafts, retained.shown, retained.feedback, retained.tickets), (1, 1, 1, 0));
    let ticket = |id: &str| scene.customers.ticket(id).unwrap().map(|ticket| (ticket.subject, ticket.body));
    assert_eq!((retained.ticket_texts, ticket("old")), (1, Some((String::new(), String::new()))));
    assert_eq!(ticket("new").unwrap().0, "Hilfe", "{retained:?}");
    // The help desk tells of it again: what it said does not come back.
    scene.customers.put_ticket(&self::ticket("old", 0)).unwrap();
    assert_eq!(ticket("old").unwrap().0, "");
    assert_eq!(scene.customers.retain(at(450 * day), &keep).unwrap().tickets, 1);
    let reader = scene.reader();
    assert_eq!(reader.drafts(Range::ALL).unwrap().len(), 0);
    assert_eq!(reader.heard().unwrap()["kim"].draft, Some(at(100 * day)));
}

#[test]
fn retention_is_bounded_a_call_and_says_so() {
    let scene = Scene::new();
    for number in 0..1_200 {
        scene.customers.note_draft(draft(&format!("d{number}"), kim(), number));
    }
    scene.customers.flush().unwrap();
    let calls = std::iter::repeat_with(|| scene.customers.retain(at(1 << 30), &Retention::default()).unwrap());
    let removed: Vec<(u64, bool)> = calls.take(3).map(|retained| (retained.drafts, retained.more)).collect();
    assert_eq!(removed, [(500, true), (500, true), (200, false)]);
}
