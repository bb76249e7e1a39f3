"""The web admin's interface against the real program: what it answers is what the command line answers, and what
openapi.json says."""

import hashlib
import json
import os
import unittest

import harness
from admin_client import API, BASE, AdminOracxfs, Browser, Events, backed_up, problems_with
from harness import eventually, main


class AdminTest(unittest.TestCase):
    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        cls.fs = AdminOracxfs(settings=cls.SETTINGS)
        cls.addClassCleanup(cls.fs.close)
        cls.source = os.path.join(cls.fs.base, "source")
        os.makedirs(os.path.join(cls.source, "sub"))
        harness.write_file(os.path.join(cls.source, "hello.txt"), b"hello world\n" * 100)
        harness.write_file(os.path.join(cls.source, "sub", "data.bin"), harness.content(300_000))
        cls.fs.start()
        cls.browser = cls.fs.set_up()
        tag = cls.browser.api("GET", "/settings").headers["etag"]
        cls.browser.api("PUT", "/settings", {"set": {"backup.sources": [{"path": cls.source, "kind": "tree"}]}}, headers={"If-Match": tag})

    def tearDown(self):
        self.assertIsNotNone(self.fs.pid(), "the daemon died")


class Described(AdminTest):
    def test_answers_are_as_described(self):
        browser = self.browser
        backed_up(browser)
        browser.post("/tokens", {"name": "t", "scope": "read"}, expect=201)
        document = browser.api("GET", "/openapi.json").json
        examples = {"name": "a", "id": "latest", "run": "r-1", "state": "none"}
        for path, operations in document["paths"].items():
            if "get" not in operations or path in ("/events", "/notifications", "/tasks/{id}", "/oauth/{state}"):
                continue
            concrete = path
            for name, value in examples.items():
                concrete = concrete.replace("{%s}" % name, value)
            concrete += {"/explain": "?code=E-QUOTA-FULL", "/backups/{id}/file": "?path=oracxfs/installation.json"}.get(path, "")
            answer = browser.api("GET", concrete, expect=None)
            self.assertEqual(answer.status, 200, (path, answer))
            content = operations["get"]["responses"]["200"]["content"]
            (kind,) = content
            self.assertTrue(answer.headers["content-type"].startswith(kind), (path, answer.headers))
            if "schema" in content[kind]:
                self.assertEqual(problems_with(answer.json, content[kind]["schema"], document), [], path)
        errors = {"missing": browser.api("GET", "/providers/none", expect=404), "wrong": browser.api("GET", "/backups?limit=x", expect=400),
                  "unknown member": browser.api("POST", "/runs", {"labell": "x"}, expect=400), "no JSON": browser.api("POST", "/runs", raw=b"{", expect=400)}
        for what, answer in errors.items():
            self.assertEqual(problems_with(answer.json, {"$ref": "#/components/schemas/Envelope"}, document), [], what)
            self.assertEqual(answer.error["http"], answer.status)

    def test_same_as_the_command_line(self):
        ours, theirs = self.browser.get("/status"), self.fs.status()
        for name in ("state", "copies", "files", "mount", "backups"):
            self.assertEqual(ours[name], theirs[name], name)
        self.assertEqual(self.browser.get("/retention")["daily"], 14)
        self.assertEqual([p["name"] for p in self.browser.get("/providers")["providers"]], ["a", "b"])

    def test_methods_and_addresses_that_do_not_exist(self):
        self.assertEqual(self.browser.api("GET", "/nothing", expect=404).error["code"], "E-NOT-FOUND")
        answer = self.browser.api("PUT", "/runs", {}, expect=405)
        self.assertEqual(answer.headers["allow"], "POST, GET")
        self.assertEqual(self.browser.send("GET", "/").headers["location"], BASE + "/")
        self.assertEqual(self.browser.send("GET", BASE).status, 302)
        self.assertEqual(self.browser.send("HEAD", API + "/status").body, b"")

    def test_page_and_its_files(self):
        page = self.browser.send("GET", BASE + "/", headers={"Accept-Language": "fr-CH, en;q=0.5"})
        self.assertEqual(page.status, 200)
        self.assertIn(b'lang="fr"', page.body)
        for place in (b"%ASSETS%", b"%BASE%", b"%LANG%", b"%NOSCRIPT%"):
            self.assertNotIn(place, page.body)
        self.assertIn(b"<table>", page.body)
        self.assertNotIn(b"<table>", Browser(self.fs.port).send("GET", BASE + "/").body)  # nobody is signed in
        whole = self.browser.send("GET", BASE + "/assets/openapi.json")
        packed = self.browser.send("GET", BASE + "/assets/openapi.json", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertLess(len(packed.body), len(whole.body) / 4)
        self.assertEqual(self.browser.send("GET", BASE + "/assets/openapi.json", headers={"If-None-Match": whole.headers["etag"]}).status, 304)

    def test_metrics(self):
        text = self.browser.api("GET", "/metrics").body.decode()
        self.assertIn('oracxfs_state{state="protected"} 1', text)
        self.assertIn('oracxfs_provider_up{provider="a",type="local"} 1', text)
        self.assertRegex(text, r"(?m)^oracxfs_files \d+$")
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) |[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+]+$)')

    def test_who_did_what_stands_in_the_activity_log(self):
        self.browser.api("PUT", "/schedule", {"every": "6h"})
        events = self.browser.get("/activity?category=admin")["events"]
        self.assertTrue(any("auto_sync.every" in event["message"] and "by admin from 127.0.0.1" in event["message"] for event in events), events)


