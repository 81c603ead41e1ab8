"""What schemathesis does not know by itself: how text becomes NDJSON."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    """Text stays as it is; anything else is one line of JSON."""
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
