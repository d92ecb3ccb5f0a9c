"use strict";
// From the counts of crossings to slices and figures with their limits, at any threshold.
const makeCounts = (data) => {

  // ---- counts ----

  // Sums from each bin upwards, of every crossing and label (and decision before): a threshold is then one look-up.
  const upwards = (held) => held.up || (held.up = summed(held, 1));
  const jointly = (held) => held.joined || (held.joined = summed(held, 2));
  const summed = (held, sides) => {
    const bins = held.scale === null ? 2 : data.scales[held.scale].length, rows = data.cells.length * 2 * sides;
    const sums = {};
    for (const kind of ["n", "w", "s"]) {
      if (!held[kind]) continue;
      const out = new Float64Array(rows * (bins + 1));
      let place = 0;
      held[kind].forEach((value, i) => {
        place += held.at[i];
        const row = Math.floor(place / bins);
        out[(held.joint && sides === 1 ? row >> 1 : row) * (bins + 1) + (place % bins)] += value;
      });
      for (let row = 0; row < rows; row++)
        for (let j = bins - 1; j >= 0; j--) out[row * (bins + 1) + j] += out[row * (bins + 1) + j + 1];
      sums[kind] = out;
    }
    return { bins, sums };
  };

  const partitions = new Map();
  // The slices of some features, in the order in which the audit sorts them, and each crossing's slice.
  const partition = (by) => {
    const name = by.join();
    if (partitions.has(name)) return partitions.get(name);
    const found = new Map();
    data.cells.forEach((cell) => {
      const key = by.map((k) => cell[k]);
      found.set(key.join(), key);
    });
    const keys = [...found.values()].sort((p, q) => {
      const k = p.findIndex((value, i) => value !== q[i]);
      return k < 0 ? 0 : p[k] - q[k];
    });
    const place = new Map(keys.map((key, i) => [key.join(), i]));
    const of = data.cells.map((cell) => place.get(by.map((k) => cell[k]).join()));
    const unknown = keys.map((key) => key.some((value, i) => value === data.unknown[by[i]]));
    const n = keys.map(() => 0);
    of.forEach((slice, cell) => (n[slice] += data.sizes[cell]));
    const made = { by, keys, of, unknown, n, told: toldPlaces(by, place) };
    partitions.set(name, made);
    return made;
  };
  const names = (part, i) => part.keys[i].map((value, k) => data.values[part.by[k]][value]);
  const find = (part, wanted) => part.keys.findIndex((_, i) => names(part, i).join("\0") === wanted.join("\0"));

  // Where the audited figures of a partition's slices stand; null where it was not audited.
  const toldPlaces = (by, place) => {
    const found = Array(place.size).fill(-1);
    data.slices.forEach((slice, at) => {
      if (slice.by.join() !== by.join()) return;
      const i = place.get(slice.key.map((value, k) => data.values[by[k]].indexOf(value)).join());
      if (i !== undefined) found[i] = at;
    });
    return found.some((at) => at >= 0) ? found : null;
  };

  // TP, FP, FN, TN of every slice at a cut: rows (n), weights (w) or squared weights (s).
  const outcomes = (held, part, cut, kind) => {
    const { bins, sums } = upwards(held), up = sums[kind], out = new Float64Array(4 * part.keys.length);
    for (let cell = 0; cell < data.cells.length; cell++) {
      const slice = 4 * part.of[cell], no = 2 * cell * (bins + 1), yes = no + bins + 1;
      out[slice] += up[yes + cut];
      out[slice + 1] += up[no + cut];
      out[slice + 2] += up[yes] - up[yes + cut];
      out[slice + 3] += up[no] - up[no + cut];
    }
    return out;
  };

  // Rows of every slice by label, decision before and decision at a cut: eight numbers, the last changing fastest.
  const joint = (held, part, cut, kind) => {
    const { bins, sums } = jointly(held), up = sums[kind], out = new Float64Array(8 * part.keys.length);
    for (let cell = 0; cell < data.cells.length; cell++)
      for (let four = 0; four < 4; four++) {
        const to = 8 * part.of[cell] + 2 * four, from = (4 * cell + four) * (bins + 1);
        out[to] += up[from] - up[from + cut];
        out[to + 1] += up[from + cut];
      }
    return out;
  };
  // What was decided before, as `outcomes` gives it: no cut of the variant moves it.
  const before = (held, part, kind) => {
    const cells = joint(held, part, 0, kind), out = new Float64Array(4 * part.keys.length);
    part.keys.forEach((_, i) => {
      const [no, yes] = [8 * i, 8 * i + 4].map((at) => [cells[at] + cells[at + 1], cells[at + 2] + cells[at + 3]]);
      out.set([yes[1], no[1], yes[0], no[0]], 4 * i);
    });
    return out;
  };

  // ---- figures ----

  const add = (mask, c, i) => mask[0] * c[i] + mask[1] * c[i + 1] + mask[2] * c[i + 2] + mask[3] * c[i + 3];

  // A metric in every slice: value, rows and effective trials, as metrics/figures.py takes them.
  const figureOf = (metric, part, weighted, read) => {
    const count = part.keys.length, scale = exact.SCALES[metric.scale];
    const rows = read("n");
    const sums = weighted ? read("w") : rows, squares = weighted ? read("s") : null;
    const made = { metric, scale, value: [], n: [], x: [], trials: [], size: [] };
    for (let i = 0; i < count; i++) {
      const num = add(metric.num, sums, 4 * i), den = add(metric.den, sums, 4 * i), n = add(metric.den, rows, 4 * i);
      const p = num / den, value = scale.of(p);
      let trials = den;
      if (weighted) {
        const num2 = add(metric.num, squares, 4 * i), den2 = add(metric.den, squares, 4 * i);
        const kish = (den * den) / den2;
        const variance = ((1 - p) ** 2 * num2 + p * p * Math.max(den2 - num2, 0)) / (den * den);
        trials = p > 0 && p < 1 ? Math.min((p * (1 - p)) / variance, kish) : kish;
      }
      made.value.push(Number.isFinite(value) ? value : NaN);
      made.n.push(n);
      made.x.push(p * trials);
      made.trials.push(trials);
      made.size.push(Math.min(trials, n) || 0);
    }
    return made;
  };

  const figure = (metric, held, part, cut, weighted) =>
    figureOf(metric, part, weighted, (kind) => outcomes(held, part, cut, kind));
  const figureBefore = (metric, held, part, weighted) =>
    figureOf(metric, part, weighted, (kind) => before(held, part, kind));

  // A figure as it was audited; sizes say only which slices are small.
  const audited = (metric, variant, view, part) => {
    const of = variant.figures[view][metric.name], at = (column, i, none) =>
      part.told === null || part.told[i] < 0 ? none : (of[column][part.told[i]] ?? none);
    const every = (column, none) => part.keys.map((_, i) => at(column, i, none));
    return {
      metric, value: every("value", NaN), low: every("low", NaN), high: every("high", NaN), n: every("n", 0),
      few: every("few", 0), size: every("small", 1).map((small) => (small ? 0 : Infinity)),
    };
  };
  const nothing = (metric, part) => {
    const none = (value) => part.keys.map(() => value);
    return { metric, value: none(NaN), low: none(NaN), high: none(NaN), n: none(0), size: none(0) };
  };
  // What the page shows of a metric: counted where it can be, else as audited.
  const shown = (metric, variant, view, part, cut, weighted) => {
    if (metric.told) return audited(metric, variant, view, part);
    const held = variant.held[view];
    return held ? figure(metric, held, part, cut, weighted) : nothing(metric, part);
  };

  // Two-sided limits of a slice's own figure, as in the tables of the report.
  const limits = (f, i, tail = (1 - data.confidence) / 2) => {
    if (f.low) return [f.low[i], f.high[i]];
    if (!(f.trials[i] > 0)) return [NaN, NaN];
    const { lower, upper } = exact;
    return [f.scale.of(lower(f.x[i], f.trials[i], tail)), f.scale.of(upper(f.x[i], f.trials[i], tail))];
  };

  // The slice that the configuration names, else the largest known one.
  const reference = (part) => {
    const wanted = part.by.map((k) => data.reference[k]);
    const named = part.keys.findIndex((key) => key.join() === wanted.join());
    if (named >= 0) return named;
    const known = part.keys.map((_, i) => i).filter((i) => !part.unknown[i]);
    return (known.length ? known : part.keys.map((_, i) => i)).reduce((a, b) => (part.n[b] > part.n[a] ? b : a));
  };

  return { partition, names, find, outcomes, joint, figure, figureBefore, shown, limits, reference, upwards };
};
if (typeof module !== "undefined") module.exports = makeCounts;
