"""Every field that a request may hold changes something, or is refused by name: the table says which test shows it. A field without
a row, and a row whose test is not there or does not speak of the field, fails."""
import ast
import functools
import os
import re

import server


# Fields with one meaning everywhere.
EVERYWHERE = {
    "priority": "unit/engine/test_schedule.c", "timeout_s": "sdk.test_a_deadline_is_not_tried_again",
    "keep_alive": "models_life.test_keep_alive_of_a_request",
}
REACHES = "transcribe.test_every_field_reaches_the_recogniser"
DECODING = {f: REACHES for f in (
    "language", "languages", "prompt", "temperature", "temperature_inc", "keywords", "hotwords", "prefix", "batched", "multilingual",
    "without_timestamps", "no_timestamps", "condition_on_previous_text", "beam_size", "best_of", "patience", "length_penalty",
    "repetition_penalty", "no_repeat_ngram_size", "compression_ratio_threshold", "log_prob_threshold", "no_speech_threshold",
    "hallucination_silence_threshold", "max_initial_timestamp", "max_new_tokens", "clip_timestamps", "seed", "prompt_reset_on_temperature",
    "suppress_blank", "suppress_tokens", "prepend_punctuations", "append_punctuations", "chunk_length", "language_detection_threshold",
    "language_detection_segments")}
DECODING["vad_parameters"] = "transcribe.test_vad_parameters"
DECODING["vad_filter"] = "transcribe.test_silence_gives_no_text"
SPEECH_FIRST = {"input_vad_mode": "filters.test_input_vad_mode_finds_the_speech_first",
                "input_vad_data": "filters.test_input_vad_data_is_the_answer_of_the_vad_route"}
FIRST = {"pre_processing_filters": "filters.test_every_recording_may_be_filtered_first"}
BOTH_WAYS = {f: "filters.test_filters_before_and_after" for f in ("pre_processing_filters", "post_generation_filters")}
AUDIO_OUT = {"normalize": "convert.test_fields_change_something", "response_format": "convert.test_fields_change_something",
             "output_options": "convert.test_fields_change_something"}
