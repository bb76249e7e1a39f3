"""Signing in at emulated clouds from the web admin: by a code that is pasted, by the browser that comes back."""

import os
import unittest
import urllib.parse

from admin_client import AdminOracxfs, Browser
from clouds import CLOUDS, Clouds, Emulators
from harness import eventually, main, read_file


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = Clouds.reason_to_skip(CLOUDS)
        if reason:
            raise unittest.SkipTest(reason)
        cls.fs = AdminOracxfs()
        cls.addClassCleanup(cls.fs.close)
        cls.fs.start()
        cls.browser = cls.fs.set_up()
        cls.emulators = Emulators(os.path.join(cls.fs.base, "emulators"))
        cls.addClassCleanup(cls.emulators.close)

    def tearDown(self):
        self.assertIsNotNone(self.fs.pid(), "the daemon died")

    def begin(self, kind, name, mode, **more):
        about = self.emulators.introduction[kind]
        body = {"mode": mode, "type": kind, "settings": {"base_url": about["base_url"], "ca_file": about["ca_file"]}, **more}
        return self.browser.post("/providers/%s/oauth/start" % name, body)

    def agree(self, kind, url):
        return self.emulators.ask(kind, "browse", url=url)["answer"]

    def test_dropbox_by_paste(self):
        about = self.emulators.introduction["dropbox"]
        begun = self.begin("dropbox", "box", "paste", app_key=about["app_key"])
        code = self.agree("dropbox", begun["url"])
        slip = self.browser.api("POST", "/oauth/finish", {"state": begun["state"], "code": ""}, expect=None)
        self.assertEqual(slip.status, 400)
        other = Browser(self.fs.port).sign_in()  # another session can't finish it
        self.assertEqual(other.api("POST", "/oauth/finish", {"state": begun["state"], "code": code}, expect=None).status, 404)
        done = self.browser.post("/oauth/finish", {"state": begun["state"], "code": code})
        self.assertEqual((done["status"], [step["ok"] for step in done["steps"]]), ("done", [True] * 5), done)
        shown = self.browser.get("/providers/box")
        self.assertTrue(shown["secrets"]["token"]["set"])
        self.assertEqual(self.browser.api("POST", "/oauth/finish", {"state": begun["state"], "code": code}, expect=None).status, 404)  # once
        self.assertEqual(eventually(lambda: self.browser.get("/providers/box")["state"] == "active", "it is active"), True)
        out = self.browser.post("/providers/box/sign-out")
        self.assertTrue(out["was_signed_in"])
        self.assertEqual(self.browser.get("/providers/box")["state"], "auth_needed")
        again = self.browser.post("/providers/box/oauth/start", {"mode": "paste"})  # knows the app by itself
        done = self.browser.post("/oauth/finish", {"state": again["state"], "code": self.agree("dropbox", again["url"])})
        self.assertEqual(done["status"], "done", done)
        self.browser.api("DELETE", "/providers/box")

    def test_google_comes_back_by_itself(self):
        client = read_file(self.emulators.introduction["google-drive"]["client_file"]).decode()
        begun = self.begin("google-drive", "drive", "redirect", client=client)
        self.assertEqual(begun["redirect_uri"], "http://localhost:%d/admin/cloud/oauth/callback" % self.fs.port)
        self.assertEqual(self.browser.get("/oauth/" + begun["state"])["status"], "waiting")
        came_back = urllib.parse.urlsplit(self.agree("google-drive", begun["url"]))
        stranger = Browser(self.fs.port)  # the cookie does not come along
        foreign = {"Sec-Fetch-Site": "cross-site"}
        wrong = stranger.send("GET", came_back.path + "?state=x&code=y", headers=foreign)
        self.assertEqual(wrong.status, 403)
        page = stranger.send("GET", came_back.path + "?" + came_back.query, headers=foreign)
        self.assertEqual(page.status, 200)
        self.assertIn(("url=/admin/cloud/#oauth=" + begun["state"]).encode(), page.body)
        self.assertEqual(page.cookies, [])
        done = self.browser.get("/oauth/" + begun["state"])
        self.assertEqual(done["status"], "done", done)
        self.assertEqual(stranger.send("GET", came_back.path + "?" + came_back.query, headers=foreign).status, 403)  # once
        self.assertEqual(stranger.api("GET", "/oauth/" + begun["state"], expect=None).status, 401)
        self.assertEqual(self.browser.get("/providers/drive")["type"], "google-drive")
        self.browser.api("DELETE", "/providers/drive")

    def begin_device(self, name):
        client = read_file(self.emulators.introduction["google-drive"]["device_client_file"]).decode()
        begun = self.begin("google-drive", name, "device", client=client)
        self.assertRegex(begun["user_code"], r"^\w{4}-\w{4}$")
        self.assertTrue(begun["verification_url"].startswith("https://"), begun)
        self.assertEqual(begun["interval_ms"], 1000)
        self.assertEqual(self.browser.get("/oauth/" + begun["state"])["status"], "working")
        return begun

    def end_of(self, state):
        return eventually(lambda: (lambda answer: answer if answer["status"] in ("done", "failed") else None)(self.browser.get("/oauth/" + state)), "the sign-in ends", 30)

    def test_google_by_a_code_that_is_entered_on_another_device(self):
        begun = self.begin_device("phone")
        self.assertEqual(Browser(self.fs.port).sign_in().api("GET", "/oauth/" + begun["state"], expect=None).status, 404)  # another session's
        self.emulators.ask("google-drive", "approve_device", user_code=begun["user_code"])
        done = self.end_of(begun["state"])
        self.assertEqual((done["status"], [step["ok"] for step in done["steps"]]), ("done", [True] * 5), done)
        self.assertEqual(eventually(lambda: self.browser.get("/providers/phone")["state"] == "active", "it is active"), True)
        self.assertTrue(self.browser.get("/providers/phone")["secrets"]["token"]["set"])
        self.browser.api("DELETE", "/providers/phone")

    def test_a_code_that_was_declined_or_forgotten_is_told(self):
        for command, words in (("deny_device", "declined"), ("expire_device", "expired")):
            begun = self.begin_device("phone")
            self.emulators.ask("google-drive", command, user_code=begun["user_code"])
            failed = self.end_of(begun["state"])
            self.assertEqual(failed["status"], "failed", failed)
            self.assertIn(words, failed["error"]["why"])
            self.assertEqual(self.browser.api("GET", "/providers/phone", expect=None).status, 404)

    def test_a_code_that_is_given_up_is_not_asked_for_any_more(self):
        begun = self.begin_device("phone")
        self.browser.api("DELETE", "/oauth/" + begun["state"])  # returns when its thread has ended
        self.emulators.ask("google-drive", "clear_log")
        self.emulators.ask("google-drive", "approve_device", user_code=begun["user_code"])
        again = self.begin_device("phone")  # takes longer than the one before would have
        self.emulators.ask("google-drive", "deny_device", user_code=again["user_code"])
        self.assertEqual(self.end_of(again["state"])["status"], "failed")
        asked = [request for request in self.emulators.ask("google-drive", "log")["log"] if request["endpoint"] == "oauth.token"]
        # The second one is asked for once or more, and is not granted; the first one would be.
        self.assertEqual({request["status"] for request in asked} - {428}, {403}, asked)
        self.assertEqual(self.browser.api("GET", "/providers/phone", expect=None).status, 404)

    def test_what_the_service_refuses_is_told(self):
        client = read_file(self.emulators.introduction["google-drive"]["client_file"]).decode()
        begun = self.begin("google-drive", "no", "redirect", client=client)
        query = urllib.parse.urlencode({"state": begun["state"], "error": "access_denied", "error_description": "<script>alert(1)</script>"})
        page = Browser(self.fs.port).send("GET", "/admin/cloud/oauth/callback?" + query)
        self.assertNotIn(b"<script>", page.body)
        failed = self.browser.get("/oauth/" + begun["state"])
        self.assertEqual(failed["status"], "failed")
        self.assertIn("access_denied", failed["error"]["why"])
        self.assertEqual(self.browser.api("GET", "/providers/no", expect=None).status, 404)
        given_up = self.begin("google-drive", "no", "redirect", client=client)
        self.browser.api("DELETE", "/oauth/" + given_up["state"])
        self.assertEqual(self.browser.api("GET", "/oauth/" + given_up["state"], expect=None).status, 404)

    def test_nonsense_is_refused_before_anybody_is_asked(self):
        for name, body in (("x", {"mode": "paste", "type": "local"}), ("x", {"mode": "carrier pigeon", "type": "dropbox"}), ("X Y", {"mode": "paste", "type": "dropbox"}),
                           ("x", {"mode": "device", "type": "dropbox", "app_key": "k"}), ("x", {"mode": "paste", "type": "dropbox"}), ("x", {"mode": "paste", "type": "google-drive"})):
            answer = self.browser.api("POST", "/providers/%s/oauth/start" % urllib.parse.quote(name), body, expect=None)
            self.assertEqual(answer.status, 400, (body, answer))


if __name__ == "__main__":
    main(200)
