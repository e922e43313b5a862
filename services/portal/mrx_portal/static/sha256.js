"use strict";
// SHA-256 of a file, read in pieces (FIPS 180-4). The browser's own is several times faster, but takes a file whole, and
// on secure addresses only: it serves files up to WHOLE; larger ones are read piece by piece, in constant memory.
const Fingerprint = (() => {
  const WHOLE = 128 * 1024 * 1024, PIECE = 4 * 1024 * 1024;
  const K = new Uint32Array(64), START = new Uint32Array(8);
  // The constants are the first 32 bits of the fractions of roots of the first primes: cubic for K, square for START.
  for (let candidate = 2, found = 0; found < 64; candidate++) {
    let prime = true;
    for (let d = 2; d * d <= candidate && prime; d++) prime = candidate % d !== 0;
    if (!prime) continue;
    if (found < 8) START[found] = (Math.sqrt(candidate) % 1) * 2 ** 32;
    K[found++] = (Math.cbrt(candidate) % 1) * 2 ** 32;
  }
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

  function absorb(state, w, view, from, to) {
    for (let at = from; at < to; at += 64) {
      for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const x = w[i - 15], y = w[i - 2];
        w[i] = (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + w[i - 7] + w[i - 16] +
          (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10));
      }
      let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
      for (let i = 0; i < 64; i++) {
        const one = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const two = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
      }
      state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
    }
  }

  async function inPieces(file, told) {
    const state = Uint32Array.from(START), w = new Uint32Array(64);
    for (let at = 0; at < file.size; at += PIECE) {
      const piece = await file.slice(at, at + PIECE).arrayBuffer(), whole = piece.byteLength & ~63;
      absorb(state, w, new DataView(piece), 0, whole);
      if (at + PIECE >= file.size) return finish(state, w, new Uint8Array(piece, whole), file.size);
      told((at + PIECE) / file.size);
      await new Promise((go) => setTimeout(go));
    }
    return finish(state, w, new Uint8Array(0), 0);
  }

  function finish(state, w, rest, size) {
    const last = new Uint8Array(rest.length < 56 ? 64 : 128), view = new DataView(last.buffer);
    last.set(rest);
    last[rest.length] = 0x80;
    view.setUint32(last.length - 8, Math.floor(size / 2 ** 29));
    view.setUint32(last.length - 4, (size << 3) >>> 0);
    absorb(state, w, view, 0, last.length);
    const out = new DataView(new ArrayBuffer(32));
    state.forEach((word, i) => out.setUint32(4 * i, word));
    return hex(new Uint8Array(out.buffer));
  }

  return {
    inPieces,
    of: async (file, told) => window.crypto?.subtle && file.size <= WHOLE
      ? hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())))
      : inPieces(file, told),
  };
})();
