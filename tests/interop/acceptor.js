// A jspurefix acceptor over mutual TLS 1.3: logs on one desk and answers each QuoteRequest with a
// Quote.
//
//     node acceptor.js PORT CERTIFICATE KEY CLIENT_CA SENDER TARGET
//
// Says on standard output what it sees, one event a line. It ends with its standard input.

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

// The library lives where scripts/interop-deps.sh put it, which is where this is started.
const require_ = createRequire(path.join(process.cwd(), 'package.json'))
require_('reflect-metadata')
const { AsciiSession, MsgType, SessionLauncher, JsFixWinstonLogFactory, WinstonLogger } = require_('jspurefix')

const [port, certificate, key, clientCa, sender, target] = process.argv.slice(2)
const say = (...words) => process.stdout.write(words.join(' ') + '\n')

class Venue extends AsciiSession {
  onApplicationMsg (msgType, view) {
    if (msgType !== MsgType.QuoteRequest) return
    const request = view.toObject()
    const leg = request.QuotReqGrp.NoRelatedSym ? request.QuotReqGrp.NoRelatedSym[0] : request.QuotReqGrp[0]
    say('rfq', request.QuoteReqID, leg.Instrument.Symbol, leg.Side, leg.OrderQtyData.OrderQty, leg.Currency)
    this.send(MsgType.Quote, {
      QuoteReqID: request.QuoteReqID,
      QuoteID: 'Q-' + request.QuoteReqID,
      QuoteType: 1,
      Instrument: { Symbol: leg.Instrument.Symbol },
      BidPx: 99.1,
      OfferPx: 99.135,
      BidSize: 5000000,
      OfferSize: 2500000,
      ValidUntilTime: new Date(Date.UTC(2099, 11, 31, 23, 59, 59)),
      TransactTime: new Date(Date.UTC(2026, 10, 21, 2, 22, 0, 125))
    })
  }

  onLogon (view) {
    say('logged-on')
    return true
  }

  onReady () {}
  onStopped () { say('stopped') }
  onDecoded () {}
  onEncoded () {}
}

const read = (file) => fs.readFileSync(file, 'utf8')

class Launcher extends SessionLauncher {
  makeFactory () {
    return { makeSession: (config) => new Venue(config) }
  }
}

const launcher = new Launcher(null, {
  application: {
    type: 'acceptor',
    name: 'venue',
    protocol: 'ascii',
    dictionary: 'qf44',
    tcp: {
      host: 'localhost',
      port: Number(port),
      tls: {
        requestCert: true,
        rejectUnauthorized: true,
        nodeTlsServerOptions: { key: read(key), cert: read(certificate), ca: [read(clientCa)], minVersion: 'TLSv1.3' }
      }
    }
  },
  EncryptMethod: 0,
  ResetSeqNumFlag: false,
  HeartBtInt: 30,
  SenderCompId: sender,
  TargetCompID: target,
  BeginString: 'FIX.4.4',
  BodyLengthChars: 6
}, new JsFixWinstonLogFactory(WinstonLogger.consoleOptions('error')))

// The library does not say when it listens.
const { Server } = require('node:net')
const listen = Server.prototype.listen
Server.prototype.listen = function (...args) {
  this.once('listening', () => say('ready'))
  return listen.apply(this, args)
}

launcher.run().catch((e) => {
  console.error(e)
  process.exit(1)
})
process.stdin.on('end', () => process.exit(0)).resume()
