// What the element itself says.

const WORDS = {
    de: {
        region: "Vorschläge zu Ihrer Nachricht",
        heading: "Vielleicht hilft das schon",
        count: (n) => (n === 1 ? "Ein Vorschlag unter dem Textfeld." : `${n} Vorschläge unter dem Textfeld.`),
        none: "Dazu haben wir gerade keinen passenden Vorschlag. Schreiben Sie einfach weiter.",
        solved: "Das hat geholfen",
        dismissed: "Passt nicht",
        thanks: "Schön, dass es geklappt hat. Sie brauchen die Nachricht nicht zu senden.",
        tab: " (öffnet einen neuen Tab)",
        yours: "Ihr System",
        checking: "Wir prüfen Ihr System.",
        found: "Wir haben eine Ursache gefunden.",
        repairing: "Die Reparatur läuft.",
        repaired: "Repariert und geprüft.",
        well: "Wir haben keinen Fehler gefunden.",
        handed_over: "Unsere Technik kümmert sich darum. Sie brauchen nicht noch einmal zu schreiben.",
        unsettled: "Das konnten wir nicht von allein klären. Bitte senden Sie Ihre Nachricht.",
    },
    en: {
        region: "Suggestions for your message",
        heading: "This may already help",
        count: (n) => (n === 1 ? "One suggestion below the text field." : `${n} suggestions below the text field.`),
        none: "We have no fitting suggestion for this. Please just write on.",
        solved: "That solved it",
        dismissed: "Not helpful",
        thanks: "Glad that it worked. You do not need to send the message.",
        tab: " (opens a new tab)",
        yours: "Your system",
        checking: "We are checking your system.",
        found: "We have found a cause.",
        repairing: "The repair is under way.",
        repaired: "Repaired and checked.",
        well: "We have found nothing wrong.",
        handed_over: "A technician has it. You do not need to write again.",
        unsettled: "We could not settle this by ourselves. Please send your message.",
    },
};

/** The language of an element: its own attribute's, the page's, the browser's. */
function localeOf(element) {
    const locale = element.getAttribute("locale") || element.closest("[lang]")?.lang || navigator.language || "en";
    return locale.replace(/[.@].*$/, "").replace(/_/g, "-").slice(0, 35); // `de_DE.UTF-8` is a locale, too
}

const wordsOf = (element) => WORDS[/^de\b/i.test(localeOf(element)) ? "de" : "en"];
