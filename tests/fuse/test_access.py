"""Signing in, out and in again at Dropbox and Google Drive; the wizards at a terminal; which step of a test fails."""

import json
import os
import re
import time
import unittest

import harness
from clouds import CLOUDS, Clouds, Emulators, Ftpd
from harness import MountTest, Oracxfs, Sshd, content, read_file, write_file
from terminal import Terminal


def fresh_sign_in(place):
    """What `connect` needs of a user who agreed once more."""
    place.about.update(place.ask("grant"))
    if place.kind == "dropbox":
        return ["--app-key", place.about["app_key"], "--refresh-token-file", place.about["refresh_token_file"]]
    return ["--credentials", place.about["client_file"], "--token-file", place.about["token_file"]]


class SignOut(MountTest):
    """A folder on the disk and both clouds."""

    KINDS = ("local",) + CLOUDS

    @classmethod
    def make(cls):
        reason = Clouds.reason_to_skip(cls.KINDS)
        if reason:
            raise unittest.SkipTest(reason)
        return Clouds(cls.KINDS)

    def revocations(self, place):
        return sum(count for endpoint, count in place.calls().items() if "revoke" in endpoint)

    def setUp(self):
        super().setUp()
        for kind in CLOUDS:
            self.fs.await_state(kind, "active")
            self.fs.places[kind].forget_calls()
        self.settings = read_file(os.path.join(self.fs.home, "cloud_config.json"))

    def signed_in_again(self, kind):
        place = self.fs.places[kind]
        self.fs.cli(kind, "connect", *fresh_sign_in(place))
        self.assertEqual(read_file(os.path.join(self.fs.home, "cloud_config.json")), self.settings, "the settings are as they were")

    def waits(self, name, kind):
        """A file that is written meanwhile is safe at the others, and waits for this one."""
        write_file(self.inside(name), content(5000, name))
        states = self.fs.states(self.name + "/" + name)
        self.assertEqual(states["local"], "verified")
        self.assertNotEqual(states[kind], "verified")

    def test_signed_out_only_here_and_in_again(self):
        for kind in CLOUDS:
            write_file(self.inside("before-" + kind), content(3000, kind))
            done = self.fs.ask(kind, "disconnect")
            self.assertEqual((done["data"]["was_signed_in"], done["data"]["revoked"]), (True, False))
            self.assertEqual(self.fs.provider(kind)["state"], "auth_needed")
            self.waits("meanwhile-" + kind, kind)
            self.assertEqual(self.revocations(self.fs.places[kind]), 0)
            self.signed_in_again(kind)
            self.fs.await_verified(self.name + "/meanwhile-" + kind, [kind])
            self.assertEqual(self.fs.provider(kind)["state"], "active")
            self.assertEqual(self.fs.states(self.name + "/before-" + kind)[kind], "verified")

    def test_access_is_ended_at_the_service(self):
        for kind in CLOUDS:
            place = self.fs.places[kind]
            done = self.fs.ask(kind, "disconnect", "--name", kind, "--revoke")
            self.assertTrue(done["data"]["revoked"])
            self.assertGreaterEqual(self.revocations(place), 1)
            self.assertEqual(self.fs.provider(kind)["state"], "auth_needed")
            self.waits("meanwhile-" + kind, kind)
            again = self.fs.ask(kind, "disconnect")
            self.assertEqual((again["ok"], again["data"]["was_signed_in"]), (True, False))
            self.signed_in_again(kind)
            self.fs.await_verified(self.name + "/meanwhile-" + kind, [kind])

    def test_service_that_cannot_be_reached_is_no_success(self):
        for kind in CLOUDS:
            place = self.fs.places[kind]
            place.down()
            try:
                done = self.fs.cli(kind, "disconnect", "--revoke", check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(b"nothing was changed", done.stderr)
            finally:
                place.up()
            self.fs.await_state(kind, "active")
            self.assertEqual(self.revocations(place), 0)
            write_file(self.inside("f-" + kind), content(3000, kind))
            self.fs.await_verified(self.name + "/f-" + kind, [kind])

    def test_provider_that_is_not_in_use_is_not_waited_for(self):
        kind = CLOUDS[0]
        self.fs.cli("providers", "disable", kind)
        try:
            begin = time.monotonic()
            self.fs.cli(kind, "disconnect")
            self.assertLess(time.monotonic() - begin, 5 * harness.patience(), "that long it would wait for news of it")
        finally:
            self.fs.cli("providers", "enable", kind)
        self.signed_in_again(kind)
        self.fs.await_state(kind, "active")

    def test_without_a_daemon(self):
        self.fs.stop()
        try:
            for kind in CLOUDS:
                self.fs.cli(kind, "disconnect")
                self.assertEqual(self.fs.provider(kind)["state"], "auth_needed")
                failed = self.fs.cli("providers", "test", kind, check=False)
                self.assertEqual(failed.returncode, 4)
                self.assertIn(b"sign-in", failed.stderr)
                self.signed_in_again(kind)
                self.fs.cli("providers", "test", kind)
        finally:
            self.fs.start()


class Removal(MountTest):
    PROVIDERS = ("a", "b")

    def test_removed_provider_keeps_its_files_and_says_where(self):
        write_file(self.inside("f"), content(1000))
        self.fs.wait()
        done = self.fs.cli("providers", "remove", "b", "--keep-files", "--yes")
        self.assertIn(self.fs.folders["b"].encode(), done.stdout)
        self.assertEqual(read_file(self.at("b", "f")), content(1000))
        self.assertEqual({row["provider"] for row in self.fs.replicas().values()}, {"a"})


class Wizards(unittest.TestCase):
    """As a new user: the bare command, at a terminal."""

    def setUp(self):
        self.fs = Oracxfs(())
        self.addCleanup(self.fs.close)

    def bare(self, *words):
        terminal = Terminal([harness.binary(), *words], {**self.fs.environment, "TERM": "dumb"}, self.fs.base)
        self.addCleanup(terminal.close)
        return terminal

    def saved(self, name):
        settings = self.fs.ask("providers", "show", name)["data"]["settings"]
        self.fs.cli("providers", "test", name)
        return settings

    def emulators(self):
        reason = Clouds.reason_to_skip(CLOUDS)
        if reason:
            self.skipTest(reason)
        emulators = Emulators(os.path.join(self.fs.base, "emulators"))
        self.addCleanup(emulators.close)
        return emulators

    def agreed(self, emulators, kind, terminal, prompt):
        """The user opens the address that is shown, and agrees."""
        shown = terminal.expect(prompt)
        url = re.search(r"https://\S+(authorize|/auth)\?\S+", shown).group(0)
        answer = emulators.ask(kind, "browse", url=url)["answer"]
        self.assertTrue(answer)
        return answer

    def test_dropbox(self):
        emulators = self.emulators()
        about = emulators.introduction["dropbox"]
        at = self.bare("dropbox", "--base-url", about["base_url"], "--ca-file", about["ca_file"])
        at.expect("1 or 2 [1]: ")
        at.type("")
        guide = at.expect("App key: ")
        for word in ("Create app", "App folder", "files.content.write", "files.content.read", "files.metadata.read", "account_info.read", "Submit"):
            self.assertIn(word, guide)
        at.type(about["app_key"])
        at.type(self.agreed(emulators, "dropbox", at, "Code: "))
        self.assertEqual(at.end(), 0, at.shown)
        for step in ("connect", "write", "read", "hash", "delete"):
            self.assertIn("ok     " + step, at.shown)
        self.assertEqual(self.saved("dropbox")["folder"], "/ORACXPRED")
        again = self.bare("dropbox")
        again.expect("already")
        again.type(self.agreed(emulators, "dropbox", again, "Code: "))
        self.assertEqual(again.end(), 0, again.shown)

    def test_dropbox_with_a_token_that_ends_soon(self):
        emulators = self.emulators()
        about = emulators.introduction["dropbox"]
        at = self.bare("dropbox", "--base-url", about["base_url"], "--ca-file", about["ca_file"])
        at.expect("1 or 2 [1]: ")
        at.type("2")
        at.expect("(not shown): ")
        token = read_file(about["access_token_file"]).decode().strip()
        at.type(token)
        self.assertEqual(at.end(), 0, at.shown)
        self.assertIn("can't be renewed", at.shown)
        self.assertNotIn(token, at.shown)
        self.saved("dropbox")

    def test_a_dropbox_token_of_another_account_is_refused(self):
        emulators = self.emulators()
        about = emulators.introduction["dropbox"]
        # Whose account the first one is could not be asked, as with one that was saved by an earlier version.
        emulators.ask("dropbox", "fault", kind="answer", endpoint="users/get_current_account", status=500, times=0)
        self.fs.cli("dropbox", "--app-key", about["app_key"], "--refresh-token-file", about["refresh_token_file"], "--base-url", about["base_url"],
                    "--ca-file", about["ca_file"], "--no-test")

        def token(account, times=0):
            """A new sign-in; the service says whose it is, `times` times (0: from now on)."""
            emulators.ask("dropbox", "clear_faults")
            if account != about["account_id"]:
                emulators.ask("dropbox", "fault", kind="answer", endpoint="users/get_current_account", status=200, content_type="application/json",
                              body=json.dumps({"account_id": account, "disabled": False}), times=times)
            return ("--app-key", about["app_key"], "--refresh-token-file", emulators.ask("dropbox", "grant")["refresh_token_file"])

        def replaced(words, *more):
            return self.fs.ask("dropbox", *words, "--base-url", about["base_url"], "--ca-file", about["ca_file"], "--replace", *more)

        def expect_refused(answer):
            self.assertEqual((answer["exit_code"], answer["error"]["code"]), (14, "E-REFUSED"), answer)
            self.assertIn("another account than before", answer["error"]["why"])
            self.assertIn("--yes", answer["error"]["why"])
        first, other = about["account_id"], "dbid:AAother000000000000000000000000000000"
        expect_refused(replaced(token(other, times=1)))  # the stored one is asked as well, and says something else
        self.assertEqual(replaced(token(first))["exit_code"], 0, "the same account, signed in anew")
        expect_refused(replaced(token(other), "--no-test"))
        expect_refused(self.fs.ask("dropbox", "connect", *token(other)))
        # Who means it says so; from then on that one is the account.
        self.assertEqual(replaced(token(other), "--yes")["exit_code"], 0)
        expect_refused(self.fs.ask("dropbox", "connect", *token(first)))
        self.assertEqual(self.fs.ask("dropbox", "connect", *token(other))["exit_code"], 0)
        self.fs.cli("providers", "test", "dropbox")
        # Also where it was signed out in between.
        self.fs.cli("dropbox", "disconnect")
        expect_refused(self.fs.ask("dropbox", "connect", *token(first)))

    def test_google_drive(self):
        emulators = self.emulators()
        about = emulators.introduction["google-drive"]
        at = self.bare("google-drive", "--base-url", about["base_url"], "--ca-file", about["ca_file"])
        guide = at.expect("JSON file: ")
        for word in ("create a project", "Google Drive API", "In production", "7 days", "Desktop app", "Download its JSON"):
            self.assertIn(word, guide)
        at.type(about["client_file"])
        at.expect("1, 2 or 3")
        at.type("2")
        at.type(self.agreed(emulators, "google-drive", at, "Address: "))
        self.assertEqual(at.end(), 0, at.shown)
        self.assertEqual(self.saved("google-drive")["folder"], "ORACXPRED")

    def google_by_device(self, emulators, command):
        about = emulators.introduction["google-drive"]
        at = self.bare("google-drive", "--base-url", about["base_url"], "--ca-file", about["ca_file"])
        at.expect("JSON file: ")
        at.type(about["device_client_file"])
        at.expect("1, 2 or 3")
        at.type("3")
        shown = at.expect("enter the code\r\n\r\n")
        self.assertIn("https://", shown)
        code = re.search(r"\w{4}-\w{4}", at.expect("\r\n")).group(0)
        emulators.ask("google-drive", command, user_code=code)
        return at

    def test_google_drive_by_a_code_entered_elsewhere(self):
        emulators = self.emulators()
        for command, words in (("deny_device", "it was declined"), ("expire_device", "the code has expired")):
            at = self.google_by_device(emulators, command)
            self.assertEqual(at.end(), 4, at.shown)
            self.assertIn(words, at.shown)
            self.assertEqual(self.fs.ask("providers", "list")["data"], [])
        at = self.google_by_device(emulators, "approve_device")
        self.assertEqual(at.end(), 0, at.shown)
        self.assertEqual(self.saved("google-drive")["folder"], "ORACXPRED")

    def test_sftp(self):
        if not Sshd.available():
            self.skipTest("sshd and ssh-keygen are needed")
        server = Sshd(os.path.join(self.fs.base, "sshd"))
        self.addCleanup(server.stop)
        at = self.bare("sftp")
        at.expect("22): ")
        at.type("127.0.0.1:%d" % server.port)
        at.expect("User there")
        at.type(server.user)
        at.expect("Its name here [sftp]: ")
        at.type("")
        at.expect("1, 2 or 3")
        at.type("2")
        at.expect("Private key")
        at.type(server.key)
        at.expect("passphrase? [y/N] ")
        at.type("n")
        at.expect("Folder there")
        at.type(server.folder)
        asked = at.expect("Trust it? [y/N] ", 90)
        self.assertIn("SHA256:", asked)
        at.type("y")
        self.assertEqual(at.end(), 0, at.shown)
        self.assertTrue(self.saved("sftp")["host_key"].startswith("SHA256:"))

    def test_ftp(self):
        if not Ftpd.available():
            self.skipTest("ProFTPD is needed")
        folder = os.path.join(self.fs.base, "ftp")
        server = Ftpd(os.path.join(self.fs.base, "ftpd"), folder)
        self.addCleanup(server.stop)
        # The certificate is for 127.0.0.1, where nobody listens at the server's own port.
        gate = harness_gate(server)
        self.addCleanup(gate.close)
        at = self.bare("ftp")
        at.expect("21): ")
        at.type("127.0.0.1:%d" % server.port)
        at.expect("User there")
        at.type(Ftpd.USER)
        at.expect("Its name here [ftp]: ")
        at.type("nas")
        at.expect("(not shown): ")
        at.type("wrong")
        at.expect("Folder there")
        at.type("/" if os.getuid() == 0 else folder)
        shown = at.expect("Trust this certificate? [y/N] ", 90)
        self.assertRegex(shown, r"SHA256(:[0-9A-F]{2}){32}")
        self.assertIn("CN = test", shown)
        at.type("y")
        refused = at.expect("Once more:", 90)
        self.assertIn("[E-AUTH]", refused)
        self.assertNotIn("exit ", refused, "it goes on")
        at.expect("(not shown): ")  # what is typed before it asks is thrown away, as everywhere where passwords are asked for
        at.type(server.password)
        self.assertEqual(at.end(), 0, at.shown)
        for word in ("wrong", server.password):
            self.assertNotIn(word + "\r", at.shown)
        settings = self.saved("nas")
        self.assertEqual(read_file(settings["ca_file"]).strip(), read_file(server.ca_file).strip())

    def test_without_a_terminal_the_options_are_named(self):
        for kind, option in (("sftp", b"--host"), ("ftp", b"--host"), ("dropbox", b"--token-file"), ("google-drive", b"--token-file")):
            done = self.fs.cli(kind, check=False)
            self.assertEqual(done.returncode, 2, kind)
            self.assertIn(option, done.stderr)


def harness_gate(server):
    from gate import Gate
    return Gate({port: ("127.0.0.2", port) for port in range(server.port, server.port + 1 + Ftpd.PASSIVE)})


class Contact(unittest.TestCase):
    """`providers test` says how far it came."""

    @classmethod
    def setUpClass(cls):
        reason = Clouds.reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        cls.fs = Clouds()
        cls.addClassCleanup(cls.fs.close)

    def failing_step(self, name):
        envelope = self.fs.ask("providers", "test", name)
        self.assertFalse(envelope["ok"], name)
        steps = envelope["data"]["steps"]
        self.assertEqual([step["ok"] for step in steps], [True] * (len(steps) - 1) + [False], steps)
        self.assertIn('"%s"' % steps[-1]["step"], envelope["error"]["message"])
        return steps[-1]["step"]

    def changed(self, name, **values):
        """The failing step of this provider with other settings."""
        old = {key: self.fs.ask("providers", "show", name)["data"]["settings"].get(key) for key in values}
        for key, value in values.items():
            self.fs.cli("config", "set", "providers.%s.%s" % (name, key), str(value))
        try:
            return self.failing_step(name)
        finally:
            for key, value in old.items():
                if value in (None, ""):
                    self.fs.cli("config", "unset", "providers.%s.%s" % (name, key))
                else:
                    self.fs.cli("config", "set", "providers.%s.%s" % (name, key), str(value))

    def test_dns(self):
        nobody = "nobody.invalid"
        self.assertEqual(self.changed("sftp", host=nobody), "DNS")
        self.assertEqual(self.changed("ftp", host=nobody), "DNS")
        for kind in CLOUDS:
            self.assertEqual(self.changed(kind, base_url="https://" + nobody), "DNS", kind)

    def test_tcp(self):
        port = harness.free_port()
        self.assertEqual(self.changed("sftp", port=port), "TCP")
        self.assertEqual(self.changed("ftp", port=port), "TCP")
        for kind in CLOUDS:
            self.assertEqual(self.changed(kind, base_url="https://localhost:%d" % port), "TCP", kind)

    def test_tls(self):
        port = self.fs.ask("providers", "show", "sftp")["data"]["settings"]["port"]  # who speaks SSH there, not TLS
        for kind in CLOUDS:
            self.assertEqual(self.changed(kind, base_url="https://127.0.0.1:%d" % port), "TLS", kind)

    def test_certificate(self):
        other = self.fs.places["ftp"].server.ca_file
        for kind in CLOUDS:
            self.assertEqual(self.changed(kind, ca_file=other), "certificate", kind)
        self.assertEqual(self.changed("ftp", ca_file=self.fs.places["dropbox"].about["ca_file"]), "certificate")

    def test_host_key(self):
        self.assertEqual(self.changed("sftp", host_key="SHA256:" + "A" * 43), "host key")

    def test_sign_in(self):
        self.assertEqual(self.changed("sftp", user="nobody-of-this-name"), "sign-in")
        self.assertEqual(self.changed("ftp", user="nobody-of-this-name"), "sign-in")
        for kind in CLOUDS:
            place = self.fs.places[kind]
            place.lock_out()
            self.assertEqual(self.failing_step(kind), "sign-in", kind)
            place.let_in(self.fs)

    def test_folder(self):
        local = self.fs.places["local"]
        local.down()
        try:
            write_file(local.folder, b"a file")
            self.assertEqual(self.failing_step("local"), "folder")
        finally:
            os.unlink(local.folder)
            local.up()
        write_file(os.path.join(self.fs.base, "a-file"), b"x")
        self.assertEqual(self.changed("sftp", folder=os.path.join(self.fs.base, "a-file")), "folder")
        for kind in CLOUDS:
            place = self.fs.places[kind]
            endpoint = {"dropbox": "files/create_folder_v2", "google-drive": "files.get"}[kind]
            place.fault("answer", endpoint, status=409 if kind == "dropbox" else 403, times=0,
                        body='{"error_summary":"path/conflict/file/..","error":{".tag":"path","path":{".tag":"conflict","conflict":{".tag":"file"}}}}'
                        if kind == "dropbox" else "", content_type="application/json", reason="insufficientFilePermissions")
            try:
                self.assertEqual(self.failing_step(kind), "folder", kind)
            finally:
                place.ask("clear_faults")

    def test_write_read_hash_delete(self):
        for kind, step, endpoint, fault in (
                ("dropbox", "write", "files/upload", {"kind": "full"}),
                ("dropbox", "read", "files/download", {"kind": "damage_answer", "bytes": 5}),
                ("dropbox", "delete", "files/delete_v2", {"kind": "answer", "status": 403}),
                ("google-drive", "write", "upload.multipart", {"kind": "full"}),
                ("google-drive", "read", "files.download", {"kind": "damage_answer", "bytes": 5}),
                ("google-drive", "delete", "files.delete", {"kind": "answer", "status": 403})):
            place = self.fs.places[kind]
            place.ask("fault", endpoint=endpoint, times=0, **fault)
            try:
                self.assertEqual(self.failing_step(kind), step, "%s: %r" % (kind, place.calls()))
            finally:
                place.ask("clear_faults")


if __name__ == "__main__":
    harness.main(440)
