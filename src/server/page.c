/* page.c - GET /: a small page of the program's own, so that a browser can try the server: speak, and find speech. One file,
 * nothing loaded from elsewhere; every text goes into text nodes. */
#include "server/api.h"

static const char page[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
    "<title>harmonyspeech</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fafafa}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}textarea,select,input,button{font:inherit;padding:.4rem .6rem;"
    "border:1px solid #bbb;border-radius:6px;background:#fff;color:inherit}textarea{width:100%;box-sizing:border-box;min-height:6rem}"
    "button{background:#245;color:#fff;border-color:#245;cursor:pointer}button:disabled{opacity:.5}.row{display:flex;gap:.6rem;"
    "flex-wrap:wrap;align-items:center;margin:.6rem 0}audio{width:100%}pre{white-space:pre-wrap}.bad{color:#a00}"
    "@media(prefers-color-scheme:dark){body{background:#181a1b;color:#ddd}textarea,select,input{background:#222;border-color:#555}}"
    "</style><h1>harmonyspeech</h1><p>Text to speech, voice cloning and voice activity on this machine. The API is at <code>/v1</code>; "
    "<a href=/v1/models>models</a>.</p>"
    "<h2>Speak</h2><form id=s><label for=t>Text</label><textarea id=t>Hello there. It is half past nine, and the sun is shining.</textarea>"
    "<div class=row><label>Voice <select id=v></select></label><label>Speed <input id=p type=number min=0.25 max=4 step=0.05 value=1></label>"
    "<button>Speak</button><span id=e class=bad role=status></span></div></form><audio id=a controls></audio>"
    "<p><a id=d download=speech.wav hidden>Download</a></p>"
    "<h2>Find speech</h2><div class=row><input id=f type=file accept='audio/*,video/*' aria-label='Recording'></div><pre id=o role=status></pre>"
    "<script>\n"
    "const $=i=>document.getElementById(i);\n"
    "async function fail(r){try{return (await r.json()).error.message}catch(x){return 'HTTP '+r.status}}\n"
    "fetch('/v1/audio/speech/models').then(r=>r.json()).then(m=>{const seen=new Set;for(const c of m.data)for(const l of c.languages||[])"
    "for(const v of l.voices||[])if(!seen.has(v.voice)){seen.add(v.voice);const o=document.createElement('option');o.textContent=v.voice;$('v').append(o)}})"
    ".catch(x=>$('e').textContent='The list of voices could not be loaded.');\n"
    "$('s').onsubmit=async ev=>{ev.preventDefault();const b=ev.submitter;if(b)b.disabled=true;$('e').textContent='';"
    "try{const r=await fetch('/v1/audio/speech',{method:'POST',headers:{'Content-Type':'application/json',Accept:'audio/wav'},"
    "body:JSON.stringify({input:$('t').value,voice:$('v').value||undefined,speed:+$('p').value,response_format:'wav'})});"
    "if(!r.ok)throw Error(await fail(r));const u=URL.createObjectURL(await r.blob());$('a').src=u;$('a').play().catch(()=>{});$('d').href=u;$('d').hidden=false}"
    "catch(x){$('e').textContent=x.message}finally{if(b)b.disabled=false}};\n"
    "$('f').onchange=async ev=>{const f=ev.target.files[0];if(!f)return;$('o').className='';$('o').textContent='Listening...';try{const d=await new Promise((y,n)=>"
    "{const q=new FileReader;q.onload=()=>y(q.result.split(',')[1]);q.onerror=()=>n(q.error);q.readAsDataURL(f)});"
    "const r=await fetch('/v1/audio/vad',{method:'POST',headers:{'Content-Type':'application/json'},body:JSON.stringify({input_audio:d,"
    "get_timestamps:true})});if(!r.ok)throw Error(await fail(r));const j=await r.json();$('o').textContent=j.timestamps.length?"
    "j.timestamps.map(t=>(t.start/16e3).toFixed(2)+' s to '+(t.end/16e3).toFixed(2)+' s').join('\\n'):'No speech.'}"
    "catch(x){$('o').className='bad';$('o').textContent=x.message}};\n"
    "</script>";

void api_page(http_job *job, void *arg)
{
    (void)arg;
    http_job_header(job, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; media-src blob:");
    http_job_header(job, "X-Content-Type-Options", "nosniff");
    http_job_answer(job, 200, "text/html; charset=utf-8", page, sizeof page - 1);
}