class Backups(AdminTest):
    def test_a_run_and_what_comes_of_it(self):
        browser = self.browser
        events = Events(browser)
        self.assertEqual(events.next()[0], "hello")
        key = {"Idempotency-Key": "k1"}
        run = browser.post("/runs", {"label": "mine"}, expect=202, headers=key)["run"]
        self.assertEqual(browser.post("/runs", {"label": "mine"}, expect=202, headers=key)["run"], run)
        seen = events.until(lambda name, data: name == "run" and data["type"] == "run_ended")
        self.assertEqual(seen[-1][1]["state"], "succeeded")
        self.assertEqual([data["type"] for name, data in seen if name == "run"][:1], ["run_started"])
        self.assertEqual({data["provider"] for name, data in seen if name == "replica" and data["state"] == "verified"}, {"a", "b"})
        events.close()
        (backup,) = [b for b in browser.get("/backups")["backups"] if b["label"] == "mine"]
        self.assertEqual(backup["copies"], {"wanted": 2, "verified": 2})
        name = backup["name"]
        whole = harness.read_file(self.fs.at("a", name))
        answer = browser.api("GET", "/backups/%s/download" % name)
        self.assertEqual(answer.body, whole)
        self.assertIn(name, answer.headers["content-disposition"])
        self.assertTrue(answer.headers["content-disposition"].startswith("attachment"))
        self.assertEqual(browser.api("GET", "/backups/%s/download?from=b" % name).body, whole)
        part = browser.api("GET", "/backups/%s/download" % name, expect=206, headers={"Range": "bytes=10-99"})
        self.assertEqual((part.body, part.headers["content-range"]), (whole[10:100], "bytes 10-99/%d" % len(whole)))
        self.assertEqual(browser.api("GET", "/backups/%s/download" % name, expect=416, headers={"Range": "bytes=%d-" % len(whole)}).headers["content-range"], "bytes */%d" % len(whole))
        self.assertEqual(browser.api("GET", "/backups/%s" % name).data["sha256"], hashlib.sha256(whole).hexdigest())

    def test_one_run_at_a_time(self):
        bulk = os.path.join(self.source, "bulk")
        harness.write_file(bulk, harness.content(40 << 20))
        self.addCleanup(os.unlink, bulk)
        # So slow that it can't be over before it is cancelled.
        self.browser.api("PUT", "/settings", {"set": {"replication.upload_limit": "128KiB/s"}}, headers={"If-Match": "*"})
        self.addCleanup(self.fs.wait)
        self.addCleanup(self.browser.api, "PUT", "/settings", {"unset": ["replication.upload_limit"]}, headers={"If-Match": "*"})
        run = self.browser.post("/runs", {"force": True}, expect=202)["run"]
        second = self.browser.api("POST", "/runs", {}, expect=None)
        self.assertEqual((second.status, second.data["run"]), (409, run))
        self.browser.post("/runs/%s/cancel" % run)
        eventually(lambda: self.browser.get("/runs/" + run)["state"] == "cancelled", "the run is cancelled")
        self.assertEqual(self.browser.api("POST", "/runs/%s/cancel" % run, expect=None).status, 404)

    def test_pin_label_pages_and_delete(self):
        browser = self.browser
        browser.api("PUT", "/retention", {"keep_last": 100})  # what a run prunes when it is over must not change the pages
        self.addCleanup(browser.api, "PUT", "/retention", {"keep_last": 4})
        for _ in range(3):
            backed_up(browser)
        first = browser.get("/backups?limit=2")
        self.assertEqual(len(first["backups"]), 2)
        rest = browser.get("/backups?limit=100&cursor=" + first["next"])
        self.assertIsNone(rest["next"])
        self.assertEqual(len(first["backups"]) + len(rest["backups"]), first["total"])
        name = rest["backups"][-1]["name"]
        self.assertTrue(browser.api("PATCH", "/backups/" + name, {"pinned": True, "label": "keep"}).data["pinned"])
        self.assertEqual([b["name"] for b in browser.get("/backups?q=keep")["backups"]], [name])
        self.assertEqual(browser.api("DELETE", "/backups/" + name, expect=None).status, 409)
        browser.api("PATCH", "/backups/" + name, {"pinned": False})
        self.assertEqual(browser.api("DELETE", "/backups/latest", expect=None).status, 400)
        browser.api("DELETE", "/backups/" + name)
        self.assertEqual(browser.api("GET", "/backups/" + name, expect=None).status, 404)

    def test_prune_does_only_what_was_shown(self):
        browser = self.browser
        browser.api("PUT", "/retention", {"keep_last": 100})  # what a run prunes when it is over must not change the plan below
        for _ in range(3):
            backed_up(browser)
        self.assertEqual(browser.post("/retention/preview")["remove"], [])
        rules = {"keep_last": 1, "daily": 0, "weekly": 0, "monthly": 0, "max_delete_percent": 100}
        shown = browser.post("/retention/preview", rules)
        self.assertGreaterEqual(len(shown["remove"]), 2)
        self.assertEqual(browser.api("POST", "/prune", {"plan_id": "x"}, expect=None).status, 409)
        self.assertEqual(browser.api("POST", "/prune", {"plan_id": shown["plan_id"]}, expect=None).status, 409)  # not saved
        self.assertEqual(browser.api("PUT", "/retention", rules).data["keep_last"], 1)
        plan = browser.post("/retention/preview")
        removed = browser.post("/prune", {"plan_id": plan["plan_id"]})["removed"]
        self.assertEqual(sorted(removed), sorted(p["name"] for p in shown["remove"]))
        self.assertEqual(browser.get("/backups")["total"], 1)
        browser.api("PUT", "/retention", {"keep_last": 4, "daily": 14})


