"use strict";
// Normal quantiles, and Tango's limits of a paired difference: what metrics/intervals.py does, for the page.
const normal = (() => {
  // P(Z > z) by its power series near 0 and its continued fraction beyond.
  const tail = (z) => {
    if (z < 0) return 1 - tail(-z);
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    if (z < 3) {
      let term = z, sum = z;
      for (let k = 1; term > 1e-17 * sum; k++) sum += term *= (z * z) / (2 * k + 1);
      return 0.5 - density * sum;
    }
    let c = z;
    for (let k = 200; k > 0; k--) c = z + k / c;
    return density / c;
  };

  // The z above which a share lies: Newton's steps on the logarithm of the tail.
  const quantile = (share) => {
    if (share > 0.5) return -quantile(1 - share);
    let z = Math.sqrt(-2 * Math.log(2 * share)) * 0.8;
    for (let i = 0; i < 60; i++) {
      const p = tail(z), density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
      const step = (Math.log(p / share) * p) / density;
      z += step;
      if (Math.abs(step) < 1e-14) break;
    }
    return z;
  };

  // Score limits of (b - c) / n of two proportions of the same rows, T. Tango 1998, Stat. Med. 17:891-908.
  const tango = (b, c, n, z) => {
    if (!(n > 0)) return [NaN, NaN];
    const base = -b - c, slope = 2 * n - b + c, cross = 8 * n * c, step = b - c;
    const solved = (target) => {
      let low = -1, high = 1;
      for (let i = 0; i < 48; i++) {
        const d = (low + high) / 2, first = base + slope * d, spread = d * (1 - d);
        const root = Math.sqrt(Math.max(first * first + cross * spread, 0));
        const variance = (root - first) / 2 + n * spread;
        if (step - n * d > target * Math.sqrt(Math.max(variance, 1e-300))) low = d;
        else high = d;
      }
      return (low + high) / 2;
    };
    return [solved(z), solved(-z)];
  };

  return { tail, quantile, tango };
})();
if (typeof module !== "undefined") module.exports = normal;
