"""/openapi.json is a valid document, says all that Harmony Speech Engine's says, and nothing that is not served."""
import json
import os

from openapi_spec_validator import OpenAPIV31SpecValidator

import server

# HSE's document has these and they are not here: FastAPI's own form of an error (ours is in docs/api.md).
NOT_OURS = {"HTTPValidationError", "ValidationError"}
# Fields whose default differs on purpose. input: HSE lets it be absent and then speaks nothing. format: one default is for JSON,
# another for OpenAI's binary answer, so the text says it. owned_by is who made this program.
OTHER_DEFAULT = {("TextToSpeechRequest", "input"), ("AudioOutputOptions", "format"), ("ModelCard", "owned_by"), ("VoiceOptions", "voice"),
                 ("LanguageOptions", "language"), ("ModelCard", "object"), ("ModelList", "object")}
# Choices that HSE leaves open (any string): the words are listed here.
NARROWER = {("TextToSpeechRequest", "mode"), ("AudioOutputOptions", "format"), ("ModelCard", "object"), ("ModelList", "object")}


def documents(hse):
    with open(os.path.join(server.ROOT, "tests", "data", "api", "hse-openapi.json")) as f:
        return hse.get("/openapi.json"), json.load(f)


def kinds(s):
    """The types that a schema allows, references by name."""
    if "$ref" in s:
        return {s["$ref"].rsplit("/", 1)[1]}
    if "anyOf" in s:
        return set().union(*(kinds(x) for x in s["anyOf"]))
    t = s.get("type", [])
    return set([t] if isinstance(t, str) else t)


def test_the_document_is_valid(hse):
    ours, _ = documents(hse)
    errors = list(OpenAPIV31SpecValidator(ours).iter_errors())
    assert not errors, errors[:3]
    assert ours["openapi"].startswith("3.1")


def test_every_path_of_hse_is_there(hse):
    ours, theirs = documents(hse)
    for path, operations in theirs["paths"].items():
        for method, o in operations.items():
            assert method in ours["paths"].get(path, {}), f"{method} {path}"
            if "requestBody" in o:
                want = o["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                assert ours["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]["$ref"] == want, path


def test_every_field_and_default_of_hse_is_there(hse):
    ours, theirs = documents(hse)
    n = 0
    for name, s in theirs["components"]["schemas"].items():
        if name in NOT_OURS:
            continue
        assert name in ours["components"]["schemas"], name
        have = ours["components"]["schemas"][name]["properties"]
        for field, f in s.get("properties", {}).items():
            assert field in have, f"{name}.{field}"
            mine = have[field]
            refused = mine.get("deprecated")
            if f.get("default") not in (None, "") and (name, field) not in OTHER_DEFAULT:
                assert mine.get("default", False) == f["default"], (name, field, f["default"], mine.get("default"))
            common = kinds(f) & kinds(mine) or not kinds(f) or refused
            assert common, (name, field, kinds(f), kinds(mine))
            n += 1
    assert n > 60, n


def test_defaults_are_of_their_type_and_within_bounds(hse):
    ours, _ = documents(hse)
    python = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
    for name, s in ours["components"]["schemas"].items():
        for field, f in s["properties"].items():
            if "default" not in f:
                continue
            assert any(isinstance(f["default"], python[k]) for k in kinds(f) if k in python), (name, field)
            if "enum" in f:
                assert f["default"] in f["enum"], (name, field)
            if "minimum" in f:
                assert f["minimum"] <= f["default"] <= f["maximum"], (name, field)


def test_everything_has_words(hse):
    ours, _ = documents(hse)
    for path, operations in ours["paths"].items():
        for method, o in operations.items():
            assert o["summary"] and o["tags"], (method, path)
    for name, s in ours["components"]["schemas"].items():
        for field, f in s["properties"].items():
            assert f.get("description"), f"{name}.{field} has no description"


def test_every_documented_path_is_served(hse):
    ours, _ = documents(hse)
    for path, operations in ours["paths"].items():
        for method in operations:
            body = b"{" if method == "post" else None
            status, _, data = hse.request(method.upper(), path.replace("{id}", "harmonyspeech"), body)
            if method == "get":
                assert status in (200, 404), (method, path, status)
            else:
                assert status in (400, 404, 415), (method, path, status)
            assert b"there is nothing at" not in data, (method, path)


def test_answers_fit_their_schemas(hse):
    """The answers that are JSON have the members that the document promises, and no others."""
    ours, _ = documents(hse)
    schemas = ours["components"]["schemas"]

    def check(value, s, where):
        if "$ref" in s:
            s = schemas[s["$ref"].rsplit("/", 1)[1]]
        for option in s.get("anyOf", []):
            if value is not None and "$ref" in option:
                return check(value, option, where)
        if value is None:
            assert "null" in kinds(s), where
            return
        if "properties" in s:
            assert set(value) <= set(s["properties"]), (where, set(value) - set(s["properties"]))
            assert set(s.get("required", [])) <= set(value), (where, set(s["required"]) - set(value))
            for k, v in value.items():
                check(v, s["properties"][k], f"{where}.{k}")
        if "items" in s:
            for i, v in enumerate(value):
                check(v, s["items"], f"{where}[{i}]")

    audio = server.speech_base64()
    bodies = {"/v1/audio/speech": {"input": "Hi."}, "/v1/embed/speaker": {"input_audio": audio},
              "/v1/audio/vad": {"input_audio": audio, "get_timestamps": True}, "/v1/models/load": {"model": "harmonyspeech"}}
    n = 0
    for path, operations in ours["paths"].items():
        for method, o in operations.items():
            content = o["responses"]["200"].get("content", {})
            if "application/json" not in content or "$ref" not in content["application/json"]["schema"] or (method == "post" and path not in bodies):
                continue
            status, head, data = hse.request(method.upper(), path.replace("{id}", "harmonyspeech"), bodies.get(path), {"Accept": "application/json"})
            if status == 200:
                check(json.loads(data), content["application/json"]["schema"], path)
                n += 1
    assert n >= 10, n
    _, _, data = hse.request("GET", "/v1/models/no-such-model")
    check(json.loads(data), {"$ref": "#/components/schemas/ErrorResponse"}, "error")


def test_the_pages(hse):
    for path in ("/docs", "/redoc"):
        status, head, data = hse.request("GET", path)
        assert status == 200 and head["content-type"].startswith("text/html"), path
        assert b"/openapi.json" in data and b"https://" not in data, path
        assert "default-src 'none'" in head["content-security-policy"]
