use super::*;

const GOOD: &str = r##"+++
title = "Mein Server startet nicht"
category = "server"
questions = ["Mein Server startet nicht mehr", "VM lässt sich nicht starten"]
valid_until = 2027-12-31
links = [{ title = "Server im Kundenbereich", url = "{{ panel }}/server/{{ asset.id }}" }]
allow = ["long-sentence"]
[variables]
"customer.name" = "Kundin, lieber Kunde"
"asset.name" = true
"asset.id" = true
panel = true
[conditions]
asset = ["vm", "ct"]
incident = ["virtualisation.*"]
+++

## acknowledge
Liebe {{ customer.name }}, Ihr Server {{ asset.name }} steht.
Das hält auf.

## clarify
## agree
## act
1. Wir starten ihn.
2. {% if incident.since is defined %}Er steht seit {{ incident.since }}.{% endif %}
## advise

"##;

fn parsed(text: &str) -> (Option<AnswerFile>, Vec<Complaint>) {
    parse(Path::new("rules/x/answers/y.de.md"), "x/y", Language::De, text)
}

/// The text with one piece replaced has exactly this complaint, there.
#[track_caller]
fn check(from: &str, to: &str, place: &str, message: &str, way: &str) {
    let text = GOOD.replacen(from, to, 1);
    assert_ne!(text, GOOD, "`{from}` is not in the text");
    let (file, complaints) = parsed(&text);
    assert_eq!(file, None);
    let [complaint] = &complaints[..] else { panic!("{to}: {complaints:#?}") };
    assert_eq!(format!("{}:{}", complaint.line, complaint.column), place, "{complaint}");
    assert!(complaint.message.contains(message), "{complaint}");
    assert!(complaint.suggestion.as_deref().unwrap_or_default().contains(way), "{complaint}");
}

