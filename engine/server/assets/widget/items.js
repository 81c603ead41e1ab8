// The suggestions of an answer: what is drawn of them, and in which order.

const PARTS = ["acknowledge", "clarify", "agree", "act", "advise"];

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
