//! Wordings that hurt or say nothing, and the better ones. A table: add to it what you meet.

use crate::answer::Language::{self, De, En};

/// One wording.
pub(super) struct Phrase {
    pub(super) language: Language,
    /// The lint rule that it breaks.
    pub(super) rule: &'static str,
    /// How it is found. A blank stands for any white space; case does not matter.
    pub(super) found: &'static str,
    /// Where this fits the same sentence, it is meant well.
    pub(super) unless: Option<&'static str>,
    /// What to say instead, in the answer's language.
    pub(super) better: &'static str,
}

const fn phrase(
    language: Language,
    rule: &'static str,
    found: &'static str,
    unless: Option<&'static str>,
    better: &'static str,
) -> Phrase {
    Phrase { language, rule, found, unless, better }
}

/// All of them.
pub(super) const PHRASES: [Phrase; 46] = [
    // Blame. What matters to the customer is how it becomes right.
    phrase(
        De,
        "blame",
        r"\bSie haben [^.!?:]{0,60}\b(falsch|fehlerhaft|versäumt|missachtet|ignoriert|nicht beachtet)\b",
        Some(r"\b(wenn|falls|ob|sollten) Sie\b"),
        "Die Einstellung passt noch nicht: Richtig ist …",
    ),
    phrase(
        De,
        "blame",
        r"\bSie haben [^.!?:]{0,40}\bvergessen\b",
        Some(r"(passwort|kennwort|zugang|wenn|falls)"),
        "Es fehlt noch …",
    ),
    phrase(De, "blame", r"\bhätten Sie\b[^.!?:]{0,60}\b(sollen|müssen|können|dürfen)\b", None, "Künftig geht es so: …"),
    phrase(De, "blame", r"\bSie hätten\b[^.!?:]{0,60}\b(sollen|müssen|können|dürfen)\b", None, "Künftig geht es so: …"),
    phrase(
        De,
        "blame",
        r"\b(Ihr eigener Fehler|Ihr Fehler|Ihre Schuld|Ihr Verschulden|Ihr Versäumnis|selbst schuld|selbst verschuldet)\b",
        Some(r"\b(nicht|kein|keine|nie)\b"),
        "Ursache war …; so lässt es sich beheben: …",
    ),
    phrase(
        De,
        "blame",
        r"\bwie (bereits|schon|mehrfach) (gesagt|geschrieben|erwähnt|mitgeteilt|erklärt)\b",
        None,
        "Noch einmal zusammengefasst: …",
    ),
    phrase(De, "blame", r"\bSie müssen (doch|eben|halt|schon)\b", None, "Am einfachsten ist: …"),
    phrase(
        En,
        "blame",
        r"\byou (should|could|shouldn['’]t|should not) have\b",
        Some(r"\b(should have|you should have) (received|got|access|an? )"),
        "From now on, the way that works is …",
    ),
    phrase(
        En,
        "blame",
        r"\byou must have (done|deleted|changed|entered|made|mis|used|forgotten|typed|broken)",
        None,
        "The setting does not match yet; the right one is …",
    ),
    phrase(
        En,
        "blame",
        r"\byou (failed|forgot|neglected) to\b",
        Some(r"\b(if|in case|whether) you\b"),
        "What is still missing is …",
    ),
    phrase(
        En,
        "blame",
        r"\byou (did not|didn['’]t|have not|haven['’]t) [^.!?:]{0,40}\b(correctly|properly|right)\b",
        Some(r"\b(if|in case|whether) you\b"),
        "The setting does not match yet; the right one is …",
    ),
    phrase(
        En,
        "blame",
        r"\byour (own )?(fault|mistake)\b",
        Some(r"\b(not|never|isn['’]t|no)\b"),
        "The cause was …, and this is how it is put right: …",
    ),
    phrase(
        En,
        "blame",
        r"\bas (I|we) (have )?(already|previously|repeatedly) (said|told|explained|mentioned|stated)\b",
        None,
        "To sum it up once more: …",
    ),
    phrase(En, "blame", r"\byou (clearly|obviously)\b", None, "Say what the settings should be."),
    // Nobody has ever calmed down because of being told to.
    phrase(
        De,
        "calm-down",
        r"\b(beruhigen Sie sich|regen Sie sich (bitte )?nicht( so)? auf|bleiben Sie (bitte )?ruhig|nur die Ruhe|keine Panik|kein Grund zur (Panik|Aufregung))\b",
        None,
        "Wir verstehen, dass Sie das beunruhigt. Als Nächstes …",
    ),
    phrase(
        En,
        "calm-down",
        r"\b(calm down|(stay|keep|remain) calm|don['’]t panic|do not panic|no (need|reason) to (panic|get upset|be upset)|please relax)\b",
        None,
        "We understand that this worries you. Next, …",
    ),
    // Who is responsible is our question, not the customer's.
    phrase(De, "not-my-job", r"\bnicht (dafür )?zuständig\b", None, "Dabei hilft Ihnen …; so erreichen Sie ihn: …"),
    phrase(
        De,
        "not-my-job",
        r"\bnicht (unsere|meine) (Aufgabe|Zuständigkeit|Baustelle|Sache)\b",
        None,
        "Dabei hilft Ihnen …; so erreichen Sie ihn: …",
    ),
    phrase(
        De,
        "not-my-job",
        r"\bnicht (unser|mein) (Problem|Bereich|Thema|Aufgabengebiet)\b",
        None,
        "Dabei hilft Ihnen …; so erreichen Sie ihn: …",
    ),
    phrase(
        De,
        "not-my-job",
        r"\bnicht in (unserer|meiner) (Verantwortung|Zuständigkeit|Hand)\b",
        None,
        "Das entscheidet …; wir können dazu …",
    ),
    phrase(
        De,
        "not-my-job",
        r"\b(dafür|hierfür) (sind|bin) (wir|ich) nicht verantwortlich\b",
        None,
        "Das entscheidet …; wir können dazu …",
    ),
    phrase(
        En,
        "not-my-job",
        r"\bnot (my|our) (job|responsibility|problem|department|business|concern)\b",
        None,
        "The right people for this are …; you reach them at …",
    ),
    phrase(
        En,
        "not-my-job",
        r"\b(I am|I['’]m|we are|we['’]re) not responsible for\b",
        None,
        "This is decided by …; what we can do is …",
    ),
    phrase(
        En,
        "not-my-job",
        r"\b(outside|beyond) (of )?(my|our) (responsibility|scope|remit|control)\b",
        None,
        "This is decided by …; what we can do is …",
    ),
    // There is always a next step, if only whom to ask.
    phrase(
        De,
        "nothing-i-can-do",
        r"\bkönnen wir (leider |daran |dagegen |da |hier |für Sie )*nichts (mehr )?(machen|tun|ändern|unternehmen|ausrichten)\b",
        None,
        "Was wir für Sie tun können: …",
    ),
    phrase(
        De,
        "nothing-i-can-do",
        r"\b(wir|ich) (können|kann) (leider |daran |dagegen |da |hier |für Sie )*nichts (mehr )?(machen|tun|ändern|unternehmen|ausrichten)\b",
        None,
        "Was wir für Sie tun können: …",
    ),
    phrase(
        De,
        "nothing-i-can-do",
        r"\bkann ich (leider |daran |dagegen |da |hier |für Sie )*nichts (mehr )?(machen|tun|ändern|unternehmen|ausrichten)\b",
        None,
        "Was ich für Sie tun kann: …",
    ),
    phrase(
        De,
        "nothing-i-can-do",
        r"\b(sind (uns|mir) (leider )?die Hände gebunden|können (wir|ich) Ihnen (leider )?nicht (weiter)?helfen|da ist nichts zu machen)\b",
        None,
        "Was wir für Sie tun können: …",
    ),
    phrase(
        En,
        "nothing-i-can-do",
        r"\bnothing (more |else )?(that )?(I|we) can do\b",
        None,
        "What we can do for you is …",
    ),
    phrase(
        En,
        "nothing-i-can-do",
        r"\b(I|we) (can['’]t|cannot|can not|are unable to|am unable to) (do anything|help you|assist you)\b",
        None,
        "What we can do for you is …",
    ),
    phrase(En, "nothing-i-can-do", r"\b(my|our) hands are tied\b", None, "What we can do for you is …"),
    phrase(En, "nothing-i-can-do", r"\bthere is nothing (to be done|you can do)\b", None, "What helps is …"),
    // Formulas that nobody reads any more.
    phrase(
        De,
        "formula",
        r"\b(Unannehmlichkeiten|bitten (wir )?um (Ihr )?Verständnis|bitten wir (vielmals )?zu entschuldigen)\b",
        None,
        "Sagen Sie, was es den Kunden kostet: „Ohne Postfach steht Ihre Arbeit still.“",
    ),
    phrase(De, "formula", r"\bleider müssen wir\b", None, "Sagen Sie, was ist und was als Nächstes geht."),
    phrase(
        De,
        "formula",
        r"\b(gemäß|laut|nach) unseren (Richtlinien|Vorgaben|AGB)\b",
        None,
        "Nennen Sie den Grund in eigenen Worten.",
    ),
    phrase(
        De,
        "formula",
        r"\bSehr geehrte (Damen und Herren|Kundin|Kunden)\b",
        None,
        "Beginnen Sie mit dem, was der Kunde erlebt.",
    ),
    phrase(
        En,
        "formula",
        r"\b(sorry|apologi[sz]e|apologies|regret)\b[^.!?]{0,30}\binconvenience",
        None,
        "Say what it costs them: \"Without your mailbox, work stands still.\"",
    ),
    phrase(
        En,
        "formula",
        r"\bunfortunately,? we (have to|must|need to)\b",
        None,
        "Say what is so, and what can be done next.",
    ),
    phrase(
        En,
        "formula",
        r"\b(as per|according to|in line with) our (policy|policies|terms)\b",
        None,
        "Give the reason in plain words.",
    ),
    phrase(
        En,
        "formula",
        r"\byour (call|ticket|request|business) is (very )?important to us\b",
        None,
        "Say what happens next, and by when.",
    ),
    // A promise without a time.
    phrase(
        De,
        "vague-time",
        r"\b(wir|uns)\b[^.!?]{0,80}\b(schnellstmöglich|baldmöglichst|zeitnah|so bald wie möglich|sobald wie möglich|in Kürze|demnächst)\b",
        None,
        "Nennen Sie eine Zeit: „innerhalb von zwei Stunden“, {{ reply_time }}",
    ),
    phrase(
        De,
        "vague-time",
        r"\b(schnellstmöglich|baldmöglichst|zeitnah|in Kürze|demnächst)\b[^.!?]{0,60}\b(wir|uns|von uns)\b",
        None,
        "Nennen Sie eine Zeit: „innerhalb von zwei Stunden“, {{ reply_time }}",
    ),
    phrase(
        En,
        "vague-time",
        r"\b(we|us)\b[^.!?]{0,80}\b(as soon as possible|asap|shortly|in due course|at the earliest opportunity)\b",
        None,
        "Name a time: \"within two hours\", {{ reply_time }}",
    ),
    phrase(
        En,
        "vague-time",
        r"\b(shortly|in due course)\b[^.!?]{0,60}\b(we|us)\b",
        None,
        "Name a time: \"within two hours\", {{ reply_time }}",
    ),
    // Words that make it small.
    phrase(
        De,
        "belittling",
        r"\b(ganz einfach nur|kinderleicht|wie jeder weiß|selbstverständlich wissen Sie)\b",
        None,
        "Lassen Sie das Wort weg: Was uns leichtfällt, ist für andere neu.",
    ),
    phrase(
        En,
        "belittling",
        r"\b(simply just|as everyone knows|it['’]s (so )?(trivial|obvious)|dead simple|obviously)\b",
        None,
        "Leave the word out: what is easy for us is new to others.",
    ),
];
