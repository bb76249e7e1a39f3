"""Who is told, by which way, and what they get: real receivers on this machine."""

import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import math
import os
import shutil
import ssl
import subprocess
import sys
import threading
import unittest

import harness
from harness import KIB, Oracxfs, content, eventually, patience, run, write_file

sys.path.append("/usr/lib/python3/dist-packages")  # where Debian's packages are, whichever Python runs this
try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult
except ImportError:
    Controller = None

KEY = "a-shared-key-for-tests"


class Receiver:
    """An HTTP server that keeps what it gets. `status`: what it answers, a number or a list of numbers for the next ones."""

    def __init__(self, port=0):
        self.got = []  # (path, headers, body)
        self.status = []
        self.changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with outer.changed:
                    outer.got.append((self.path, dict(self.headers), body))
                    status = outer.status.pop(0) if outer.status else 200
                    outer.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def wait_for(self, check, what, seconds=40):
        """The first request for which check(path, headers, body) is true."""
        with self.changed:
            found = []

            def seen():
                found[:] = [one for one in self.got if check(*one)]
                return found

            if not self.changed.wait_for(seen, seconds * patience()):
                raise AssertionError("%s: did not come, only %s" % (what, self.got))
            return found[0]

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def target_file(fs, **settings):
    """notify.* in the configuration file."""
    path = os.path.join(fs.home, "cloud_config.json")
    with open(path) as file:
        document = json.load(file)
    # Longer than a small file takes to its providers, on a slow machine too: what is on its way is no state to be told.
    settle = "%ds" % min(30, math.ceil(2 * patience()))
    document["notify"] = dict({"settle": settle, "remind": "24h", "allowed_local": ["127.0.0.1", "localhost"]}, **settings)
    document["backup"] = {"sources": [{"path": os.path.join(fs.base, "source")}]}
    os.makedirs(os.path.join(fs.base, "source"), exist_ok=True)
    write_file(os.path.join(fs.base, "source", "data"), content(KIB))
    with open(path, "w") as file:
        json.dump(document, file, indent=2)


def webhook(receiver, **more):
    return dict({"id": "ops", "type": "webhook", "url": "http://127.0.0.1:%d/hook" % receiver.port, "allow_plain_http": True}, **more)


def kind_of(kind):
    return lambda path, headers, body: json.loads(body).get("kind") == kind


class Away:
    """A local provider's folder is not there, as a disk that was pulled out."""

    def __init__(self, fs, name):
        self.path = fs.folders[name]

    def __enter__(self):
        os.rename(self.path, self.path + ".away")

    def __exit__(self, *unused):
        self.back()

    def back(self):
        if os.path.exists(self.path + ".away"):
            shutil.rmtree(self.path, ignore_errors=True)
            os.rename(self.path + ".away", self.path)


