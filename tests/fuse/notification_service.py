"""A notification service on the session bus, as a desktop has one: prints what it is asked to show, a line of JSON each.

Needs the packages python3-dbus and python3-gi, so it runs with the system's python3.
"""

import json
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "org.freedesktop.Notifications"


class Notifications(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(bus, "/org/freedesktop/Notifications")
        self.count = 0

    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        self.count += 1
        say(app=str(app), icon=str(icon), summary=str(summary), body=str(body), urgency=int(hints.get("urgency", -1)))
        return dbus.UInt32(self.count)

    @dbus.service.method(NAME, out_signature="as")
    def GetCapabilities(self):
        return ["body"]

    @dbus.service.method(NAME, out_signature="ssss")
    def GetServerInformation(self):
        return ("test", "oracxfs", "1", "1.2")


def say(**what):
    print(json.dumps(what), flush=True)


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
session = dbus.SessionBus()
name = dbus.service.BusName(NAME, session, do_not_queue=True)
service = Notifications(session)
loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_HUP | GLib.IO_IN, lambda *unused: loop.quit())
say(ready=True)
loop.run()