class Providers(AdminTest):
    def test_from_adding_to_removing(self):
        browser, folder = self.browser, os.path.join(self.fs.base, "p-c")
        body = {"name": "c", "type": "local", "settings": {"path": folder}}
        self.assertEqual([step["step"] for step in browser.post("/provider-test", body)["steps"]], ["connect", "write", "read", "hash", "delete"])
        self.assertEqual(len(browser.get("/providers")["providers"]), 2)
        events = Events(browser)
        events.next()
        self.assertTrue(browser.post("/providers", body, expect=201)["saved"])
        events.until(lambda name, data: name == "provider" and data["name"] == "c")
        self.fs.await_state(browser, "c")  # nobody waits for one that was not reached yet
        self.assertEqual(browser.api("POST", "/providers", body, expect=None).status, 409)
        harness.write_file(self.fs.path("everywhere"), b"data")
        self.assertEqual(harness.read_file(os.path.join(folder, "everywhere")), b"data")
        self.assertFalse(browser.post("/providers/c/disable")["enabled"])
        self.assertEqual(browser.get("/providers/c")["state"], "inactive")
        self.assertTrue(browser.post("/providers/c/enable")["enabled"])
        browser.api("PATCH", "/providers/c", {"name": "c2"})
        self.assertEqual(browser.get("/providers/c2")["settings"], {"path": folder})
        self.assertEqual(browser.api("GET", "/providers/c", expect=None).status, 404)
        browser.api("DELETE", "/providers/c2")
        events.until(lambda name, data: name == "provider" and data.get("removed"))
        events.close()
        self.assertTrue(os.path.exists(os.path.join(folder, "everywhere")))

    def test_what_does_not_work_is_not_saved(self):
        file = os.path.join(self.fs.base, "file")
        harness.write_file(file, b"no folder")
        body = {"name": "d", "type": "local", "settings": {"path": file}}
        tried = self.browser.post("/provider-test", body)
        self.assertFalse(tried["ok"])
        self.assertTrue(tried["error"]["code"].startswith("E-"))
        answer = self.browser.api("POST", "/providers", body, expect=422)
        self.assertFalse(answer.data["saved"])
        self.assertEqual(self.browser.api("GET", "/providers/d", expect=None).status, 404)
        for wrong in ({"type": "local", "name": "X Y"}, {"type": "nothing", "name": "x"}, {"type": "local", "name": "x", "secrets": {"password": "p"}}):
            self.assertEqual(self.browser.api("POST", "/providers", {"settings": {"path": "/tmp"}, **wrong}, expect=None).status, 400, wrong)
        self.assertEqual(self.browser.api("POST", "/providers", {"type": "local", "name": "x", "settings": {"pth": "/tmp"}}, expect=None).status, 422)

    def test_the_last_one_is_not_switched_off_by_a_slip(self):
        self.browser.post("/providers/b/disable")
        self.assertEqual(self.browser.api("POST", "/providers/a/disable", {}, expect=None).status, 409)
        self.browser.post("/providers/b/enable")
        self.assertTrue(self.browser.post("/providers/a/test")["ok"])


