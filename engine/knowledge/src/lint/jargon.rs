//! Words of the trade that customers need not know, with an explanation to offer. A table: add to it what you meet.

use crate::answer::Language::{self, De, En};

/// One term.
pub(super) struct Term {
    pub(super) language: Language,
    /// How it is found, at the borders of words. Case counts where the term has capitals.
    pub(super) found: &'static str,
    /// What to add behind it, or to say instead.
    pub(super) explained: &'static str,
}

const fn term(language: Language, found: &'static str, explained: &'static str) -> Term {
    Term { language, found, explained }
}

/// All of them.
pub(super) const TERMS: [Term; 62] = [
    term(De, r"DNS-Einträgen?|DNS-Eintrags?|DNS-Records?", "DNS-Einträge, also die Wegweiser Ihrer Domain"),
    term(De, r"Nameservern?|Nameservers", "Nameserver, also die Auskunft, die Namen in Adressen übersetzt"),
    term(De, r"DNSSEC", "DNSSEC, also die digitale Unterschrift der Domain"),
    term(De, r"MX-Records?|MX-Einträgen?|MX-Eintrags?", "MX-Eintrag, also der Wegweiser für Ihre E-Mails"),
    term(
        De,
        r"PTR-Records?|PTR-Einträgen?|PTR-Eintrags?|Reverse[- ]DNS",
        "Reverse-DNS, also der Name, der zu einer Adresse gehört",
    ),
    term(De, r"CNAMEs?", "CNAME, also ein Eintrag, der auf einen anderen Namen verweist"),
    term(De, r"TTL", "TTL, also wie lange sich andere den Eintrag merken"),
    term(De, r"SPF", "SPF, also die Liste der Server, die für Ihre Domain senden dürfen"),
    term(De, r"DKIM", "DKIM, also die Unterschrift unter jeder E-Mail"),
    term(De, r"DMARC", "DMARC, also die Regel für E-Mails, deren Absender nicht stimmt"),
    term(De, r"Greylisting", "Greylisting, also die Bitte an fremde Server, es später noch einmal zu versuchen"),
    term(De, r"Bounces?", "Bounce, also die Rückmeldung, dass eine E-Mail nicht ankam"),
    term(De, r"MTAs?", "Mailserver"),
    term(De, r"Inodes?", "Inodes, also die Zahl der Dateien"),
    term(De, r"Daemons?", "Dienst"),
    term(De, r"Cronjobs?|Cron-Jobs?", "Cronjob, also eine Aufgabe, die zu festen Zeiten läuft"),
    term(De, r"Opcache|OPcache", "Opcache, also der Zwischenspeicher für PHP-Programme"),
    term(De, r"PHP-FPM|FastCGI", "PHP-FPM, also der Dienst, der PHP ausführt"),
    term(De, r"chroot", "der Ordner, den die Anmeldung nicht verlassen kann"),
    term(De, r"Kernels?", "Kernel, also der Kern des Betriebssystems"),
    term(De, r"OOM(-Killer)?s?", "der Notbremse des Systems bei vollem Arbeitsspeicher"),
    term(De, r"Swap", "Swap, also Speicher auf der Platte, wenn der Arbeitsspeicher nicht reicht"),
    term(De, r"IOPS|I/O-Wait", "wie viel die Festplatte gleichzeitig leisten kann"),
    term(De, r"Hypervisors?", "der Rechner, auf dem Ihr Server läuft"),
    term(De, r"Snapshots?", "Snapshot, also ein Abbild des Servers zu einem Zeitpunkt"),
    term(De, r"Deadlocks?", "zwei Vorgänge, die aufeinander warten"),
    term(De, r"Auth-?Codes?", "AuthCode, also das Passwort für den Umzug der Domain"),
    term(De, r"EPP|RGP|Redemption(-Phase)?", "Schonfrist nach dem Ablauf der Domain"),
    term(De, r"Glue-Records?|Glue-Einträgen?", "Glue-Einträge, also die Adressen der eigenen Nameserver"),
    term(De, r"SNI|OCSP|CAA", "was der Browser beim Zertifikat prüft"),
    term(De, r"Propagation|propagier(en|t)", "bis alle Server die Änderung kennen"),
    term(En, r"DNS records?", "DNS records, that is, the signposts of your domain"),
    term(En, r"name ?servers?", "name servers, that is, the directory that turns names into addresses"),
    term(En, r"DNSSEC", "DNSSEC, that is, the domain's digital signature"),
    term(En, r"MX (records?|entr(y|ies))", "MX record, that is, the signpost for your mail"),
    term(En, r"PTR (records?|entr(y|ies))|[Rr]everse DNS", "reverse DNS, that is, the name that belongs to an address"),
    term(En, r"CNAMEs?", "CNAME, that is, an entry that points to another name"),
    term(En, r"TTL", "TTL, that is, how long others remember the entry"),
    term(En, r"SPF", "SPF, that is, the list of servers that may send for your domain"),
    term(En, r"DKIM", "DKIM, that is, the signature below every mail"),
    term(En, r"DMARC", "DMARC, that is, the rule for mail whose sender is not genuine"),
    term(En, r"[Gg]reylisting", "greylisting, that is, asking unknown servers to try again later"),
    term(En, r"MTAs?", "mail server"),
    term(En, r"inodes?", "inodes, that is, the number of files"),
    term(En, r"daemons?", "service"),
    term(En, r"cron ?jobs?", "cron job, that is, a task that runs at set times"),
    term(En, r"[Oo][Pp]cache", "opcache, that is, the store of prepared PHP programs"),
    term(En, r"PHP-FPM|FastCGI", "PHP-FPM, that is, the service that runs PHP"),
    term(En, r"chroot(ed)?", "the folder that the login cannot leave"),
    term(En, r"kernels?", "kernel, that is, the core of the operating system"),
    term(En, r"OOM([- ]killer)?", "the system's emergency brake when memory is full"),
    term(En, r"swap (space|file|memory)", "swap, that is, disk space used when memory runs short"),
    term(En, r"IOPS|I/O wait", "how much the disk can do at a time"),
    term(En, r"hypervisors?", "the machine that your server runs on"),
    term(En, r"snapshots?", "snapshot, that is, an image of the server at one moment"),
    term(En, r"deadlocks?", "two operations that wait for each other"),
    term(
        En,
        r"[Aa]uth(orisation|orization)? codes?|EPP codes?",
        "auth code, that is, the password for moving the domain",
    ),
    term(En, r"RGP|[Rr]edemption (period|phase)", "the grace period after the domain has expired"),
    term(En, r"glue records?", "glue records, that is, the addresses of your own name servers"),
    term(En, r"SNI|OCSP|CAA", "what the browser checks about the certificate"),
    term(En, r"propagat(e|es|ed|ion)", "until all servers know the change"),
    term(En, r"bounces?", "bounce, that is, the note that a mail did not arrive"),
];
