/** What is to be done later, by name: of each name the last word counts. */
class Timers {
    #waiting = {};

    set(name, ms, act) {
        this.stop(name);
        this.#waiting[name] = setTimeout(act, ms);
    }

    stop(name) {
        clearTimeout(this.#waiting[name]);
    }

    clear() {
        Object.values(this.#waiting).forEach(clearTimeout);
    }
}
