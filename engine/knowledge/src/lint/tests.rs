use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::answer::Language;
use crate::front_matter;

const DE: &str = r##"+++
title = "Mein Server startet nicht"
category = "server"
questions = [
    "server startet nicht mehr",
    "VM fährt nicht hoch",
    "root server offline",
    "kein ping mehr",
    "Start bricht ab",
    "TASK ERROR: VM is locked",
]
links = [{ title = "Server", url = "{{ panel }}/server" }]
[variables]
panel = true
reply_time = "innerhalb eines Arbeitstages"
+++
## acknowledge
Ihr Server bleibt stehen, und mit ihm Ihre Arbeit. Wir verstehen, wie sehr das drängt.
## clarify
Was steht in der letzten Meldung?
## agree
Ihre Daten liegen sicher auf der Platte.
## act
1. Öffnen Sie die Übersicht im Kundenbereich.
2. Drücken Sie dort auf „Starten“.
3. Bleibt er stehen, schreiben Sie uns. Wir antworten {{ reply_time }}.
## advise
Machen Sie vor großen Änderungen ein Backup.
"##;

const EN: &str = r##"+++
title = "My server does not start"
category = "server"
questions = [
    "server won't boot",
    "vm does not come up",
    "root server is offline",
    "no ping since noon",
    "start is aborted",
    "TASK ERROR: VM 100 is locked (backup)",
]
links = [{ title = "Servers", url = "{{ panel }}/server" }]
[variables]
panel = true
reply_time = "within one working day"
+++
## acknowledge
Your server has stopped, and your work with it. We understand how urgent this is.
## clarify
What does the last message say?
## agree
Your data is safe on the disk.
## act
1. Open the overview in the customer area.
2. Press "Start" there.
3. If it stays down, write to us. We reply {{ reply_time }}.
## advise
Make a backup before large changes.
"##;

fn file(id: &str, language: Language, text: &str) -> AnswerFile {
    let name = format!("rules/{}.{}.md", id.replacen('/', "/answers/", 1), language.code());
    let (file, complaints) = front_matter::parse(Path::new(&name), id, language, text);
    assert_eq!(complaints, [], "{text}");
    file.unwrap()
}

fn around() -> Around {
    Around { today: Some("2026-11-22".into()), folder: "rules".into(), ..Around::default() }
}

fn linted(de: &str, en: &str) -> Vec<Complaint> {
    lint(&[file("x/y", De, de), file("x/y", En, en)], &around())
}

/// The text with one piece replaced breaks exactly this rule, on this line; the better wording is offered.
#[track_caller]
fn check(language: Language, from: &str, to: &str, rule: &str, line: usize, way: &str) {
    let [de, en] = [(De, DE), (En, EN)].map(|(own, text)| {
        if own != language {
            return text.to_owned();
        }
        assert!(text.contains(from), "`{from}` is not in the text");
        text.replacen(from, to, 1)
    });
    let complaints = linted(&de, &en);
    let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    let right =
        |c: &Complaint| (c.rule, c.line) == (rule, line) && c.suggestion.as_deref().unwrap_or_default().contains(way);
    match &complaints[..] {
        [complaint] if right(complaint) => _ = MET.lock().unwrap().insert(complaint.rule),
        _ => WRONG.lock().unwrap().push(format!("{rule}, line {line}, `{way}` in {to}: {said:#?}")),
    }
}

/// The text with one piece replaced is as good as before.
#[track_caller]
fn fine(language: Language, from: &str, to: &str) {
    let text = if language == De { DE } else { EN };
    assert!(text.contains(from), "`{from}` is not in the text");
    let changed = text.replacen(from, to, 1);
    let complaints = if language == De { linted(&changed, EN) } else { linted(DE, &changed) };
    if !complaints.is_empty() {
        WRONG.lock().unwrap().push(format!("nothing in {to}: {complaints:#?}"));
    }
}

