"""The web admin against strangers: other hosts, other pages, other people on this machine, and those who only mean harm."""

import http.client
import json
import os
import resource
import select
import shutil
import socket
import ssl
import time
import unittest
import urllib.parse

import harness
from admin_client import API, BASE, PASSWORD, AdminOracxfs, Browser, Events
from harness import MIB, eventually, main, patience

SCRIPT = "<script>alert(1)</script>"


class AdminTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fs = AdminOracxfs()
        cls.addClassCleanup(cls.fs.close)
        cls.fs.start()
        cls.browser = cls.fs.set_up()

    def tearDown(self):
        self.assertIsNotNone(self.fs.pid(), "the daemon died")

    def stranger(self):
        return Browser(self.fs.port)


class Strangers(AdminTest):
    def test_only_the_head_of_the_house_is_answered_by_name(self):
        for host in ("evil.example", "localhost.evil.example", "evil.example:%d" % self.fs.port, "", "127.0.0.1.nip.example", "[::2]", "x@localhost"):
            for path in (BASE + "/", API + "/status", API + "/health", API + "/session"):
                answer = self.browser.send("GET", path, headers={"Host": host})
                self.assertEqual(answer.status, 403, (host, path, answer))
                self.assertIn(b"admin.allowed_hosts", answer.body)
        self.assertEqual(self.browser.send("GET", API + "/health", headers={"Host": ["localhost", "evil.example"]}).status, 403)
        self.assertIn(self.browser.send("GET", API + "/health", headers={"Host": None}).status, (400, 403))
        for host in ("localhost", "127.0.0.1:%d" % self.fs.port, "[::1]"):
            self.assertEqual(self.browser.send("GET", API + "/health", headers={"Host": host}).status, 200)

    def test_refusal_page_shows_the_name_without_running_it(self):
        answer = self.browser.send("GET", BASE + "/", headers={"Host": SCRIPT})
        self.assertNotIn(SCRIPT.encode(), answer.body)

    def test_nobody_who_is_not_signed_in_gets_anything(self):
        document = self.stranger().api("GET", "/openapi.json").json
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if operation["x-scope"] == "none":
                    continue
                concrete = path.replace("{", "").replace("}", "")
                answer = self.stranger().api(method.upper(), concrete, expect=None)
                self.assertEqual(answer.status, 401, (method, path, answer))
                self.assertIsNone(answer.data)

    def test_unknown_cookies_and_tokens_are_nobody(self):
        for headers in ({"Cookie": "oracxfs_session_%d=%s" % (self.fs.port, "0" * 64)}, {"Cookie": "oracxfs_session_%d=" % self.fs.port},
                        {"Authorization": "Bearer oxt_" + "0" * 64}, {"Authorization": "Bearer "}, {"Authorization": "Basic YTpi"}):
            self.assertEqual(self.stranger().api("GET", "/status", expect=None, headers=headers).status, 401, headers)
        # A token that is not known is nobody, also beside a good cookie.
        self.assertEqual(self.browser.api("GET", "/status", expect=None, headers={"Authorization": "Bearer oxt_x"}).status, 401)

    def test_other_pages_change_nothing(self):
        port = self.fs.port
        cases = {"no CSRF header": {"X-Oracxfs-CSRF": None}, "a wrong one": {"X-Oracxfs-CSRF": "0" * 32}, "another origin": {"Origin": "http://evil.example"},
                 "a sandboxed frame": {"Origin": "null"}, "another port": {"Origin": "http://localhost:%d" % (port + 1)}, "another site": {"Sec-Fetch-Site": "cross-site"},
                 "a form": {"Content-Type": "application/x-www-form-urlencoded"}, "a plain form": {"Content-Type": "text/plain"}, "no type": {"Content-Type": None}}
        before = self.browser.get("/runs")
        for what, headers in cases.items():
            for method, path, body in (("POST", "/runs", {}), ("PUT", "/schedule", {"enabled": True}), ("DELETE", "/providers/a", {}), ("POST", "/tokens", {"name": "x", "scope": "admin"})):
                answer = self.browser.api(method, path, body, expect=None, headers=headers)
                self.assertEqual(answer.status, 403, (what, path, answer))
                self.assertEqual(answer.error["code"], "E-DENIED")
        self.assertEqual(self.browser.get("/runs"), before)
        self.assertFalse(self.browser.get("/schedule")["enabled"])
        self.assertEqual(self.browser.get("/tokens")["tokens"], [])

    def test_signing_in_from_another_page_is_refused(self):
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Content-Type": "text/plain"}):
            answer = self.stranger().api("POST", "/session", {"password": PASSWORD}, expect=None, headers=headers)
            self.assertEqual(answer.status, 403)
            self.assertEqual(answer.cookies, [])

    def test_get_changes_nothing(self):
        document = self.browser.api("GET", "/openapi.json").json
        for path, operations in document["paths"].items():
            if "get" not in operations:
                answer = self.browser.api("GET", path.replace("{", "").replace("}", ""), expect=None)
                self.assertIn(answer.status, (404, 405), path)

    def test_a_planted_session_is_not_adopted(self):
        victim = self.stranger()
        victim.cookie = planted = "oracxfs_session_%d=%s" % (self.fs.port, "a" * 64)
        victim.sign_in()
        self.assertNotEqual(victim.cookie, planted)
        attacker = self.stranger()
        attacker.cookie = planted
        self.assertEqual(attacker.api("GET", "/status", expect=None).status, 401)
        # Also a real one of somebody else's ends when the browser signs in.
        first = victim.cookie
        victim.csrf = None
        victim.sign_in()
        old = self.stranger()
        old.cookie = first
        self.assertEqual(old.api("GET", "/status", expect=None).status, 401)

    def test_cookie_is_out_of_reach_of_scripts_and_other_sites(self):
        answer = self.stranger().api("POST", "/session", {"password": PASSWORD})
        (cookie,) = answer.cookies
        for part in ("HttpOnly", "SameSite=Strict", "Path=" + BASE):
            self.assertIn(part, cookie)
        self.assertNotIn("Domain", cookie)

    def test_headers_of_every_answer(self):
        for path in (BASE + "/", BASE, API + "/status", API + "/nothing", "/", "/nothing", BASE + "/assets/nothing"):
            answer = self.browser.send("GET", path)
            for name, value in (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cross-origin-opener-policy", "same-origin"), ("x-frame-options", "DENY")):
                self.assertEqual(answer.headers.get(name), value, path)
            policy = answer.headers["content-security-policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            if "/assets/" not in path:
                self.assertEqual(answer.headers["cache-control"], "no-store", path)

    def test_scopes_of_tokens(self):
        made = {scope: self.browser.post("/tokens", {"name": scope, "scope": scope}, expect=201) for scope in ("read", "operate", "admin")}
        reader, operator, admin = (Browser(self.fs.port, made[scope]["token"]) for scope in ("read", "operate", "admin"))
        eventually(lambda: reader.get("/status")["state"] == self.browser.get("/status")["state"], "both see the same")
        self.assertEqual(reader.api("POST", "/providers/a/test", expect=None).status, 403)
        self.assertEqual(reader.api("GET", "/tokens", expect=None).status, 403)
        self.assertTrue(operator.post("/providers/a/test")["ok"])
        self.assertEqual(operator.api("DELETE", "/providers/a", expect=None).status, 403)
        self.assertEqual(len(admin.get("/tokens")["tokens"]), 3)
        self.assertEqual(admin.api("GET", "/status", expect=None, headers={"Host": "evil.example"}).status, 403)
        for token in made.values():
            self.browser.api("DELETE", "/tokens/" + token["id"])
        self.assertEqual(reader.api("GET", "/status", expect=None).status, 401)
        self.assertNotIn(made["read"]["token"], self.fs.log_tail(1000))

    def test_paths_lead_nowhere_else(self):
        document = self.browser.api("GET", "/openapi.json").json
        evil = ("../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e", "..", "%2fetc%2fpasswd", "a%00b", "%", "%zz", "a%2f..%2f..%2fb", "....%2f%2f", "%c0%ae%c0%ae", "*", "%27", "x" * 3000, "latest%2f..")
        for path, operations in document["paths"].items():
            for method in operations:
                for name in (part for part in path.split("/") if part.startswith("{")):
                    for value in evil:
                        answer = self.browser.api(method.upper(), path.replace(name, value), expect=None)
                        self.assertIn(answer.status, (400, 403, 404, 405, 409, 413, 414, 422, 431), (method, path, value, answer))
                        self.assertNotIn(b"root:", answer.body)
        for value in evil:
            for path in (BASE + "/assets/" + value, BASE + "/" + value, "/" + value):
                answer = self.browser.send("GET", path)
                self.assertIn(answer.status, (302, 400, 404, 413, 414, 431), (path, answer))
                self.assertNotIn(b"root:", answer.body)

    def test_markup_in_names_stays_text(self):
        browser = self.browser
        os.makedirs(self.fs.path("d"), exist_ok=True)
        for name in (SCRIPT.replace("/", "_"), "\"onload=x", "]]>", "a\nb\r\nX-Injected: 1"):
            with open(self.fs.path("d", name), "wb") as file:
                file.write(b"x")
        evil_folder = os.path.join(self.fs.base, "<img src=x onerror=alert(1)>")
        browser.api("POST", "/providers", {"name": "evil", "type": "local", "settings": {"path": evil_folder}, "test": False}, expect=201)
        self.addCleanup(lambda: browser.api("DELETE", "/providers/evil"))
        self.assertEqual(browser.api("POST", "/providers", {"name": SCRIPT, "type": "local", "settings": {"path": "/x"}}, expect=None).status, 400)
        for path in ("/status", "/providers", "/providers/evil", "/activity", "/pending", "/settings", "/providers/" + urllib.parse.quote(SCRIPT, safe=""), "/backups/" + urllib.parse.quote(SCRIPT, safe=""),
                     "/explain?code=" + urllib.parse.quote(SCRIPT), "/folders?path=" + urllib.parse.quote(self.fs.path("d"))):
            answer = browser.api("GET", path, expect=None)
            self.assertEqual(answer.headers["content-type"], "application/json", path)
            self.assertNotIn("x-injected", answer.headers)
            json.loads(answer.body)
        page = browser.send("GET", BASE + "/")
        self.assertNotIn(b"<img", page.body)
        self.assertNotIn(b"alert(1)</script>", page.body)

    def test_secrets_are_never_given_out(self):
        secret = "s3cr3t-" + os.urandom(6).hex()
        body = {"name": "ftp1", "type": "ftp", "settings": {"host": "127.0.0.1", "port": 9, "user": "u"}, "secrets": {"password": secret}, "test": False}
        self.browser.api("POST", "/providers", body, expect=201)
        self.addCleanup(lambda: self.browser.api("DELETE", "/providers/ftp1"))
        for path in ("/providers", "/providers/ftp1", "/settings", "/settings/download", "/status", "/activity", "/metrics"):
            self.assertNotIn(secret.encode(), self.browser.api("GET", path).body, path)
        shown = self.browser.get("/providers/ftp1")["secrets"]["password"]
        self.assertTrue(shown["set"])
        self.assertEqual(shown["hint"], "…" + secret[-4:])
        self.assertNotIn(secret, self.fs.log_tail(1000))


class Throttled(AdminTest):
    def test_wrong_passwords_cost_time_and_stand_in_the_log(self):
        stranger = self.stranger()

        def ask(password):
            return stranger.api("POST", "/session", {"password": password}, expect=None)

        def refused():
            failed[0] = time.monotonic()
            return ask("wrong wrong").status == 401
        failed = [0.0]
        for wrong, pause in ((3, 1), (6, 8)):  # who needs longer than the first pause to ask again tries more often
            for number in range(wrong):
                if number < 3:
                    self.assertTrue(refused())
                else:
                    eventually(refused, "the pause after the one before ends", 30, 0.01)
            answer = ask(PASSWORD)
            if answer.status == 429:
                break
            self.assertGreater(time.monotonic() - failed[0], pause, "let in before its time")
        self.assertEqual(answer.status, 429)
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
        self.assertEqual(self.browser.get("/status")["state"], "protected")  # who is in stays in
        self.assertTrue(any("wrong password" in event["message"] for event in self.browser.get("/activity")["events"]))
        eventually(lambda: stranger.api("POST", "/session", {"password": PASSWORD}, expect=None).status == 200, "the delay ends", 30)


class FirstRun(unittest.TestCase):
    def test_only_the_code_opens_the_door(self):
        fs = AdminOracxfs()
        self.addCleanup(fs.close)
        fs.start()
        browser = Browser(fs.port)
        self.assertTrue(browser.get("/session")["setup_required"])
        self.assertEqual(browser.api("POST", "/session", {"password": PASSWORD}, expect=None).status, 409)
        self.assertEqual(browser.api("POST", "/setup", {"code": "AAAA-AAAA", "password": PASSWORD}, expect=None).status, 423)
        code = fs.ask("admin", "code")["data"]["code"]
        for left in (4, 3, 2, 1, 0):
            answer = browser.api("POST", "/setup", {"code": "AAAA-AAAA", "password": PASSWORD}, expect=None)
            self.assertEqual((answer.status, answer.data["tries_left"]), (403, left))
        self.assertEqual(browser.api("POST", "/setup", {"code": code, "password": PASSWORD}, expect=None).status, 423)
        code = fs.ask("admin", "code")["data"]["code"]
        foreign = browser.api("POST", "/setup", {"code": code, "password": PASSWORD}, expect=None, headers={"Origin": "http://evil.example"})
        self.assertEqual(foreign.status, 403)
        answer = browser.api("POST", "/setup", {"code": code.lower().replace("-", ""), "password": PASSWORD})
        self.assertTrue(answer.data["signed_in"])
        browser.csrf = answer.data["csrf"]
        self.assertEqual(browser.get("/status")["state"], "protected")
        self.assertEqual(browser.api("POST", "/setup", {"code": code, "password": "another password"}, expect=None).status, 409)
        self.assertEqual(fs.cli("admin", "code", check=False).returncode, 1)
        # The session is there after a new start, and ends when the owner says so at the terminal.
        fs.restart()
        self.assertTrue(browser.get("/session")["signed_in"])
        path = os.path.join(fs.base, "new")
        harness.write_file(path, b"a new password\n")
        fs.cli("admin", "password", "--password-file", path)
        self.assertFalse(browser.get("/session")["signed_in"])
        Browser(fs.port).sign_in("a new password")

    def test_a_taken_port_stops_nothing_else(self):
        fs = AdminOracxfs()
        self.addCleanup(fs.close)
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", fs.port))
            other.listen()
            fs.start()
            status = fs.admin_status()
            self.assertFalse(status["running"])
            self.assertIn("another program holds this port", status["error"])
            harness.write_file(fs.path("f"), b"data")
            self.assertEqual(fs.status()["state"], "protected")
        self.assertTrue(fs.ask("admin", "start")["data"]["running"])
        self.assertEqual(Browser(fs.port).api("GET", "/health").json, {"ok": True})

    def test_other_addresses_need_password_and_encryption(self):
        fs = AdminOracxfs()
        self.addCleanup(fs.close)
        fs.set("admin.listen", json.dumps(["0.0.0.0:%d" % fs.port]))
        fs.start()
        self.assertIn("no password yet", fs.admin_status()["error"])
        path = os.path.join(fs.base, "password")
        harness.write_file(path, PASSWORD.encode() + b"\n")
        fs.cli("admin", "password", "--password-file", path)
        self.assertIn("unencrypted", fs.ask("admin", "start")["error"]["why"])


@unittest.skipUnless(shutil.which("openssl"), "openssl is needed")
class Encrypted(unittest.TestCase):
    def test_by_tls_and_not_without(self):
        fs = AdminOracxfs()
        self.addCleanup(fs.close)
        certificate, key = (os.path.join(fs.base, name) for name in ("cert.pem", "key.pem"))
        harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
        fs.set("admin.tls_certificate", certificate)
        fs.set("admin.tls_key", key)
        fs.start()
        self.assertTrue(fs.admin_status()["url"].startswith("https://localhost:"))
        path = os.path.join(fs.base, "password")
        harness.write_file(path, PASSWORD.encode() + b"\n")
        fs.cli("admin", "password", "--password-file", path)
        connection = http.client.HTTPSConnection("localhost", fs.port, context=ssl.create_default_context(cafile=certificate), timeout=30 * patience())
        self.addCleanup(connection.close)
        connection.request("POST", API + "/session", json.dumps({"password": PASSWORD}), {"Content-Type": "application/json", "Origin": "https://localhost:%d" % fs.port})
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertIn("; Secure", response.getheader("Set-Cookie"))
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            with socket.create_connection(("127.0.0.1", fs.port)) as plain, old.wrap_socket(plain):
                pass
        with self.assertRaises((http.client.HTTPException, OSError)):
            Browser(fs.port).send("GET", API + "/health", timeout=10)
        self.assertIsNotNone(fs.pid())


class Load(AdminTest):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 3000:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))

    def served(self):
        took = []
        for _ in range(5):
            begin = time.monotonic()
            self.assertEqual(self.browser.send("GET", API + "/health").status, 200)
            self.browser.get("/status")
            took.append(time.monotonic() - begin)
        # Whoever waits for the others to go waits each time; a disk that is busy for a moment holds up one of them.
        self.assertLess(sorted(took)[2], 5 * patience(), took)

    def drop(self, connections):
        for connection in connections:
            connection.close()
        eventually(lambda: self.fs.admin_status()["connections"] <= 4, "connections are gone", 40)

    def test_large_bodies_are_refused(self):
        self.assertIn(self.status_of_large_body(self.browser, "/runs", b"{" + b" " * (2 << 20)), (413, None))
        password = json.dumps({"password": "x" * 20_000}).encode()
        eventually(lambda: self.status_of_large_body(self.stranger(), "/session", password) == 413, "a long password is refused")
        # Announced in pieces, so that nobody knows the size before.
        with socket.create_connection(("127.0.0.1", self.fs.port)) as connection:
            head = ["POST %s/doctor HTTP/1.1" % API] + ["%s: %s" % field for field in self.browser.headers("POST").items()] + ["Transfer-Encoding: chunked", "", ""]
            connection.sendall("\r\n".join(head).encode())
            piece = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
            for _ in range(32):
                connection.sendall(piece)
            connection.sendall(b"0\r\n\r\n")
            connection.settimeout(30 * patience())
            self.assertIn(b" 413 ", connection.recv(4096).split(b"\r\n")[0] + b" ")
        self.served()

    def status_of_large_body(self, browser, path, body):
        """None when the answer does not reach us: the connection ends with it, while the body is still on its way."""
        try:
            return browser.api("POST", path, expect=None, raw=body).status
        except (ConnectionResetError, BrokenPipeError):
            return None

    def test_a_thousand_connections_that_say_nothing(self):
        before = self.fs.resident()
        connections = []
        for _ in range(1000):
            connections.append(socket.create_connection(("127.0.0.1", self.fs.port), timeout=30 * patience()))
        self.served()
        self.assertLess(self.fs.resident() - before, 24 * MIB)
        self.assertLessEqual(self.fs.admin_status()["connections"], 544)
        self.drop(connections)
        self.served()

    def test_a_thousand_that_begin_and_do_not_end(self):
        before = self.fs.resident()
        connections = []
        for number in range(1000):
            connection = socket.create_connection(("127.0.0.1", self.fs.port), timeout=30 * patience())
            try:
                connection.sendall(b"POST %s/session HTTP/1.1\r\nHost: localhost\r\nX-Padding: %s\r\n" % (API.encode(), b"x" * 4000))
            except OSError:
                pass
            connections.append(connection)
        self.served()
        self.assertLess(self.fs.resident() - before, 40 * MIB)
        self.drop(connections)

    def test_who_sends_a_byte_now_and_then_is_sent_away(self):
        begin = time.monotonic()  # theirs begins when they come
        slow = [socket.create_connection(("127.0.0.1", self.fs.port)) for _ in range(20)]
        for connection in slow[:10]:
            connection.sendall(b"GET %s/health HTTP/1.1\r\nHost: localhost\r\n" % API.encode())
        for connection in slow[10:]:
            connection.sendall(b"POST %s/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" % API.encode())
        open_ones = list(slow)
        while open_ones and time.monotonic() - begin < 60 * patience():
            for connection in list(open_ones):
                try:
                    connection.sendall(b"X")
                except OSError:
                    open_ones.remove(connection)
            readable, _, _ = select.select(open_ones, [], [], 2)
            for connection in readable:
                try:
                    if not connection.recv(4096):
                        open_ones.remove(connection)
                except OSError:
                    open_ones.remove(connection)
            self.assertEqual(self.browser.send("GET", API + "/health").status, 200)
        for connection in slow:
            connection.close()
        self.assertEqual(open_ones, [], "still connected after %g s" % (time.monotonic() - begin))
        self.assertGreater(time.monotonic() - begin, 10)

    def test_a_hundred_streams_cost_no_thread(self):
        tokens = [self.browser.post("/tokens", {"name": "t%d" % n, "scope": "read"}, expect=201) for n in range(7)]
        self.served()
        threads, memory = self.fs.threads(), self.fs.resident()
        streams = []
        for number in range(100):
            stream = Events(Browser(self.fs.port, tokens[number // 16]["token"]))
            self.assertEqual(stream.status, 200)
            streams.append(stream)
        for stream in streams:
            self.assertEqual(stream.next()[0], "hello")
        self.served()
        self.assertLessEqual(self.fs.threads(), threads + 6)
        self.assertLess(self.fs.resident() - memory, 24 * MIB)
        harness.write_file(self.fs.path("seen"), b"seen by all")
        for stream in streams:
            stream.until(lambda name, data: name == "log" and data["path"] == "seen")
        one_too_many = Events(Browser(self.fs.port, tokens[0]["token"]))
        self.assertEqual(one_too_many.status, 429)
        for token in tokens:
            self.browser.api("DELETE", "/tokens/" + token["id"])
        for stream in streams:  # whoever lost the right to look sees no more
            while stream.next() is not None:
                pass
        self.drop([*streams, one_too_many])


if __name__ == "__main__":
    main(600)
