// Verifies one RFQ's bundle: the same checks as verify.sh, but for the certificates' issuers and revocation lists, which
// a page cannot judge. `files`: name -> Uint8Array. Returns the faults, and what was found.
//
// Whoever made the bundle may be a forger, with the gateway's keys or without: whose a message is, and what its signature
// is over, is taken from the record, not from the index.
const DIGITS = '(0|[1-9][0-9]{0,17})';
const RECORD = 'records/[0-9]{12,18}[.]';
const INDEX = new RegExp(
  `^(rfq\\t[ -~]{1,200}\\t[ -~]{1,64}|leaf\\t${DIGITS}\\t${RECORD}record\\t${RECORD}proof` +
    `|message\\t${RECORD}record\\t${DIGITS}\\t${RECORD}signature\\tcertificates/[0-9a-f]{64}[.]pem` +
    '\\troots/(desks|dealers)[.]pem\\t(-|lists/[0-9a-f]{64}[.]pem)' +
    `|policy\\t${RECORD}record\\tpolicies/[0-9a-f]{64}[.](cedar|toml)\\t[0-9a-f]{64}` +
    '|touch\\ttouches/[0-9]{6,18}\\t(sha256)?)$',
);
// The end of a signed frame: `93=88`, the signature (r and s) and the checksum. It is over everything before them.
const SIGNED_END = /^\u000193=88\u000189=([A-Za-z0-9+/]{85}[AQgw]==)\u000110=[0-9]{3}\u0001$/;
const SIGNED_END_LENGTH = 105;
const PARTIES = { 68: 'desk', 76: 'dealer' };
// A record with microseconds begins with `f` and three digits instead of `F`; the rest is the same.
const [FRAME, FRAME_US] = [70, 102];

