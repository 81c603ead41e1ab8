/** What goes on at the customer's own system: told line by line, over a stream that is taken up again when it breaks. */
class News {
    #told = [];
    #stream = null;
    #element;
    #timers;
    #on; // stream(signal), told(lines, said), renew(), expired()

    constructor(element, timers, on) {
        this.#element = element;
        this.#timers = timers;
        this.#on = on;
    }

    /** What an answer says of it, and what comes after that. */
    take(news) {
        const last = this.#told.at(-1);
        // The stream may have been faster than this answer.
        if (!last || !(Date.parse(news.at) < Date.parse(last.at))) this.#tell(news);
        if (!LAST.includes(news.state)) this.#listen();
    }

    /** Listens again where something is still to come. */
    resume() {
        if (this.#told.length && !LAST.includes(this.#told.at(-1).state)) this.#listen();
    }

    /** Nothing was told, and nothing comes any more. */
    forget() {
        this.#hush();
        this.#told = [];
        this.#on.told(this.#told, null);
    }

    #hush() {
        this.#stream?.abort();
        this.#stream = null;
    }

    async #listen() {
        if (this.#stream) return;
        let wait = 1000;
        for (let tries = 0; tries < 60; tries++) {
            const stream = (this.#stream = new AbortController());
            const alive = () => this.#timers.set("alive", SILENCE, () => stream.abort());
            alive();
            let response = null, code;
            try {
                response = await this.#on.stream(stream.signal);
                if (!response.ok) code = refusal(response, await response.json());
                if (response.status === 200) {
                    for await (const news of events(response.body, alive)) {
                        wait = 1000;
                        if (this.#stream === stream && this.#tell(news)) this.#on.renew();
                        if (this.#stream === stream && LAST.includes(news.state)) return this.#hush();
                    }
                }
            } catch {} // comes again below
            this.#timers.stop("alive");
            if (this.#stream !== stream) return;
            const status = response ? response.status : 0;
            if (code === "no_claim") this.#on.expired();
            if (status === 204 || isNo(status, code)) break;
            const pause = retryAfter(status === 200 ? null : response, wait) * (1 + Math.random() / 4); // not all forms at once
            await new Promise((done) => setTimeout(done, pause));
            if (this.#stream !== stream) return;
            wait = Math.min(wait * 2, 30000);
        }
        this.#stream = null;
    }

    /** Adds news to what was told; says whether it was new. A stream's order counts, not its times. */
    #tell(news) {
        const state = string(news && news.state), at = string(news && news.at);
        if (!STATES.includes(state)) return false; // a state of a newer engine
        const text = string(news.text) || wordsOf(this.#element)[state];
        const last = this.#told.at(-1);
        if (this.#told.some((old) => old.state === state && old.at === at && old.text === text)) return false;
        const isBetterSaid = last && last.state === state;
        this.#told = [...(isBetterSaid ? this.#told.slice(0, -1) : this.#told), { state, at, text }].slice(-6);
        this.#on.told(this.#told, isBetterSaid ? null : text); // what is only said better is not said again
        return true;
    }
}
