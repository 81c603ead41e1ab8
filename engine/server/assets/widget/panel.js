let sheet = null; // one for all elements of the page; a strict style-src does not forbid it

/** What stands under the field: the news, and the suggestions. */
class Panel {
    #panel; #news; #lines; #solution; #heading; #opening; #items; #none; #heard; #heardNews; // the tree, made once
    #nodes = new Map(); // key of an item: its <li>
    #count = 0; // of all that were ever made
    #shown = []; // the items as they stand there
    #drawn = null; // the answer that they came with
    #held = null; // an answer that waits until the customer's hands are off the panel
    #touched = -Infinity; // when the pointer last moved over the panel
    #told = []; // the news
    #dismissed = new Set();
    #opened = new Set();
    #element;
    #timers;
    #on; // feedback(what, item), solved(item), shown(items), field()

    constructor(element, timers, on) {
        this.#element = element;
        this.#timers = timers;
        this.#on = on;
    }

    /** Makes the tree, once and when the language changes. */
    build() {
        const element = this.#element, words = wordsOf(element), shadow = element.shadowRoot || element.attachShadow({ mode: "open" });
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
        this.#panel.addEventListener("focusout", () => this.#timers.set("hold", 0, () => this.#release()));
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

    /** Whether something there is about the customer's own system. */
    get isAboutTheirs() {
        return this.#shown.some((item) => item.kind !== "answer");
    }

    /** A new draft: what was opened or dismissed was so for another one. */
    begin() {
        this.#dismissed.clear();
        this.#opened.clear();
    }

    /** No suggestions. */
    clear() {
        this.#held = null;
        this.#draw([], null);
    }

    /** Shows the suggestions of an answer. */
    show(answer) {
        this.#held = answer;
        this.#release();
    }

    /** Shows the news; `said` is read out. */
    tell(told, said) {
        this.#told = told;
        if (told.length && this.#hands > 0) this.#timers.set("news", this.#hands, () => this.#drawNews());
        else this.#drawNews();
        if (said) this.#heardNews.textContent = said;
    }

    /** How long nothing may move, in ms: the pointer has just moved over the suggestions, perhaps to press one. */
    get #hands() {
        return this.#shown.length ? this.#touched + CALM - performance.now() : 0;
    }

    /** Draws the newest answer once nobody is about to press something there. */
    #release() {
        const answer = this.#held;
        if (!answer) return;
        if (this.#element.shadowRoot.activeElement) return; // comes again when the focus leaves
        if (this.#hands > 0) return this.#timers.set("hold", this.#hands, () => this.#release());
        this.#held = null;
        const read = list(answer.items).map(item).filter((one) => one && !this.#dismissed.has(one.key));
        const fresh = new Map(read.slice(0, 2 * MOST).map((one) => [one.key, one]));
        const items = arrange(this.#shown, fresh, (key) => this.#nodes.get(key)?.firstChild.open);
        this.#draw(items, answer);
    }

    #solve(button, thanks, item) {
        if (button.getAttribute("aria-pressed") === "true") return;
        button.setAttribute("aria-pressed", "true");
        thanks.textContent = wordsOf(this.#element).thanks;
        this.#on.solved(item);
    }

    #dismiss(item) {
        this.#on.feedback("dismissed", item);
        this.#dismissed.add(item.key);
        const place = this.#shown.indexOf(item), items = this.#shown.filter((other) => other !== item);
        const next = items[place] || items[place - 1];
        this.#draw(items, this.#drawn);
        // The focus was on the button that has just gone: it goes on to the next title, or back to the text.
        (next ? this.#nodes.get(next.key).querySelector("summary") : this.#on.field())?.focus();
    }

    #node(item) {
        const words = wordsOf(this.#element);
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
            this.#on.feedback("opened", item);
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
        this.#none.textContent = isNone ? string(answer.nothing && answer.nothing.text) || wordsOf(this.#element).none : "";
        this.#none.hidden = !isNone;
        this.#appear();
        const order = (list) => list.map((item) => item.key).join(" ");
        if (order(before) === order(items)) return;
        const count = items.length ? wordsOf(this.#element).count(items.length) : "";
        if (count !== this.#heard.textContent) this.#heard.textContent = count; // the same again would be read out again
        if (items.length) this.#on.shown(items);
    }

    #drawNews() {
        const at = (text) => {
            const date = new Date(text);
            if (!(date > 0)) return "";
            const how = { timeStyle: "short", dateStyle: date.toDateString() === new Date().toDateString() ? undefined : "short" };
            try {
                return date.toLocaleString(localeOf(this.#element), how);
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