@unittest.skipUnless(harness.Sshd.available(), "sshd and ssh-keygen are needed (Debian: openssh-server)")
class HostKeys(AdminTest):
    def test_a_server_is_looked_at_before_it_is_trusted(self):
        server = harness.Sshd(os.path.join(self.fs.base, "sshd"))
        self.fs.servers["nas"] = server
        wanted = harness.run("ssh-keygen", "-lf", os.path.join(server.base, "hk.pub")).stdout.decode().split()[1]
        shown = self.browser.post("/provider-host-key", {"host": "127.0.0.1", "port": server.port})
        self.assertEqual(shown["fingerprint"], wanted)
        settings = {"host": "127.0.0.1", "port": server.port, "user": server.user, "folder": server.folder, "key_file": server.key, "known_hosts": "/dev/null"}
        failed = self.browser.post("/provider-test", {"type": "sftp", "name": "nas", "settings": settings})
        self.assertEqual((failed["ok"], failed["error"]["code"]), (False, "E-HOSTKEY-UNKNOWN"))
        del settings["known_hosts"]
        self.browser.post("/providers", {"type": "sftp", "name": "nas", "settings": {**settings, "host_key": wanted}}, expect=201)
        both = self.browser.post("/providers/nas/trust-host")
        self.assertEqual((both["known"], both["offered"]), (wanted, wanted))
        other = "SHA256:" + "A" * 43
        self.browser.post("/providers/nas/trust-host", {"fingerprint": other})
        self.assertEqual(self.browser.post("/providers/nas/test")["error"]["code"], "E-HOSTKEY-CHANGED")
        self.assertEqual(self.browser.api("POST", "/providers/nas/trust-host", {"fingerprint": "x"}, expect=None).status, 400)
        self.browser.post("/providers/nas/trust-host", {"fingerprint": wanted})
        self.assertTrue(self.browser.post("/providers/nas/test")["ok"])


class Settings(AdminTest):
    def test_nobody_overwrites_what_he_has_not_seen(self):
        browser = self.browser
        self.assertEqual(browser.api("PUT", "/settings", {"set": {}}, expect=None).status, 428)
        tag = browser.api("GET", "/settings").headers["etag"]
        changed = browser.api("PUT", "/settings", {"set": {"log.level": "warning"}}, headers={"If-Match": tag})
        self.assertNotEqual(changed.headers["etag"], tag)
        self.assertEqual(browser.api("PUT", "/settings", {"set": {"log.level": "info"}}, headers={"If-Match": tag}, expect=None).status, 412)
        self.assertEqual(self.fs.cli("config", "get", "log.level").stdout.strip(), b"warning")
        self.fs.cli("config", "set", "log.level", "error")  # somebody else
        self.assertEqual(browser.api("PUT", "/settings", {"unset": ["log.level"]}, headers={"If-Match": changed.headers["etag"]}, expect=None).status, 412)

    def test_what_is_wrong_is_said_and_nothing_is_saved(self):
        browser = self.browser
        answer = browser.api("GET", "/settings")
        wrong = {"set": {"auto_sync.every": "soon", "replication.min_replicas": 0}}
        refused = browser.api("PUT", "/settings", wrong, headers={"If-Match": answer.headers["etag"]}, expect=422)
        self.assertEqual(len(refused.data["problems"]), 2)
        self.assertEqual(browser.api("PUT", "/settings", {"set": {"no.such": 1}}, headers={"If-Match": "*"}, expect=None).status, 400)
        self.assertEqual(browser.api("PUT", "/settings", {"set": {"providers.a.path": "/"}}, headers={"If-Match": "*"}, expect=None).status, 400)
        self.assertEqual(browser.get("/settings"), answer.data)

    def test_schedule(self):
        browser = self.browser
        shown = browser.post("/schedule/preview", {"enabled": True, "every": "6h", "jitter": "0"})
        self.assertEqual(len(shown["next"]), 5)
        saved = browser.api("PUT", "/schedule", {"enabled": True, "at": ["06:00", "18:00"]}).data
        self.assertEqual((saved["enabled"], saved["at"], len(saved["next"])), (True, ["06:00", "18:00"], 5))
        self.assertEqual(browser.api("PUT", "/schedule", {"every": "never"}, expect=None).status, 422)
        self.assertEqual(browser.api("PUT", "/schedule", {"evry": "6h"}, expect=None).status, 400)
        browser.api("PUT", "/schedule", {"enabled": False})

    def test_admin_moves_while_it_is_used(self):
        port = harness.free_port()
        fs = AdminOracxfs()
        self.addCleanup(fs.close)
        fs.environment.pop("ORACXFS_ADMIN_LISTEN")
        fs.cli("config", "set", "admin.listen", json.dumps(["127.0.0.1:%d" % fs.port]))
        fs.start()
        browser = fs.set_up()
        browser.api("PUT", "/settings", {"set": {"admin.listen": ["127.0.0.1:%d" % port]}}, headers={"If-Match": "*"})
        eventually(lambda: fs.admin_status()["listen"] == ["127.0.0.1:%d" % port], "it listens at the other port")
        self.assertEqual(Browser(port).api("GET", "/health").json, {"ok": True})


