const NOTHING = { words: [] }; // what is written in empty fields

let complained = false; // one line for debugging, not more

/** How many words were added or taken away. */
function difference(before, after) {
    const count = new Map();
    for (const word of before) count.set(word, (count.get(word) || 0) + 1);
    for (const word of after) count.set(word, (count.get(word) || 0) - 1);
    return [...count.values()].reduce((sum, n) => sum + Math.abs(n), 0);
}

/** How many of the steps a draft of these words has passed. */
const step = (words) => STEPS.filter((n) => words.length >= n).length;

/** Whom a claim (a JWT) is for; null: nobody. It is not verified here. One that cannot be read is for somebody of its own. */
function customer(claim) {
    try {
        return JSON.parse(atob(claim.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub ?? claim;
    } catch {
        return claim || null;
    }
}

/** The element: which fields it reads, when it asks, and for whom. */
class Suggest extends HTMLElement {
    static formAssociated = true;
    static observedAttributes = ["for", "subject", "endpoint", "key", "claim", "asset", "locale", "page"];

    #timers = new Timers();
    #draft = new Draft(this, () => {
        this.#forget();
        this.#typed();
    });
    #panel = new Panel(this, this.#timers, {
        feedback: (what, item) => this.#feedback(what, item),
        solved: (item) => this.#solved(item),
        shown: (items) => this.#emit("shown", { items: items.map(({ id, kind, title }) => ({ id, kind, title })) }),
        field: () => this.#field(),
    });
    #news = new News(this, this.#timers, {
        stream: (signal) => this.#call(`drafts/${this.#draft.id}/news`, null, { signal }),
        told: (lines, said) => this.#panel.tell(lines, said),
        renew: () => this.#renew(),
        expired: () => this.#expired(),
    });
    #asked = NOTHING; // what was written when it was last asked
    #request = null;
    #isBarred = false; // the engine has said no: nothing is asked until an attribute changes
    #foreign = null; // the asset of which it has said that it is not the claim's customer's
    #failures = 0;
    #renewed = -RENEWAL; // when the page was last asked for a new claim
    #isWanting = false; // and has not set one yet
    #quietUntil = 0;
    #off = null;

    connectedCallback() {
        if (!this.shadowRoot) this.#panel.build();
        this.#off = new AbortController();
        const root = this.getRootNode(), on = (type, act) => root.addEventListener(type, act, { capture: true, signal: this.#off.signal });
        // Asked of the root: fields that are made later, or made anew by a framework, need no further care.
        on("input", (event) => { // while a word is composed, too: telephones compose every word
            if (!this.#isMine(event.target)) return;
            if (this.#draft.isOver) this.#begin();
            this.#typed();
        });
        // Whether it is really sent, or emptied, is known once all who listen have been asked, whatever they stop on its way.
        on("submit", (event) => event.target === this.#field()?.form && setTimeout(() => event.defaultPrevented || this.sent()));
        on("reset", (event) => event.target === this.#field()?.form && setTimeout(() => event.defaultPrevented || (this.#begin(), this.#typed())));
        this.#draft.arrive();
        if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.#typed(), { once: true, signal: this.#off.signal });
        else this.#typed(); // the browser may have brought back a text
    }

    disconnectedCallback() {
        this.#draft.depart();
        this.#off.abort();
        this.#forget();
    }

    attributeChangedCallback(name, before, after) {
        if (before === after || !this.#off) return;
        this.#isBarred = this.#isWanting = false;
        this.#foreign = null;
        this.#failures = this.#quietUntil = 0;
        if (name === "claim" && customer(before) === customer(after)) { // renewed
            this.#news.resume();
            return this.#typed();
        }
        // Nobody sees what was for another customer. A page that says late who writes keeps the draft's id.
        if (name === "claim" && (before || this.#draft.isKnown)) this.#begin();
        else this.#forget();
        if (name === "locale") this.#panel.build();
        this.#typed();
    }

    /** The id under which the engine knows what is being written. */
    get draftId() {
        return this.#draft.id;
    }

    /** The form was sent. Called by itself when the browser sends the page's form; a page that sends it in another way calls it then. */
    sent() {
        this.#feedback("sent");
        this.#draft.isOver = true;
        this.#clear();
    }

    #field(id = this.getAttribute("for")) {
        return id ? this.getRootNode().getElementById?.(id) ?? null : null;
    }

    #isMine(target) {
        return target && (target === this.#field() || target === this.#field(this.getAttribute("subject")));
    }

    /** Begins a new draft. */
    #begin() {
        this.#draft.begin(true);
        this.#panel.begin();
        this.#forget();
    }

    /** Shows nothing and waits for nothing any more. */
    #forget() {
        this.#timers.clear();
        this.#news.forget();
        this.#clear();
    }

    /** The field is empty, or was sent: no suggestions. News stays, it is not about the text. */
    #clear() {
        this.#request?.abort();
        this.#request = null;
        this.#asked = NOTHING;
        this.#panel.clear();
    }

    // ---- asking ----

    #typed() {
        this.#timers.set("pause", PAUSE, () => this.#consider(false));
        this.#timers.set("rest", REST, () => this.#consider(true));
    }

    /** What is written in the fields. */
    #read() {
        const cut = (field, length) => (field?.value ?? "").slice(0, length).replace(/[\ud800-\udfff]/gu, ""); // half a character is no JSON
        const subject = cut(this.#field(this.getAttribute("subject")), 500), body = cut(this.#field(), LENGTH);
        return { subject, body, words: `${subject}\n${body}`.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) || [] };
    }

    #consider(isResting) {
        const written = this.#read(), asked = this.#asked;
        if (this.#draft.isOver) return;
        if (written.words.length < FEW) {
            if (!written.words.length) this.#clear();
            return;
        }
        const changed = difference(asked.words, written.words);
        const isFirst = asked === NOTHING;
        const hasGrown = step(written.words) > step(asked.words);
        const isMuch = !isFirst && changed >= Math.max(6, MUCH * written.words.length);
        const isEnough = isResting && changed >= (isFirst || step(written.words) < STEPS.length ? 1 : 3);
        if (!(hasGrown || isMuch || isEnough) || !this.getAttribute("key")) return;
        if (this.#isBarred) return this.#isWanting && this.#expired();
        const quiet = this.#quietUntil - Date.now();
        if (quiet > 0) this.#timers.set("quiet", quiet, () => this.#consider(true));
        else this.#ask(written);
    }

    #call(path, body, more) {
        const headers = { Authorization: `Bearer ${this.getAttribute("key") || ""}` };
        if (this.getAttribute("claim")) headers["Heinzel-Claim"] = this.getAttribute("claim");
        if (body) headers["Content-Type"] = "application/json";
        const base = (this.getAttribute("endpoint") || HOME).replace(/\/+$/, "");
        return fetch(`${base}/v1/${path}`, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store", ...more });
    }

    async #ask(written) {
        this.#request?.abort();
        const request = (this.#request = new AbortController());
        const timer = setTimeout(() => request.abort(), PATIENCE);
        this.#asked = written;
        this.#draft.askedAt = Date.now();
        const asset = (this.getAttribute("claim") && this.getAttribute("asset")) || undefined; // without a claim nobody has one
        let response = null, answer = null;
        try {
            response = await this.#call("suggestions", {
                draft_id: this.#draft.id, subject: written.subject, body: written.body, locale: localeOf(this), time_zone: ZONE, page: (this.getAttribute("page") || location.pathname).slice(0, 512),
                field: this.getAttribute("for"), asset: asset === this.#foreign ? undefined : asset,
            }, { signal: request.signal });
            answer = await response.json();
        } catch {} // away, aborted, or no JSON
        clearTimeout(timer);
        if (this.#request !== request) return; // a newer question has taken its place
        this.#request = null;
        if (!response?.ok || !answer || typeof answer !== "object") return this.#refused(response, refusal(response, answer), asset);
        this.#failures = 0;
        this.#draft.isKnown = true;
        if (answer.news && typeof answer.news === "object") this.#news.take(answer.news);
        this.#panel.show(answer);
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
            this.#begin();
            return this.#typed();
        }
        if (isNo(status, code)) {
            this.#isBarred = true;
            if (code === "no_claim") this.#expired();
            return;
        }
        const wait = retryAfter(response, Math.min(5000 * 2 ** (this.#failures - 1), AGE / 6));
        this.#quietUntil = Date.now() + wait;
        this.#timers.set("quiet", wait, () => this.#consider(true));
    }

    /** Asks the page for a new claim; seldom, in case the new one is refused as well. */
    #expired() {
        this.#isWanting = true;
        this.#timers.set("renewal", this.#renewed + RENEWAL - performance.now(), () => {
            if (!this.#isWanting) return; // it has come meanwhile
            this.#renewed = performance.now();
            this.#emit("claim");
        });
    }

    /** An item about the customer's own system says what was so when it was asked for: asks again. */
    #renew() {
        const written = this.#read();
        if (this.#panel.isAboutTheirs && !this.#request && written.words.length >= FEW && !this.#isBarred && Date.now() > this.#quietUntil) this.#ask(written);
    }

    // ---- telling ----

    #feedback(what, item) {
        if (!this.#draft.isKnown) return; // the engine knows of no such draft
        const body = { what, answer: item ? item.id : undefined };
        this.#call(`drafts/${this.#draft.id}/feedback`, body, { keepalive: true }).catch(() => {}); // outlives the page
    }

    #emit(name, detail) {
        this.dispatchEvent(new CustomEvent(`heinzel:${name}`, { bubbles: true, composed: true, detail: { draft: this.#draft.id, ...detail } }));
    }

    #solved(item) {
        this.#feedback("solved", item);
        this.#draft.isOver = true;
        this.#emit("solved", { id: item ? item.id : null });
    }
}
