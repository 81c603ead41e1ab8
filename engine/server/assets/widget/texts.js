// Texts of the engine, made into nodes of the page.

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
