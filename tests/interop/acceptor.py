"""A QuickFIX acceptor over mutual TLS: logs on one desk and answers each QuoteRequest with a Quote.

    acceptor.py PORT CERTIFICATE KEY CLIENT_CA SENDER TARGET

Says on standard output what it sees, one event a line. `quote ID` on standard input sends a Quote,
logged on or not. It ends with its standard input.
"""

import os
import sys
import tempfile

import quickfix as fix

PORT, CERTIFICATE, KEY, CLIENT_CA, SENDER, TARGET = sys.argv[1:]
DICTIONARY = os.path.join(sys.prefix, "share", "quickfix", "FIX44.xml")


def say(*words):
    print(*words, flush=True)


def value(fields, field):
    return fields.getField(field).getString() if fields.isSetField(field.getTag()) else "-"


def quote(quote_id, rfq):
    m = fix.Message()
    m.getHeader().setField(fix.BeginString("FIX.4.4"))
    m.getHeader().setField(fix.MsgType("S"))
    m.setField(fix.QuoteReqID(rfq))
    m.setField(fix.QuoteID(quote_id))
    m.setField(fix.QuoteType(1))
    m.setField(fix.Symbol("DE000BU2Z049"))
    for tag, text in ((132, "99.100"), (133, "99.135"), (134, "5000000"), (135, "2500000")):
        m.setField(tag, text)
    m.setField(62, "20991231-23:59:59.000")
    m.setField(60, "20261121-02:22:00.125")
    fix.Session.sendToTarget(m, SENDER, TARGET)


class Venue(fix.Application):
    def onCreate(self, session):
        pass

    def onLogon(self, session):
        say("logged-on")

    def onLogout(self, session):
        say("logged-out")

    def toAdmin(self, message, session):
        pass

    def toApp(self, message, session):
        pass

    def fromAdmin(self, message, session):
        kind = value(message.getHeader(), fix.MsgType())
        if kind == "A":
            say("logon", value(message.getHeader(), fix.MsgSeqNum()), "reset", value(message, fix.ResetSeqNumFlag()))
        elif kind == "2":
            say("resend-request", value(message, fix.BeginSeqNo()))
        elif kind == "3":
            say("reject", value(message, fix.Text()))

    def fromApp(self, message, session):
        if value(message.getHeader(), fix.MsgType()) != "R":
            return
        rfq = value(message, fix.QuoteReqID())
        group = fix.Group(146, 55)
        message.getGroup(1, group)
        say("rfq", rfq, *(value(group, f) for f in (fix.Symbol(), fix.Side(), fix.OrderQty(), fix.Currency())))
        quote("Q-" + rfq, rfq)


# QuickFIX reads its settings from a file only.
with tempfile.NamedTemporaryFile("w", suffix=".cfg") as f:
    f.write(f"""[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={PORT}
SocketReuseAddress=Y
StartTime=00:00:00
EndTime=00:00:00
DataDictionary={DICTIONARY}
ServerCertificateFile={CERTIFICATE}
ServerCertificateKeyFile={KEY}
CertificationAuthoritiesFile={CLIENT_CA}
CertificateVerifyLevel=2
SSLProtocol=+TLSv1_2
[SESSION]
BeginString=FIX.4.4
SenderCompID={SENDER}
TargetCompID={TARGET}
""")
    f.flush()
    settings = fix.SessionSettings(f.name)

venue = Venue()
store = fix.MemoryStoreFactory()
acceptor = fix.SSLSocketAcceptor(venue, store, settings)
acceptor.start()
say("ready")
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "quote":
        quote(rest, "R-UNASKED")
        say("queued", rest)
# QuickFIX waits long for peers that do not answer; nobody reads what comes now.
os._exit(0)
