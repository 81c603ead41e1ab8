// The demo ticket form: a key and a claim for the demo's customer, the language, the colours. Everything else is the element's.
"use strict";

const ENGLISH = {
    area: "Customer area",
    theme: "Colours",
    auto: "like the device",
    light: "light",
    dark: "dark",
    demo: "This is a demo.",
    explained: "Nobody reads what you write here, and no ticket is sent. Suggestions, diagnosis and repair are real: Heinzel looks at the server named below and mends what its rules allow.",
    title: "New request",
    subject: "Subject",
    body: "How can we help?",
    hint: "For example: “My server does not start”. While you write, we look for answers.",
    send: "Send request",
};

const SENTENCES = {
    de: {
        page: "Kundenbereich (Demo)",
        customer: (customer, asset) => `Sie sind der Demo-Kunde ${customer}${asset ? `, Ihr Server ist ${asset}` : ""}.`,
        stranger: "Für die Demo ist kein Kunde eingestellt: Es kommen nur allgemeine Antworten.",
        away: "Heinzel ist gerade nicht erreichbar. Das Formular geht auch so; Vorschläge kommen keine.",
        sent: "Demo: Hier wäre Ihre Anfrage jetzt an den Support gegangen. Gesendet wurde nichts.",
    },
    en: {
        page: "Customer area (demo)",
        customer: (customer, asset) => `You are the demo customer ${customer}${asset ? `, your server is ${asset}` : ""}.`,
        stranger: "No customer is set for the demo: only general answers will come.",
        away: "Heinzel cannot be reached just now. The form works all the same; there are no suggestions.",
        sent: "Demo: your request would now have gone to support. Nothing was sent.",
    },
};

const wanted = new URLSearchParams(location.search).get("lang") || navigator.language;
const language = /^de\b/i.test(wanted) ? "de" : "en";
const sentences = SENTENCES[language];
const suggest = document.querySelector("heinzel-suggest");
const byId = (id) => document.getElementById(id);

document.documentElement.lang = language;
document.title = sentences.page;
if (language === "en") {
    for (const node of document.querySelectorAll("[data-text]")) node.textContent = ENGLISH[node.dataset.text];
}
for (const link of document.querySelectorAll("nav a")) {
    if (link.lang === language) link.setAttribute("aria-current", "true");
}
suggest.setAttribute("locale", language);

byId("theme").addEventListener("change", (event) => {
    const theme = event.target.value;
    document.documentElement.dataset.theme = theme;
    if (theme) suggest.setAttribute("theme", theme);
    else suggest.removeAttribute("theme");
});

byId("ticket").addEventListener("submit", (event) => {
    event.preventDefault();
    suggest.sent?.(); // not there where the browser is too old for it
    byId("sent").textContent = sentences.sent;
});
byId("ticket").addEventListener("input", () => {
    byId("sent").textContent = "";
});

// In a shop its backend signs the claim for whoever is logged in; here the engine does, for the demo's customer.
async function introduce() {
    try {
        const response = await fetch("/demo/claim", { cache: "no-store" });
        if (!response.ok) throw new Error(`status ${response.status}`);
        const { key, claim, customer, asset } = await response.json();
        byId("who").textContent = customer ? sentences.customer(customer, asset) : sentences.stranger;
        if (asset) suggest.setAttribute("asset", asset);
        if (claim) suggest.setAttribute("claim", claim);
        suggest.setAttribute("key", key);
    } catch {
        byId("who").textContent = sentences.away;
    }
}

suggest.addEventListener("heinzel:claim", introduce);
introduce();
