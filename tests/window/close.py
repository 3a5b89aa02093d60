"""Asks the windows of a display to close, as the cross at their frame does (WM_DELETE_WINDOW): all of
them, or the one whose title is given."""

import ctypes
import sys


class ClientMessage(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
    ]


class Event(ctypes.Union):
    _fields_ = [("client", ClientMessage), ("pad", ctypes.c_long * 24)]


x = ctypes.CDLL("libX11.so.6")
x.XOpenDisplay.restype = ctypes.c_void_p
x.XDefaultRootWindow.restype = x.XInternAtom.restype = ctypes.c_ulong
display = ctypes.c_void_p(x.XOpenDisplay(None))
protocols, delete = (x.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))

name_of = x.XInternAtom(display, b"_NET_WM_NAME", 0)


def windows(parent):
    root, up, count = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
    children = ctypes.POINTER(ctypes.c_ulong)()
    x.XQueryTree(display, ctypes.c_ulong(parent), *map(ctypes.byref, (root, up, children, count)))
    for i in range(count.value):
        yield children[i]
        yield from windows(children[i])


def closes(window):
    atoms, count = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_int()
    x.XGetWMProtocols(display, ctypes.c_ulong(window), ctypes.byref(atoms), ctypes.byref(count))
    return any(atoms[i] == delete for i in range(count.value))


def title(window):
    """What the window manager would show; the older WM_NAME has no character beyond Latin-1."""
    kind, form, count, after = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_ulong(), ctypes.c_ulong()
    text = ctypes.c_char_p()
    x.XGetWindowProperty(
        display, ctypes.c_ulong(window), ctypes.c_ulong(name_of), ctypes.c_long(0), ctypes.c_long(256),
        0, ctypes.c_ulong(0), *map(ctypes.byref, (kind, form, count, after, text)),
    )
    return (text.value or b"").decode("utf-8", "replace")


wanted = sys.argv[1] if len(sys.argv) > 1 else None
asked = 0
for window in windows(x.XDefaultRootWindow(display)):
    if not closes(window) or (wanted is not None and title(window) != wanted):
        continue
    event = Event()
    event.client = ClientMessage(33, 0, 1, display, window, protocols, 32, (delete, 0, 0, 0, 0))
    x.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
    asked += 1
x.XSync(display, 0)
sys.exit(0 if asked else "no window can be asked")