SOUND = {"format": "fields.test_formats_and_rates_in_json", "sample_rate": "fields.test_formats_and_rates_in_json", "stream": "speech.test_wav_header"}
TABLE = {
    "LoadModelRequest": {"model": "models_life.test_load_ps_unload", "keep_alive": "models_life.test_load_ps_unload"},
    "UnloadModelRequest": {"model": "models_life.test_load_ps_unload", "timeout_s": "models_life.test_unload_waits_for_requests"},
    "ListLoadedRequest": {"all": "models_life.test_load_ps_unload"},
    "NoFields": {},
    "TextToSpeechRequest": {
        "model": "fields.test_model_chooses", "input": "speech.test_text_normalization", "voice": "speech.test_fields_change_something",
        "language": "fields.test_language", "mode": "unit/engine/test_route.c",
        "response_format": "speech.test_openai_sdk_every_format", "stream_format": "sse.test_events_default_to_mp3_and_decide_before_accept",
        "speed": "speech.test_fields_change_something", "input_audio": "speech.test_cloning_by_embedding_is_cloning_by_audio",
        "input_embedding": "speech.test_cloning_by_embedding_is_cloning_by_audio", "generation_options": "speech.test_fields_change_something",
        "output_options": "speech.test_fields_change_something", "text_normalization": "speech.test_text_normalization",
        "normalize": "speech.test_fields_change_something", **SPEECH_FIRST, **BOTH_WAYS},
    "GenerationOptions": {"seed": "speech.test_seed_comes_back", "style": "narrators.test_styles", "speed": "speech.test_fields_change_something",
                          "pitch": "speech.test_fields_change_something", "energy": "speech.test_fields_change_something"},
    "AudioOutputOptions": SOUND,
    "EmbedSpeakerRequest": {"model": "embed_vad.test_embedding_is_normalised_and_repeatable", "input_audio": "embed_vad.test_embed_data_url", **SPEECH_FIRST, **FIRST,
                            **{f: "quality.test_similarity_of_two_voices" for f in ("reference_audio", "reference_embedding", "reference_voice")}},
    "SpeechTranscribeRequest": {**{f: "transcribe.test_hse_json" for f in ("input_audio", "get_language", "get_timestamps", "task")},
                                "model": "transcribe.test_hse_json", **FIRST, **DECODING},
    "CreateTranscriptionRequest": {
        "model": "transcribe.test_the_sdk_gets_every_response_format", "file": "transcribe.test_the_sdk_gets_every_response_format",
        "response_format": "transcribe.test_the_sdk_gets_every_response_format", "include": "transcribe.test_the_sdk_gets_every_response_format",
        "timestamp_granularities": "transcribe.test_the_sdk_gets_every_response_format", "stream": "transcribe.test_the_sdk_streams",
        "chunking_strategy": "transcribe.test_chunking_strategy_in_its_three_spellings", "translate": REACHES, **FIRST, **DECODING},
    "CreateTranslationRequest": {"model": "transcribe.test_the_sdk_translates", "file": "transcribe.test_the_sdk_translates",
                                 "response_format": "transcribe.test_the_sdk_translates",
                                 "timestamp_granularities": "transcribe.test_the_sdk_translates", "stream": "transcribe.test_the_sdk_streams", **FIRST, **DECODING},
    "VadParameters": {f: "transcribe.test_vad_parameters" for f in
                      ("threshold", "neg_threshold", "min_speech_duration_ms", "max_speech_duration_s", "min_silence_duration_ms", "speech_pad_ms")},
    "ChunkingStrategy": {**{f: "transcribe.test_chunking_strategy_in_its_three_spellings" for f in ("type", "threshold", "silence_duration_ms")},
                         "prefix_padding_ms": "fields.test_prefix_padding"},
    "VoiceConversionRequest": {
        "model": "convert.test_hse_json_of_a_conversion", "source_audio": "convert.test_hse_json_of_a_conversion",
        **{f: "convert.test_the_target_is_a_recording_an_embedding_or_a_stored_voice" for f in ("target_audio", "voice")},
        "target_embedding": "convert.test_hse_json_of_a_conversion", "generation_options": "convert.test_hse_json_of_a_conversion",
        **{f: "filters.test_conversions_have_filters_too" for f in BOTH_WAYS}, **SPEECH_FIRST, **AUDIO_OUT},
    "AudioConversionRequest": {"mode": "restore.test_modes_are_taken_or_refused_by_name", "model": "convert.test_hse_json_of_a_restoration", "source_audio": "convert.test_hse_json_of_a_restoration", **AUDIO_OUT},
    "AudioFilter": {"model": "filters.test_filters_before_and_after"},
    "CreateVoiceRequest": {f: "voices.test_upload_once_use_by_name" for f in ("name", "audio_sample", "consent", "type")},
    "DetectVoiceActivityRequest": {
        "model": "fields.test_model_chooses", "input_audio": "embed_vad.test_vad_of_silence", "get_timestamps": "embed_vad.test_vad_of_silence", **FIRST,
        **{f: "embed_vad.test_vad_parameters_change_something" for f in
           ("return_seconds", "threshold", "neg_threshold", "min_speech_duration_ms", "min_silence_duration_ms", "speech_pad_ms",
            "max_speech_duration_s")}},
}
TESTS = os.path.join(server.ROOT, "tests")


def request_schemas(doc):
    """The components that requests are made of, with those inside them, forms under the name of their JSON sister."""
    todo, seen = [], set()
    for operations in doc["paths"].values():
        for o in operations.values():
            for content in o.get("requestBody", {}).get("content", {}).values():
                todo.append(content["schema"]["$ref"].rsplit("/", 1)[1])
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        todo += re.findall(r"#/components/schemas/(\w+)", str(doc["components"]["schemas"][name]))
    return sorted(seen)


@functools.cache
def functions(module):
    """{name: source} of a test module's functions."""
    path = os.path.join(TESTS, "api", f"test_{module}.py")
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        text = f.read()
    return {n.name: ast.get_source_segment(text, n) for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}