#[test]
fn a_good_file_is_read_whole() {
    let (file, complaints) = parsed(GOOD);
    assert_eq!(complaints, []);
    let file = file.unwrap();
    assert_eq!((&*file.id, &*file.shared.category, file.shared.audience), ("x/y", "server", Audience::Customer));
    assert_eq!(file.shared.valid_until.as_deref(), Some("2027-12-31"));
    assert_eq!(file.shared.conditions.asset, ["vm", "ct"]);
    assert_eq!(file.shared.conditions.incident, ["virtualisation.*"]);
    assert_eq!(file.allow, ["long-sentence"]);
    let variant = &file.variant;
    assert_eq!(variant.title, "Mein Server startet nicht");
    assert_eq!(variant.questions.len(), 2);
    assert_eq!(variant.links[0].url, "{{ panel }}/server/{{ asset.id }}");
    assert_eq!(variant.variables["asset.name"], Variable::Required(true));
    assert_eq!(variant.variables["customer.name"], Variable::Fallback("Kundin, lieber Kunde".into()));
    assert_eq!(
        variant.parts.acknowledge,
        "Liebe {{ customer.name }}, Ihr Server {{ asset.name }} steht.\nDas hält auf."
    );
    assert_eq!(variant.parts.advise, "");
    assert!(variant.parts.act.ends_with("{% endif %}"));
    assert_eq!(file.places.parts, [19, 22, 23, 25, 27]);
    assert_eq!(file.places.questions, [(4, 14), (4, 48)]);
    assert_eq!(file.places.in_part(0, &variant.parts.acknowledge, variant.parts.acknowledge.len() - 1), (20, 13));
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let (Some(mut file), _) = parsed(GOOD) else { panic!("it is good") };
    let (again, complaints) = parsed(&write(&file));
    assert_eq!(complaints, []);
    let mut again = again.unwrap();
    file.places = Places::default();
    again.places = Places::default();
    assert_eq!(again, file);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let (file, complaints) = parsed(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n")));
    assert_eq!((file, complaints), parsed(GOOD));
}

#[test]
fn a_dotted_name_without_quotes_is_the_same_variable() {
    let (file, complaints) = parsed(&GOOD.replace("\"customer.name\" =", "customer.name ="));
    assert_eq!(complaints, []);
    assert!(file.unwrap().variant.variables.contains_key("customer.name"));
}

#[test]
fn wrong_keys_are_named_with_the_way_out() {
    check("allow =", "alow =", "7:1", "no key `alow`", "`allow`");
    check("\"server\"", "\"servers\"", "3:12", "`servers` is no category", "`server`");
    check("\"server\"", "7", "3:12", "must be a text", "category = \"…\"");
    check("category = \"server\"\n", "", "1:1", "no `category`", "category = ");
    check("2027-12-31", "2027-02-30", "5:15", "no TOML", "quotes");
    check("2027-12-31", "\"next year\"", "5:15", "no day of the calendar", "2027-12-31");
    check("category =", "audience = \"everybody\"\ncategory =", "3:12", "no audience", "`support`");
    check("\"VM lässt sich nicht starten\"", "\"\"", "4:48", "`questions` is empty", "leave it out");
    check("\"Mein Server startet nicht\"", "\"Server {{ asset.name }}\"", "2:9", "holds a placeholder", "without");
    check("\"asset.id\" = true", "\"asset.id\" = false", "11:14", "a text or `true`", "not shown");
    check(
        "\"asset.id\" = true",
        "\"asset.id\" = true\n\"asset.ip\" = true",
        "12:1",
        "no variable `asset.ip`",
        "`asset.id`",
    );
    check("asset = [", "assets = [", "14:1", "no condition `assets`", "`asset`");
    check("[\"vm\", \"ct\"]", "\"vm\"", "14:9", "must be a list", "[\"…\"");
    check("{{ panel }}/server/{{ asset.id }}", "javascript:alert(1)", "6:53", "no address", "https://");
    check(
        "{{ panel }}/server/{{ asset.id }}",
        "http://example.com/{{ panel }}{{ asset.id }}",
        "6:53",
        "no address",
        "https://",
    );
    check("url = ", "uri = ", "6:47", "a link has no `uri`", "`url`");
}

#[test]
fn wrong_headings_are_named_with_the_way_out() {
    check("## agree\n", "", "27:1", "no `## agree`", "stays empty");
    check("## act\n", "## act\nx\n## act\n", "26:1", "`## act` is there twice", "join");
    check("## agree", "## Agree", "23:1", "`## Agree` is no part", "`## agree`");
    check("## agree", "# agree", "23:1", "`# agree` is no part", "`## agree`");
    check("## agree", "## agree\n### Schritte", "24:1", "no part", "**bold**");
    check("\n## acknowledge", "Hallo!\n## acknowledge", "17:1", "before the first heading", "acknowledge");
    check("## clarify\n## agree", "## agree\n## clarify", "23:1", "comes after `## agree`", "order");
}

#[test]
fn placeholders_are_held_against_the_variables() {
    check("{{ customer.name }}", "{{ custmer.name }}", "19:7", "no variable `custmer.name`", "`customer.name`");
    check("panel = true\n", "", "6:10", "`panel` is used here, but not declared", "\"panel\" = true");
    check("{{ asset.name }}", "{{ company }}", "19:39", "`company` is used here, but not declared", "is defined");
    check("{% endif %}", "", "26:4", "never closed", "endif");
}

#[test]
fn what_is_no_answer_at_all_is_said_once() {
    for (text, message) in [
        ("", "does not begin"),
        ("# Hallo", "does not begin"),
        ("+++\ntitle = \"x\"\n", "never closed"),
        ("+++", "never closed"),
    ] {
        let (file, complaints) = parsed(text);
        assert_eq!(file, None);
        assert_eq!(complaints.len(), 1, "{complaints:#?}");
        assert!(complaints[0].message.contains(message), "{}", complaints[0]);
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let (_, complaints) = parsed(&GOOD.replace("\"server\"", "\"sever\"").replace("## agree", "## disagree"));
    let rows: Vec<usize> = complaints.iter().map(|c| c.line).collect();
    assert_eq!(rows, [3, 23, 28], "{complaints:#?}");
}

#[test]
fn addresses_are_judged_by_their_form() {
    for good in
        ["https://example.com", "https://example.com/a?b=c#d", "{{ panel }}", "{{panel}}/x", "{{ status_page }}#x"]
    {
        assert!(is_address(good), "{good}");
    }
    let bad = [
        "",
        "http://example.com",
        "//example.com",
        "https://",
        "https://localhost",
        "https://a.b@evil.example",
        "/x",
        "{{ phone }}",
        "{{ panel }}.evil.example",
        "{{ panel }}@evil.example",
        "https://example.com/a b",
        "https://example.com/\"",
        "data:text/html,x",
        "https://example.com/{% if panel is defined %}x{% endif %}",
        "https://example.com/{{ x }}",
        "JAVASCRIPT:alert(1)",
    ];
    for bad in bad {
        assert!(!is_address(bad), "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_gives_a_file_or_an_error(text in "(\\+\\+\\+\n)?([a-z\"=\\[\\]{} .ä\n]{0,40}\n)?(\\+\\+\\+\n)?(## (act|agree|x)\n|[a-z#{}%ü \n]{0,20}){0,6}") {
        let (file, complaints) = parsed(&text);
        proptest::prop_assert_eq!(file.is_none(), complaints.iter().any(Complaint::is_error));
    }

    #[test]
    fn damage_to_a_good_file_is_never_a_panic(at in 0..900usize, with in "[\"\\[\\]{}=#+\n%ä]{0,3}", cut in 0..5usize) {
        let at = GOOD.floor_char_boundary(at);
        let end = GOOD.ceil_char_boundary(at + cut);
        let (file, complaints) = parsed(&format!("{}{with}{}", &GOOD[..at], &GOOD[end.min(GOOD.len())..]));
        proptest::prop_assert_eq!(file.is_none(), complaints.iter().any(Complaint::is_error));
    }
}