class Notify(unittest.TestCase):
    def setUp(self):
        self.fs = Oracxfs(("a", "b"), settings={"replication.min_replicas": "1"})
        self.addCleanup(self.fs.close)
        self.receiver = Receiver()
        self.addCleanup(lambda: self.receiver.close())  # of the last one

    def secret(self, name, value):
        file = os.path.join(self.fs.base, "secret")
        write_file(file, value.encode() + b"\n")
        self.fs.cli("secrets", "set", name, "--from-file", file)

    def test_a_state_that_lasts_is_told_and_its_end_and_a_restart_repeats_nothing(self):
        self.secret("notify/ops", KEY)
        target_file(self.fs, targets=[webhook(self.receiver, secret="secret:notify/ops")])
        self.fs.start()
        write_file(self.fs.path("f"), content(KIB))
        self.fs.wait()
        away = Away(self.fs, "b")
        with away:
            write_file(self.fs.path("g"), content(KIB))
            path, headers, body = self.receiver.wait_for(kind_of("degraded"), "the notice")
            self.assertEqual(path, "/hook")
            signed = headers["X-Oracxfs-Timestamp"].encode() + b"." + body
            self.assertEqual(headers["X-Oracxfs-Signature"], "sha256=" + hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest())
            notice = json.loads(body)
            self.assertEqual(notice["schema"], "oracxfs/1")
            self.assertEqual(headers["X-Oracxfs-Delivery"], notice["id"])
            self.assertEqual(notice["level"], "warning")
            self.assertIn("b is offline", notice["text"])
            self.assertEqual(notice["details"]["before"], "protected")
            eventually(lambda: self.last("ops")["ok"], "it is recorded")
            self.fs.restart()
            eventually(lambda: self.fs.provider("b")["state"] == "offline", "b is found away again")
        self.fs.cli("providers", "test", "b", check=False)
        _, _, body = self.receiver.wait_for(kind_of("recovered"), "the end", seconds=60)
        self.assertEqual(json.loads(body)["details"]["state"], "protected")
        self.assertEqual(sum(1 for one in self.receiver.got if kind_of("degraded")(*one)), 1, "a restart is no reason to repeat")
        # Written when the receiver's answer has come.
        eventually(lambda: [line["kind"] for line in self.fs.ask("log", "--category", "notify")["data"]["events"]].count("notified") >= 2, "both are in the log")
        self.assertEqual([line["kind"] for line in self.fs.ask("log", "--category", "state")["data"]["events"]], ["degraded", "protected"])

    def last(self, target):
        rows = self.fs.ask("notifications", "list")["data"]["targets"]
        return next(row["last"] or {"ok": False} for row in rows if row["id"] == target)

    def test_what_could_not_be_delivered_survives_a_crash(self):
        self.receiver.close()
        self.receiver = Receiver(harness.free_port())  # a port that stays ours while nobody listens
        self.receiver.status = [503] * 1000
        target_file(self.fs, targets=[webhook(self.receiver)])
        self.fs.start()
        with Away(self.fs, "b"):
            write_file(self.fs.path("f"), content(KIB))
            first = self.receiver.wait_for(kind_of("degraded"), "the first attempt")
            # It waits from the beginning; what became of the attempt is known when its answer has come.
            row = eventually(lambda: [row for row in self.fs.ask("notifications", "list")["data"]["targets"] if row["waiting"] and row["last"]], "it waits")[0]
            self.assertIn("503", row["last"]["error"])
            self.assertFalse(row["last"]["ok"])
            self.fs.kill()
            # Another one: what the dead daemon had still sent does not count here.
            self.receiver.close()
            self.receiver = Receiver(self.receiver.port)
            self.fs.start()
            again = self.receiver.wait_for(kind_of("degraded"), "the attempt of the next daemon")
            self.assertEqual(json.loads(again[2])["id"], json.loads(first[2])["id"], "it is the same notice")
            eventually(lambda: self.last("ops")["ok"], "it was delivered")
            self.assertEqual(len(self.receiver.got), 1)

    def test_a_heartbeat_tells_start_and_success_and_failure(self):
        target_file(self.fs, targets=[{"id": "hc", "type": "heartbeat", "url": "http://127.0.0.1:%d/ping/uuid" % self.receiver.port, "allow_plain_http": True}])
        self.fs.start()
        self.fs.cli("sync")
        self.receiver.wait_for(lambda path, headers, body: path == "/ping/uuid" and b"2 of 2 copies verified" in body, "success")
        self.assertEqual([path for path, _, _ in self.receiver.got], ["/ping/uuid/start", "/ping/uuid"])
        self.receiver.got.clear()
        with Away(self.fs, "a"), Away(self.fs, "b"):
            self.fs.cli("sync", check=False)
            self.receiver.wait_for(lambda path, headers, body: path == "/ping/uuid/fail", "failure")
        self.assertEqual([path for path, _, _ in self.receiver.got], ["/ping/uuid/start", "/ping/uuid/fail"])

    def test_a_sync_without_a_daemon_tells_too(self):
        target_file(self.fs, targets=[{"id": "hc", "type": "heartbeat", "url": "http://127.0.0.1:%d/ping" % self.receiver.port, "allow_plain_http": True}])
        self.fs.cli("sync")
        self.assertEqual([path for path, _, _ in self.receiver.got][-1:], ["/ping"], "before the command ends")
        kinds = [line["kind"] for line in self.fs.ask("log", "--category", "run")["data"]["events"]]
        self.assertEqual(kinds, ["run_started", "run_succeeded"])

    def test_a_failed_run_is_told_once(self):
        target_file(self.fs, on=["run", "recovered"], targets=[webhook(self.receiver)])
        self.fs.start()
        with Away(self.fs, "a"), Away(self.fs, "b"):
            for _ in range(2):
                self.fs.cli("sync", check=False)
            body = json.loads(self.receiver.wait_for(kind_of("run"), "the failure")[2])
            self.assertEqual(body["level"], "error")
            self.assertTrue(body["details"]["run"].startswith("r-"))
        eventually(lambda: self.fs.provider("a")["state"] == self.fs.provider("b")["state"] == "active", "both are back", seconds=60)
        self.fs.cli("sync")
        self.receiver.wait_for(lambda path, headers, body: json.loads(body)["topic"] == "run" and json.loads(body)["kind"] == "recovered", "the success after it")
        self.assertEqual(sum(1 for one in self.receiver.got if kind_of("run")(*one)), 1)

    def test_list_and_test_with_and_without_a_daemon(self):
        target_file(self.fs, targets=[webhook(self.receiver), webhook(self.receiver, id="far", url="http://127.0.0.1:%d/x" % harness.free_port()),
                                      {"id": "desk", "type": "desktop"}])
        self.fs.environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
        self.fs.environment["XDG_RUNTIME_DIR"] = self.fs.base
        for daemon in (False, True):
            if daemon:
                self.fs.start()
            tested = self.fs.ask("notifications", "test", "ops")
            self.assertEqual(tested["data"]["answer"], "200", tested)
            self.receiver.wait_for(kind_of("test"), "the test")
            failed = self.fs.ask("notifications", "test", "far")
            self.assertFalse(failed["ok"])
            self.assertEqual(failed["exit_code"], 5)
            self.assertEqual(self.fs.ask("notifications", "test", "desk")["data"]["answer"], "no desktop session")
            self.assertEqual(self.fs.ask("notifications", "test", "nobody")["exit_code"], 8)
        rows = {row["id"]: row for row in self.fs.ask("notifications", "list")["data"]["targets"]}
        self.assertTrue(rows["ops"]["last"]["ok"])
        self.assertFalse(rows["far"]["last"]["ok"])
        self.assertEqual(rows["ops"]["place"], "127.0.0.1")
        self.assertIn(b"127.0.0.1", self.fs.cli("notifications", "list").stdout)
        self.fs.stop()
        self.assertTrue(self.fs.ask("notifications", "list")["data"]["targets"][0]["last"]["ok"], "it is known without a daemon")
        mode = os.stat(os.path.join(self.fs.home, "notify.json")).st_mode & 0o777
        self.assertEqual(mode, 0o600)


