"use strict";
// Gates asked of the counts at any threshold, by the same p-values and limits as in the audit.
const makeGates = (data, counts) => {
  const level = data.level;
  const { names, find, reference } = counts;

  const eligible = (gate, part, figures) => {
    const at = part.keys.map((_, i) => i);
    if (gate.only) return at.filter((i) => names(part, i).join("\0") === gate.only.join("\0"));
    if (!part.by.length) return [0];
    return at.filter((i) => {
      const size = Math.min(...figures.map((f) => f.size[i]));
      const undefinedHere = figures.some((f) => Number.isNaN(f.value[i]));
      const large = size >= data.min || (undefinedHere && part.n[i] >= data.min);
      return (gate.unknown || !part.unknown[i]) && (gate.small || large);
    });
  };

  const single = (f, i) => ({
    value: f.value[i],
    above: (bound) => exact.pAbove(f.x[i], f.trials[i], f.scale.back(bound)),
    below: (bound) => exact.pBelow(f.x[i], f.trials[i], f.scale.back(bound)),
    lower: (at) => f.scale.of(exact.lower(f.x[i], f.trials[i], at)),
    upper: (at) => f.scale.of(exact.upper(f.x[i], f.trials[i], at)),
  });
  const pair = (f, i, j, contrast) => {
    const four = [f.x[i], f.trials[i], f.x[j], f.trials[j]];
    return {
      value: contrast.value(four[0] / four[1], four[2] / four[3]),
      above: (bound) => exact.pairP(...four, bound, contrast, true),
      below: (bound) => exact.pairP(...four, bound, contrast, false),
      lower: (at) => exact.pairLimit(...four, at, contrast, true),
      upper: (at) => exact.pairLimit(...four, at, contrast, false),
    };
  };

  // What one claim comes to. Its p of failing is only taken where the limit is broken as measured, that of
  // passing where it is kept: neither is small on the other side.
  const decide = (gate, evidence, claims) => {
    const { limit, upper, fold } = gate, value = evidence.value;
    const folded = fold === "difference" ? Math.abs(value) : fold === "ratio" ? Math.min(value, 1 / value) : value;
    const holds = fold === "difference" || (fold === "none" && upper) ? folded <= limit : folded >= limit;
    // Without a p the distance from the limit orders claims.
    const apart = Math.abs(folded - limit);
    if (!gate.proven) return { verdict: holds ? "pass" : "fail", p: 0, apart };
    const parts = fold === "difference" ? [-limit, limit] : [limit, 1 / limit];
    if (holds) {
      let p;
      if (fold === "none") p = upper ? evidence.below(limit) : evidence.above(limit);
      else {
        const near = value >= (fold === "ratio" ? 1 : 0) ? 1 : 0;
        const ask = (end) => (end ? evidence.below(parts[1]) : evidence.above(parts[0]));
        p = ask(near);
        if (p <= level) p = Math.max(p, ask(1 - near));
      }
      return { verdict: p <= level ? "pass" : "inconclusive", p, apart };
    }
    let p;
    if (fold === "none") p = upper ? evidence.above(limit) : evidence.below(limit);
    else {
      const side = value >= (fold === "ratio" ? 1 : 0) ? "above" : "below";
      const near = side === "above" ? 1 : 0;
      p = evidence[side](parts[near]);
      if (p <= level / claims) p = Math.min(1, p + evidence[side](parts[1 - near]));
    }
    return { verdict: p <= level / claims ? "fail" : "inconclusive", p, apart, broken: true };
  };

  const WORST = ["error", "fail", "inconclusive", "pass"];
  const error = { verdict: "error", value: NaN, claims: [] };

  // Of several claims with the gate's verdict the one that decides: the surest failure, the least sure pass,
  // of open ones that most like a failure. Where p is nothing the distance from the limit tells.
  const NOTHING = 1e-13;
  const whole = (claims, evidence) => {
    if (!claims.length) return error;
    const verdict = WORST.find((word) => claims.some((claim) => claim.verdict === word));
    const same = claims.filter((claim) => claim.verdict === verdict);
    const chosen = same.reduce((a, b) => (decides(b, a, verdict) ? b : a));
    return { ...chosen, verdict, claims, evidence: evidence(chosen) };
  };
  const decides = (one, other, verdict) => {
    if (verdict === "error") return false;
    const tied = Math.max(one.p, other.p) < NOTHING;
    if (verdict === "pass") return tied ? one.apart < other.apart : one.p > other.p;
    if (verdict === "fail") return tied ? one.apart > other.apart : one.p < other.p;
    if (one.broken !== other.broken) return Boolean(one.broken);
    return one.broken ? one.p < other.p : one.p > other.p;
  };

  const ofValues = (gate, f, part) => {
    const use = eligible(gate, part, [f]), known = use.filter((i) => !Number.isNaN(f.value[i]));
    const claims = use.map((i) => {
      if (Number.isNaN(f.value[i])) return { slice: i, verdict: "error", value: NaN };
      return { slice: i, value: f.value[i], ...decide(gate, single(f, i), known.length) };
    });
    return { ...whole(claims, (c) => single(f, c.slice)), count: known.length };
  };

  const againstReference = (gate, f, part) => {
    const use = eligible(gate, part, [f]), ref = gate.reference ? find(part, gate.reference) : reference(part);
    if (ref < 0 || !(gate.named || gate.small || f.size[ref] >= data.min)) return error;
    const contrast = exact.contrast(f.scale, gate.ratio);
    const lacks = (i) => [i, ref].some((j) => Number.isNaN(f.value[j])) || (gate.ratio && f.value[ref] === 0);
    const others = use.filter((i) => i !== ref), known = others.filter((i) => !lacks(i));
    const claims = others.map((i) => {
      if (lacks(i)) return { slice: i, reference: ref, verdict: "error", value: NaN };
      const evidence = pair(f, i, ref, contrast);
      return { slice: i, reference: ref, value: evidence.value, ...decide(gate, evidence, known.length) };
    });
    return { ...whole(claims, (c) => pair(f, c.slice, ref, contrast)), count: known.length };
  };

  // Every pair of a higher and a lower slice whose contrast can be above `least`, the most hopeful first, by the
  // limits of each slice alone: none is above the contrast of these (metrics/exact.py, pair_bounds).
  const hopeful = (f, high, low, share, up, contrast, least) => {
    const at = up ? share / 2 : Math.sqrt(share);
    const ends = (i, top) => exact[top ? "upper" : "lower"](f.x[i], f.trials[i], at);
    const ups = new Map(high.map((i) => [i, ends(i, up)])), downs = new Map(low.map((j) => [j, ends(j, !up)]));
    const found = [];
    for (const i of high)
      for (const j of low) {
        const bound = contrast.value(ups.get(i), downs.get(j));
        if (i !== j && !(bound <= least)) found.push([i, j, Number.isNaN(bound) ? Infinity : bound]);
      }
    return found.sort((p, q) => q[2] - p[2]);
  };

  // A pair that breaks the limit for sure, and one that is not sure to keep it; null where there is none.
  const overPairs = (f, high, low, limit, claims, proven, contrast) => {
    if (!proven) return { failing: null, open: null };
    const fails = level / claims;
    const failing = hopeful(f, high, low, fails, false, contrast, limit).find(
      ([i, j]) => pair(f, i, j, contrast).above(limit) <= fails);
    if (failing) return { failing: { high: failing[0], low: failing[1] }, open: null };
    const open = hopeful(f, high, low, level, true, contrast, limit).some(
      ([i, j]) => pair(f, i, j, contrast).below(limit) > level);
    return { failing: null, open };
  };

  const extremes = (gate, figures, part) => {
    const use = eligible(gate, part, figures);
    const held = figures.filter((f) => {
      const known = use.filter((i) => !Number.isNaN(f.value[i]));
      return known.length > 1 && !(gate.ratio && Math.max(...known.map((i) => f.value[i])) <= 0);
    });
    const complete = held.length === figures.length && figures.every((f) => use.every((i) => !Number.isNaN(f.value[i])));
    if (!held.length || !complete) return error;
    const limit = gate.ratio ? 1 / gate.limit : gate.limit, claims = held.length * use.length * (use.length - 1);
    let best = null, failing = null, open = null;
    for (const f of held) {
      const contrast = exact.contrast(f.scale, gate.ratio);
      const high = use.reduce((a, b) => (f.value[b] > f.value[a] ? b : a));
      const low = use.filter((i) => i !== high).reduce((a, b) => (f.value[b] < f.value[a] ? b : a));
      const value = gate.ratio ? (f.value[low] > 0 ? f.value[high] / f.value[low] : Infinity) : f.value[high] - f.value[low];
      if (!best || value > best.value) best = { value, high, low };
      const found = overPairs(f, use, use, limit, claims, gate.proven, contrast);
      failing ||= found.failing;
      open ||= found.open;
    }
    const verdict = gate.proven
      ? failing ? "fail" : open ? "inconclusive" : "pass"
      : best.value <= limit ? "pass" : "fail";
    const [slice, ref] = gate.ratio ? [best.low, best.high] : [best.high, best.low];
    return {
      verdict, slice, reference: ref, value: gate.ratio ? 1 / best.value : best.value, claims: [], count: claims,
      evidence: true,
      ends: () => {
        const over = (share, up) => Math.max(...held.map((f) => largest(f, use, use, share, up, exact.contrast(f.scale, gate.ratio))));
        const [near, far] = [Math.max(over(level / claims, false), gate.ratio ? 1 : 0), over(level, true)];
        return gate.ratio ? [1 / far, 1 / near] : [near, far];
      },
    };
  };

  // The largest lower (or upper) limit of higher against lower over many pairs.
  const largest = (f, high, low, share, up, contrast) => {
    let best = -Infinity;
    for (const [i, j, bound] of hopeful(f, high, low, share, up, contrast, -Infinity)) {
      if (bound <= best) break;
      best = Math.max(best, pair(f, i, j, contrast)[up ? "upper" : "lower"](share));
    }
    return best;
  };

  const againstPicked = (gate, f, part) => {
    const use = eligible(gate, part, [f]), known = use.filter((i) => !Number.isNaN(f.value[i]));
    if (!known.length) return error;
    const ref = known.reduce((a, b) => ((gate.highest ? f.value[b] > f.value[a] : f.value[b] < f.value[a]) ? b : a));
    const most = Math.max(...known.map((i) => f.value[i]));
    const zero = gate.ratio && f.value[ref] === 0 && !(!gate.highest && most > 0);
    const others = use.filter((i) => i !== ref);
    if (!others.length || zero || others.length + 1 > known.length) return error;
    const contrast = exact.contrast(f.scale, gate.ratio), limit = gate.ratio ? 1 / gate.limit : gate.limit;
    const claims = known.length * (known.length - 1);
    const apart = (i) => (gate.highest ? pair(f, ref, i, contrast) : pair(f, i, ref, contrast));
    const [high, low] = gate.highest ? [known, others] : [others, known];
    const { failing, open } = overPairs(f, high, low, limit, claims, gate.proven, contrast);
    const kept = others.every((i) => apart(i).value <= limit);
    const verdict = gate.proven ? (failing ? "fail" : open ? "inconclusive" : "pass") : kept ? "pass" : "fail";
    const farthest = others.reduce((a, b) => (apart(b).value > apart(a).value ? b : a));
    const worst = failing ? (gate.highest ? failing.low : failing.high) : farthest;
    const equal = f.value[worst] === f.value[ref];
    const value = !gate.ratio ? f.value[worst] - f.value[ref] : equal ? 1 : f.value[worst] / f.value[ref];
    return {
      verdict, slice: worst, reference: ref, value, claims: [], count: claims, evidence: true,
      // Of one that the best was picked among: it is not better than the best.
      ends: () => {
        const over = (share, up) => {
          const [one, two] = gate.highest ? [known, [worst]] : [[worst], known];
          return Math.max(largest(f, one, two, share, up, contrast), gate.ratio ? 1 : 0);
        };
        const [near, far] = [over(level / claims, false), over(level, true)];
        if (!gate.highest) return [near, far];
        return gate.ratio ? [1 / far, 1 / near] : [0 - far, 0 - near];
      },
    };
  };

  // A gate of the run, or one that the page was asked, on a variant at a cut.
  const judge = (gate, variant, cut, weighted) => {
    const part = counts.partition(gate.by.map((name) => data.by.indexOf(name)));
    const held = variant.held[gate.view], metrics = data.views[gate.view].metrics;
    const of = gate.metrics.map((name) => metrics.find((m) => m.name === name));
    if (gate.form === "change" || gate.form === "growth") {
      const found = changes[gate.form](gate, of[0], held, part, cut, weighted);
      return { ...found, part, decided: () => (found.ends && gate.proven ? found.ends() : null) };
    }
    const figures = of.map((metric) => counts.figure(metric, held, part, cut, weighted));
    const ask = { value: ofValues, reference: againstReference, picked: againstPicked, extremes }[gate.form];
    const found = ask(gate, gate.form === "extremes" ? figures : figures[0], part);
    return { ...found, part, decided: () => decisionLimits(gate, found) };
  };

  // The two limits that decide: what failing rests on holds for all claims together.
  const decisionLimits = (gate, { evidence, count, ends }) => {
    if (!evidence || !gate.proven) return null;
    if (ends) return ends();
    const fails = level / Math.max(count, 1);
    if (gate.fold === "none")
      return gate.upper ? [evidence.lower(fails), evidence.upper(level)] : [evidence.lower(level), evidence.upper(fails)];
    const ratio = gate.fold === "ratio", neutral = ratio ? 1 : 0, up = evidence.value >= neutral;
    const outwards = (value) => (up ? value : ratio ? 1 / value : -value);
    const outside = (d) => {
      const [low, high] = ratio ? [1 / d, d] : [-d, d];
      return up ? evidence.above(low) + evidence.above(high) : evidence.below(low) + evidence.below(high);
    };
    const plain = (at) => Math.max(neutral, outwards(up ? evidence.lower(at) : evidence.upper(at)));
    let near = plain(fails);
    if (near > neutral && outside(near) > fails * (1 + 1e-6)) {
      let low = plain(fails / 2), high = near;
      for (let i = 0; i < 30; i++) {
        const middle = (low + high) / 2;
        if (outside(middle) <= fails) low = middle;
        else high = middle;
      }
      near = low;
    }
    const low = evidence.lower(level), high = evidence.upper(level);
    const far = ratio ? Math.max(high, 1 / low) : Math.max(high, -low);
    if (ratio) return up ? [near, far] : [1 / far, 1 / near];
    return up ? [near, far] : [-far, 0 - near];
  };

  const changes = makeChanges(data, counts, { eligible, whole, error });

  return { judge, pair };
};
if (typeof module !== "undefined") module.exports = makeGates;
