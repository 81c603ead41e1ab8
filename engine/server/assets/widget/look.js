// How it looks.

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
