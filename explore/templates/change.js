"use strict";
// Gates on a change: the same rows decided by the original and, at any threshold, by a variant.
// Counts of both decisions together answer them; limits are those of metrics/paired.py and metrics/gap_growth.py.
const makeChanges = (data, counts, gates) => {
  const level = data.level;
  const { eligible, whole, error } = gates;

  // The eight cells that the numerator gains, those that it loses, and those of the denominator, which is the
  // same whatever is decided. A mask is over TP, FP, FN, TN; a cell over label, decision before and after.
  const flows = (metric) => {
    const outcome = (label, decision) => (decision ? (label ? 0 : 1) : label ? 2 : 3);
    const gained = [], lost = [], base = [];
    for (const label of [0, 1])
      for (const then of [0, 1])
        for (const now of [0, 1]) {
          const step = metric.num[outcome(label, now)] - metric.num[outcome(label, then)];
          gained.push(Math.max(step, 0));
          lost.push(Math.max(-step, 0));
          base.push(metric.den[outcome(label, then)]);
        }
    return { gained, lost, base };
  };
  const dot = (mask, cells, i) => mask.reduce((sum, weight, k) => sum + weight * cells[8 * i + k], 0);

  // Shares gained and lost and the effective denominator of every slice; with weights by the linearised variance.
  const shares = (metric, held, part, cut, weighted) => {
    const { gained, lost, base } = flows(metric);
    const sums = counts.joint(held, part, cut, weighted ? "w" : "n"), squares = weighted ? counts.joint(held, part, cut, "s") : null;
    return part.keys.map((_, i) => {
      const den = dot(base, sums, i), up = dot(gained, sums, i) / den, down = dot(lost, sums, i) / den;
      if (!weighted) return { up, down, n: den };
      const [base2, up2, down2] = [base, gained, lost].map((mask) => dot(mask, squares, i));
      const d = up - down, spread = up + down - d * d, still = Math.max(base2 - up2 - down2, 0);
      const variance = ((1 - d) ** 2 * up2 + (1 + d) ** 2 * down2 + d * d * still) / den ** 2;
      const kish = den ** 2 / base2;
      return { up, down, n: spread > 1e-12 ? Math.min(spread / variance, kish) : kish };
    });
  };

  // Whether a denominator stays as it is; a change of any other has no limits here, and is asked as measured.
  const steady = ({ den, scale }) => scale === 0 && den[0] === den[2] && den[1] === den[3];

  // After less before in every slice, with limits at a normal quantile.
  const change = (metric, held, part, cut, weighted) => {
    const then = counts.figureBefore(metric, held, part, weighted);
    if (!steady(metric)) {
      const now = counts.figure(metric, held, part, cut, weighted);
      return { then, value: now.value.map((value, i) => value - then.value[i]), limits: () => [NaN, NaN] };
    }
    const of = shares(metric, held, part, cut, weighted);
    const value = of.map(({ up, down }) => up - down);
    const limits = (i, z) => {
      const { up, down, n } = of[i], [low, high] = normal.tango(up * n, down * n, n, z);
      return [Math.min(low, value[i]), Math.max(high, value[i])];
    };
    return { then, value, limits };
  };

  // What limits at any quantile say of a claim: it fails where the one for all claims together breaks the limit,
  // and passes where its own keeps it.
  const decide = (gate, value, limits, claims) => {
    const { limit, upper } = gate, holds = upper ? value <= limit : value >= limit;
    const apart = Math.abs(value - limit);
    if (!gate.proven) return { verdict: holds ? "pass" : "fail", p: 0, apart };
    const strict = limits(normal.quantile(level / claims)), own = limits(normal.quantile(level));
    const fails = upper ? strict[0] >= limit : strict[1] <= limit;
    const passes = upper ? own[1] <= limit : own[0] >= limit;
    // Of several claims that whose limit lies farthest beyond what is asked decides; p only orders them.
    const far = upper ? (passes ? own[1] : strict[0]) - limit : limit - (passes ? own[0] : strict[1]);
    const p = 1 / (1 + Math.exp(holds ? -far : far));
    return { verdict: fails ? "fail" : passes ? "pass" : "inconclusive", p, apart, broken: !holds };
  };
  const ends = (gate, limits, claims) => () => {
    const strict = limits(normal.quantile(level / claims)), own = limits(normal.quantile(level));
    return gate.upper ? [strict[0], own[1]] : [own[0], strict[1]];
  };
  const decided = (gate, claims, limitsOf, together) => {
    const found = whole(claims, (claim) => (Number.isNaN(claim.value) ? null : limitsOf(claim.slice)));
    return { ...found, evidence: Boolean(found.evidence), ends: found.evidence ? ends(gate, found.evidence, together) : null };
  };

  const ofChange = (gate, metric, held, part, cut, weighted) => {
    const f = change(metric, held, part, cut, weighted), use = eligible(gate, part, [f.then]);
    const count = use.filter((i) => !Number.isNaN(f.value[i])).length;
    const limitsOf = (i) => (z) => f.limits(i, z);
    const claims = use.map((i) =>
      Number.isNaN(f.value[i])
        ? { slice: i, verdict: "error", value: NaN }
        : { slice: i, value: f.value[i], ...decide(gate, f.value[i], limitsOf(i), count) });
    return decided(gate, claims, limitsOf, count);
  };

  // Growth |before + change| - |before| of the gap to the reference. That of the gap before is taken at a fifth
  // of the tail, as metrics/gap_growth.py says.
  const ofGrowth = (gate, metric, held, part, cut, weighted) => {
    const f = change(metric, held, part, cut, weighted), { then } = f, use = eligible(gate, part, [then]);
    const ref = counts.find(part, gate.reference);
    if (ref < 0 || !(gate.named || gate.small || then.size[ref] >= data.min)) return error;
    const contrast = exact.contrast(then.scale, false);
    const lacks = (i) => [i, ref].some((j) => Number.isNaN(f.value[j]) || Number.isNaN(then.value[j]));
    const others = use.filter((i) => i !== ref), known = others.filter((i) => !lacks(i));
    const together = gate.picked ? use.length * (use.length - 1) : known.length;
    const limitsOf = (i) => {
      const [a, b] = [f.value[i], f.value[ref]], gap = then.value[i] - then.value[ref];
      const kept = new Map();
      return (z) => {
        if (!kept.has(z)) {
          const before = limitsBefore([gate.view, metric.name, part.by, i, ref, z, weighted], then, i, ref, z, contrast);
          const [one, two] = [f.limits(i, z), f.limits(ref, z)];
          const moved = [a - b - Math.hypot(a - one[0], two[1] - b), a - b + Math.hypot(one[1] - a, b - two[0])];
          kept.set(z, growth(gap, before, a - b, moved));
        }
        return kept.get(z);
      };
    };
    const claims = others.map((i) => {
      if (lacks(i)) return { slice: i, reference: ref, verdict: "error", value: NaN };
      const gap = then.value[i] - then.value[ref], value = Math.abs(gap + f.value[i] - f.value[ref]) - Math.abs(gap);
      return { slice: i, reference: ref, value, ...decide(gate, value, limitsOf(i), together) };
    });
    return decided(gate, claims, limitsOf, together);
  };

  // No threshold moves what was before, and it is the same for every variant: these limits are found once.
  const kept = new Map();
  const limitsBefore = (asks, then, i, ref, z, contrast) => {
    const name = JSON.stringify(asks);
    if (!kept.has(name)) {
      const sure = normal.tail(z) / 5, four = [then.x[i], then.trials[i], then.x[ref], then.trials[ref]];
      kept.set(name, [true, false].map((up) => exact.pairLimit(...four, sure, contrast, up)));
    }
    return kept.get(name);
  };

  const growth = (gap, [least, most], moved, [low, high]) => {
    const value = Math.abs(gap + moved) - Math.abs(gap), ends = [];
    const signed = (s) => {
      const [from, to] = s > 0 ? [low, high] : [-high, -low];
      const near = Math.max(s > 0 ? least : -most, 0), far = Math.max(s > 0 ? most : -least, 0);
      return [Math.max(from, -to - 2 * far, -far), Math.max(to, -from - 2 * near)];
    };
    if (most >= 0) ends.push(signed(1));
    if (least <= 0) ends.push(signed(-1));
    return [Math.min(value, ...ends.map((end) => end[0])), Math.max(value, ...ends.map((end) => end[1]))];
  };

  return { change: ofChange, growth: ofGrowth };
};
if (typeof module !== "undefined") module.exports = makeChanges;
