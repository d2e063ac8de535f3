// How does a form hand its fields to the vault so that the kernel in between cannot read them?
//
// HPKE (RFC 9180), base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, written over WebCrypto.
// Only `seal` is meant for others. Parameters and framing: docs/architecture.md, "the sealed JSON of a form".

const utf8 = (text) => new TextEncoder().encode(text);

const joined = (...parts) => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
};

const bigEndian = (number, width) => {
  const bytes = new Uint8Array(width);
  for (let i = width - 1; i >= 0; i -= 1) { bytes[i] = number & 0xff; number >>>= 8; }
  return bytes;
};

const fromBase64Url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const toBase64Url = (bytes) => {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

const hmac = async (keyBytes, data) => {
  const key = await crypto.subtle.importKey("raw", keyBytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
};

const EMPTY = new Uint8Array(0);
const NO_SALT = new Uint8Array(32); // HMAC pads an empty key with zeros; WebCrypto refuses the empty one
const KEM = joined(utf8("KEM"), bigEndian(0x0010, 2));
const SUITE = joined(utf8("HPKE"), bigEndian(0x0010, 2), bigEndian(0x0001, 2), bigEndian(0x0002, 2));

const labeledExtract = (suite, salt, label, material) =>
  hmac(salt, joined(utf8("HPKE-v1"), suite, utf8(label), material));

// One HMAC block is enough: nothing here is longer than 32 bytes.
const labeledExpand = async (suite, prk, label, info, length) => {
  const labeled = joined(bigEndian(length, 2), utf8("HPKE-v1"), suite, utf8(label), info);
  return (await hmac(prk, joined(labeled, bigEndian(1, 1)))).slice(0, length);
};

// RFC 9180 §4.1 Encap: an ephemeral key pair, its public half `enc`, and the secret both sides now share.
const encapsulate = async (recipient) => {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const theirs = await crypto.subtle.importKey("raw", recipient, curve, false, []);
  const ours = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", ours.publicKey));
  const shared = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ours.privateKey, 256));
  const prk = await labeledExtract(KEM, NO_SALT, "eae_prk", shared);
  return { enc, secret: await labeledExpand(KEM, prk, "shared_secret", joined(enc, recipient), 32) };
};

// RFC 9180 §5.1 KeySchedule, mode 0 (base: no psk).
const keySchedule = async (sharedSecret, info) => {
  const pskIdHash = await labeledExtract(SUITE, NO_SALT, "psk_id_hash", EMPTY);
  const infoHash = await labeledExtract(SUITE, NO_SALT, "info_hash", info);
  const context = joined(bigEndian(0, 1), pskIdHash, infoHash);
  const secret = await labeledExtract(SUITE, sharedSecret, "secret", EMPTY);
  return {
    key: await labeledExpand(SUITE, secret, "key", context, 32),
    nonce: await labeledExpand(SUITE, secret, "base_nonce", context, 12),
  };
};

const PAD_STEP = 256; // hides the lengths of passwords; JSON allows trailing blanks

const padded = (object) => {
  const plain = utf8(JSON.stringify(object));
  const whole = new Uint8Array(Math.ceil(plain.length / PAD_STEP) * PAD_STEP).fill(0x20);
  whole.set(plain);
  return whole;
};

const lengthPrefixed = (text) => joined(bigEndian(utf8(text).length, 4), utf8(text));

/** Seal `object` as JSON to the entry's public key; returns base64url of enc‖ciphertext. */
const seal = async (entry, kind, object) => {
  const info = joined(utf8("credmagic/entry/v1"), lengthPrefixed(entry.entry_id), lengthPrefixed(kind));
  const { enc, secret } = await encapsulate(fromBase64Url(entry.public_key));
  const { key, nonce } = await keySchedule(secret, info);
  const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, aes, padded(object));
  return toBase64Url(joined(enc, new Uint8Array(sealed)));
};