static MET: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
/// All cases that came out otherwise, so that one run shows them together.
static WRONG: Mutex<Vec<String>> = Mutex::new(Vec::new());

use Language::{De, En};

const ACK_DE: &str = "Ihr Server bleibt stehen, und mit ihm Ihre Arbeit.";
const ACK_EN: &str = "Your server has stopped, and your work with it.";
const AGREE_DE: &str = "Ihre Daten liegen sicher auf der Platte.";
const AGREE_EN: &str = "Your data is safe on the disk.";

fn front_matter_rules() {
    check(
        De,
        "Mein Server startet nicht",
        "Mein Server startet seit heute früh nach dem letzten Update leider gar nicht mehr",
        "title",
        2,
        "symptom alone",
    );
    check(De, "Mein Server startet nicht", "Anleitung zum Start", "title", 2, "Symptom");
    check(En, "My server does not start", "Servers", "title", 2, "symptom");
    check(De, "    \"kein ping mehr\",\n", "", "questions", 4, "short");
    check(En, "no ping since noon", "Server won't BOOT!", "questions", 8, "another wording");
    check(De, "category =", "valid_until = 2026-11-21\ncategory =", "expired", 3, "later day");
    check(De, "[variables]", "[variables]\ncompany = \"wir\"", "unused-variable", 14, "delete");
    check(De, "category =", "allow = [\"long-sentences\"]\ncategory =", "allow", 3, "`long-sentence`");
}

fn opening_rules() {
    for opening in [
        "Ihre Ticketnummer lautet 4711.",
        "Ticket #4711: Danke.",
        "Zu Ihrem Vorgang 4711 gilt:",
        "Kundennummer K-17.",
        "#20231 ist da.",
    ] {
        check(De, ACK_DE, opening, "number-first", 18, "Beginnen Sie");
    }
    for opening in ["Your ticket number is 4711.", "Case 4711 is open.", "Regarding ticket #4711, thanks."] {
        check(En, ACK_EN, opening, "number-first", 18, "Begin with");
    }
    fine(De, ACK_DE, "Die Rechnung fehlt Ihnen, und das Finanzamt wartet.");
    fine(En, ACK_EN, "Your ticket is one of many, it seems.");
    fine(De, ACK_DE, "Seit dem Umzug zeigt Ihre Seite den Fehler 500.");
    let all = format!("{ACK_DE} Wir verstehen, wie sehr das drängt.\n");
    check(De, &all, "", "understanding-first", 17, "Ein Satz genügt");
    check(De, ACK_DE, "Öffnen Sie die Übersicht.", "understanding-first", 18, "act");
    check(En, ACK_EN, "Please open the overview.", "understanding-first", 18, "act");
    check(En, ACK_EN, "- Log in.\n- Press start.\n", "understanding-first", 18, "act");
}

