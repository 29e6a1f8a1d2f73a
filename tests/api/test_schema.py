"""Generated from the tables of routes and fields (by way of /openapi.json, which is written from them): every route, every field,
each wrong type, each bound inside and outside, absent, twice, unknown. A new route without a row in BODIES fails."""
import http.client
import json

import server

TEXT = "Hi."


def _audio():
    return server.speech_base64()


# The smallest good body of each route with a JSON body; None: the route is tried with wrong bodies only, because a good one
# changes the server.
BODIES = {
    "/v1/audio/speech": lambda: {"input": TEXT},
    "/v1/embed/speaker": lambda: {"input_audio": _audio()},
    "/v1/audio/vad": lambda: {"input_audio": _audio()},
    "/v1/audio/transcriptions": lambda: {"input_audio": _audio()},
    "/v1/voice/convert": lambda: {"source_audio": _audio(), "target_audio": _audio()},
    "/v1/audio/convert": lambda: {"source_audio": _audio()},
    "/v1/models/load": lambda: {"model": "harmonyspeech"},
    "/v1/models/unload": lambda: {"model": "no-such-model"},
    "/v1/config/reload": lambda: {},
}
# A good value where the bounds do not give one.
GOOD = {"BASE64": lambda: _audio()}
WRONG = {
    "string": [1, 1.5, True, [], ["x"], {"a": 1}],
    "number": ["x", "1", True, [], {}],
    "integer": ["x", "1", True, [], {}, 1.5],
    "boolean": [1, 0, "true", [], {}],
    "array": [1, "x", True, {}],
    "object": [1, "x", True, []],
    "duration": [True, [], {}, "soon", "5 m", "--1", ""],
    "id": [1, True, [], {}, {"name": "x"}, {"id": 1}],
}


class Client:
    """One connection for thousands of requests."""

    def __init__(self, hse):
        self.connection = http.client.HTTPConnection("127.0.0.1", hse.port, timeout=60)
        self.n = 0

    def post(self, path, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request("POST", path, data, {"Content-Type": kind, "Accept": "application/json"})
        r = self.connection.getresponse()
        answer = r.read()
        self.n += 1
        return r.status, (json.loads(answer) if r.getheader("content-type", "").startswith("application/json") else {})


def document(hse):
    return hse.get("/openapi.json")


def resolve(doc, s):
    """A field's schema without null and references, and what it is called in WRONG."""
    for option in s.get("anyOf", []):
        if "$ref" in option:
            s = {**s, **doc["components"]["schemas"][option["$ref"].rsplit("/", 1)[1]], "word": any(o.get("type") == "string" for o in s["anyOf"])}
            return s, "object"
    if "anyOf" in s:
        return s, "id"
    if s.get("deprecated"):
        return s, "refused"
    kinds = [t for t in ([s["type"]] if isinstance(s["type"], str) else s["type"]) if t != "null"]
    if kinds == ["number", "string"]:
        return s, "duration"
    return s, kinds[0]


def fields(doc, component, prefix=()):
    """(path, schema, kind, required) of every field, those of objects too."""
    s = doc["components"]["schemas"][component]
    for name, f in s["properties"].items():
        f, kind = resolve(doc, f)
        yield prefix + (name,), f, kind, name in s.get("required", [])
        if kind == "object" and "properties" in f:
            yield from fields(doc, f["title"], prefix + (name,))


def json_routes(doc):
    for path, operations in doc["paths"].items():
        for method, o in operations.items():
            content = o.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield method, path, content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]


def put(body, path, value):
    """A copy of the body with the field set."""
    body = json.loads(json.dumps(body))
    at = body
    for name in path[:-1]:
        at = at.setdefault(name, {})
    at[path[-1]] = value
    return body


def refused(client, route, body, param, statuses=(400,)):
    status, answer = client.post(route, body)
    shown = body if isinstance(body, bytes) else {k: str(v)[:40] for k, v in body.items()}
    assert status in statuses, (route, shown, status, str(answer)[:300])
    assert param is None or answer["error"]["param"] == param, (route, shown, param, answer["error"])
    return answer["error"]


def taken(client, route, body, param):
    """The field's value is not what is refused (the request may fail otherwise, by its deadline for example)."""
    status, answer = client.post(route, body)
    e = answer.get("error")
    assert not e or e["param"] != param, (route, param, status, e)
    assert status != 500, (route, param, answer)


def each(hse):
    doc = document(hse)
    client = Client(hse)
    routes = list(json_routes(doc))
    missing = [p for _, p, _ in routes if p not in BODIES]
    assert not missing, f"no body in BODIES for {missing}"
    for method, route, component in routes:
        assert method == "post"
        yield client, doc, route, component, BODIES[route]()