async function verifyBundle(files, want = '') {
  const subtle = globalThis.crypto.subtle;
  const faults = [];
  const fault = (text) => faults.push(text);
  const utf8 = (bytes) => new TextDecoder().decode(bytes);
  const bytesOf = (text) => new TextEncoder().encode(text);
  const concat = (...parts) => Uint8Array.from(parts.flatMap((p) => [...p]));
  const base64 = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''));
  const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const unurl = (text) => unbase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  const sha256 = async (bytes) => new Uint8Array(await subtle.digest('SHA-256', bytes));
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
  const get = (name) => {
    const found = files.get(name);
    if (!found) throw new Error(`${name}: is missing`);
    return found;
  };
  const pem = (bytes) => unbase64(utf8(bytes).replace(/-----[^-]+-----|\s/g, ''));
  // DER: [tag, where the content begins, where it ends].
  const der = (bytes, at) => {
    let length = bytes[at + 1];
    let begin = at + 2;
    if (length & 0x80) {
      const n = length & 0x7f;
      length = n > 4 ? NaN : 0;
      for (let i = 0; i < n; i++) length = length * 256 + bytes[begin++];
    }
    if (!(begin + length <= bytes.length)) throw new Error('this is not DER');
    return [bytes[at], begin, begin + length];
  };
  const rawSignature = (bytes) => {
    const [, begin] = der(bytes, 0);
    const one = (at) => {
      const [, from, to] = der(bytes, at);
      const number = bytes.slice(from, to);
      const digits = number.slice(number[0] === 0 ? 1 : 0);
      if (digits.length > 32) throw new Error('this is not a signature of P-256');
      return [concat(new Uint8Array(32 - digits.length), digits), to];
    };
    const [r, next] = one(begin);
    return concat(r, one(next)[0]);
  };
  const inner = (bytes, from, to) => {
    const all = [];
    for (let at = from; at < to; at = all.at(-1).to) {
      const [tag, begin, end] = der(bytes, at);
      all.push({ tag, at, begin, to: end });
    }
    return all;
  };
  // The parts of a certificate's signed half, without its version.
  const certificateParts = (bytes) => {
    const [, from, to] = der(bytes, der(bytes, 0)[1]);
    return inner(bytes, from, to).filter((part) => part.tag !== 0xa0);
  };
  // After serial, algorithm, issuer, validity, subject.
  const keyOfCertificate = (bytes) => {
    const key = certificateParts(bytes)[5];
    return bytes.slice(key.at, key.to);
  };
  // The URIs of its subjectAltName (RFC 5280, 4.2.1.6).
  const namesOfCertificate = (bytes) => {
    const names = [];
    for (const part of certificateParts(bytes).filter((p) => p.tag === 0xa3)) {
      const [, from, to] = der(bytes, part.begin);
      for (const extension of inner(bytes, from, to)) {
        const [oid, ...rest] = inner(bytes, extension.begin, extension.to);
        if (hex(bytes.slice(oid.begin, oid.to)) !== '551d11') continue;
        const [, begin, end] = der(bytes, rest.at(-1).begin);
        const uris = inner(bytes, begin, end).filter((name) => name.tag === 0x86);
        names.push(...uris.map((name) => utf8(bytes.slice(name.begin, name.to))));
      }
    }
    return names;
  };
  const ed25519 = async (spki, signature, bytes) =>
    subtle.verify('Ed25519', await subtle.importKey('spki', spki, 'Ed25519', false, ['verify']), signature, bytes);
  const p256 = async (spki, signature, bytes) => {
    const kind = { name: 'ECDSA', namedCurve: 'P-256' };
    const key = await subtle.importKey('spki', spki, kind, false, ['verify']);
    return subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, bytes);
  };
  const trying = async (name, check) => {
    try {
      await check();
    } catch (e) {
      fault(e instanceof Error && / is missing$/.test(e.message) ? e.message : `${name}: cannot be read`);
    }
  };

  // The gateway's key, and what it signed: the list of files, and the checkpoint.
  let vkey = '', origin = '', size = 0n, root = new Uint8Array(), key = new Uint8Array();
  await trying('key.pem', () => {
    key = pem(get('key.pem'));
    vkey = utf8(get('key.vkey')).trim();
    const own = base64(concat([1], key.slice(-32)));
    if (vkey.split('+').slice(2).join('+') !== own) fault('key.pem, key.vkey: they are not the same key');
    if (want && want !== vkey) fault('key.vkey: is not the key that the second party has');
  });
  await trying('manifest.json', async () => {
    const good = await ed25519(key, get('manifest.sig'), get('manifest.json'));
    if (!good) fault('manifest.json: the gateway did not sign it (or manifest.sig, key.pem was changed)');
  });
  await trying('checkpoint.txt', async () => {
    const note = utf8(get('checkpoint.txt'));
    const text = note.slice(0, note.indexOf('\n\n') + 1);
    const line = note.trimEnd().split('\n').at(-1);
    const signature = unbase64(line.split(' ').at(-1)).slice(4);
    if (!(await ed25519(key, signature, bytesOf(text)))) fault('checkpoint.txt: the gateway did not sign it');
    const lines = text.split('\n');
    origin = lines[0];
    if (!/^[1-9][0-9]{0,17}$/.test(lines[1])) fault('checkpoint.txt: has no size');
    size = BigInt(lines[1]);
    root = unbase64(lines[2]);
    if (vkey.split('+')[0] !== origin) fault('checkpoint.txt: is of another log than key.vkey');
  });

  // Every file is there, unchanged, and there are no others.
  await trying('manifest.json', async () => {
    const named = JSON.parse(utf8(get('manifest.json'))).files;
    if (Object.keys(named).length === 0) fault('manifest.json: names no files');
    for (const [path, digest] of Object.entries(named)) {
      const found = files.get(path);
      if (!found) fault(`${path}: is missing`);
      else if (hex(await sha256(found)) !== digest) fault(`${path}: was changed`);
    }
    for (const path of files.keys()) {
      if (path !== 'manifest.json' && path !== 'manifest.sig' && !Object.hasOwn(named, path)) fault(`${path}: is not in manifest.json`);
    }
  });

  // Every record is in the tree that the checkpoint is over (RFC 9162, 2.1.3.2).
  const included = async (number, record, proof) => {
    let node = await sha256(concat([0], record));
    let last = size - 1n;
    if (number > last) return false;
    for (const line of utf8(proof).split('\n').filter(Boolean)) {
      const sibling = unbase64(line);
      if (last === 0n || sibling.length !== 32) return false;
      if (number % 2n === 1n || number === last) {
        node = await sha256(concat([1], sibling, node));
        while (number % 2n === 0n && number !== 0n) {
          number /= 2n;
          last /= 2n;
        }
      } else {
        node = await sha256(concat([1], node, sibling));
      }
      number /= 2n;
      last /= 2n;
    }
    return last === 0n && same(node, root);
  };

  const found = { rfq: '', desk: '', records: 0, messages: [], touches: 0 };
  const message = async (name, certificateName) => {
    const whole = get(name);
    const us = whole[0] === FRAME_US ? utf8(whole.slice(1, 4)) : '';
    const record = /^[0-9]{3}$/.test(us) ? concat([FRAME], whole.slice(4)) : whole;
    const certificate = pem(get(certificateName));
    const party = PARTIES[record[9]];
    const begin = 43 + record[42];
    const id = utf8(record.slice(43, begin));
    if (record[0] !== FRAME || record.length <= begin + SIGNED_END_LENGTH) return fault(`${name}: is not a message`);
    if (!party || !/^[A-Za-z0-9._-]+$/.test(id)) return fault(`${name}: is nobody's`);
    const at = Number(new DataView(record.buffer, record.byteOffset + 1, 8).getBigInt64(0, true));
    if (!same(await sha256(certificate), record.slice(10, 42))) fault(`${certificateName}: is not the certificate of ${name}`);
    const own = namesOfCertificate(certificate).map((uri) => /^spiffe:\/\/[^/]*\/([a-z]+)\/([^/]+)(\/.*)?$/.exec(uri));
    if (!own.some((u) => u && u[1] === party && u[2] === id)) fault(`${certificateName}: is not for ${party} ${id}`);
    const frame = record.slice(begin);
    const covered = frame.slice(0, -SIGNED_END_LENGTH);
    const end = SIGNED_END.exec(utf8(frame.slice(-SIGNED_END_LENGTH - 1)));
    const good = end && (await p256(keyOfCertificate(certificate), unbase64(end[1]), covered));
    if (!good) fault(`${name}: ${party} ${id} did not sign this message`);
    found.messages.push({ at, us, party, id, text: utf8(frame).replaceAll('\u0001', '|') });
  };
  const touch = async (folder, digest) => {
    const [signed, client] = [get(`${folder}/signed`), get(`${folder}/client.json`)];
    const [spki, signature] = [pem(get(`${folder}/key.pem`)), get(`${folder}/signature`)];
    const good = digest ? await p256(spki, rawSignature(signature), signed) : await ed25519(spki, signature, signed);
    if (!good) fault(`${folder}: the security key did not sign it`);
    if (!same(signed.slice(-32), await sha256(client))) fault(`${folder}/client.json: is not what was signed`);
    const approval = get(`${folder}/approval.txt`);
    const context = JSON.parse(utf8(client)).stepUp;
    if (!same(unurl(context.txn), await sha256(approval))) fault(`${folder}/approval.txt: is not what was approved`);
    if (!utf8(approval).split('\n').includes(`rfq=${found.rfq}`)) fault(`${folder}/approval.txt: is about another RFQ`);
  };
  await trying('index.txt', async () => {
    const text = utf8(get('index.txt'));
    const lines = text.split('\n').slice(0, -1);
    const bad = lines.findIndex((line, i) => !INDEX.test(line) || (i === 0) !== line.startsWith('rfq\t'));
    if (!text.endsWith('\n') || bad !== -1) {
      fault(`index.txt: line ${bad + 1} is not a line of an index, or one that this page does not know`);
      return;
    }
    // What a line speaks of has its place in the log.
    const leaves = new Set(lines.filter((line) => line.startsWith('leaf\t')).map((line) => line.split('\t')[2]));
    const inLog = (name) => {
      if (!leaves.has(name)) fault(`${name}: no line shows that it is in the log`);
    };
    for (const line of lines) {
      const [what, a, b, c, d] = line.split('\t');
      await trying(what === 'touch' ? a : (b ?? a), async () => {
        if (what === 'rfq') [found.rfq, found.desk] = [a, b];
        else if (what === 'leaf') {
          found.records += 1;
          if (!(await included(BigInt(a), get(b), get(c)))) fault(`${b}: is not record ${a} of the log`);
        } else if (what === 'message') {
          inLog(a);
          await message(a, d);
        } else if (what === 'policy') {
          inLog(a);
          const right = hex(await sha256(get(b))) === c && utf8(get(a)).includes(c);
          if (!right) fault(`${b}: is not what decision ${a} followed`);
        } else {
          found.touches += 1;
          await touch(a, b);
        }
      });
    }
  });
  if (found.records === 0) fault('index.txt: names no record');
  return { faults, found, origin, size, vkey };
}
globalThis.verifyBundle = verifyBundle;
