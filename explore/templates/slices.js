"use strict";
// The slices of the chosen features: figures, limits, and what a limit says of each.
const makeSlices = ({ data, counts, state, words, write, draws }) => {
  const { chosen } = state, { say, known, fixed, percent, writes, whole, between } = write;
  const { $, element, name, line, verdictMark } = draws;

  const sliceName = (part, i) =>
    part.by.length ? part.keys[i].map((value, k) => data.levels[part.by[k]][value]).join(" \u00b7 ") : words.all_rows;

  const RANK = { error: 0, fail: 1, inconclusive: 2, pass: 3 };
  const rowsOf = (part, f, other, ref, judged, apart) => {
    const verdicts = new Map((judged ? judged.claims : []).map((claim) => [claim.slice, claim.verdict]));
    return part.keys.map((_, i) => ({
      i, name: sliceName(part, i), n: f.n[i], value: f.value[i], small: f.size[i] < data.min, few: Boolean(f.few && f.few[i]),
      limits: data.clustered && !f.low ? [NaN, NaN] : counts.limits(f, i), other: other ? other.value[i] : NaN,
      gap: i === ref ? NaN : f.value[i] - f.value[ref], apart, verdict: verdicts.get(i) || null,
      shown: part.keys[i].map((value, k) => data.order[part.by[k]].indexOf(value)),
    }));
  };
  // Further from the reference is worse; from the ideal, where a figure has one and no limit is on the distance.
  const off = (row) => (known(chosen.metric.ideal) && !row.apart ? row.value - chosen.metric.ideal : row.gap);
  const worse = (p, q) => {
    const rank = (row) => (row.verdict && row.verdict !== "pass" ? RANK[row.verdict] : 9);
    const size = (row) => (row.small ? -1 : known(off(row)) ? Math.abs(off(row)) : -2);
    return rank(p) - rank(q) || size(q) - size(p) || byName(p, q);
  };
  const byName = (p, q) => {
    const k = p.shown.findIndex((place, i) => place !== q.shown[i]);
    return k < 0 ? 0 : p.shown[k] - q.shown[k];
  };
  const ORDERS = { worst: worse, name: byName, rows: (p, q) => q.n - p.n || byName(p, q) };

  // An axis over what is drawn: of shares in whole tenths, of other figures in steps of 1, 2 or 5.
  const axis = (rows, share) => {
    const ends = rows.flatMap((row) => [row.value, row.other, ...(row.small ? [] : row.limits)]).filter((v) => known(v) && Number.isFinite(v));
    let low = Math.min(...ends), high = Math.max(...ends);
    if (!ends.length) [low, high] = [0, 1];
    if (!(high > low)) [low, high] = [low - (share ? 0.05 : Math.abs(low) / 10 || 1), high + (share ? 0.05 : Math.abs(high) / 10 || 1)];
    const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
    const wide = high - low, step = share ? (wide > 1.1 ? 0.5 : wide > 0.55 ? 0.2 : 0.1) : power * [1, 2, 5, 10].find((times) => times * power >= rough * 0.999);
    const grain = share && low >= 0 ? 0.1 : step;
    low = Math.floor(low / grain + 1e-9) * grain;
    high = Math.ceil(high / grain - 1e-9) * grain;
    // A share ends at 0; what can fall below it, such as a bias, at -1.
    if (share) [low, high] = [Math.max(Math.min(...ends) < 0 ? -1 : 0, low), Math.min(1, high)];
    const ticks = [];
    for (let v = low; v <= high + step * 1e-6; v += step) ticks.push(v);
    const x = (v) => `${(6 + (88 * (Math.min(Math.max(v, low), high) - low)) / (high - low)).toFixed(2)}%`;
    const digits = share ? 0 : Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return { x, ticks, text: (v) => (share ? String(Math.round(100 * v)).replace("-", "\u2212") : fixed(v, digits)) };
  };

  const drawRow = (row, f, ref, x, band) => {
    const kind = row.small ? "small" : row.verdict || "plain", drawn = [], centre = f.value[ref], { metric } = chosen;
    const as = writes[metric.kind], short = metric.kind === "percent" ? (v) => fixed(100 * v, 1) : as;
    if (band !== null && known(centre)) {
      const [from, to] = [x(centre - band), x(centre + band)];
      drawn.push(element("svg:rect", { x: from, width: `${parseFloat(to) - parseFloat(from)}%`, y: 0, height: 26, class: "band" }));
    }
    if (known(centre)) drawn.push(line(x(centre), x(centre), 0, 26, "centre"));
    if (known(row.limits[0])) drawn.push(line(x(row.limits[0]), x(row.limits[1]), 13, 13, `interval ${kind}`));
    if (known(row.other)) drawn.push(element("svg:circle", { cx: x(row.other), cy: 13, r: 5.5, class: "ring" }));
    if (known(row.value)) drawn.push(element("svg:circle", { cx: x(row.value), cy: 13, r: 4.6, class: `dot ${kind}` }));
    const head = element("th", { scope: "row" }, name(row.name));
    if (row.small) head.append(" ", element("small", {}, say(words.fewer, { n: data.min })));
    else if (row.few) head.append(" ", element("small", {}, words.few));
    const a = element("td", { class: "num" }, element("b", {}, as(row.value)));
    if (known(row.limits[0])) a.append(element("small", {}, between(...row.limits, short)));
    return element("tr", {}, head, element("td", { class: "num wide" }, whole(row.n)), a,
      element("td", { class: "num wide other" }, chosen.b ? as(row.other) : ""),
      element("td", { class: "plot" }, element("svg:svg", { width: "100%", height: 26, "aria-hidden": "true" }, ...drawn)),
      element("td", { class: "num" }, row.i === ref ? words.reference : writes[metric.apart](row.gap)),
      element("td", { class: "wide judged" }, row.verdict ? verdictMark(row.verdict) : ""));
  };

  // The figures of the chosen slices at the chosen threshold, and the slice that they are compared with.
  const chosenSlices = () => {
    const part = counts.partition(chosen.by), gate = state.asked(), { metric, a, b, view, weighted } = chosen;
    const f = counts.shown(metric, a, view, part, state.cutA(), weighted);
    const other = b ? counts.shown(metric, b, view, part, state.cutOf(b), weighted) : null;
    const named = gate && gate.reference ? counts.find(part, gate.reference) : -1;
    return { part, gate, f, other, ref: named >= 0 ? named : counts.reference(part) };
  };

  const draw = () => {
    const found = chosenSlices(), { part, gate, f, other, ref } = found, share = chosen.metric.kind === "percent";
    const kept = gate ? undefined : state.kept();
    const judged = gate ? state.judge(gate) : kept ? { claims: kept.claims.map(([key, verdict]) => ({ slice: counts.find(part, key), verdict })) } : null;
    const band = gate ? gate.limit : kept ? kept.band : null;
    const every = rowsOf(part, f, other, ref, judged, band !== null), { x, ticks, text } = axis(every, share);
    const wanted = chosen.find.toLowerCase();
    const rows = every.filter((row) => row.name.toLowerCase().includes(wanted)).sort(ORDERS[chosen.sort]);
    $("table").toggleAttribute("data-judged", Boolean(judged));
    $("table").toggleAttribute("data-other", Boolean(chosen.b));
    $("apart").textContent = share ? words.apart_points : words.apart;
    $("rows").replaceChildren(...rows.map((row) => drawRow(row, f, ref, x, band)));
    if (!rows.length) $("rows").append(element("tr", {}, element("td", { colspan: 7 }, words.no_slice)));
    $("ticks").replaceChildren(...ticks.map((v) => element("svg:text", { x: x(v), y: 11, "text-anchor": "middle" }, text(v))));
    const features = chosen.by.map((k) => data.features[k]).join(" \u00d7 ");
    const { shown } = data.views[chosen.view], title = shown === null ? chosen.metric.title : say(words.of_class, { title: chosen.metric.title, class: shown });
    $("slices").textContent = say(words.by, { title, features });
    $("legend").textContent = legend(part, band, kept, ref).join(" ");
    return found;
  };
  const legend = (part, band, kept, ref) => {
    if (chosen.metric.told && part.told === null) return [say(words.not_audited, { title: chosen.metric.title })];
    const out = [say(words.legend, { confidence: percent(data.confidence).replace(".0", ""), reference: sliceName(part, ref) })];
    if (chosen.metric.told) out.push(words.legend_told);
    else if (data.clustered) out.push(words.legend_clusters);
    if (chosen.b) out.push(sameScale() ? words.legend_b : words.legend_b_audited);
    if (band !== null) out.push(words.legend_band);
    if (kept) out.push(words.legend_verdicts);
    if (chosen.weighted && !chosen.metric.told) out.push(words.legend_weights);
    return out;
  };
  const sameScale = () => {
    const [a, b] = [state.held(chosen.a), state.held(chosen.b)];
    return !chosen.metric.told && a && b && b.scale !== null && b.scale === a.scale;
  };

  return { draw, sliceName };
};
