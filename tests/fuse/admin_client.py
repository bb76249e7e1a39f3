"""A browser without a screen: what the tests of the web admin speak."""

import http.client
import json
import os
import re
import socket

from harness import HANGS, Oracxfs, eventually, free_port, patience

BASE = "/admin/cloud"
API = BASE + "/api/v1"
PASSWORD = "correct horse battery"


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json["data"]

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:400])


class Browser:
    """Keeps the cookie and the CSRF token, as the page does. `token`: an API token instead."""

    def __init__(self, port, token=None):
        self.port, self.token = port, token
        self.cookie = self.csrf = None

    def headers(self, method):
        own = {"Host": "localhost:%d" % self.port}
        if self.token:
            own["Authorization"] = "Bearer " + self.token
        if self.cookie:
            own["Cookie"] = self.cookie
        if method not in ("GET", "HEAD"):
            own["Content-Type"] = "application/json"
            own["Origin"] = "http://localhost:%d" % self.port
            own["Sec-Fetch-Site"] = "same-origin"
            if self.csrf:
                own["X-Oracxfs-CSRF"] = self.csrf
        return own

    def send(self, method, path, body=None, headers=None, raw=None, timeout=HANGS):
        """`headers`: over the usual ones; None takes one away."""
        all_headers = self.headers(method)
        for name, value in (headers or {}).items():
            all_headers.pop(name, None)
            if value is not None:
                all_headers[name] = value
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * patience())
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in all_headers.items():
                for one in value if isinstance(value, list) else [value]:
                    connection.putheader(name, one)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            elif method not in ("GET", "HEAD"):
                connection.putheader("Content-Length", "0")
            connection.endheaders()
            if data is not None:
                connection.send(data)
            response = connection.getresponse()
            answer = Answer(response, response.read())
        finally:
            connection.close()
        for cookie in answer.cookies:
            self.cookie = cookie.split(";")[0]
        return answer

    def api(self, method, path, body=None, expect=200, **options):
        if body is None and method in ("POST", "PUT", "PATCH"):
            body = {}
        answer = self.send(method, API + path, body, **options)
        if expect and answer.status != expect:
            raise AssertionError("%s %s: %r instead of %d" % (method, path, answer, expect))
        return answer

    def get(self, path, **options):
        return self.api("GET", path, **options).data

    def post(self, path, body=None, **options):
        return self.api("POST", path, body, **options).data

    def sign_in(self, password=PASSWORD):
        data = self.api("POST", "/session", {"password": password}).data
        self.csrf = data["csrf"]
        return self


class Events:
    """A stream of server-sent events on a socket of its own."""

    def __init__(self, browser, last=None):
        self.socket = socket.create_connection(("127.0.0.1", browser.port), timeout=HANGS * patience())
        lines = ["GET %s/events HTTP/1.1" % API] + ["%s: %s" % field for field in browser.headers("GET").items()]
        if last is not None:
            lines.append("Last-Event-ID: %d" % last)
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline() not in (b"\r\n", b""):
            pass
        self.text, self.last = b"", None

    def _more(self):
        size = int(self.file.readline().strip() or b"0", 16)
        if size == 0:
            return False
        self.text += self.file.read(size)
        self.file.readline()
        return True

    def next(self):
        """(name, data) of the next event; None at the end."""
        while True:
            while b"\n\n" in self.text:
                one, self.text = self.text.split(b"\n\n", 1)
                fields = dict(line.split(": ", 1) for line in one.decode().split("\n") if ": " in line and not line.startswith(":"))
                if "id" in fields:
                    self.last = int(fields["id"])
                if "event" in fields:
                    return fields["event"], json.loads(fields["data"])
            if not self._more():
                return None

    def until(self, wanted):
        """All events up to the first for which wanted(name, data) is true."""
        seen = []
        while True:
            event = self.next()
            if event is None:
                raise AssertionError("the stream ended; seen: %r" % seen)
            seen.append(event)
            if wanted(*event):
                return seen

    def close(self):
        self.file.close()
        self.socket.close()


class AdminOracxfs(Oracxfs):
    """With the web admin on a port of its own."""

    def __init__(self, providers=("a", "b"), settings=None, **options):
        self.port = free_port()
        super().__init__(providers, settings=settings, **options)
        self.environment.pop("ORACXFS_ADMIN_ENABLED", None)
        self.set("admin.listen", json.dumps(["127.0.0.1:%d" % self.port]))

    def start(self, *options):
        super().start(*options)
        return self

    def set_up(self, password=PASSWORD):
        """A password, and a browser that is signed in."""
        path = os.path.join(self.base, "password")
        with open(path, "w") as file:
            file.write(password + "\n")
        self.cli("admin", "password", "--password-file", path)
        return Browser(self.port).sign_in(password)

    def admin_status(self):
        return self.ask("admin", "status")["data"]

    def resident(self):
        """What it has allocated, also what is swapped out: pages of its own program come and go as the kernel likes."""
        with open("/proc/%d/status" % self.pid()) as file:
            text = file.read()
        return sum(int(re.search(name + r":\s+(\d+)", text).group(1)) for name in ("RssAnon", "VmSwap")) * 1024

    def await_state(self, browser, name, state="active"):
        eventually(lambda: browser.get("/providers/" + name)["state"] == state, "%s is %s" % (name, state))

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.pid()))


def backed_up(browser, label=""):
    """A run from beginning to end; its row."""
    run = browser.post("/runs", {"label": label, "force": True}, expect=202)["run"]
    return eventually(lambda: (lambda row: row if row["state"] != "running" else None)(browser.get("/runs/" + run)), "run %s ends" % run, HANGS)


# --- schemas -------------------------------------------------------------------------------------------------------------

def problems_with(value, schema, document, where="$"):
    """What is wrong with a value, by the part of JSON Schema that openapi.json uses."""
    if "$ref" in schema:
        node = document
        for part in schema["$ref"].lstrip("#/").split("/"):
            node = node[part]
        return problems_with(value, node, document, where)
    found = []
    for part in schema.get("allOf", ()):
        found += problems_with(value, part, document, where)
    if "oneOf" in schema and sum(not problems_with(value, part, document, where) for part in schema["oneOf"]) != 1:
        found.append("%s: fits none or several of oneOf: %r" % (where, value))
    if "const" in schema and value != schema["const"]:
        found.append("%s: is %r" % (where, value))
    if "enum" in schema and value not in schema["enum"]:
        found.append("%s: %r is none of %r" % (where, value, schema["enum"]))
    kinds = schema.get("type")
    if kinds:
        kinds = kinds if isinstance(kinds, list) else [kinds]
        is_a = {"object": isinstance(value, dict), "array": isinstance(value, list), "string": isinstance(value, str), "null": value is None,
                "boolean": isinstance(value, bool), "integer": isinstance(value, int) and not isinstance(value, bool),
                "number": isinstance(value, (int, float)) and not isinstance(value, bool)}
        if not any(is_a[kind] for kind in kinds):
            return found + ["%s: %r is no %s" % (where, value, "/".join(kinds))]
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append("%s: %r does not fit %s" % (where, value, schema["pattern"]))
        if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
            found.append("%s: %r is no time" % (where, value))
    if isinstance(value, dict):
        found += ["%s: %s is missing" % (where, name) for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            part = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            if isinstance(part, dict):
                found += problems_with(item, part, document, where + "." + name)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += problems_with(item, schema["items"], document, "%s[%d]" % (where, number))
    return found