fn wording_rules() {
    for (rule, text) in [
        ("blame", "Sie haben die Adresse leider falsch eingetragen."),
        ("blame", "Sie hätten das Backup vorher machen sollen."),
        ("blame", "Das ist Ihr Fehler."),
        ("blame", "Wie bereits mehrfach: wie bereits gesagt, geht das so."),
        ("calm-down", "Bitte beruhigen Sie sich."),
        ("calm-down", "Das ist kein Grund zur\nAufregung."),
        ("not-my-job", "Dafür sind wir nicht zuständig."),
        ("not-my-job", "Das ist nicht unsere Aufgabe."),
        ("nothing-i-can-do", "Daran können wir leider nichts ändern."),
        ("nothing-i-can-do", "Da kann ich nichts machen."),
        ("formula", "Wir bedauern die Unannehmlichkeiten."),
        ("belittling", "Das ist kinderleicht."),
        ("vague-time", "Wir melden uns schnellstmöglich."),
        ("sie-du", "Dein Server läuft bald."),
    ] {
        check(De, AGREE_DE, text, rule, 22, "");
    }
    for (rule, text) in [
        ("blame", "You should have made a backup."),
        ("blame", "This is your own fault."),
        ("blame", "You failed to renew it."),
        ("calm-down", "Please calm down."),
        ("calm-down", "There is no need to panic."),
        ("not-my-job", "That is not our responsibility."),
        ("nothing-i-can-do", "There is nothing we can do."),
        ("nothing-i-can-do", "We can't help you here."),
        ("formula", "We apologise for any inconvenience."),
        ("belittling", "Obviously, it is off."),
        ("vague-time", "We reply as soon as possible."),
    ] {
        check(En, AGREE_EN, text, rule, 22, "better");
    }
    for text in [
        "Wenn Sie die Adresse falsch eingetragen haben, geht es so.",
        "Das ist nicht Ihre Schuld.",
        "Sie haben Ihr Passwort vergessen: Das kommt vor.",
        "Haben Sie etwas falsch gemacht? Sicher nicht.",
        "Ändern Sie das Passwort so bald wie möglich.",
        "Daran ändert sich nichts.",
    ] {
        fine(De, AGREE_DE, text);
    }
    for text in [
        "If you forgot to renew it, this helps.",
        "This is not your fault.",
        "You should have received a mail.",
        "Change the password as soon as possible.",
        "Nothing is lost.",
    ] {
        fine(En, AGREE_EN, text);
    }
}

fn jargon_rules() {
    check(De, AGREE_DE, "Ihre DNS-Einträge bleiben.", "jargon", 22, "Wegweiser");
    check(En, AGREE_EN, "Your DNS records stay.", "jargon", 22, "signposts");
    for text in [
        "Ihre DNS-Einträge, also die Wegweiser Ihrer Domain, bleiben.",
        "Ihre DNS-Einträge (die Wegweiser) bleiben.",
        "Die Wegweiser Ihrer Domain (DNS-Einträge) bleiben.",
        "Das regeln DNS-Einträge. Das sind die Wegweiser.",
        "Das heißt DNSSEC und bleibt.",
    ] {
        fine(De, AGREE_DE, text);
    }
    fine(En, AGREE_EN, "Your DNS records, that is, the signposts of your domain, stay.");
    // The customer has used the word.
    let own =
        |text: &str| text.replace("start is aborted", "dns records gone").replace(AGREE_EN, "Your DNS records stay.");
    assert_eq!(linted(DE, &own(EN)), []);
}