class Secrets(AdminTest):
    def test_values_go_in_and_never_come_out(self):
        value = "passphrase-" + os.urandom(6).hex()
        self.browser.api("PUT", "/secrets/backup%2Fpassphrase", {"value": value})
        names = self.browser.api("GET", "/secrets")
        self.assertIn("backup/passphrase", names.data["names"])
        self.assertNotIn(value, names.body.decode())
        self.assertIn(b"backup/passphrase", self.fs.cli("secrets", "list").stdout)
        self.assertEqual(self.browser.api("PUT", "/secrets/a%20b", {"value": "x"}, expect=None).status, 400)
        self.browser.api("DELETE", "/secrets/backup%2Fpassphrase")
        self.assertEqual(self.browser.api("DELETE", "/secrets/backup%2Fpassphrase", expect=None).status, 404)

    def test_tokens_from_the_command_line(self):
        made = self.fs.ask("admin", "tokens", "add", "--name", "cli", "--scope", "read")["data"]
        reader = Browser(self.fs.port, made["token"])
        self.assertEqual(reader.get("/status")["state"], "protected")
        self.assertNotIn(made["token"].encode(), self.fs.cli("admin", "tokens").stdout)
        shown = self.fs.cli("admin", "tokens", "add", "--name", "text", "--scope", "read").stdout.decode().split()[0]
        self.assertEqual(Browser(self.fs.port, shown).get("/status")["state"], "protected")
        self.fs.cli("admin", "tokens", "remove", made["id"])
        self.assertEqual(reader.api("GET", "/status", expect=None).status, 401)


class Live(AdminTest):
    def test_who_was_away_is_told_what_was_missed(self):
        for name in ("a", "b"):  # else there is more to tell of the first file when one comes later
            self.fs.await_state(self.browser, name)
        events = Events(self.browser)
        events.next()
        harness.write_file(self.fs.path("one"), b"1")
        events.until(lambda name, data: name == "log" and data["path"] == "one" and data["kind"] == "verified")
        last = events.last
        harness.write_file(self.fs.path("two"), b"2")
        events.until(lambda name, data: name == "log" and data["path"] == "two")
        events.close()
        again = Events(self.browser, last)
        seen = again.until(lambda name, data: name == "log" and data["path"] == "two")
        self.assertFalse([data for name, data in seen if name == "reset" or data.get("path") == "one"])
        again.close()
        stale = Events(self.browser, 1)
        self.assertEqual([stale.next()[0], stale.next()[0]], ["hello", "reset"])
        stale.close()

    def test_state_changes_are_told(self):
        events = Events(self.browser)
        events.next()
        told = {}  # the newest of each: which is told first is not promised

        def note(name, data):
            if name in ("provider", "state"):
                told[name, data.get("name")] = data
            return True

        def until(state, wanted):
            events.until(lambda *event: note(*event) and told.get(("provider", "b"), {}).get("state") == state
                         and told.get(("state", None), {}).get("copies", {}).get("wanted") == wanted)
        self.browser.post("/providers/b/disable")
        until("inactive", 1)
        self.browser.post("/providers/b/enable")
        until("active", 2)
        events.close()

    def test_signing_out_ends_the_stream(self):
        browser = Browser(self.fs.port).sign_in()
        events = Events(browser)
        events.next()
        browser.api("DELETE", "/session")
        while events.next() is not None:
            pass
        events.close()
        self.assertEqual(browser.api("GET", "/status", expect=None).status, 401)


if __name__ == "__main__":
    main(600)
