// What the engine says besides: refusals, and the stream of news.

/** Seconds or a date to wait for, in ms; `otherwise` when the engine says nothing. */
function retryAfter(response, otherwise) {
    const value = response && response.headers.get("Retry-After");
    const ms = /^\d+$/.test(value || "") ? value * 1000 : Date.parse(value || "") - Date.now();
    return ms > 0 ? Math.min(ms, AGE) : otherwise;
}

/** The code of the engine's own problem; nothing when somebody between has refused, who may soon let it pass. */
function refusal(response, problem) {
    const isProblem = /^application\/problem\+json\b/i.test(response?.headers.get("Content-Type") || "");
    return isProblem ? /^urn:heinzel:problem:(\w+)$/.exec(string(problem && problem.type))?.[1] : undefined;
}

/** Whether the engine has said no for good: asking the same again changes nothing. */
const isNo = (status, code) => code && status >= 400 && status < 500 && status !== 408 && status !== 429;

/** The `data` of each `news` event of a stream, as it arrives. */
async function* events(body, alive) {
    const reader = body.getReader(), decoder = new TextDecoder();
    let rest = "", name = "", data = [];
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        alive();
        const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop().slice(0, 65536);
        for (const line of lines) {
            const [, field, content] = /^([^:]*):? ?([^]*)$/.exec(line);
            if (field === "event") name = content;
            else if (field === "data") data.push(content);
            else if (!line) {
                if (name === "news" && data.length) yield JSON.parse(data.join("\n"));
                name = "";
                data = [];
            }
        }
    }
}