def test_every_field_with_each_wrong_type(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            for value in WRONG.get(kind, []):
                if kind == "object" and f.get("word") and isinstance(value, str):
                    continue
                if kind == "string" and value == "" and not required:
                    continue
                name = ".".join(path)
                refused(client, route, put(body, path, value), name)
    assert client.n > 250, client.n


def test_every_field_at_and_beyond_its_bounds(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            name = ".".join(path)
            if kind in ("number", "integer") and "minimum" in f:
                step = 1 if kind == "integer" else max(abs(f["minimum"]), abs(f["maximum"])) * 1e-6 + 1e-9
                for value in (f["minimum"] - step, f["maximum"] + step, -2**53 * 3, 2**63 - 1, 1e300):
                    if kind == "integer" and isinstance(value, float) and value != 1e300:
                        value = int(value)
                    if f["minimum"] <= value <= f["maximum"]:
                        continue
                    refused(client, route, put(body, path, value), name)
                for value in (f["minimum"], f["maximum"]):
                    taken(client, route, put(body, path, value), name)
            if kind == "string" and "enum" in f:
                for value in f["enum"]:
                    taken(client, route, put(body, path, value), name) if value not in ("sse",) else None
                for value in ("no-such-word", f["enum"][0] + "x", f["enum"][0].upper()):
                    refused(client, route, put(body, path, value), name)
            if kind == "string" and "maxLength" in f and "contentEncoding" not in f:
                refused(client, route, put(body, path, "a" * (f["maxLength"] + 1)), name, (413,))
            if kind == "string" and "minLength" in f:
                refused(client, route, put(body, path, "a" * (f["minLength"] - 1)), name)
            if kind == "string" and "enum" not in f and "contentEncoding" not in f:
                refused(client, route, put(body, path, "a\0b"), None)
            if kind == "array" and "maxItems" in f:
                refused(client, route, put(body, path, [None] * (f["maxItems"] + 1)), name)


def test_every_number_that_is_none(hse):
    """NaN and infinity are not JSON; a number beyond a double is refused too."""
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if kind not in ("number", "integer"):
                continue
            for word in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"0x10", b"01", b"+1", b".5"):
                text = json.dumps(put(body, path, "@@")).encode().replace(b'"@@"', word)
                refused(client, route, text, None)


def test_every_required_field_absent_or_null(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if required and len(path) == 1:
                without = {k: v for k, v in body.items() if k != path[0]}
                refused(client, route, without, path[0])
                refused(client, route, {**without, path[0]: None}, path[0])


def test_every_optional_field_may_be_null(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if not required and not (len(path) == 1 and path[0] in body):
                taken(client, route, put(body, path, None), ".".join(path))


def test_every_field_twice(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if len(path) == 1:
                text = b'{"%s": null, "%s": null}' % (path[0].encode(), path[0].encode())
                e = refused(client, route, text, None)
                assert e["code"] == "invalid_json", e


def test_unknown_fields_are_named(hse):
    for client, doc, route, component, body in each(hse):
        assert refused(client, route, {**body, "no_such_field": 1}, "no_such_field")["code"] == "unknown_parameter"
        for path, f, kind, required in fields(doc, component):
            if kind == "object":
                inner = ".".join(path) + ".no_such_field"
                assert refused(client, route, put(body, path, {"no_such_field": 1}), inner)["code"] == "unknown_parameter"


def test_what_is_not_offered_is_refused_by_name(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if kind == "refused":
                name = ".".join(path)
                for value in ("x", 1, True, ["x"], {"a": 1}):
                    assert refused(client, route, put(body, path, value), name)["code"] == "unsupported"
                for value in (None, "", [], {}):
                    taken(client, route, put(body, path, value), name)


def test_bodies_that_are_no_object(hse):
    for client, doc, route, component, body in each(hse):
        for text in (b"[]", b"null", b"1", b'"x"', b"true", b"{", b"\xff", b"[" * 5000, b'{"a":' * 100 + b"1" + b"}" * 100):
            refused(client, route, text, None)


def test_base64_that_is_none(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if f.get("contentEncoding") == "base64":
                for value in ("%%%", "a", "data:audio/wav,abc", "data:audio/wav;base64", "====", "aGk=\u20ac"):
                    refused(client, route, put(body, path, value), ".".join(path))


def test_keep_alive_words(hse):
    client = Client(hse)
    for value in ("5m", "1h30m", "90", "250ms", 300, 0.5, "0", 0, "-1", -1):
        taken(client, "/v1/audio/speech", {"input": TEXT, "keep_alive": value}, "keep_alive")
    for value in ("m", "1x", "1h 30m", "nan", "inf", "1e3", 1e300):
        refused(client, "/v1/audio/speech", {"input": TEXT, "keep_alive": value}, "keep_alive")


def test_priority_as_a_header(hse):
    for value, status in (("0", 200), ("9", 200), ("10", 400), ("x", 400), ("", 400), ("-1", 400)):
        got, _, data = hse.request("POST", "/v1/audio/speech", {"input": TEXT}, {"x-hse-priority": value})
        assert got == status, (value, got, data[:200])
        assert status == 200 or json.loads(data)["error"]["param"] == "x-hse-priority"
