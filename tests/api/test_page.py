"""GET /: the page of the program's own. What it is without a browser; with one (HSE_CHROMIUM, or chromium on the PATH) it is used as a
person would: keys, speaking, storing a voice, transcribing, finding speech."""
import os
import re
import shutil

import fake
import server

KEY = "page-test-key-123"


def test_the_page_lets_nothing_in(hse):
    seen = set()
    for _ in range(2):
        status, head, data = hse.request("GET", "/")
        assert status == 200 and head["content-type"] == "text/html; charset=utf-8" and head["x-content-type-options"] == "nosniff"
        policy = head["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy)[1]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        text = data.decode()
        assert text.count(f"nonce='{nonce}'") == 2 and text.count("<script") == 1 and text.count("<style") == 1
        assert not re.search(r"https?://|innerHTML|\son[a-z]+=|style=|javascript:", text.replace("$('", "")), "nothing from elsewhere, no markup from texts"
        seen.add(nonce)
    assert len(seen) == 2, "a nonce is used once"


def test_every_call_of_the_page_is_a_route(hse):
    text = hse.request("GET", "/")[2].decode()
    paths = set(re.findall(r"'(/v1/[a-z/]+)'", text))
    assert paths == {"/v1/audio/voices", "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/vad"}, paths
    assert paths <= set(hse.get("/openapi.json")["paths"])


def browser():
    return os.environ.get("HSE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def test_in_a_browser(hse):
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        return                                                              # make test has no browser: playwright of PyPI and Debian's chromium bring one
    if not browser():
        return
    with fake.running(api_keys=KEY) as f, sync_playwright() as p:
        b = p.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        page = b.new_page()
        trouble = []
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" and "401" not in m.text else None)
        page.on("pageerror", lambda e: trouble.append(str(e)))
        page.goto(f.url + "/")
        page.wait_for_selector("#door:not([hidden])")
        page.fill("#k", "wrong")
        page.click("#key button")
        expect(page.locator("#ke")).to_contain_text("does not know")
        page.fill("#k", KEY)
        page.click("#key button")
        page.wait_for_selector("#door", state="hidden")
        expect(page.locator("#v option")).to_have_count(4)
        page.click("#speak button")
        page.wait_for_selector("#d:not([hidden])")
        for _ in range(100):
            if page.locator("#a").evaluate("a => a.duration > 1"):
                break
            page.wait_for_timeout(50)
        else:
            raise AssertionError("the player has no audio")
        page.click("summary")
        page.fill("#n", "<b>me")
        page.set_input_files("#r", server.SPEECH)
        page.click("#add button")
        expect(page.locator("#ae")).to_contain_text("is stored")
        assert page.input_value("#v") == "<b>me" and page.locator("#v b, #ae b").count() == 0
        page.set_input_files("#f", server.SPEECH)
        expect(page.locator("#fe")).to_contain_text("word3")
        page.set_input_files("#g", server.SPEECH)
        expect(page.locator("#ge")).to_contain_text(" s to ")
        page.set_input_files("#g", os.path.abspath(__file__))
        expect(page.locator("#ge")).to_have_class("bad")
        shot = os.environ.get("HSE_SCREENSHOT")
        if shot:
            page.set_input_files("#g", server.SPEECH)
            expect(page.locator("#ge")).to_contain_text(" s to ")
            page.screenshot(path=shot, full_page=True)
        page.set_viewport_size({"width": 340, "height": 700})               # a telephone: nothing sticks out
        page.click("summary")
        assert page.evaluate("document.documentElement.scrollWidth") <= 340
        trouble = [t for t in trouble if "400" not in t]
        assert not trouble, trouble
        b.close()
