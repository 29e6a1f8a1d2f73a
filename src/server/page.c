/* page.c - GET /: a small page of the program's own, so that a browser can try the server: speak, store a voice, transcribe, find
 * speech. One file, nothing loaded from elsewhere; every text from outside goes into text nodes. Its only script and style
 * carry a nonce of the answer's own (the '@' below), so that the policy lets nothing else run. */
#include "server/api.h"

#include <stdio.h>
#include <sys/random.h>

static const char page[] =
    "<!doctype html>\n"
    "<html lang='en'>\n"
    "<meta charset='utf-8'>\n"
    "<meta name='viewport' content='width=device-width,initial-scale=1'>\n"
    "<title>harmonyspeech</title>\n"
    "<style nonce='@'>\n"
    ":root{color-scheme:light dark;--line:#c8c8c8;--ground:#fafafa;--card:#fff;--text:#222;--main:#24506b;--bad:#a00}\n"
    "@media(prefers-color-scheme:dark){:root{--line:#4a4f52;--ground:#16181a;--card:#202427;--text:#ddd;--main:#3d7ea6;--bad:#ff8a80}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1.5rem 1rem 4rem;color:var(--text);background:var(--ground)}\n"
    "h1{font-size:1.5rem;margin:.2rem 0}\n"
    "h2{font-size:1.1rem;margin:0 0 .6rem}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.2rem;margin:1rem 0}\n"
    "label{display:inline-flex;gap:.4rem;align-items:center;max-width:100%}\n"
    "input{min-width:0}\n"
    "textarea,select,input,button{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--line);border-radius:6px;padding:.35rem .6rem;max-width:100%}\n"
    "textarea{width:100%;box-sizing:border-box;min-height:6rem}\n"
    "button{background:var(--main);border-color:var(--main);color:#fff;cursor:pointer}\n"
    "button:disabled{opacity:.5;cursor:default}\n"
    ":focus-visible{outline:3px solid var(--main);outline-offset:2px}\n"
    ".row{display:flex;gap:.7rem;flex-wrap:wrap;align-items:center;margin:.6rem 0}\n"
    "audio{width:100%;margin-top:.4rem}\n"
    "output{display:block;white-space:pre-wrap;min-height:1.5em}\n"
    ".bad{color:var(--bad)}\n"
    "summary{cursor:pointer}\n"
    "</style>\n"
    "<h1>harmonyspeech</h1>\n"
    "<p>Speech on this machine. The API is at <code>/v1</code>: <a href='/docs'>documentation</a>.</p>\n"
    "<section id='door' hidden>\n"
    "<h2>Key</h2>\n"
    "<form id='key' class='row'><label>This server wants a key <input id='k' type='password' autocomplete='off'></label><button>Use it</button>\n"
    "<output id='ke' class='bad' role='status'></output></form>\n"
    "</section>\n"
    "<section>\n"
    "<h2>Speak</h2>\n"
    "<form id='speak'>\n"
    "<label for='t'>Text</label>\n"
    "<textarea id='t' required>Hello there. It is half past nine, and the sun is shining.</textarea>\n"
    "<div class='row'><label>Voice <select id='v'></select></label>\n"
    "<label>Speed <input id='s' type='number' min='0.25' max='4' step='0.05' value='1'></label>\n"
    "<button>Speak</button></div>\n"
    "<output id='se' role='status'></output>\n"
    "<audio id='a' controls></audio>\n"
    "<p><a id='d' download='speech.wav' hidden>Download</a></p>\n"
    "</form>\n"
    "<details><summary>Add a voice of your own</summary>\n"
    "<form id='add' class='row'><label>Name <input id='n' maxlength='64' required></label>\n"
    "<label>Recording <input id='r' type='file' accept='audio/*,video/*' required></label><button>Store</button></form>\n"
    "<output id='ae' role='status'></output></details>\n"
    "</section>\n"
    "<section>\n"
    "<h2>Transcribe</h2>\n"
    "<div class='row'><label>Recording <input id='f' type='file' accept='audio/*,video/*'></label>\n"
    "<label><input id='w' type='checkbox'> to English</label></div>\n"
    "<output id='fe' role='status'></output>\n"
    "</section>\n"
    "<section>\n"
    "<h2>Find speech</h2>\n"
    "<div class='row'><label>Recording <input id='g' type='file' accept='audio/*,video/*'></label></div>\n"
    "<output id='ge' role='status'></output>\n"
    "</section>\n"
    "<script nonce='@'>\n"
    "'use strict';\n"
    "const $ = id => document.getElementById(id);\n"
    "let key = sessionStorage.getItem('key') || '';\n"
    "\n"
    "/* Every call: with the key where there is one; an error becomes the server's own sentence. */\n"
    "async function call(path, options = {}) {\n"
    "  options.headers = {...options.headers, ...(key && {Authorization: 'Bearer ' + key})};\n"
    "  const r = await fetch(path, options);\n"
    "  if (r.ok) return r;\n"
    "  if (r.status === 401) { $('door').hidden = false; $('k').focus(); }\n"
    "  let text = 'HTTP ' + r.status;\n"
    "  try { text = (await r.json()).error.message; } catch (ignored) { /* no JSON: the status says enough */ }\n"
    "  throw Error(text);\n"
    "}\n"
    "\n"
    "function show(id, text, bad) {\n"
    "  $(id).textContent = text;\n"
    "  $(id).className = bad ? 'bad' : '';\n"
    "}\n"
    "\n"
    "/* Runs f with the form's button off; what goes wrong is shown. */\n"
    "async function busy(id, button, f) {\n"
    "  if (button) button.disabled = true;\n"
    "  try { await f(); } catch (x) { show(id, x.message, true); } finally { if (button) button.disabled = false; }\n"
    "}\n"
    "\n"
    "async function voices() {\n"
    "  const list = (await (await call('/v1/audio/voices')).json()).voices, had = $('v').value;\n"
    "  $('v').replaceChildren(...list.map(v => new Option(v.name, v.id)));\n"
    "  if (list.some(v => v.id === had)) $('v').value = had;\n"
    "  show('se', list.length ? '' : 'No voice is here yet: add one below.');\n"
    "}\n"
    "\n"
    "const start = () => voices().then(() => { $('door').hidden = true; }, x => show('se', x.message, true));\n"
    "\n"
    "$('key').onsubmit = ev => {\n"
    "  ev.preventDefault();\n"
    "  key = $('k').value.trim();\n"
    "  sessionStorage.setItem('key', key);\n"
    "  start().then(() => show('ke', $('door').hidden ? '' : 'The server does not know this key.', true));\n"
    "};\n"
    "\n"
    "$('speak').onsubmit = ev => {\n"
    "  ev.preventDefault();\n"
    "  busy('se', ev.submitter, async () => {\n"
    "    show('se', 'Speaking...');\n"
    "    const r = await call('/v1/audio/speech', {method: 'POST', headers: {'Content-Type': 'application/json', Accept: 'audio/wav'},\n"
    "      body: JSON.stringify({input: $('t').value, voice: $('v').value || undefined, speed: +$('s').value, response_format: 'wav'})});\n"
    "    URL.revokeObjectURL($('a').src);\n"
    "    $('a').src = $('d').href = URL.createObjectURL(await r.blob());\n"
    "    $('d').hidden = false;\n"
    "    show('se', '');\n"
    "    $('a').play().catch(() => { /* the browser wants a click first */ });\n"
    "  });\n"
    "};\n"
    "\n"
    "$('add').onsubmit = ev => {\n"
    "  ev.preventDefault();\n"
    "  busy('ae', ev.submitter, async () => {\n"
    "    const form = new FormData();\n"
    "    form.append('name', $('n').value);\n"
    "    form.append('audio_sample', $('r').files[0]);\n"
    "    const v = await (await call('/v1/audio/voices', {method: 'POST', body: form})).json(), q = v.quality;\n"
    "    await voices();\n"
    "    $('v').value = v.name;\n"
    "    show('ae', v.name + ' is stored: ' + q.speech_seconds.toFixed(1) + ' s of speech' +\n"
    "      (q.snr_db === null ? '' : ', ' + q.snr_db.toFixed(0) + ' dB over the noise') + (q.clipped > 0.001 ? ', clipped in places' : '') + '.');\n"
    "  });\n"
    "};\n"
    "\n"
    "/* The events of a stream, one after another. */\n"
    "async function* events(r) {\n"
    "  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();\n"
    "  let text = '';\n"
    "  for (;;) {\n"
    "    const {done, value} = await reader.read();\n"
    "    if (done) return;\n"
    "    text += value;\n"
    "    for (let end; (end = text.indexOf('\\n\\n')) >= 0; text = text.slice(end + 2))\n"
    "      if (text.startsWith('data: ')) yield JSON.parse(text.slice(6, end));\n"
    "  }\n"
    "}\n"
    "\n"
    "$('f').onchange = () => busy('fe', $('f'), async () => {\n"
    "  const file = $('f').files[0], form = new FormData();\n"
    "  if (!file) return;\n"
    "  show('fe', 'Listening...');\n"
    "  if ($('w').checked) form.append('translate', 'true');\n"
    "  form.append('stream', 'true');\n"
    "  form.append('file', file);\n"
    "  let text = '';\n"
    "  for await (const e of events(await call('/v1/audio/transcriptions', {method: 'POST', body: form}))) {\n"
    "    if (e.error) throw Error(e.error.message);\n"
    "    text = e.type === 'transcript.text.done' ? e.text : text + e.delta;\n"
    "    show('fe', text);\n"
    "  }\n"
    "  if (!text) show('fe', 'No speech.');\n"
    "});\n"
    "\n"
    "$('g').onchange = () => busy('ge', $('g'), async () => {\n"
    "  const file = $('g').files[0];\n"
    "  if (!file) return;\n"
    "  show('ge', 'Listening...');\n"
    "  const data = await new Promise((good, bad) => {\n"
    "    const reader = new FileReader();\n"
    "    reader.onload = () => good(reader.result.split(',')[1] || '');\n"
    "    reader.onerror = () => bad(reader.error);\n"
    "    reader.readAsDataURL(file);\n"
    "  });\n"
    "  const found = await (await call('/v1/audio/vad', {method: 'POST', headers: {'Content-Type': 'application/json'},\n"
    "    body: JSON.stringify({input_audio: data, get_timestamps: true})})).json();\n"
    "  show('ge', found.timestamps.map(t => (t.start / 16000).toFixed(2) + ' s to ' + (t.end / 16000).toFixed(2) + ' s').join('\\n') || 'No speech.');\n"
    "});\n"
    "\n"
    "start();\n"
    "</script>\n";

