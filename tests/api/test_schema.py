"""Generated from the tables of routes and fields (by way of /openapi.json, which is written from them): every route, every field,
each wrong type, each bound inside and outside, absent, twice, unknown. A new route without a row in BODIES fails."""
import http.client
import json

import server

TEXT = "Hi."


def _audio():
    return server.speech_base64()


# The smallest good body of each route with a JSON body (of /v1/audio/voices one that stores nothing).
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
    "/v1/audio/voices": lambda: {"name": "somebody", "audio_sample": "bm8gYXVkaW8="},
}
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
        if kind == "array":
            item, inner = resolve(doc, f["items"])
            if inner == "object" and "properties" in item:
                yield from fields(doc, item["title"], prefix + (name, 0))
            else:
                yield prefix + (name, 0), item, inner, True


def called(path):
    """("a", 0, "b") -> "a[0].b"."""
    return "".join(f"[{x}]" if isinstance(x, int) else "." + x for x in path)[1:]


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
    for name, after in zip(path, path[1:] + ("",)):
        new = value if after == "" else [None] if isinstance(after, int) else {}
        if isinstance(name, int) or name not in at or after == "":
            at[name] = new
        at = at[name]
    return body


def refused(client, route, body, param, statuses=(400,)):
    status, answer = client.post(route, body)
    shown = body if isinstance(body, bytes) else {k: str(v)[:40] for k, v in body.items()}
    assert status in statuses, (route, shown, status, str(answer)[:300])
    assert param is None or answer["error"]["param"] == param, (route, shown, param, answer["error"])
    return answer["error"]


def taken(client, route, body, param):
    """The field's value is not what is wrong (the request may fail otherwise, by its deadline for example; or the task may have
    no use for the field and say so)."""
    status, answer = client.post(route, body)
    e = answer.get("error")
    assert status not in (400, 413) or e["param"] != param or e["code"] == "unsupported", (route, param, status, e)
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
                name = called(path)
                refused(client, route, put(body, path, value), name)
    assert client.n > 250, client.n


def test_every_field_at_and_beyond_its_bounds(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            name = called(path)
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
                taken(client, route, put(body, path, None), called(path))


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
                inner = called(path) + ".no_such_field"
                assert refused(client, route, put(body, path, {"no_such_field": 1}), inner)["code"] == "unknown_parameter"


def test_what_is_not_offered_is_refused_by_name(hse):
    for client, doc, route, component, body in each(hse):
        for path, f, kind, required in fields(doc, component):
            if kind == "refused":
                name = called(path)
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
                    refused(client, route, put(body, path, value), called(path))


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


# ---- forms ------------------------------------------------------------------------------------------------------------

WRONG_TEXT = {"number": ["x", "1,5", "nan", "inf", "0x10", "1e999", "true", "[1]"], "integer": ["x", "1.5", "nan", "1e3", "true"],
              "boolean": ["yes", "2", "TRUE", "on"], "duration": ["soon", "5 m", "--1"]}


def form(parts):
    """A multipart body of (name, text or bytes) pairs; bytes go as a file."""
    out = b""
    for name, value in parts:
        file = isinstance(value, bytes)
        out += b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (name.encode(), b'; filename="a.wav"' if file else b"")
        out += (value if file else str(value).encode()) + b"\r\n"
    return out + b"--x--\r\n"


def forms(hse):
    """(client, doc, path, component, the smallest good form, its text fields) of every route that takes a form."""
    doc = document(hse)
    client = Client(hse)
    for path, operations in doc["paths"].items():
        for method, o in operations.items():
            content = o.get("requestBody", {}).get("content", {})
            if "multipart/form-data" not in content:
                continue
            component = content["multipart/form-data"]["schema"]["$ref"].rsplit("/", 1)[1]
            schema = doc["components"]["schemas"][component]
            good = [(n, b"no audio" if resolve(doc, schema["properties"][n])[0].get("format") == "binary" else "somebody")
                    for n in schema["required"]]
            yield client, doc, path, component, good


def sent(client, path, parts):
    return client.post(path, form(parts), "multipart/form-data; boundary=x")


def form_refused(client, path, parts, param, statuses=(400,)):
    status, answer = sent(client, path, parts)
    e = answer.get("error")
    assert status in statuses and e["param"] == param, (path, [p[0] for p in parts], param, status, e)
    return e


def test_forms_every_field_with_each_wrong_value(hse):
    n = 0
    for client, doc, path, component, good in forms(hse):
        for name, f, kind, required in ((p[0], *rest) for p, *rest in fields(doc, component) if len(p) == 1):
            plain = name.removesuffix("[]")
            inner = kind if kind != "array" else resolve(doc, f["items"])[1]
            for value in WRONG_TEXT.get(inner, []):
                form_refused(client, path, good + [(name, value)], plain if kind != "array" else plain + "[0]")
                n += 1
            if inner == "string" and "enum" in (f if kind != "array" else f["items"]):
                form_refused(client, path, good + [(name, "no-such-word")], plain if kind != "array" else plain + "[0]")
            if inner == "refused":
                assert form_refused(client, path, good + [(name, "x")], plain)["code"] == "unsupported"
            if kind in ("number", "integer") and "minimum" in f:
                for value in (f["minimum"] - 1, f["maximum"] + 1):
                    form_refused(client, path, good + [(name, int(value) if kind == "integer" else value)], plain)
                for value in (f["minimum"], f["maximum"]):
                    status, answer = sent(client, path, good + [(name, int(value) if kind == "integer" else value)])
                    e = answer.get("error", {})
                    assert status not in (400, 413) or e["param"] != plain or e["code"] == "unsupported", (path, name, value, answer)
    assert n > 100, n


def test_forms_every_field_twice_unknown_and_absent(hse):
    for client, doc, path, component, good in forms(hse):
        for name in ("no_such_field", "no_such_field[]", "file[x]", "model[", "model[a]", "[]"):
            assert form_refused(client, path, good + [(name, "1")], name)["code"] == "unknown_parameter"
        for p, f, kind, required in fields(doc, component):
            if len(p) > 1 or kind in ("array", "refused"):
                continue
            value = {"number": "1", "integer": "1", "boolean": "true", "duration": "1", "object": "{}"}.get(kind, "a")
            if "enum" in f:
                value = f["enum"][0]
            parts = [x for x in good if x[0] != p[0]]
            form_refused(client, path, parts + [(p[0], value), (p[0], value)], p[0])
            if required:
                form_refused(client, path, parts, p[0])


def test_forms_that_are_damaged(hse):
    for client, doc, path, component, good in forms(hse):
        whole = form(good)
        for cut in range(0, len(whole) - 4, 7):
            status, answer = client.post(path, whole[:cut], "multipart/form-data; boundary=x")
            assert status == 400, (path, cut, status, answer)
        for kind, status in (("multipart/form-data", 400), ("multipart/form-data; boundary=", 400), ("multipart/form-data; boundary=y", 400),
                             ("multipart/mixed; boundary=x", 415 if not BODIES.get(path) else 400)):
            got, answer = client.post(path, whole, kind)
            assert got in (status, 400, 415), (path, kind, got)
