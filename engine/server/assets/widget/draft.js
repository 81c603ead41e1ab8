const live = new Set(); // the drafts of the elements of this page
const left = new Map(); // the drafts of elements that were taken out: place to id and time

/** The id under which the engine knows what is being written. It outlives the element, and a reload of the page. */
class Draft {
    id = null;
    isKnown = false; // the engine has answered on this draft
    isOver = false; // solved or sent: the next input begins a new draft
    askedAt = 0; // when it was last asked about
    #element;
    #form; // carries the id with the page's own form
    #changed; // called when the page comes back to another draft

    static {
        // A draft lies in the tab's storage only between two of its pages: a tab that is opened from this one begins with a copy of the storage.
        window.addEventListener("pagehide", () => {
            for (const draft of live) draft.#leave();
            try {
                for (const [place, kept] of left) sessionStorage.setItem(place, kept);
            } catch {} // storage may be forbidden; then the id lives as long as the page
            left.clear();
        });
        window.addEventListener("pageshow", (event) => { // the page was only put aside, and may have been sent elsewhere meanwhile
            for (const draft of event.persisted ? live : []) if (!draft.isOver) draft.#return();
        });
    }

    constructor(element, changed) {
        this.#element = element;
        this.#form = element.attachInternals ? element.attachInternals() : null;
        this.#changed = changed;
    }

    /** The element has come onto the page: takes up what was left there, or begins anew. */
    arrive() {
        live.add(this);
        this.begin(false);
    }

    /** The element has gone from the page. */
    depart() {
        this.#leave();
        live.delete(this);
    }

    /** Takes up the draft of this form, or begins a new one. */
    begin(isNew) {
        const place = this.#place;
        let kept = left.get(place) || "";
        left.delete(place);
        try {
            kept ||= sessionStorage.getItem(place) || "";
            sessionStorage.removeItem(place);
        } catch {}
        const [id, askedAt] = kept.split(" ");
        const isKept = !isNew && /^[\w-]{16,64}$/.test(id) && Date.now() - askedAt < AGE;
        const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
        this.id = isKept ? id : crypto.randomUUID?.() ?? random(); // randomUUID is missing on pages without TLS
        this.askedAt = isKept ? +askedAt : isNew ? Date.now() : 0;
        this.isOver = this.isKnown = false;
        this.#form?.setFormValue(this.id);
    }

    /** Where the draft lies between two pages. Elements for fields of one name, in shadow trees, are counted. */
    get #place() {
        const count = [...live].filter((draft) => draft.#name === this.#name).indexOf(this);
        return this.#name + (count > 0 ? `:${count + 1}` : "");
    }

    get #name() {
        return `heinzel:${this.#element.getAttribute("page") || location.pathname}:${this.#element.getAttribute("for")}`;
    }

    /** Leaves the draft to the element that comes next in its place. */
    #leave() {
        if (this.askedAt && !this.isOver) left.set(this.#place, `${this.id} ${this.askedAt}`);
    }

    /** The page is shown again, as it was. */
    #return() {
        const { id, isKnown } = this;
        this.begin(false);
        if (this.id === id) this.isKnown = isKnown;
        else this.#changed();
    }
}
