// Verifies one RFQ's bundle: the same checks as verify.sh, but for the certificates' issuers and revocation lists, which
// a page cannot judge. `files`: name -> Uint8Array. Returns the faults, and what was found.
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
      length = 0;
      for (let i = 0; i < n; i++) length = length * 256 + bytes[begin++];
    }
    return [bytes[at], begin, begin + length];
  };
  const rawSignature = (bytes) => {
    const [, begin] = der(bytes, 0);
    const one = (at) => {
      const [, from, to] = der(bytes, at);
      const number = bytes.slice(from, to);
      const digits = number.slice(Math.max(0, number.length - 32));
      return [concat(new Uint8Array(32 - digits.length), digits), to];
    };
    const [r, next] = one(begin);
    return concat(r, one(next)[0]);
  };
  const keyOfCertificate = (bytes) => {
    let at = der(bytes, der(bytes, 0)[1])[1];
    // [0] version, serial, algorithm, issuer, validity, subject.
    for (let skip = bytes[at] === 0xa0 ? 6 : 5; skip > 0; skip--) at = der(bytes, at)[2];
    return bytes.slice(at, der(bytes, at)[2]);
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
      if (path !== 'manifest.json' && path !== 'manifest.sig' && !(path in named)) fault(`${path}: is not in manifest.json`);
    }
  });

  // Every record is in the tree that the checkpoint is over (RFC 9162, 2.1.3.2).
  const included = async (number, record, proof) => {
    let node = await sha256(concat([0], record));
    let last = size - 1n;
    if (number > last) return false;
    for (const line of utf8(proof).split('\n').filter(Boolean)) {
      const sibling = unbase64(line);
      if (last === 0n) return false;
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
  const message = async (name, covered, certificateName) => {
    const record = get(name);
    const certificate = pem(get(certificateName));
    const at = Number(new DataView(record.buffer, record.byteOffset + 1, 8).getBigInt64(0, true));
    const party = record[9] === 68 ? 'desk' : 'dealer';
    const begin = 43 + record[42];
    const id = utf8(record.slice(43, begin));
    if (!same(await sha256(certificate), record.slice(10, 42))) fault(`${certificateName}: is not the certificate of ${name}`);
    const frame = record.slice(begin);
    const text = utf8(frame);
    const signature = /\u000189=([^\u0001]*)\u0001/.exec(text.slice(covered - 1));
    const good = signature && (await p256(keyOfCertificate(certificate), unbase64(signature[1]), frame.slice(0, covered)));
    if (!good) fault(`${name}: ${party} ${id} did not sign this message`);
    found.messages.push({ at, party, id, text: text.replaceAll('\u0001', '|') });
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
    for (const line of utf8(get('index.txt')).split('\n').filter(Boolean)) {
      const [what, a, b, c] = line.split('\t');
      await trying(what === 'touch' ? a : (b ?? a), async () => {
        if (what === 'rfq') [found.rfq, found.desk] = [a, b];
        else if (what === 'leaf') {
          found.records += 1;
          if (!(await included(BigInt(a), get(b), get(c)))) fault(`${b}: is not record ${a} of the log`);
        } else if (what === 'message') await message(a, Number(b), line.split('\t')[4]);
        else if (what === 'policy') {
          const right = hex(await sha256(get(b))) === c && utf8(get(a)).includes(c);
          if (!right) fault(`${b}: is not what decision ${a} followed`);
        } else if (what === 'touch') {
          found.touches += 1;
          await touch(a, b);
        } else fault(`index.txt: a line that this page does not know: ${what}`);
      });
    }
  });
  if (found.records === 0) fault('index.txt: names no record');
  return { faults, found, origin, size, vkey };
}
globalThis.verifyBundle = verifyBundle;