fn acting_rules() {
    let steps = "1. Öffnen Sie die Übersicht im Kundenbereich.\n2. Drücken Sie dort auf „Starten“.\n3. Bleibt er stehen, schreiben Sie uns. Wir antworten {{ reply_time }}.";
    let de = DE.replace("reply_time = \"innerhalb eines Arbeitstages\"\n", "");
    let en = EN
        .replace("reply_time = \"within one working day\"\n", "")
        .replace(" We reply {{ reply_time }}.", " We reply within a day.");
    let rules = |act: &str| {
        let complaints = linted(&de.replace(steps, act), &en);
        MET.lock().unwrap().extend(complaints.iter().map(|c| c.rule));
        complaints.iter().map(|c| c.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(""), ["next-step"]);
    assert_eq!(rules("Unklar."), ["next-step"]);
    assert_eq!(rules("1. Drücken Sie auf Start."), ["time-frame"]);
    assert!(rules("1. Drücken Sie auf Start. Das dauert eine Minute.").is_empty());
    assert!(rules("Wir prüfen das bis 18 Uhr.").is_empty());
}

fn link_and_markdown_rules() {
    check(De, AGREE_DE, "Siehe [hier](http://panel.example.com/x).", "dead-link", 22, "https://");
    check(De, AGREE_DE, "Siehe [hier](https://panel.example.com/x).", "dead-link", 22, "https://");
    check(De, AGREE_DE, "Siehe https://www.denic.de/ dort.", "dead-link", 22, "[what is there]");
    fine(De, AGREE_DE, "Siehe [hier](https://www.denic.de/x) und [da]({{ panel }}/x).");
    fine(De, AGREE_DE, "Tragen Sie `https://example.com` ein.");
    for text in
        ["Das ist <b>wichtig</b>.", "![Bild](https://www.denic.de/a.png)", "Das ist *wichtig*.", "> Das ist so."]
    {
        check(De, AGREE_DE, text, "markdown", 22, "**bold**");
    }
    fine(De, AGREE_DE, "Die Datei `wp_config <x>.php` hat 3 * 4 Zeilen, a_b_c und 2 < 3.");
}

fn reading_rules() {
    let long = "Wir sehen uns jeden Tag am Morgen und am Abend an, ob der Server noch da ist und ob er so läuft, wie er soll, und ob er auch am Tag danach noch läuft.";
    check(De, AGREE_DE, long, "long-sentence", 22, "two of it");
    let many = "Der Server läuft. ".repeat(70);
    check(De, AGREE_DE, &many, "long-answer", 18, "answer of its own");
    let hard = "Unternehmensinterne Konfigurationsveränderungen beeinträchtigen Verfügbarkeitsgarantien. Datenbankverbindungsparameter unterliegen Zugriffsbeschränkungen. Wiederherstellungsmaßnahmen erfordern Berechtigungsüberprüfungen. Sicherheitsaktualisierungen verursachen Betriebsunterbrechungen. Leistungsbeeinträchtigungen bedingen Kapazitätserweiterungen. Administratorenberechtigungen ermöglichen Konfigurationsveränderungen. Protokollierungsmechanismen dokumentieren Zugriffsverletzungen. Bereitstellungsgeschwindigkeiten korrespondieren Kapazitätsreservierungen.";
    check(De, AGREE_DE, hard, "readability", 18, "shorter words");
    let hard = "Organisational configuration modifications deteriorate availability considerably. Authentication infrastructure necessitates additional verification. Administrative authorisation facilitates configuration modification. Unavailability necessitates immediate intervention. Comprehensive documentation accompanies organisational responsibilities. Application availability presupposes continuous administration.";
    check(En, AGREE_EN, hard, "readability", 18, "shorter words");
    let passive = "Der Server wird geprüft. Danach wird er gestartet. Das Backup wurde gemacht. Die Sperre wird entfernt. Die Daten werden gesichert. Alles wird notiert. Der Dienst wurde beendet.";
    check(De, AGREE_DE, passive, "passive", 18, "who does it");
    let passive = "The server is checked by us. Then it is restarted. The backup was made. The lock is removed. The data is saved. It is logged, too. The service was stopped.";
    check(En, AGREE_EN, passive, "passive", 18, "who does it");
}

fn rules_over_all_answers() {
    let missing = lint(&[file("x/y", De, DE)], &around());
    assert_eq!(missing.iter().map(|c| c.rule).collect::<Vec<_>>(), ["both-languages"]);
    assert!(missing[0].suggestion.as_deref().unwrap().contains("y.en.md"));

    let both = [file("x/a", De, DE), file("x/a", En, EN)];
    let other = DE
        .replace("VM fährt nicht hoch", "VM FAEHRT nicht hoch!")
        .replace("server startet nicht mehr", "a b")
        .replace("root server offline", "c d")
        .replace("kein ping mehr", "e f")
        .replace("Start bricht ab", "g h")
        .replace("VM is locked", "x");
    let files = [
        both[0].clone(),
        both[1].clone(),
        file("x/b", De, &other),
        file("x/b", En, &EN.replace("    \"", "    \"other ")),
    ];
    let claimed = lint(&files, &around());
    assert_eq!(claimed.iter().map(|c| (c.rule, c.line)).collect::<Vec<_>>(), [("claimed-twice", 6)], "{claimed:#?}");
    assert!(claimed[0].message.contains("`x/a`"));

    let healing = |id: &str, answer: Option<&str>| Healing { id: id.into(), answer: answer.map(Into::into) };
    let rules = vec![healing("web.slow", Some("x/aa")), healing("web.down", None)];
    let conditioned = DE.replace("[variables]", "[conditions]\nincident = [\"mail.*\"]\n[variables]");
    let conditioned = [file("x/a", De, &conditioned), both[1].clone()];
    let found = lint(&conditioned, &Around { rules: rules.clone(), ..around() });
    let found: BTreeSet<&str> = found.iter().map(|c| c.rule).collect();
    assert_eq!(found, BTreeSet::from(["condition", "rule-without-answer"]));
    let sound = lint(&both, &Around { rules: vec![healing("web.slow", Some("x/a"))], ..around() });
    assert_eq!(sound, []);
    MET.lock().unwrap().extend(["both-languages", "claimed-twice", "condition", "rule-without-answer"]);
}

#[test]
fn every_rule_finds_what_it_is_for_and_nothing_else() {
    assert_eq!(linted(DE, EN), []);
    front_matter_rules();
    opening_rules();
    wording_rules();
    jargon_rules();
    acting_rules();
    link_and_markdown_rules();
    reading_rules();
    rules_over_all_answers();
    let wrong = WRONG.lock().unwrap().join("\n\n");
    assert!(wrong.is_empty(), "{wrong}");
    let met = MET.lock().unwrap().clone();
    let unmet: Vec<&str> = RULES.iter().map(|rule| rule.name).filter(|name| !met.contains(name)).collect();
    assert!(unmet.is_empty(), "no test meets {unmet:?}");
}

#[test]
fn links_are_listed_with_their_places() {
    let file = file("x/y", De, &DE.replace(AGREE_DE, "Siehe [da]({{ panel }}/a) und [dort](https://www.denic.de/)."));
    let expected = [("{{ panel }}/server", (12, 10)), ("{{ panel }}/a", (22, 12)), ("https://www.denic.de/", (22, 38))];
    assert_eq!(links(&file), expected);
}

#[test]
fn validity_ends_in_three_steps() {
    let severity = |day: &str| {
        let text = DE.replacen("category =", &format!("valid_until = {day}\ncategory ="), 1);
        let file = file("x/y", De, &text);
        let complaints = lint(&[file], &around());
        complaints.iter().find(|c| c.rule == "expired").map(|c| c.severity)
    };
    assert_eq!(severity("2026-11-21"), Some(Severity::Error));
    assert_eq!(severity("2026-11-22"), Some(Severity::Warning));
    assert_eq!(severity("2026-12-22"), Some(Severity::Warning));
    assert_eq!(severity("2026-12-23"), None);
}

#[test]
fn a_rule_can_be_switched_off_by_the_answer_and_by_whoever_asks() {
    let text = DE.replacen(AGREE_DE, "Ihre DNS-Einträge bleiben.", 1);
    assert_eq!(linted(&text, EN).len(), 1);
    assert_eq!(linted(&text.replacen("category =", "allow = [\"jargon\"]\ncategory =", 1), EN), []);
    let files = [file("x/y", De, &text), file("x/y", En, EN)];
    assert_eq!(lint(&files, &Around { allow: vec!["jargon".into()], ..around() }), []);
}

proptest::proptest! {
    #[test]
    fn any_text_is_looked_at_without_a_panic(text in "[A-Za-zäöüß0-9 .,!?:*_`<>()\\[\\]#|\n-]{0,200}") {
        let text = format!("x{text}").replace("\n#", "\n.");
        for (language, good, own) in [(De, DE, AGREE_DE), (En, EN, AGREE_EN)] {
            let name = Path::new("x.md");
            if let (Some(file), _) = front_matter::parse(name, "x/y", language, &good.replace(own, &text)) {
                let lines = good.lines().count() + text.lines().count();
                for complaint in lint(&[file], &around()) {
                    proptest::prop_assert!(complaint.line <= lines, "{}", complaint);
                }
            }
        }
    }
}
