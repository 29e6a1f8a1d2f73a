/* docs.c - /docs and /redoc. With the packages of Swagger UI and ReDoc built in (HSE_DOCS_UI) these show the document; without,
 * both are a page of the program's own that lists it: nothing is ever loaded from elsewhere. */
#include "server/docs.h"

#include "server/api.h"

static const char own_page[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
    "<title>harmonyspeech: API</title><style>"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fafafa}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "td,th{border-bottom:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}code{font-size:.95em}"
    "details{border:1px solid #ccc;border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}summary{cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{background:#181a1b;color:#ddd}a{color:#9cf}}</style>"
    "<h1>harmonyspeech: API</h1><p>The same as data: <a href=/openapi.json>openapi.json</a>.</p><main id=m>Loading...</main><script>\n"
    "const el=(t,s,...k)=>{const e=document.createElement(t);if(s!=null)e.textContent=s;e.append(...k);return e};\n"
    "const short=(d,f)=>f.$ref?f.$ref.split('/').pop():f.anyOf?f.anyOf.map(x=>short(d,x)).join(' or '):f.enum?f.enum.join(' | '):"
    "[].concat(f.type||'any').join(' or ')+(f.items?' of '+short(d,f.items):'')+(f.minimum!=null?' '+f.minimum+' to '+f.maximum:'');\n"
    "const table=(d,s)=>{const t=el('table');t.append(el('tr',null,el('th','field'),el('th','type'),el('th','default'),el('th','')));"
    "for(const[n,f]of Object.entries(s.properties||{}))t.append(el('tr',null,el('td',null,el('code',n+((s.required||[]).includes(n)?' *':''))),"
    "el('td',short(d,f)),el('td',f.default==null?'':String(f.default)),el('td',f.description||'')));return t};\n"
    "const part=(d,title,c)=>{const o=[];for(const[k,v]of Object.entries(c||{})){const r=v.schema&&v.schema.$ref;o.push(el('p',title+': '+k+"
    "(r?' ('+r.split('/').pop()+')':'')));if(r)o.push(table(d,d.components.schemas[r.split('/').pop()]))}return o};\n"
    "fetch('/openapi.json').then(r=>r.json()).then(d=>{const m=document.getElementById('m');m.textContent='';let tag='';"
    "for(const[p,ops]of Object.entries(d.paths))for(const[k,o]of Object.entries(ops)){if(o.tags[0]!==tag){tag=o.tags[0];m.append(el('h2',tag))}"
    "const s=el('summary',null,el('code',k.toUpperCase()+' '+p),' '+o.summary);m.append(el('details',null,s,el('p',o.description||''),"
    "...part(d,'Body',(o.requestBody||{}).content),...part(d,'Answer',o.responses['200'].content)))}"
    "m.append(el('h2','Parts'));for(const[n,s]of Object.entries(d.components.schemas))m.append(el('details',null,el('summary',n),table(d,s)))})"
    ".catch(x=>document.getElementById('m').textContent='The document could not be loaded.');\n"
    "</script>";

static void page(http_job *job, const char *html, size_t size, const char *policy)
{
    http_job_header(job, "Content-Security-Policy", policy);
    http_job_header(job, "X-Content-Type-Options", "nosniff");
    http_job_answer(job, 200, "text/html; charset=utf-8", html, size);
}

static void own(http_job *job)
{
    page(job, own_page, sizeof own_page - 1,
         "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'");
}

/* Both programs write styles into the page; ReDoc searches in a worker of its own making. */
static const char ui_policy[] = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
                                "connect-src 'self'; worker-src blob:; child-src blob:";

void api_docs(http_job *job, void *arg)
{
    static const char html[] =
        "<!doctype html><html lang=en><meta charset=utf-8><title>harmonyspeech: API</title>"
        "<link rel=stylesheet href=/docs/swagger-ui.css><div id=ui></div><script src=/docs/swagger-ui-bundle.js></script>"
        "<script>SwaggerUIBundle({url:'/openapi.json',dom_id:'#ui',deepLinking:true})</script>";
    hse_bytes file;
    const char *type;

    (void)arg;
    if (api_docs_find("swagger-ui-bundle.js", &file, &type))
        page(job, html, sizeof html - 1, ui_policy);
    else
        own(job);
}

void api_redoc(http_job *job, void *arg)
{
    static const char html[] = "<!doctype html><html lang=en><meta charset=utf-8><title>harmonyspeech: API</title>"
                               "<redoc spec-url=/openapi.json></redoc><script src=/docs/redoc.standalone.js></script>";
    hse_bytes file;
    const char *type;

    (void)arg;
    if (api_docs_find("redoc.standalone.js", &file, &type))
        page(job, html, sizeof html - 1, ui_policy);
    else
        own(job);
}

static void keep(void *body)
{
    (void)body;                             /* it is part of the program */
}

void api_docs_file(http_job *job, void *arg)
{
    hse_bytes file;
    const char *type;
    api_error e;

    (void)arg;
    if (api_docs_find(http_job_request(job)->rest, &file, &type)) {
        union { const uint8_t *c; void *v; } body = {.c = file.data};
        http_job_header(job, "Cache-Control", "max-age=86400");
        http_job_answer_take(job, 200, type, body.v, file.size, keep);
        return;
    }
    api_fail(&e, 404, NULL, "there is no such file; Swagger UI and ReDoc are built in with -DHSE_DOCS_UI=ON");
    e.code = "not_found";
    api_error_answer(job, &e);
}