/* 128 random bits as hexadecimal digits. */
static bool make_nonce(char out[33])
{
    uint8_t random[16];

    if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
    return true;
}

static void put_page(hse_buf *out, const char *nonce)
{
    for (const char *p = page, *at; *p; p = at) {
        at = strstr(p, "nonce='@'");
        hse_buf_append(out, p, at ? (size_t)(at - p) : strlen(p));
        if (!at)
            return;
        hse_buf_printf(out, "nonce='%s'", nonce);
        at += 9;
    }
}

void api_page(http_job *job, void *arg)
{
    char nonce[33], policy[320];
    hse_buf out;

    (void)arg;
    hse_buf_init(&out, 2 * sizeof page);
    if (make_nonce(nonce)) {
        snprintf(policy, sizeof policy, "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; media-src blob:; "
                 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nonce, nonce);
        http_job_header(job, "Content-Security-Policy", policy);
        put_page(&out, nonce);
    }
    http_job_header(job, "X-Content-Type-Options", "nosniff");
    http_job_header(job, "Referrer-Policy", "no-referrer");
    http_job_header(job, "Cache-Control", "no-store");
    if (out.size && out.status == HSE_OK)
        http_job_answer(job, 200, "text/html; charset=utf-8", out.data, out.size);
    else
        http_job_fail(job, 503, "the page cannot be made now");
    hse_buf_free(&out);
}
