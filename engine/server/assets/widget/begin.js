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
// Texts reach the page as text nodes only. The engine joins the parts in this folder (`engine/server/src/page.rs`), because one file is what a page includes. Start at `suggest.js`.
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

const HOME = document.currentScript?.src ? new URL(".", document.currentScript.src).href : location.origin; // behind a proxy the engine may have a path
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone?.slice(0, 64); // undefined in some: then the engine's
const LAST = ["repaired", "well", "handed_over", "unsettled"]; // states after which no news comes
const STATES = ["checking", "found", "repairing", ...LAST];
