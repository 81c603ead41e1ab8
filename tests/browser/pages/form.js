// What the page itself hears and sees, for the tests.
window.heard = [];
for (const name of ["shown", "solved", "claim"]) {
    document.addEventListener(`heinzel:${name}`, (event) => window.heard.push([name, event.detail]));
}
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