def says(test, field):
    """Does this test exist and speak of the field?"""
    if "/" in test:
        path = os.path.join(TESTS, test)
        return os.path.exists(path) and re.search(rf"\b{field}\b", open(path).read())
    module, name = test.split(".")
    source = functions(module).get(name, "")
    return re.search(rf"\b{re.escape(field)}\b", source)


def own_table():
    """The rows of this file and those of modules that name their own: FIELDS = {component: {field: test}}."""
    table = {k: dict(v) for k, v in TABLE.items()}
    for file in sorted(os.listdir(os.path.join(TESTS, "api"))):
        if not (file.startswith("test_") and file.endswith(".py")):
            continue
        with open(os.path.join(TESTS, "api", file)) as f:
            for n in ast.parse(f.read()).body:
                if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "FIELDS":
                    for component, rows in ast.literal_eval(n.value).items():
                        table.setdefault(component, {}).update(rows)
    return table


def test_every_field_has_a_test_that_shows_what_it_does(hse):
    doc, table = hse.get("/openapi.json"), own_table()
    lacking, wrong = [], []
    for component in request_schemas(doc):
        sister = component.removesuffix("Form")
        rows = {**EVERYWHERE, **table.get(sister, {}), **table.get(component, {})}
        for name, f in doc["components"]["schemas"][component]["properties"].items():
            field = name.removesuffix("[]")
            if f.get("deprecated"):
                continue                            # refused by name: test_schema shows it
            if field not in rows:
                lacking.append(f"{component}.{field}")
            elif not says(rows[field], field):
                wrong.append(f"{component}.{field}: {rows[field]} is not there, or does not speak of it")
    assert not lacking and not wrong, "\n".join([f"no test: {x}" for x in lacking] + wrong)


# ---- what no other module shows ---------------------------------------------------------------------------------------

def test_model_chooses(hse):
    """"model": a name of the list answers under that name; an empty one is the first; another is 404."""
    for path, body, listed in (("/v1/audio/speech", {"input": "Hi."}, "/v1/audio/speech/models"),
                               ("/v1/audio/vad", {"input_audio": server.speech_base64()}, "/v1/audio/vad/models")):
        names = [m["id"] for m in hse.get(listed)["data"]]
        for model in names:
            assert hse.post(path, {**body, "model": model})["model"] == model
        assert hse.post(path, {**body, "model": ""})["model"] == hse.post(path, body)["model"] == names[0]
        assert hse.request("POST", path, {**body, "model": "other"})[0] == 404


def test_language(hse):
    """"language" is checked against what the model can do."""
    for language, status in (("en", 200), ("EN", 200), ("", 200), ("ja", 400), ("xx", 400)):
        got, _, data = hse.request("POST", "/v1/audio/speech", {"input": "Hi.", "language": language})
        assert got == status, (language, got, data[:200])


def test_prefix_padding(_):
    """chunking_strategy[prefix_padding_ms] reaches the recogniser."""
    import fake
    import json
    with fake.running() as f:
        body, head = fake.form([("chunking_strategy[type]", "server_vad"), ("chunking_strategy[prefix_padding_ms]", "450")],
                               [("file", "a.wav", server.speech_wav())])
        status, _, data = f.request("POST", "/v1/audio/transcriptions", body, head)
        assert status == 200 and "vad_pad=450" in json.loads(data)["text"], data[:300]


def test_formats_and_rates_in_json(hse):
    """output_options {"format", "sample_rate"}: what the audio is, by its first bytes and its header."""
    import base64
    magic = {"wav": b"RIFF", "mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3"), "opus": b"OggS", "aac": (b"\xff\xf1", b"\xff\xf9"), "flac": b"fLaC"}
    for name, first in magic.items():
        data = base64.b64decode(hse.post("/v1/audio/speech", {"input": "Hi.", "output_options": {"format": name}})["data"])
        assert data.startswith(first), (name, data[:8])
    for rate in (8000, 22050, 48000):
        data = base64.b64decode(hse.post("/v1/audio/speech", {"input": "Hi.", "output_options": {"sample_rate": rate}})["data"])
        assert server.wav_samples(data)[1] == rate
