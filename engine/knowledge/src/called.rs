//! What customers call their assets: in what they write, and in what they are told.

use crate::answer::Language;

/// Some kinds of assets that are one thing to a customer.
pub(crate) struct Called {
    kinds: &'static [&'static str],
    /// In German and English, as a subject in the middle of a sentence.
    yours: (&'static str, &'static str),
    /// The words of drafts about it.
    pub(crate) words: &'static str,
}

const CALLED: [Called; 5] = [
    Called {
        kinds: &["vm", "ct", "host", "server"],
        yours: ("Ihr Server", "your server"),
        words: "server servers vserver vps vm root rootserver maschine machine kiste box instanz instance kvm lxc \
                cloudserver dedi dedicated guest gast",
    },
    Called {
        kinds: &["site", "pool"],
        yours: ("Ihre Website", "your website"),
        words: "website websites webseite webseiten homepage seite seiten site page webpage shop onlineshop webshop blog \
                webauftritt internetseite internetauftritt forum wordpress",
    },
    Called {
        kinds: &["mailbox"],
        yours: ("Ihr Postfach", "your mailbox"),
        words: "postfach mailbox mail email mails emails mailadresse emailadresse inbox posteingang mailkonto",
    },
    Called {
        kinds: &["domain", "zone"],
        yours: ("Ihre Domain", "your domain"),
        words: "domain domains subdomain domainname dns nameserver zone",
    },
    Called {
        kinds: &["database", "db"],
        yours: ("Ihre Datenbank", "your database"),
        words: "datenbank datenbanken database databases mysql mariadb postgres postgresql db",
    },
];

/// What customers call assets of a kind. Of other kinds nothing is known.
pub(crate) fn called(kind: &str) -> Option<&'static Called> {
    CALLED.iter().find(|called| called.kinds.contains(&kind))
}

/// What the asset of a customer is called in the middle of a sentence to them.
pub(crate) fn yours(kind: &str, language: Language) -> &'static str {
    let (de, en) = called(kind).map_or(("Ihr Dienst", "your service"), |called| called.yours);
    match language {
        Language::De => de,
        Language::En => en,
    }
}
