// How does a browser open what the vault sealed to it? The mirror of sealing.js, whose parts it uses.
//
// HPKE (RFC 9180), base mode, as there. The private key never leaves WebCrypto and dies with the page.

const newRevealKey = async () => {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(curve, false, ["deriveBits"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { privateKey: pair.privateKey, point, text: toBase64Url(point) };
};

// RFC 9180 §4.1 Decap.
const decapsulate = async (enc, ours) => {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const theirs = await crypto.subtle.importKey("raw", enc, curve, false, []);
  const shared = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ours.privateKey, 256));
  const prk = await labeledExtract(KEM, NO_SALT, "eae_prk", shared);
  return labeledExpand(KEM, prk, "shared_secret", joined(enc, ours.point), 32);
};

const POINT = 65; // bytes of `enc`

/** The object that was sealed (base64url of enc‖ciphertext) to the key `ours` for the offer `revealId`. */
const openReveal = async (ours, revealId, sealed) => {
  const message = fromBase64Url(sealed);
  const enc = message.slice(0, POINT);
  const info = joined(utf8("credmagic/reveal/v1"), lengthPrefixed(revealId));
  const { key, nonce } = await keySchedule(await decapsulate(enc, ours), info);
  const aes = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, aes, message.slice(POINT));
  return JSON.parse(new TextDecoder().decode(plain));
};
