"""How results are shown: a line each while it runs, and the table of the README."""


def line(result):
    """One result for the terminal."""
    figures = [f"{what} {result[f'{what}_ms']}" for what in ("detected", "started", "verified", "healthy") if result[f"{what}_ms"] is not None]
    figures += [f"{name} {result[f'{name}_ms']}" for name in ("monit", "fail2ban") if f"{name}_ms" in result]
    word = "FAILED" if result["failed"] else "ok    "
    return f"{word} {result['scenario']:32} {result['outcome'] or '-':12} {', '.join(figures)}{' ms' if figures else ''} ({result['seconds']} s)"


def markdown(results):
    """All of them, as a table."""
    head = ["scenario", "expected", "outcome", "detected", "started", "verified", "healthy", "Monit", "fail2ban", "wrong"]
    keys = ["detected_ms", "started_ms", "verified_ms", "healthy_ms", "monit_ms", "fail2ban_ms"]
    rows = [
        [f"`{r['scenario']}`", r["expected"], r["outcome"] or "-"]
        + ["" if r.get(key) is None else str(r[key]) for key in keys]
        + [str(len(r["wrong_actions"]))]
        for r in results
    ]
    rule = ["---"] * 3 + ["--:"] * (len(head) - 3)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])