class Desktop(unittest.TestCase):
    """A session bus of its own with a notification service on it; what shows the notices is the desktop's real notify-send."""

    PYTHON = "/usr/bin/python3"  # Debian's, which knows the bus

    def setUp(self):
        for program, package in (("notify-send", "libnotify-bin"), ("dbus-daemon", "dbus-daemon")):
            if not shutil.which(program):
                self.skipTest("%s is needed (Debian: %s)" % (program, package))
        if run(self.PYTHON, "-c", "import dbus.mainloop.glib, gi.repository.GLib", check=False).returncode != 0:
            self.skipTest("a notification service is needed (Debian: python3-dbus, python3-gi)")
        self.fs = Oracxfs(("a", "b"), settings={"replication.min_replicas": "1"})
        self.addCleanup(self.fs.close)
        # Without the services that this machine has: a bus starts the one that shows notices when it is asked for.
        configuration = os.path.join(self.fs.base, "bus.conf")
        write_file(configuration, ('<busconfig><type>session</type><listen>unix:dir=%s</listen><policy context="default"><allow send_destination="*" eavesdrop="true"/>'
                                   '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>' % self.fs.base).encode())
        self.bus = subprocess.Popen(["dbus-daemon", "--config-file=" + configuration, "--nofork", "--nopidfile", "--print-address=1"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(self.end, self.bus)
        self.fs.environment["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().decode().strip()
        self.fs.environment["LC_ALL"] = "fr_FR.UTF-8"
        target_file(self.fs, targets=[{"id": "desk", "type": "desktop", "on": ["degraded", "at_risk", "unprotected", "provider"]}])
        self.shown = []

    def end(self, process):
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        process.terminate()
        process.wait()

    def begin_service(self):
        service = subprocess.Popen([self.PYTHON, os.path.join(os.path.dirname(os.path.abspath(__file__)), "notification_service.py")],
                                   env=self.fs.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, service)
        self.assertTrue(json.loads(service.stdout.readline())["ready"])
        reader = threading.Thread(target=lambda: [self.shown.append(json.loads(line)) for line in service.stdout], daemon=True)
        reader.start()
        self.addCleanup(reader.join, 10)
        self.addCleanup(service.stdin.close)  # it ends, and the reader with it
        return service

    def wait_for(self, word):
        eventually(lambda: any(word in one["summary"] for one in self.shown), lambda: "%s is shown: %r" % (word, self.shown), 60)
        return next(one for one in self.shown if word in one["summary"])

    def test_notices_are_shown_in_the_users_language(self):
        tested = self.fs.ask("notifications", "test", "desk")
        self.assertEqual((tested["exit_code"], tested["error"]["code"]), (5, "E-UNAVAILABLE"), "a bus on which nobody shows anything")
        self.assertIn("notification service", tested["error"]["why"])
        self.begin_service()
        for daemon in (False, True):
            if daemon:
                self.fs.start()
            self.shown.clear()
            self.assertEqual(self.fs.ask("notifications", "test", "desk")["data"]["answer"], "shown")
            one = self.wait_for("test de la notification « desk »")
            self.assertEqual((one["app"], one["icon"], one["urgency"]), ("oracxfs", "dialog-information", 1))
            self.assertIn("Ceci est un test.", one["body"])
        with Away(self.fs, "b"):
            write_file(self.fs.path("f"), content(KIB))
            one = self.wait_for("DÉGRADÉ")
            self.assertEqual(one["icon"], "dialog-warning")
            self.assertIn("b est hors ligne", one["body"])
            self.assertIn("Suite : oracxfs ", one["body"])
        eventually(lambda: self.fs.provider("b")["state"] == "active", "b is back", 60)


@unittest.skipUnless(Controller, "needs aiosmtpd (Debian: python3-aiosmtpd)")
class Mail(unittest.TestCase):
    USER, PASSWORD = "backup", "mail-password-123"

    def setUp(self):
        self.fs = Oracxfs(("a",))
        self.addCleanup(self.fs.close)
        self.pem = os.path.join(self.fs.base, "mail.pem")
        self.key = os.path.join(self.fs.base, "mail.key")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", self.key, "-out", self.pem)
        self.mails = []
        file = os.path.join(self.fs.base, "secret")
        write_file(file, self.PASSWORD.encode() + b"\n")
        self.fs.cli("secrets", "set", "notify/mail", "--from-file", file)

    def serve(self, tls, implicit=False, auth=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem, self.key)
        mails = self.mails

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None or implicit, session.authenticated))
                return "250 taken"

        def check(server, session, envelope, mechanism, data):
            good = data.login == self.USER.encode() and data.password == self.PASSWORD.encode()
            return AuthResult(success=good, handled=good)

        options = {"hostname": "localhost", "port": harness.free_port(), "ready_timeout": 60 * patience()}
        if auth:
            options.update(authenticator=check, auth_required=True, auth_require_tls=not implicit)
        if tls and not implicit:
            options.update(tls_context=context, require_starttls=True)
        if implicit:
            options.update(ssl_context=context)
        controller = Controller(Handler(), **options)
        controller.start()
        self.addCleanup(controller.stop)
        return options["port"]

    def configure(self, port, **more):
        target_file(self.fs, targets=[dict({"id": "mail", "type": "email", "host": "localhost", "port": port, "user": self.USER, "auth": "secret:notify/mail",
                                            "from": "backup@example.org", "to": ["me@example.org", "you@example.org"], "ca_file": self.pem}, **more)])

    def check_mail(self):
        self.assertEqual(len(self.mails), 1)
        sender, recipients, data, encrypted, authenticated = self.mails[0]
        self.assertEqual((sender, recipients), ("backup@example.org", ["me@example.org", "you@example.org"]))
        self.assertTrue(encrypted)
        self.assertTrue(authenticated)
        mail = email.message_from_bytes(data, policy=email.policy.default)
        self.assertIn("test of the notification", mail["Subject"])
        self.assertIn("This is a test.", mail.get_content())
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertFalse(mail.defects)

    def test_starttls_and_sign_in(self):
        self.configure(self.serve(tls=True))
        tested = self.fs.ask("notifications", "test", "mail")
        self.assertTrue(tested["ok"], tested)
        self.check_mail()

    def test_tls_from_the_first_byte(self):
        self.configure(self.serve(tls=True, implicit=True), tls="implicit")
        tested = self.fs.ask("notifications", "test", "mail")
        self.assertTrue(tested["ok"], tested)
        self.check_mail()

    def test_a_server_without_encryption_gets_nothing(self):
        self.configure(self.serve(tls=False, auth=False))
        tested = self.fs.ask("notifications", "test", "mail")
        self.assertEqual(tested["exit_code"], 5)
        self.assertIn("no encryption", tested["error"]["why"])
        self.assertEqual(self.mails, [])

    def test_a_certificate_of_somebody_else_is_refused(self):
        self.configure(self.serve(tls=True), ca_file=None)
        tested = self.fs.ask("notifications", "test", "mail")
        self.assertEqual(tested["exit_code"], 5)
        self.assertEqual(self.mails, [])

    def test_a_wrong_password_is_called_one_and_is_not_shown(self):
        self.PASSWORD = "another-password-456"  # the server's
        self.configure(self.serve(tls=True))
        done = self.fs.cli("notifications", "test", "mail", "-v", check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        shown = done.stdout + done.stderr
        self.assertNotIn(b"mail-password-123", shown)
        self.assertNotIn(base64.b64encode(b"mail-password-123"), shown)


if __name__ == "__main__":
    harness.main(400)
