// <heinzel-suggest>: answers, and news of one's own server, while a ticket is being written.
//
//   <script src="https://heinzel.example.com/widget.js" defer></script>
//   <textarea id="body"></textarea>
//   <heinzel-suggest for="body" subject="subject" key="form key" claim="JWT" asset="vm:100"></heinzel-suggest>
//
// Attributes: for (id of the textarea), subject (id of the subject's field), endpoint (default: where this script came from), key, claim, asset,
// locale, page (default: the path), theme (light, dark), name (then the form carries the draft's id under this name).
// Events: heinzel:shown, heinzel:solved, heinzel:claim (the claim is not valid any more: set a new one). `asset` counts only where the claim's customer owns it.
// For scripts: draftId, and sent() for pages that send the form themselves.
// Look: --heinzel-text, -quiet, -background, -border, -accent, -good, -radius, -font, -margin; everything else by
// ::part(panel | news | heading | opening | items | item | kind | title | answer | link | button).
// A page with a content security policy names the engine in script-src and connect-src; nothing inline is needed.
//
// It reads the fields and never writes to them, never takes the focus, never stops a form from being sent. If the engine is away, nothing is shown.
// Texts reach the page as text nodes only. One file, because that is what a page includes. Start at `class Suggest`.
(() => {
    "use strict";
    if (!window.customElements || !("adoptedStyleSheets" in Document.prototype) || customElements.get("heinzel-suggest")) return;

    const PAUSE = 350; // ms without a key before anything is asked
    const REST = 1200; // ms without a key: whoever stops to think is answered on short drafts and small changes, too
    const FEW = 3; // words below which nothing is asked
    const STEPS = [5, 10, 20]; // words at which the draft is ranked anew while the customer goes on typing
    const MUCH = 0.5; // share of words that differ, from which on a text has changed much
    const CLEAR = 0.1; // by how much a new first answer must be surer than the one that stands there
    const MOST = 3; // items shown
    const CALM = 1500; // ms without a movement of the pointer over the panel, before anything there may change places
    const PATIENCE = 8000; // ms for an answer
    const SILENCE = 45000; // ms without a byte (the engine sends one every 15 s): the stream is dead
    const RENEWAL = 30000; // ms between two wishes for a new claim
    const AGE = 30 * 60000; // ms after which a draft left alone is a new one
    const LENGTH = 8000; // characters sent, and drawn in one part

    const HOME = document.currentScript?.src ? new URL(document.currentScript.src).origin : location.origin;
    const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone?.slice(0, 64); // undefined in some: then the engine's
    const NOTHING = { text: "", words: [] };
    const PARTS = ["acknowledge", "clarify", "agree", "act", "advise"];
    const LAST = ["repaired", "well", "handed_over", "unsettled"]; // states after which no news comes
    const STATES = ["checking", "found", "repairing", ...LAST];

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

    const DARK = `--text: var(--heinzel-text, #e6eaf0); --quiet: var(--heinzel-quiet, #a9b4c2); --ground: var(--heinzel-background, #1a212b);
        --line: var(--heinzel-border, #3a4655); --accent: var(--heinzel-accent, #7db4ff); --good: var(--heinzel-good, #6fd39b); color-scheme: dark;`;
    const STYLE = `
    :host {
        --text: var(--heinzel-text, #1c2430); --quiet: var(--heinzel-quiet, #54606f); --ground: var(--heinzel-background, #f7f9fb);
        --line: var(--heinzel-border, #cfd7e0); --accent: var(--heinzel-accent, #0b57b8); --good: var(--heinzel-good, #146c43);
        color-scheme: light; display: block; position: relative; font: var(--heinzel-font, inherit); overflow-wrap: anywhere;
    }
    :host([theme="dark"]) { ${DARK} }
    @media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { ${DARK} } }
    :host([hidden]), [hidden] { display: none !important; }
    .panel { color: var(--text); background: var(--ground); border: 1px solid var(--line); border-radius: var(--heinzel-radius, .5rem);
        margin: var(--heinzel-margin, .5rem 0); padding: .75rem 1rem; }
    p, ul, ol { margin: .5rem 0; }
    .panel > :first-child { margin-top: 0; }
    .heading { font-weight: 600; }
    .opening, .quiet, time { color: var(--quiet); }
    time { flex: none; }
    .items, .news ol { list-style: none; padding: 0; margin: 0; }
    .items > li + li { border-top: 1px solid var(--line); }
    summary { cursor: pointer; padding: .5rem 0; color: var(--accent); }
    summary:hover span:last-child { text-decoration: underline; }
    .kind { border: 1px solid currentColor; border-radius: 1em; padding: 0 .5em; margin-inline-end: .25em; font-size: .85em; }
    [data-kind="fix"] .kind, .repaired .text, .well .text { color: var(--good); }
    .answer { padding: 0 0 .5rem 1rem; }
    code { font-family: ui-monospace, monospace; background: var(--line); border-radius: .2em; padding: 0 .25em; }
    a { color: var(--accent); }
    button { font: inherit; color: var(--accent); background: transparent; border: 1px solid var(--accent); border-radius: .35rem;
        padding: .35rem .8rem; margin: .25rem .5rem .25rem 0; cursor: pointer; }
    button:hover, button[aria-pressed="true"] { color: var(--ground); background: var(--accent); }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .news:not([hidden]) + .heading { border-top: 1px solid var(--line); margin-top: .75rem; padding-top: .75rem; }
    .news li { display: flex; align-items: flex-start; gap: .6em; padding: .15rem 0; }
    .news li:not(:last-child) .text { color: var(--quiet); }
    .news li::before { content: ""; flex: none; width: .6em; height: .6em; margin-top: .45em; border-radius: 50%; background: var(--line); }
    .news li:last-child::before { background: var(--accent); }
    .news li:last-child:is(.repaired, .well)::before { background: var(--good); }
    @media (prefers-reduced-motion: no-preference) {
        .news li:last-child:is(.checking, .found, .repairing)::before { animation: beat 1.2s ease-in-out infinite alternate; }
        @keyframes beat { to { opacity: .25; } }
    }
    .heard { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }`;

    let sheet = null; // one for all elements of the page; a strict style-src does not forbid it
    let complained = false; // one line for debugging, not more
    const live = new Set(); // the elements of this page
    const left = new Map(); // the drafts of elements that were taken out: place to id and time

    // ---- texts ----

    const string = (value) => (typeof value === "string" ? value.slice(0, LENGTH) : "");
    const list = (value) => (Array.isArray(value) ? value : []);

    /** An element with attributes (null: left out) and children (strings become text). */
    function el(tag, attributes, ...children) {
        const node = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes || {})) if (value != null) node.setAttribute(name, value);
        node.append(...children.filter((child) => child != null));
        return node;
    }

    /** The address if a customer may be sent there: https, or the page's own origin. */
    function safe(address) {
        try {
            const url = new URL(string(address), document.baseURI);
            return (url.protocol === "https:" || url.origin === location.origin) && !url.username && /^https?:$/.test(url.protocol) ? url.href : null;
        } catch {
            return null;
        }
    }

    function link(text, address, words) {
        const href = safe(address);
        if (!href || !text) return null;
        return el("a", { href, part: "link", rel: "noopener", target: "_blank" }, text, el("span", { class: "heard" }, words.tab));
    }

    const INLINE = /\\([!-/:-@[-`{-~])|\*\*(?=\S)([^\n]+?)\*\*|`([^`\n]+)`|\[([^[\]\n]*)\]\(([^()\s]*)\)/g;

    const plain = (text) => text.replace(/\\([!-/:-@[-`{-~])/g, "$1");

    /** `**bold**`, `code`, `[text](address)` and `\*`; everything else is text. */
    function inline(text, words, isBold) {
        const nodes = [];
        let from = 0;
        for (const found of text.matchAll(INLINE)) {
            const [all, escaped, bold, code, name, address] = found;
            let node = all;
            if (escaped) node = escaped;
            else if (bold && !isBold) node = el("strong", null, ...inline(bold, words, true));
            else if (code) node = el("code", null, code);
            else if (name != null) node = link(plain(name), plain(address), words) || all;
            nodes.push(text.slice(from, found.index), node);
            from = found.index + all.length;
        }
        return [...nodes, text.slice(from)].filter((node) => node !== "");
    }

    /** Paragraphs and lists of the Markdown that answers are written in. */
    function markdown(text, words) {
        const blocks = []; // [tag, lines]
        let isOpen = false;
        for (const line of text.split(/\r?\n/)) {
            const last = blocks[blocks.length - 1];
            let item = /^\s*(?:(-)|(\d{1,3})[.)])\s+(.*)$/.exec(line);
            if (item && item[2] && item[2] !== "1" && isOpen && last[0] === "p") item = null; // a date at the beginning of a line is no list
            const tag = item ? (item[1] ? "ul" : "ol") : "p";
            if (!line.trim()) isOpen = false;
            else if (item && last && last[0] === tag) last[1].push(item[3]);
            else if (item) blocks.push([tag, [item[3]]]);
            else if (last && (isOpen || (last[0] !== "p" && /^\s/.test(line)))) last[1].push(`${last[1].pop()} ${line.trim()}`);
            else blocks.push(["p", [line.trim()]]);
            if (line.trim()) isOpen = true;
        }
        return blocks.map(([tag, lines]) =>
            tag === "p" ? el("p", null, ...inline(lines[0], words)) : el(tag, null, ...lines.map((line) => el("li", null, ...inline(line, words)))));
    }

    /** How many words were added or taken away. */
    function difference(before, after) {
        const count = new Map();
        for (const word of before) count.set(word, (count.get(word) || 0) + 1);
        for (const word of after) count.set(word, (count.get(word) || 0) - 1);
        return [...count.values()].reduce((sum, n) => sum + Math.abs(n), 0);
    }

    const step = (words) => STEPS.filter((n) => words.length >= n).length;

    // ---- items ----

    /** An item of the engine's answer as it is drawn, or null if it cannot be. */
    function item(given) {
        const id = string(given && given.id), title = string(given && given.title);
        if (!id || !title) return null;
        const kind = ["incident", "fix"].includes(given.kind) ? given.kind : "answer";
        const parts = PARTS.map((name) => string(given.parts && given.parts[name])).filter((text) => text.trim());
        const links = list(given.links).slice(0, 10).map((entry) => [string(entry && entry.title), string(entry && entry.url)]);
        const key = `${kind === "answer" ? kind : "yours"}:${id}`; // an incident that is repaired is still the same item
        return { key, id, kind, title, parts, links, confidence: Number(given.confidence) || 0 };
    }

    /**
     * The new order. `shown` stands there, `fresh` (key to item, best first) has come. What stands there keeps its place
     * unless something clearly surer, or a matter of this very customer, is now the first.
     */
    function arrange(shown, fresh, isOpen) {
        const [top] = fresh.values(), [old] = shown;
        const rival = old && fresh.get(old.key);
        const isNewTop = !rival || (top !== rival && (top.kind !== "answer" || top.confidence - rival.confidence > CLEAR));
        const stays = isNewTop ? [] : shown.map((one) => fresh.get(one.key)).filter(Boolean);
        const items = [...new Set([...stays, ...fresh.values()])].slice(0, MOST);
        shown.forEach((one, place) => {
            if (isOpen(one.key) && !items.some((other) => other.key === one.key)) items.splice(place, 0, one); // nothing is closed while it is being read
        });
        return items;
    }

    /** Seconds or a date to wait for, in ms; `otherwise` when the engine says nothing. */
    function retryAfter(response, otherwise) {
        const value = response && response.headers.get("Retry-After");
        const ms = /^\d+$/.test(value || "") ? value * 1000 : Date.parse(value || "") - Date.now();
        return ms > 0 ? Math.min(ms, AGE) : otherwise;
    }

    /** The code of the engine's own problem; nothing when somebody between has refused, who may soon let it pass. */
    function refusal(response, problem) {
        const isProblem = /^application\/problem\+json\b/i.test(response?.headers.get("Content-Type") || "");
        return isProblem ? /^urn:heinzel:problem:(\w+)$/.exec(string(problem && problem.type))?.[1] : undefined;
    }

    /** Whether the engine has said no for good: asking the same again changes nothing. */
    const isNo = (status, code) => code && status >= 400 && status < 500 && status !== 408 && status !== 429;

    /** Whom a claim (a JWT) is for; null: nobody. It is not verified here. One that cannot be read is for somebody of its own. */
    function customer(claim) {
        try {
            return JSON.parse(atob(claim.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub ?? claim;
        } catch {
            return claim || null;
        }
    }

    /** The `data` of each `news` event of a stream, as it arrives. */
    async function* events(body, alive) {
        const reader = body.getReader(), decoder = new TextDecoder();
        let rest = "", name = "", data = [];
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            alive();
            const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
            rest = lines.pop().slice(0, 65536);
            for (const line of lines) {
                const [, field, content] = /^([^:]*):? ?([^]*)$/.exec(line);
                if (field === "event") name = content;
                else if (field === "data") data.push(content);
                else if (!line) {
                    if (name === "news" && data.length) yield JSON.parse(data.join("\n"));
                    name = "";
                    data = [];
                }
            }
        }
    }

    class Suggest extends HTMLElement {
        static formAssociated = true;
        static observedAttributes = ["for", "subject", "endpoint", "key", "claim", "asset", "locale", "page"];

        #form = this.attachInternals ? this.attachInternals() : null; // carries the draft's id with the page's own form
        #panel; #news; #lines; #solution; #heading; #opening; #items; #none; #heard; #heardNews; // the tree, made once
        #nodes = new Map(); // key of an item: its <li>
        #count = 0; // of all that were ever made
        #shown = []; // the items as they stand there
        #drawn = null; // the answer that they came with
        #held = null; // an answer that waits until the customer's hands are off the panel
        #touched = -Infinity; // when the pointer last moved over the panel
        #told = []; // the news as it stands there
        #dismissed = new Set();
        #opened = new Set();
        #asked = NOTHING; // the draft that was last asked about
        #request = null;
        #stream = null;
        #timers = {};
        #draft = null;
        #isKnown = false; // the engine has answered on this draft
        #isOver = false; // solved or sent: the next input begins a new draft
        #isBarred = false; // the engine has said no: nothing is asked until an attribute changes
        #foreign = null; // the asset of which it has said that it is not the claim's customer's
        #failures = 0;
        #renewed = -RENEWAL; // when the page was last asked for a new claim
        #isWanting = false; // and has not set one yet
        #since = 0; // when the draft was last asked about
        #quietUntil = 0;
        #off = null;

        static {
            // A draft lies in the tab's storage only between two of its pages: a tab that is opened from this one begins with a copy of the storage.
            window.addEventListener("pagehide", () => {
                for (const form of live) form.#leave();
                try {
                    for (const [place, kept] of left) sessionStorage.setItem(place, kept);
                } catch {} // storage may be forbidden; then the id lives as long as the page
                left.clear();
            });
            window.addEventListener("pageshow", (event) => { // the page was only put aside, and may have been sent elsewhere meanwhile
                for (const form of event.persisted ? live : []) if (!form.#isOver) form.#return();
            });
        }

        connectedCallback() {
            if (!this.shadowRoot) this.#build();
            live.add(this);
            this.#off = new AbortController();
            const root = this.getRootNode(), on = (type, act) => root.addEventListener(type, act, { capture: true, signal: this.#off.signal });
            // Asked of the root: fields that are made later, or made anew by a framework, need no further care.
            on("input", (event) => { // while a word is composed, too: telephones compose every word
                if (!this.#isMine(event.target)) return;
                if (this.#isOver) this.#begin(true);
                this.#typed();
            });
            // Whether it is really sent is known once all who listen have been asked, whatever they stop on its way.
            on("submit", (event) => event.target === this.#field()?.form && setTimeout(() => event.defaultPrevented || this.sent()));
            on("reset", (event) => event.target === this.#field()?.form && setTimeout(() => event.defaultPrevented || (this.#begin(true), this.#typed())));
            this.#begin(false);
            if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.#typed(), { once: true, signal: this.#off.signal });
            else this.#typed(); // the browser may have brought back a text
        }

        disconnectedCallback() {
            this.#leave();
            live.delete(this);
            this.#off.abort();
            this.#forget();
        }

        attributeChangedCallback(name, before, after) {
            if (before === after || !this.#off) return;
            this.#isBarred = this.#isWanting = false;
            this.#foreign = null;
            this.#failures = this.#quietUntil = 0;
            if (name === "claim" && customer(before) === customer(after)) { // renewed
                if (this.#told.length && !this.#isTold) this.#listen();
                return this.#typed();
            }
            // Nobody sees what was for another customer. A page that says late who writes keeps the draft's id.
            if (name === "claim" && (before || this.#isKnown)) this.#begin(true);
            else this.#forget();
            if (name === "locale") this.#build();
            this.#typed();
        }

        /** The id under which the engine knows what is being written. */
        get draftId() {
            return this.#draft;
        }

        /** The form was sent. Called by itself when the browser sends the page's form; a page that sends it in another way calls it then. */
        sent() {
            this.#feedback("sent");
            this.#end();
            this.#clear();
        }

        // ---- the draft ----

        #field(id = this.getAttribute("for")) {
            return id ? this.getRootNode().getElementById?.(id) ?? null : null;
        }

        #isMine(target) {
            return target && (target === this.#field() || target === this.#field(this.getAttribute("subject")));
        }

        /** Where the draft lies between two pages. Elements for fields of one name, in shadow trees, are counted. */
        get #place() {
            const name = (form) => `heinzel:${form.getAttribute("page") || location.pathname}:${form.getAttribute("for")}`;
            const count = [...live].filter((form) => name(form) === name(this)).indexOf(this);
            return name(this) + (count > 0 ? `:${count + 1}` : "");
        }

        /** Takes up the draft of this form, or begins a new one. */
        #begin(isNew) {
            const place = this.#place;
            let kept = left.get(place) || "";
            left.delete(place);
            try {
                kept ||= sessionStorage.getItem(place) || "";
                sessionStorage.removeItem(place);
            } catch {}
            const [id, since] = kept.split(" ");
            const isKept = !isNew && /^[\w-]{16,64}$/.test(id) && Date.now() - since < AGE;
            const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
            this.#draft = isKept ? id : crypto.randomUUID?.() ?? random(); // randomUUID is missing on pages without TLS
            this.#since = isKept ? +since : isNew ? Date.now() : 0;
            this.#isOver = this.#isKnown = false;
            this.#form?.setFormValue(this.#draft);
            if (!isNew) return;
            this.#dismissed.clear();
            this.#opened.clear();
            this.#forget();
        }

        /** Leaves the draft to the element that comes next in its place. */
        #leave() {
            if (this.#since && !this.#isOver) left.set(this.#place, `${this.#draft} ${this.#since}`);
        }

        /** The page is shown again, as it was. */
        #return() {
            const draft = this.#draft, isKnown = this.#isKnown;
            this.#begin(false);
            if (this.#draft === draft) return (this.#isKnown = isKnown);
            this.#forget();
            this.#typed();
        }

        #end() {
            this.#isOver = true;
        }

        /** Shows nothing and waits for nothing any more. */
        #forget() {
            this.#hush();
            Object.values(this.#timers).forEach(clearTimeout);
            this.#told = [];
            this.#drawNews();
            this.#clear();
        }

        /** The field is empty, or was sent: no suggestions. News stays, it is not about the text. */
        #clear() {
            this.#request?.abort();
            this.#request = this.#held = null;
            this.#asked = NOTHING;
            this.#draw([], null);
        }

        // ---- asking ----

        #later(name, ms, act) {
            clearTimeout(this.#timers[name]);
            this.#timers[name] = setTimeout(act, ms);
        }

        #typed() {
            this.#later("pause", PAUSE, () => this.#consider(false));
            this.#later("rest", REST, () => this.#consider(true));
        }

        #read() {
            const cut = (field, length) => (field?.value ?? "").slice(0, length).replace(/[\ud800-\udfff]/gu, ""); // half a character is no JSON
            const subject = cut(this.#field(this.getAttribute("subject")), 500), body = cut(this.#field(), LENGTH);
            const text = `${subject}\n${body}`.trim().toLowerCase();
            return { subject, body, text, words: text.match(/[\p{L}\p{N}]{2,}/gu) || [] };
        }

        #consider(isResting) {
            const draft = this.#read(), asked = this.#asked;
            if (this.#isOver) return;
            if (draft.words.length < FEW) {
                if (!draft.words.length) this.#clear();
                return;
            }
            const changed = difference(asked.words, draft.words);
            const isFirst = asked === NOTHING;
            const hasGrown = step(draft.words) > step(asked.words);
            const isMuch = !isFirst && changed >= Math.max(6, MUCH * draft.words.length);
            const isEnough = isResting && changed >= (isFirst || step(draft.words) < STEPS.length ? 1 : 3);
            if (!(hasGrown || isMuch || isEnough) || !this.getAttribute("key")) return;
            if (this.#isBarred) return this.#isWanting && this.#expired();
            const quiet = this.#quietUntil - Date.now();
            if (quiet > 0) this.#later("quiet", quiet, () => this.#consider(true));
            else this.#ask(draft);
        }

        #call(path, body, more) {
            const headers = { Authorization: `Bearer ${this.getAttribute("key") || ""}` };
            if (this.getAttribute("claim")) headers["Heinzel-Claim"] = this.getAttribute("claim");
            if (body) headers["Content-Type"] = "application/json";
            const base = (this.getAttribute("endpoint") || HOME).replace(/\/+$/, "");
            return fetch(`${base}/v1/${path}`, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store", ...more });
        }

        async #ask(draft) {
            this.#request?.abort();
            const request = (this.#request = new AbortController());
            const timer = setTimeout(() => request.abort(), PATIENCE);
            this.#asked = draft;
            this.#since = Date.now();
            const asset = (this.getAttribute("claim") && this.getAttribute("asset")) || undefined; // without a claim nobody has one
            let response = null, answer = null;
            try {
                response = await this.#call("suggestions", {
                    draft_id: this.#draft, subject: draft.subject, body: draft.body, locale: this.#locale, time_zone: ZONE, page: (this.getAttribute("page") || location.pathname).slice(0, 512),
                    field: this.getAttribute("for"), asset: asset === this.#foreign ? undefined : asset,
                }, { signal: request.signal });
                answer = await response.json();
            } catch {} // away, aborted, or no JSON
            clearTimeout(timer);
            if (this.#request !== request) return; // a newer question has taken its place
            this.#request = null;
            if (!response?.ok || !answer || typeof answer !== "object") return this.#refused(response, refusal(response, answer), asset);
            this.#failures = 0;
            this.#isKnown = true;
            this.#take(answer);
        }

        /** What cannot be asked now is asked later, or not at all; what stands there stays. */
        #refused(response, code, asset) {
            const status = response ? response.status : 0;
            if (!complained) console.debug(`heinzel-suggest: no suggestions now (${status ? `status ${status}` : "the engine cannot be reached"})`);
            complained = true;
            this.#asked = NOTHING;
            if (code === "not_theirs" && asset && asset !== this.#foreign) { // of the customer before, or not known yet: goes on without it
                this.#foreign = asset;
                return this.#typed();
            }
            const isFirst = !this.#failures++;
            if (code === "not_found" && isFirst) { // the id belongs to whoever used this tab before
                this.#begin(true);
                return this.#typed();
            }
            if (isNo(status, code)) {
                this.#isBarred = true;
                if (code === "no_claim") this.#expired();
                return;
            }
            const wait = retryAfter(response, Math.min(5000 * 2 ** (this.#failures - 1), AGE / 6));
            this.#quietUntil = Date.now() + wait;
            this.#later("quiet", wait, () => this.#consider(true));
        }

        /** Asks the page for a new claim; seldom, in case the new one is refused as well. */
        #expired() {
            this.#isWanting = true;
            this.#later("renewal", this.#renewed + RENEWAL - performance.now(), () => {
                if (!this.#isWanting) return; // it has come meanwhile
                this.#renewed = performance.now();
                this.#emit("claim");
            });
        }

        #take(answer) {
            if (answer.news && typeof answer.news === "object") {
                const last = this.#told[this.#told.length - 1];
                // The stream may have been faster than this answer.
                if (!last || !(Date.parse(answer.news.at) < Date.parse(last.at))) this.#tell(answer.news);
                if (!LAST.includes(answer.news.state)) this.#listen();
            }
            this.#held = answer;
            this.#release();
        }

        /** How long nothing may move, in ms: the pointer has just moved over the suggestions, perhaps to press one. */
        get #hands() {
            return this.#shown.length ? this.#touched + CALM - performance.now() : 0;
        }

        /** Draws the newest answer once nobody is about to press something there. */
        #release() {
            const answer = this.#held;
            if (!answer) return;
            if (this.shadowRoot.activeElement) return; // comes again when the focus leaves
            if (this.#hands > 0) return this.#later("hold", this.#hands, () => this.#release());
            this.#held = null;
            const read = list(answer.items).map(item).filter((one) => one && !this.#dismissed.has(one.key));
            const fresh = new Map(read.slice(0, 2 * MOST).map((one) => [one.key, one]));
            const items = arrange(this.#shown, fresh, (key) => this.#nodes.get(key)?.firstChild.open);
            this.#draw(items, answer);
        }

        // ---- feedback ----

        #feedback(what, item) {
            if (!this.#isKnown) return; // the engine knows of no such draft
            const body = { what, answer: item ? item.id : undefined };
            this.#call(`drafts/${this.#draft}/feedback`, body, { keepalive: true }).catch(() => {}); // outlives the page
        }

        #emit(name, detail) {
            this.dispatchEvent(new CustomEvent(`heinzel:${name}`, { bubbles: true, composed: true, detail: { draft: this.#draft, ...detail } }));
        }

        #solve(button, thanks, item) {
            if (button.getAttribute("aria-pressed") === "true") return;
            button.setAttribute("aria-pressed", "true");
            thanks.textContent = this.#words.thanks;
            this.#feedback("solved", item);
            this.#end();
            this.#emit("solved", { id: item ? item.id : null });
        }

        #dismiss(item) {
            this.#feedback("dismissed", item);
            this.#dismissed.add(item.key);
            const place = this.#shown.indexOf(item), items = this.#shown.filter((other) => other !== item);
            const next = items[place] || items[place - 1];
            this.#draw(items, this.#drawn);
            // The focus was on the button that has just gone: it goes on to the next title, or back to the text.
            (next ? this.#nodes.get(next.key).querySelector("summary") : this.#field())?.focus();
        }

        // ---- news ----

        #hush() {
            this.#stream?.abort();
            this.#stream = null;
        }

        async #listen() {
            if (this.#stream) return;
            const draft = this.#draft;
            let wait = 1000;
            for (let tries = 0; tries < 60; tries++) {
                const stream = (this.#stream = new AbortController());
                const alive = () => this.#later("alive", SILENCE, () => stream.abort());
                alive();
                let response = null, code;
                try {
                    response = await this.#call(`drafts/${draft}/news`, null, { signal: stream.signal });
                    if (!response.ok) code = refusal(response, await response.json());
                    if (response.status === 200) {
                        for await (const news of events(response.body, alive)) {
                            wait = 1000;
                            if (this.#stream === stream && this.#tell(news)) this.#renew();
                            if (this.#stream === stream && LAST.includes(news.state)) return this.#hush();
                        }
                    }
                } catch {} // comes again below
                clearTimeout(this.#timers.alive);
                if (this.#stream !== stream) return;
                const status = response ? response.status : 0;
                if (code === "no_claim") this.#expired();
                if (status === 204 || isNo(status, code)) break;
                const pause = retryAfter(status === 200 ? null : response, wait) * (1 + Math.random() / 4); // not all forms at once
                await new Promise((done) => setTimeout(done, pause));
                if (this.#stream !== stream) return;
                wait = Math.min(wait * 2, 30000);
            }
            this.#stream = null;
        }

        get #isTold() {
            return LAST.includes(this.#told[this.#told.length - 1]?.state);
        }

        /** Adds news to what was told; says whether it was new. A stream's order counts, not its times. */
        #tell(news) {
            const state = string(news && news.state), at = string(news && news.at);
            if (!STATES.includes(state)) return false; // a state of a newer engine
            const text = string(news.text) || this.#words[state];
            const last = this.#told[this.#told.length - 1];
            if (this.#told.some((old) => old.state === state && old.at === at && old.text === text)) return false;
            if (last && last.state === state) this.#told.pop();
            this.#told = [...this.#told, { state, at, text }].slice(-6);
            if (this.#hands > 0) this.#later("news", this.#hands, () => this.#drawNews());
            else this.#drawNews();
            if (!last || last.state !== state) this.#heardNews.textContent = text; // what is only said better is not said again
            return true;
        }

        /** An item about the customer's own system says what was so when it was asked for: asks again. */
        #renew() {
            const draft = this.#read();
            const isOld = this.#shown.some((item) => item.kind !== "answer");
            if (isOld && !this.#request && draft.words.length >= FEW && !this.#isBarred && Date.now() > this.#quietUntil) this.#ask(draft);
        }

        // ---- drawing ----

        get #locale() {
            const locale = this.getAttribute("locale") || this.closest("[lang]")?.lang || navigator.language || "en";
            return locale.replace(/[.@].*$/, "").replace(/_/g, "-").slice(0, 35); // `de_DE.UTF-8` is a locale, too
        }

        get #words() {
            return WORDS[/^de\b/i.test(this.#locale) ? "de" : "en"];
        }

        #build() {
            const shadow = this.shadowRoot || this.attachShadow({ mode: "open" }), words = this.#words;
            if (!sheet) (sheet = new CSSStyleSheet()).replaceSync(STYLE);
            shadow.adoptedStyleSheets = [sheet];
            const tongue = { lang: words === WORDS.de ? "de" : "en", dir: "ltr" }; // whatever the page's are
            this.#heard = el("div", { class: "heard", role: "status", "aria-live": "polite", ...tongue });
            this.#heardNews = this.#heard.cloneNode();
            this.#lines = el("ol", { role: "list" });
            const solved = el("button", { type: "button", part: "button", "aria-pressed": "false", "aria-describedby": "told" }, words.solved);
            const thanks = el("p", { class: "quiet", role: "status" });
            solved.addEventListener("click", () => this.#solve(solved, thanks, null));
            this.#solution = el("div", { hidden: "" }, solved, thanks);
            this.#news = el("div", { class: "news", part: "news", hidden: "" }, this.#lines, this.#solution);
            this.#heading = el("p", { class: "heading", part: "heading" }, words.heading);
            this.#opening = el("p", { class: "opening", part: "opening" });
            this.#items = el("ul", { class: "items", part: "items", role: "list" });
            this.#none = el("p", { class: "quiet", hidden: "" });
            this.#panel = el("section", { class: "panel", part: "panel", "aria-label": words.region, ...tongue, hidden: "" },
                this.#news, this.#heading, this.#opening, this.#items, this.#none);
            this.#panel.addEventListener("pointermove", () => (this.#touched = performance.now()));
            this.#panel.addEventListener("focusout", () => this.#later("hold", 0, () => this.#release()));
            this.#panel.addEventListener("keydown", (event) => {
                const open = event.key === "Escape" && event.target.closest("details[open]");
                if (!open) return;
                open.open = false;
                open.firstChild.focus();
            });
            this.#nodes.clear();
            this.#shown = [];
            shadow.replaceChildren(this.#heard, this.#heardNews, this.#panel);
        }

        #node(item) {
            const words = this.#words;
            const thanks = el("p", { class: "quiet", role: "status" });
            const title = `title-${++this.#count}`, about = { type: "button", part: "button", "aria-describedby": title };
            const solved = el("button", { ...about, "aria-pressed": "false" }, words.solved);
            const dismissed = el("button", about, words.dismissed);
            const links = item.links.map(([title, address]) => link(title, address, words)).filter(Boolean);
            const node = el("details", null,
                el("summary", { part: "title" }, item.kind === "answer" ? null : el("span", { class: "kind", part: "kind" }, words.yours), item.kind === "answer" ? null : " ", el("span", { id: title }, item.title)),
                el("div", { class: "answer", part: "answer" },
                    ...item.parts.flatMap((text) => markdown(text, words)),
                    links.length ? el("ul", null, ...links.map((entry) => el("li", null, entry))) : null,
                    el("div", null, solved, dismissed), thanks));
            solved.addEventListener("click", () => this.#solve(solved, thanks, item));
            dismissed.addEventListener("click", () => this.#dismiss(item));
            node.addEventListener("toggle", () => {
                if (!node.open || this.#opened.has(item.key)) return;
                this.#opened.add(item.key);
                this.#feedback("opened", item);
            });
            return el("li", { part: "item", "data-kind": item.kind }, node);
        }

        /** Puts the items into their places. What has not changed is not touched: it stays open, and keeps the focus. */
        #draw(items, answer) {
            const before = this.#shown;
            const old = new Map(before.map((item) => [item.key, item]));
            const keys = new Set(items.map((item) => item.key));
            for (const [key, node] of this.#nodes) {
                if (!keys.has(key)) node.remove(), this.#nodes.delete(key);
            }
            items.forEach((item, place) => {
                let node = this.#nodes.get(item.key);
                const was = old.get(item.key), text = (one) => JSON.stringify({ ...one, confidence: 0 });
                if (!node || text(was) !== text(item)) {
                    const isOpen = node && node.firstChild.open;
                    node?.remove();
                    this.#nodes.set(item.key, (node = this.#node(item)));
                    node.firstChild.open = !!isOpen;
                }
                if (this.#items.children[place] !== node) this.#items.insertBefore(node, this.#items.children[place] || null);
            });
            this.#shown = items;
            this.#drawn = answer;
            const opening = items.length ? string(answer && answer.opening) : "";
            if (opening !== this.#opening.textContent) this.#opening.textContent = opening;
            this.#opening.hidden = !opening;
            for (const node of [this.#opening, this.#items]) node.lang = answer && Object.hasOwn(WORDS, answer.language) ? answer.language : this.#panel.lang;
            this.#heading.hidden = !items.length;
            // Where suggestions stood a moment ago one quiet line stays, so that "Send" does not jump up under the pointer.
            const isNone = !items.length && !!answer && (before.length > 0 || !this.#none.hidden);
            this.#none.textContent = isNone ? string(answer.nothing && answer.nothing.text) || this.#words.none : "";
            this.#none.hidden = !isNone;
            this.#appear();
            const order = (list) => list.map((item) => item.key).join(" ");
            if (order(before) === order(items)) return;
            this.#heard.textContent = items.length ? this.#words.count(items.length) : "";
            if (items.length) this.#emit("shown", { items: items.map(({ id, kind, title }) => ({ id, kind, title })) });
        }

        #drawNews() {
            const at = (text) => {
                const date = new Date(text);
                if (!(date > 0)) return "";
                const how = { timeStyle: "short", dateStyle: date.toDateString() === new Date().toDateString() ? undefined : "short" };
                try {
                    return date.toLocaleString(this.#locale, how);
                } catch {
                    return date.toLocaleString(this.#panel.lang, how); // no locale that the browser knows
                }
            };
            const last = this.#told[this.#told.length - 1];
            const lines = this.#told.map((news) =>
                el("li", { class: news.state }, el("time", { datetime: news.at }, at(news.at)), el("span", { class: "text", id: news === last ? "told" : null }, news.text)));
            this.#lines.replaceChildren(...lines);
            this.#solution.hidden = !last || last.state !== "repaired";
            this.#news.hidden = !last;
            if (!last) {
                this.#heardNews.textContent = this.#solution.lastChild.textContent = "";
                this.#solution.firstChild.setAttribute("aria-pressed", "false");
            }
            this.#appear();
        }

        #appear() {
            this.#panel.hidden = !this.#shown.length && !this.#told.length && this.#none.hidden;
        }
    }

    customElements.define("heinzel-suggest", Suggest);
})();
