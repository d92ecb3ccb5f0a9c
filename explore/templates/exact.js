"use strict";
// Exact p-values and limits of one proportion and of two compared: what metrics/exact.py does, for the page.
// Tests hold every function here against those of Python.
const exact = (() => {
  const TINY = 1e-300;
  const LANCZOS = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];

  const lanczos = (x) => {
    let sum = LANCZOS[0];
    for (let i = 1; i < 9; i++) sum += LANCZOS[i] / (x - 1 + i);
    const t = x + 6.5;
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
  };
  const STIRLING = (x) => (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * x * x)) / (x * x)) / (x * x)) / x;

  // log Gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2: what is left after Stirling's formula.
  const rest = (x) =>
    x > 12 ? STIRLING(x) : lanczos(x) - ((x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI));

  // t - 1 - log t without the loss of digits near 1.
  const deviance = (t) => {
    const d = t - 1;
    if (Math.abs(d) > 0.1) return d - Math.log1p(d);
    let term = d * d, sum = 0;
    for (let k = 2; Math.abs(term) > 1e-18 && k < 40; k++) {
      sum += (k % 2 ? -term : term) / k;
      term *= d;
    }
    return sum;
  };

  // A Beta(a, b) with what its density needs at every place.
  const beta = (a, b) => {
    const n = a + b;
    const top = 0.5 * Math.log((a * b) / (2 * Math.PI * n)) + rest(n) - rest(a) - rest(b);
    return { a, b, n, top };
  };
  // log of v^a (1 - v)^b / Beta(a, b), from deviances so that large counts lose no digits.
  const logTerm = ({ a, b, n, top }, v, w) => top - a * deviance((n * v) / a) - b * deviance((n * w) / b);

  // Lentz's continued fraction of the incomplete beta function, for v below its mean.
  const fraction = (a, b, v) => {
    let c = 1, d = 1 - ((a + b) * v) / (a + 1);
    d = 1 / (Math.abs(d) < TINY ? TINY : d);
    let h = d;
    for (let m = 1; m < 20000; m++) {
      const even = (m * (b - m) * v) / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 + even * d;
      c = 1 + even / c;
      d = 1 / (Math.abs(d) < TINY ? TINY : d);
      if (Math.abs(c) < TINY) c = TINY;
      h *= d * c;
      const odd = (-(a + m) * (a + b + m) * v) / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 + odd * d;
      c = 1 + odd / c;
      d = 1 / (Math.abs(d) < TINY ? TINY : d);
      if (Math.abs(c) < TINY) c = TINY;
      h *= d * c;
      if (Math.abs(d * c - 1) < 1e-13) break;
    }
    return h;
  };

  // Chance of at most v, w = 1 - v: all at 0 where a is 0, all at 1 where b is 0.
  const atMost = (shape, v, w) => {
    const { a, b, n } = shape;
    if (v < 0) return 0;
    if (v >= 1) return 1;
    if (a <= 0) return 1;
    if (b <= 0 || v === 0) return 0;
    const term = Math.exp(logTerm(shape, v, w));
    if (v * (n + 2) < a + 1) return Math.min(1, (term * fraction(a, b, v)) / a);
    return Math.max(0, 1 - (term * fraction(b, a, w)) / b);
  };
  const cdf = (a, b, v) => atMost(beta(a, b), v, 1 - v);
  const above = (a, b, v) => cdf(b, a, 1 - v);

  // The value below which a share of Beta(a, b) lies: Newton's steps on the logit inside a bracket.
  const quantile = (a, b, share) => {
    if (a <= 0) return 0;
    if (b <= 0) return 1;
    if (share <= 0) return 0;
    if (share >= 1) return 1;
    let low = -745, high = 745;
    let u = Math.log(a / b);
    const shape = beta(a, b);
    for (let i = 0; i < 200; i++) {
      const v = 1 / (1 + Math.exp(-u)), w = 1 / (1 + Math.exp(u));
      const p = atMost(shape, v, w);
      if (p < share) low = u;
      else high = u;
      const slope = v > 0 && w > 0 ? Math.exp(logTerm(shape, v, w)) : 0;
      // On logarithms where the tail is far: there p is close to a power of v.
      const step = p > 0 && share < 0.5 ? (p * Math.log(p / share)) / slope : (p - share) / slope;
      let next = u - step;
      if (!(next > low && next < high)) next = (low + high) / 2;
      if (Math.abs(next - u) < 1e-14 * Math.max(1, Math.abs(u))) return 1 / (1 + Math.exp(-next));
      u = next;
    }
    return 1 / (1 + Math.exp(-u));
  };

  const pAbove = (x, n, bound) => (n > 0 ? cdf(x, n - x + 1, bound) : NaN);
  const pBelow = (x, n, bound) => (n > 0 ? above(x + 1, n - x, bound) : NaN);
  const lower = (x, n, level) => (n > 0 ? quantile(x, n - x + 1, level) : NaN);
  const upper = (x, n, level) => (n > 0 ? 1 - quantile(n - x, x + 1, level) : NaN);

  // ---- two proportions ----

  const F1 = {
    of: (p) => (2 * p) / (1 + p),
    back: (v) => (v < 0 ? -1 : v > 1 ? 2 : v / (2 - v)),
  };
  const PLAIN = { of: (p) => p, back: (v) => v };
  const SCALES = [PLAIN, F1];

  const contrast = (scale, ratio) => ({
    ratio, scale,
    value: (p1, p2) => (ratio ? scale.of(p1) / scale.of(p2) : scale.of(p1) - scale.of(p2)),
    first: (p2, bound) => scale.back(ratio ? bound * scale.of(p2) : bound + scale.of(p2)),
    second: (p1, bound) =>
      ratio
        ? scale.back(bound > 0 ? scale.of(p1) / bound : Infinity)
        : scale.back(scale.of(p1) - bound),
    bounded: (bound) =>
      !ratio ? bound : !isFinite(bound) ? Math.sign(bound) : bound / (1 + Math.abs(bound)),
    unbounded: (place) => (!ratio ? place : place / (1 - Math.abs(place))),
    spread: (a, b) => {
      if (!(a > 0 && b > 0)) return 0;
      const n = a + b, mean = a / n, step = (1e-4 * a * b) / (n * n);
      let slope = (scale.of(mean + step) - scale.of(mean - step)) / (2 * step);
      if (ratio) slope /= scale.of(mean);
      return (slope * slope * a * b) / (n * n * (n + 1));
    },
  });

  const gauss = (count) => {
    const nodes = [], weights = [];
    for (let i = 1; i <= count; i++) {
      let x = Math.cos((Math.PI * (i - 0.25)) / (count + 0.5)), slope = 1;
      for (let round = 0; round < 100; round++) {
        let p = 1, before = 0;
        for (let k = 0; k < count; k++) [p, before] = [((2 * k + 1) * x * p - k * before) / (k + 1), p];
        slope = (count * (x * p - before)) / (x * x - 1);
        const step = p / slope;
        x -= step;
        if (Math.abs(step) < 1e-15) break;
      }
      nodes.push(x);
      weights.push(2 / ((1 - x * x) * slope * slope));
    }
    return { nodes, weights };
  };
  const FEW = gauss(40), MANY = gauss(64);

  // Where log density of the logit of a Beta(a, b), which is concave, lies `depth` below its top.
  const reach = (a, b, sign, depth) => {
    const mode = Math.log(a / b), n = a + b;
    const fall = (u) => {
      const d = u - mode;
      // a u - n log(1 + e^u), less its top
      return -a * d + n * Math.log1p((a / n) * Math.expm1(d));
    };
    let step = Math.sqrt((2 * depth * n) / (a * b));
    while (fall(mode + sign * step) < depth && step < 1e6) step *= 1.5;
    let low = 0, high = step;
    for (let i = 0; i < 12; i++) {
      const middle = (low + high) / 2;
      if (fall(mode + sign * middle) < depth) low = middle;
      else high = middle;
    }
    return mode + sign * high;
  };

  const FAR = 37, PANEL = 15;
  const logistic = (u) => 1 / (1 + Math.exp(-u));
  const logit = (v) => (v <= 0 ? -Infinity : v >= 1 ? Infinity : Math.log(v / (1 - v)));

  // Melded p of "the contrast is at most the bound" (upwards), or "at least" it: the chance that a draw of the
  // first one's limits lies on the wrong side of the bound against one of the second's. The narrower of the
  // two is integrated over, on its logit, where its density is smooth; beyond the ends the answer is certain.
  const pairP = (x1, n1, x2, n2, bound, c, upwards) => {
    if (!(n1 > 0 && n2 > 0) || Number.isNaN(bound)) return NaN;
    if (!isFinite(bound)) return bound > 0 === upwards ? 1 : 0;
    const one = upwards ? 0 : 1, two = 1 - one;
    const a1 = x1 + one, b1 = n1 - x1 + 1 - one, a2 = x2 + two, b2 = n2 - x2 + 1 - two;
    const second = c.spread(a2, b2) <= c.spread(a1, b1);
    const [a, b] = second ? [a2, b2] : [a1, b1], [A, B] = second ? [a1, b1] : [a2, b2];
    const across = second ? c.first : c.second, certain = second ? c.second : c.first;
    const rising = second === upwards, outer = rising ? beta(A, B) : beta(B, A);
    const wrong = (v) => (rising ? atMost(outer, v, 1 - v) : atMost(outer, 1 - v, v));
    if (!(a > 0)) return wrong(across(0, bound));
    if (!(b > 0)) return wrong(across(1, bound));
    // Up to `from` and from `to` on the outer one is certainly on one side.
    const ends = [certain(0, bound), certain(1, bound)].map((v) => Math.min(1, Math.max(0, v)));
    const from = Math.min(...ends), to = Math.max(...ends);
    const left = Math.max(reach(a, b, -1, 38), logit(from), -FAR), right = Math.min(reach(a, b, 1, 38), logit(to), FAR);
    // The mass beyond the ends, where the answer is that at 0 and at 1.
    const below = from > 0 ? cdf(a, b, from) : left === -FAR ? cdf(a, b, logistic(-FAR)) : 0;
    const beyond = to < 1 ? above(a, b, to) : right === FAR ? cdf(b, a, logistic(-FAR)) : 0;
    let p = below > 0 ? below * wrong(across(0, bound)) : 0;
    p += beyond > 0 ? beyond * wrong(across(1, bound)) : 0;
    if (right > left) {
      const inner = beta(a, b), { nodes, weights } = Math.min(a, b) < 30 || Math.min(A, B) < 30 ? MANY : FEW;
      const panels = Math.ceil((right - left) / PANEL), half = (right - left) / 2 / panels;
      let sum = 0;
      for (let k = 0; k < panels; k++) {
        const middle = left + (2 * k + 1) * half;
        for (let i = 0; i < nodes.length; i++) {
          const u = middle + half * nodes[i], v = logistic(u);
          const density = Math.exp(logTerm(inner, v, logistic(-u)));
          if (density > 1e-19) sum += weights[i] * density * wrong(across(v, bound));
        }
      }
      p += half * sum;
    }
    return Math.min(1, p);
  };

  // The largest bound whose p is at most the level (upwards), or the smallest: a secant inside a bracket.
  const pairLimit = (x1, n1, x2, n2, level, c, upwards) => {
    if (!(n1 > 0 && n2 > 0)) return NaN;
    const at = (share) => {
      const [p1, p2] = upwards
        ? [lower(x1, n1, share), upper(x2, n2, share)]
        : [upper(x1, n1, share), lower(x2, n2, share)];
      return c.bounded(c.value(p1, p2));
    };
    let low = Math.min(at(level / 2), at(Math.sqrt(level)));
    let high = Math.max(at(level / 2), at(Math.sqrt(level)));
    if (!(high > low)) return c.unbounded(low);
    const f = (place) => {
      const p = pairP(x1, n1, x2, n2, c.unbounded(place), c, upwards);
      const value = Math.log(Math.max(p, 1e-290) / level);
      return upwards ? value : -value;
    };
    // Rises from below 0 to above 0 over the bracket: the Illinois method.
    let fLow = f(low), fHigh = f(high);
    if (fLow >= 0) return c.unbounded(low);
    if (fHigh <= 0) return c.unbounded(high);
    let here = low;
    for (let i = 0, side = 0; i < 60; i++) {
      here = (low * fHigh - high * fLow) / (fHigh - fLow);
      if (!(here > low && here < high)) here = (low + high) / 2;
      const value = f(here);
      if (Math.abs(value) < 1e-7 || high - low < 1e-13) break;
      if (value < 0) {
        low = here; fLow = value;
        if (side < 0) fHigh /= 2;
        side = -1;
      } else {
        high = here; fHigh = value;
        if (side > 0) fLow /= 2;
        side = 1;
      }
    }
    return c.unbounded(here);
  };

  return { cdf, above, quantile, pAbove, pBelow, lower, upper, SCALES, contrast, pairP, pairLimit };
})();
if (typeof module !== "undefined") module.exports = exact;
