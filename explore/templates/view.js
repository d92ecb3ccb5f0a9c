// The page: what is chosen, and what is drawn from the counts whenever that changes.
const explore = (data, words) => {
  "use strict";
  const counts = makeCounts(data);
  const $ = (id) => document.getElementById(id);
  const { say, known, fixed, percent, points, plain, writes, whole, between, decimal } = writing(words);
  const { element, name, line, verdictMark } = elements(words);

  // ---- what is chosen ----

  const variant = (wanted) => data.variants.find((one) => one.name === wanted);
  const metric = (wanted) => data.metrics.find((one) => one.name === wanted);
  const first = data.gates.find((g) => g.variant === data.variants[0].name && g.form === "reference" && !g.ratio);
  const chosen = {
    a: data.variants[0], b: null, cut: data.variants[0].cut,
    by: first ? first.by.map((feature) => data.by.indexOf(feature)) : [0],
    metric: metric(first ? first.metric : "") || data.metrics[0],
    limit: null, sort: "worst", find: "", weighted: data.weighted,
  };

  const thresholds = (one) => (one.scale === null ? null : data.scales[one.scale]);
  const written = (one, cut) => (one.scale === null ? words.own_rule : decimal(thresholds(one)[cut]));
  // The other variant is cut at the same threshold where it has the same scores' scale.
  const cutOf = (one) => (one === chosen.a || one.scale !== chosen.a.scale || one.scale === null ? one.cut : chosen.cut);
  const cutA = () => (chosen.a.scale === null ? chosen.a.cut : chosen.cut);

  // The gate of the run on what is shown, and the limit that it sets.
  const matching = () =>
    data.gates.find((g) =>
      g.variant === chosen.a.name && g.form === "reference" && !g.ratio && g.metric === chosen.metric.name &&
      g.by.join("\0") === chosen.by.map((k) => data.by[k]).join("\0"));
  const asked = () => {
    const found = matching();
    const limit = chosen.limit === null ? (found ? found.limit : null) : chosen.limit;
    if (limit === null || data.clustered) return null;
    if (found) return { ...found, limit };
    return {
      metrics: [chosen.metric.name], by: chosen.by.map((k) => data.by[k]), form: "reference", fold: "difference",
      ratio: false, limit, upper: true, proven: true, small: false, unknown: false, only: null, reference: null,
      named: data.reference.every((value, k) => value >= 0 || !chosen.by.includes(k)),
    };
  };

  const sliceName = (part, i) =>
    part.by.length ? part.keys[i].map((value, k) => data.levels[part.by[k]][value]).join(" \u00b7 ") : words.all_rows;
  const featureNames = () => chosen.by.map((k) => data.features[k]).join(" \u00d7 ");

  // What is asked in the table, in the list and aloud is judged once.
  let judgements = new Map();
  const judge = (gate) => {
    const asks = JSON.stringify([gate.id, gate.by, gate.metrics, gate.limit, chosen.a.name, cutA(), chosen.weighted]);
    if (!judgements.has(asks)) judgements.set(asks, counts.judge(gate, chosen.a, cutA(), chosen.weighted));
    return judgements.get(asks);
  };

  // ---- drawing ----

  const drawThreshold = () => {
    const a = chosen.a, cut = cutA(), steps = thresholds(a), moved = cut !== a.cut;
    $("slider").disabled = steps === null;
    $("slider").max = steps === null ? 1 : steps.length - 1;
    $("slider").value = cut;
    $("slider").setAttribute("aria-valuetext", written(a, cut));
    $("at").textContent = written(a, cut);
    $("back").disabled = !moved;
    let state = say(words.audited_cut, { variant: a.shown });
    if (steps === null) state = say(a.scored ? words.rule : words.unscored, { variant: a.shown });
    else if (moved) state = say(words.moved, { threshold: written(a, a.cut) });
    else if (!a.told) state = say(words.found, { threshold: written(a, a.cut) });
    $("state").replaceChildren(state);
    if (a.needs.length) $("state").append(" ", element("span", { class: "needs" }, say(words.needs, { features: a.needs.join(", ") })));
    drawScores(a, steps, cut);
  };

  const MOST_BARS = 67;
  // Rows by score, those with a positive label below.
  const drawScores = (a, steps, cut) => {
    const out = [];
    if (steps !== null && steps.length > 1) {
      const { bins, sums } = counts.upwards(a), last = bins - 1;
      // Few scores stand each at its own place, many together in bars that fill the width.
      const few = bins <= MOST_BARS, bars = few ? bins : MOST_BARS;
      const heights = Array.from({ length: bars }, () => [0, 0]);
      for (let row = 0; row < 2 * data.cells.length; row++)
        for (let j = 0; j < bins; j++) {
          const at = row * (bins + 1) + j;
          heights[few ? j : Math.min(bars - 1, Math.floor((j * bars) / last))][row % 2] += sums.n[at] - sums.n[at + 1];
        }
      const top = Math.max(...heights.map(([no, yes]) => no + yes));
      // Roots, as a few bins often hold most of the rows.
      const tall = (n) => 54 * Math.sqrt(n / top);
      heights.forEach(([no, yes], k) => {
        const box = few
          ? { x: `${(100 * k) / last - 0.7}%`, width: "1.4%" }
          : { x: `${(100 * k) / bars}%`, width: `${92 / bars}%` };
        const all = tall(no + yes), part = no + yes ? (all * yes) / (no + yes) : 0;
        out.push(element("svg:rect", { ...box, y: 58 - all, height: Math.max(0, all - part), class: "no" }));
        out.push(element("svg:rect", { ...box, y: 58 - part, height: part, class: "yes" }));
      });
      const x = (j) => `${(100 * j) / last}%`;
      out.push(line(x(a.cut), x(a.cut), 0, 60, "audited"), line(x(cut), x(cut), 0, 60, "here"));
    }
    $("scores").replaceChildren(...out);
  };

  const drawTiles = () => {
    const part = counts.partition([]), b = chosen.b;
    $("tiles").replaceChildren(...data.metrics.map((m) => {
      const f = counts.figure(m, chosen.a, part, cutA(), chosen.weighted);
      const [low, high] = data.clustered ? [NaN, NaN] : counts.limits(f, 0);
      const under = data.clustered || !known(low) ? [] : [between(low, high)];
      if (b) {
        const g = counts.figure(m, b, part, cutOf(b), chosen.weighted);
        under.push(say(words.tile_b, { value: percent(g.value[0]) }));
      }
      return element("div", {}, element("dt", {}, m.title),
        element("dd", {}, element("b", {}, percent(f.value[0])), ...under.map((text) => element("span", {}, text))));
    }));
  };

  const RANK = { error: 0, fail: 1, inconclusive: 2, pass: 3 };
  const rowsOf = (part, f, other, ref, judged) => {
    const verdicts = new Map((judged ? judged.claims : []).map((claim) => [claim.slice, claim.verdict]));
    return part.keys.map((_, i) => ({
      i, name: sliceName(part, i), n: f.n[i], value: f.value[i], small: f.size[i] < data.min,
      limits: data.clustered ? [NaN, NaN] : counts.limits(f, i), other: other ? other.value[i] : NaN,
      gap: i === ref ? NaN : f.value[i] - f.value[ref], verdict: verdicts.get(i) || null,
      shown: part.keys[i].map((value, k) => data.order[part.by[k]].indexOf(value)),
    }));
  };
  const worse = (p, q) => {
    const rank = (row) => (row.verdict && row.verdict !== "pass" ? RANK[row.verdict] : 9);
    const size = (row) => (row.small ? -1 : known(row.gap) ? Math.abs(row.gap) : -2);
    return rank(p) - rank(q) || size(q) - size(p) || byName(p, q);
  };
  const byName = (p, q) => {
    const k = p.shown.findIndex((place, i) => place !== q.shown[i]);
    return k < 0 ? 0 : p.shown[k] - q.shown[k];
  };
  const ORDERS = { worst: worse, name: byName, rows: (p, q) => q.n - p.n || byName(p, q) };

  const axis = (rows) => {
    const ends = rows.flatMap((row) => [row.value, row.other, ...(row.small ? [] : row.limits)]).filter(known);
    let low = Math.floor(10 * Math.min(1, ...ends) + 1e-9) / 10, high = Math.ceil(10 * Math.max(0, ...ends) - 1e-9) / 10;
    if (!(high > low)) [low, high] = [Math.max(0, low - 0.1), Math.min(1, low + 0.1)];
    return { low, high, x: (v) => `${(6 + (88 * (Math.min(Math.max(v, low), high) - low)) / (high - low)).toFixed(2)}%` };
  };

  const drawRow = (row, f, ref, x, gate) => {
    const kind = row.small ? "small" : row.verdict || "plain", drawn = [], centre = f.value[ref];
    if (gate && known(centre)) {
      const [from, to] = [x(centre - gate.limit), x(centre + gate.limit)];
      drawn.push(element("svg:rect", { x: from, width: `${parseFloat(to) - parseFloat(from)}%`, y: 0, height: 26, class: "band" }));
    }
    if (known(centre)) drawn.push(line(x(centre), x(centre), 0, 26, "centre"));
    if (known(row.limits[0])) drawn.push(line(x(row.limits[0]), x(row.limits[1]), 13, 13, `interval ${kind}`));
    if (known(row.other)) drawn.push(element("svg:circle", { cx: x(row.other), cy: 13, r: 5.5, class: "ring" }));
    if (known(row.value)) drawn.push(element("svg:circle", { cx: x(row.value), cy: 13, r: 4.6, class: `dot ${kind}` }));
    const head = element("th", { scope: "row" }, name(row.name));
    if (row.small) head.append(" ", element("small", {}, say(words.fewer, { n: data.min })));
    const a = element("td", { class: "num" }, element("b", {}, percent(row.value)));
    if (known(row.limits[0])) a.append(element("small", {}, between(...row.limits, (v) => fixed(100 * v, 1))));
    return element("tr", {}, head, element("td", { class: "num wide" }, whole(row.n)), a,
      element("td", { class: "num wide other" }, chosen.b ? percent(row.other) : ""),
      element("td", { class: "plot" }, element("svg:svg", { width: "100%", height: 26, "aria-hidden": "true" }, ...drawn)),
      element("td", { class: "num" }, row.i === ref ? words.reference : points(row.gap)),
      element("td", { class: "wide judged" }, row.verdict ? verdictMark(row.verdict) : ""));
  };

  const drawSlices = () => {
    const part = counts.partition(chosen.by), cut = cutA(), m = chosen.metric, gate = asked();
    const judged = gate ? judge(gate) : null;
    const f = counts.figure(m, chosen.a, part, cut, chosen.weighted);
    const other = chosen.b ? counts.figure(m, chosen.b, part, cutOf(chosen.b), chosen.weighted) : null;
    const named = gate && gate.reference ? counts.partition(chosen.by).keys.findIndex(
      (_, i) => counts.names(part, i).join("\0") === gate.reference.join("\0")) : -1;
    const ref = named >= 0 ? named : counts.reference(part);
    const every = rowsOf(part, f, other, ref, judged), { low, high, x } = axis(every);
    const rows = every.filter((row) => row.name.toLowerCase().includes(chosen.find)).sort(ORDERS[chosen.sort]);
    $("table").toggleAttribute("data-judged", Boolean(gate));
    $("table").toggleAttribute("data-other", Boolean(chosen.b));
    $("rows").replaceChildren(...rows.map((row) => drawRow(row, f, ref, x, gate)));
    if (!rows.length) $("rows").append(element("tr", {}, element("td", { colspan: 7 }, words.no_slice)));
    const step = high - low > 0.55 ? 0.2 : 0.1, ticks = [];
    for (let v = low; v <= high + 1e-9; v += step)
      ticks.push(element("svg:text", { x: x(v), y: 11, "text-anchor": "middle" }, String(Math.round(100 * v))));
    $("ticks").replaceChildren(...ticks);
    const title = say(words.by, { title: m.title, features: featureNames() });
    $("slices").textContent = title;
    const legend = [say(words.legend, { confidence: percent(data.confidence).replace(".0", ""), reference: sliceName(part, ref) })];
    if (data.clustered) legend.push(words.legend_clusters);
    if (chosen.b) legend.push(chosen.b.scale !== null && chosen.b.scale === chosen.a.scale ? words.legend_b : words.legend_b_audited);
    if (gate) legend.push(words.legend_band);
    if (chosen.weighted) legend.push(words.legend_weights);
    $("legend").textContent = legend.join(" ");
    return { part, f, ref };
  };

  // ---- gates ----

  let settling = [];
  const ownSlices = (gate) => {
    const named = (values) =>
      values.map((value, i) => {
        const k = data.by.indexOf(gate.by[i]), place = data.values[k].indexOf(value);
        return place < 0 ? value : data.levels[k][place];
      }).join(" \u00b7 ");
    const { slice, reference: ref } = gate.audited;
    return ref.length ? say(words.against, { slice: named(slice), reference: named(ref) }) : named(slice);
  };
  const drawGate = (gate) => {
    const write = writes[gate.kind] || plain, moved = cutA() !== chosen.a.cut || chosen.weighted !== data.weighted;
    const head = element("span", {}, name(gate.title), " ", element("span", { class: "soft" }, gate.asks));
    const under = element("span", { class: "under" });
    if (gate.as_audited) {
      under.append(verdictMark(gate.audited.verdict), ` ${words[`as_audited_${gate.as_audited}`]}`);
      return element("li", { class: "kept" }, head, element("b", {}, write(gate.audited.measured)), under);
    }
    const found = judge(gate);
    under.append(verdictMark(found.verdict));
    // At the audited threshold the audit's own slice and limits stand.
    const own = !moved && found.verdict === gate.audited.verdict ? gate.audited : null;
    const slices = own ? ownSlices(gate) : found.slice === undefined || !found.part.by.length ? ""
      : found.reference === undefined ? sliceName(found.part, found.slice)
      : say(words.against, { slice: sliceName(found.part, found.slice), reference: sliceName(found.part, found.reference) });
    if (slices) under.append(" ", name(slices));
    // The limits take longer than what they decide: they follow when the slider rests.
    const decided = element("span", {});
    under.append(decided);
    const limited = (ends) => ` \u00b7 ${say(words.proven, { limits: between(...ends, write) })}`;
    if (own && own.low !== null && own.high !== null && gate.proven) decided.textContent = limited([own.low, own.high]);
    else if (gate.proven && found.evidence)
      settling.push(() => {
        decided.textContent = limited(found.decided());
      });
    if (moved && found.verdict !== gate.audited.verdict)
      under.append(" ", element("b", {}, say(words.audited_was, { verdict: words[gate.audited.verdict] })));
    return element("li", { "data-gate": gate.id, "data-verdict": found.verdict }, head, element("b", {}, write(own ? own.measured : found.value)), under);
  };

  const gatesOfA = () => data.gates.filter((gate) => gate.variant === chosen.a.name);
  const drawGates = () => {
    settling = [];
    const every = gatesOfA();
    $("gates").replaceChildren(...every.map(drawGate));
    $("no-gates").hidden = every.length > 0;
  };

  // ---- every threshold at once ----

  let curve = null;
  const gapAt = (part, ref, cut, one = chosen.a) => {
    const f = counts.figure(chosen.metric, one, part, cut, chosen.weighted);
    const use = part.keys.map((_, i) => i).filter((i) => i !== ref && !part.unknown[i] && f.size[i] >= data.min);
    const gaps = use.map((i) => Math.abs(f.value[i] - f.value[ref])).filter(known);
    return gaps.length && f.size[ref] >= data.min ? Math.max(...gaps) : NaN;
  };
  const performanceAt = (cut, one = chosen.a) =>
    data.performance ? counts.figure(metric(data.performance), one, counts.partition([]), cut, chosen.weighted).value[0] : NaN;

  const drawCurve = ({ part, ref }) => {
    const a = chosen.a, steps = thresholds(a), gate = asked();
    if (steps === null) {
      $("curve").replaceChildren();
      $("curve-key").textContent = say(words.curve_none, { variant: a.shown });
      $("curve-said").textContent = "";
      return;
    }
    const last = steps.length - 1, label = [a.name, chosen.by, chosen.metric.name, chosen.weighted, ref, gate && gate.limit].join("\0");
    const X = (cut) => `${(8 + (89 * cut) / last).toFixed(2)}%`;
    if (!curve || curve.label !== label) {
      const gaps = steps.map((_, cut) => gapAt(part, ref, cut)), rates = steps.map((_, cut) => performanceAt(cut));
      const top = Math.max(0.05, Math.ceil(20 * Math.max(gate ? gate.limit : 0, ...gaps.filter(known))) / 20);
      curve = { label, nodes: curveNodes(steps, gaps, rates, top, gate, X) };
    }
    $("curve").replaceChildren(...curve.nodes, line(X(a.cut), X(a.cut), 6, 140, "audited"), line(X(cutA()), X(cutA()), 6, 140, "here"));
    const title = data.performance ? metric(data.performance).title : "";
    $("curve-key").replaceChildren(
      mark("gap"), ` ${say(words.curve_gap, { title: chosen.metric.title })} `,
      ...(title ? [mark("rate"), ` ${say(words.curve_performance, { title })}`] : []));
    $("curve-said").textContent = say(title ? words.curve_said : words.curve_said_gap, {
      gap: points(gapAt(part, ref, cutA())).replace("+", ""), title, value: percent(performanceAt(cutA())) });
  };
  const mark = (kind) =>
    element("svg:svg", { class: "mark", viewBox: "0 0 30 10", "aria-hidden": "true" }, element("svg:path", { d: "M1 5h28", class: kind }));
  const curveNodes = (steps, gaps, rates, top, gate, X) => {
    const out = [], last = steps.length - 1, y = (share) => 140 - 134 * share;
    if (gate) out.push(element("svg:rect", { x: "8%", width: "89%", y: y(gate.limit / top), height: 134 * (gate.limit / top), class: "band" }));
    for (const share of [0, 0.5, 1])
      out.push(line("8%", "97%", y(share), y(share), "grid"),
        element("svg:text", { x: "7%", y: y(share) + 4, "text-anchor": "end" }, fixed(100 * top * share, 0)));
    for (const cut of new Set([0, 1, 2, 3, 4].map((k) => Math.round((last * k) / 4)))) {
      out.push(element("svg:text", { x: X(cut), y: 156, "text-anchor": "middle" }, decimal(steps[cut])));
    }
    const path = (values, most, kind) => {
      let d = "", pen = "M";
      values.forEach((value, cut) => {
        if (known(value)) d += `${pen}${cut} ${(1 - value / most).toFixed(4)}`;
        pen = known(value) ? "L" : "M";
      });
      return element("svg:path", { d, class: kind, "vector-effect": "non-scaling-stroke" });
    };
    out.push(element("svg:svg", { x: "8%", width: "89%", y: 6, height: 134, viewBox: `0 0 ${last} 1`, preserveAspectRatio: "none" },
      path(rates, 1, "rate"), path(gaps, top, "gap")));
    return out;
  };

  // ---- variants ----

  const drawVariants = ({ part, ref }) => {
    $("compared").hidden = data.variants.length < 2;
    $("performance").textContent = data.performance ? metric(data.performance).title : "";
    $("ladder").replaceChildren(...data.variants.map((one) => {
      const cut = one === chosen.a ? cutA() : cutOf(one);
      const marked = one === chosen.a ? words.chosen_a : one === chosen.b ? words.chosen_b : "{variant}";
      const gap = gapAt(part, ref, cut, one);
      return element("tr", {}, element("th", { scope: "row" }, name(say(marked, { variant: one.shown }))),
        element("td", { class: "num" }, written(one, cut)),
        element("td", { class: "num" }, known(gap) ? fixed(100 * gap, 1) : "\u2014"),
        element("td", { class: "num" }, percent(performanceAt(cut, one))));
    }));
  };

  // ---- configuration ----

  // JSON's texts are YAML's, too.
  const drawConfiguration = ({ part, f, ref }) => {
    const steps = thresholds(chosen.a), gate = asked();
    const text = steps === null ? "" : `model:\n  threshold: ${steps[cutA()]}`;
    $("threshold-yaml").textContent = text;
    document.querySelector("[data-copy=threshold-yaml]").parentElement.hidden = !text;
    const gaps = part.keys.map((_, i) => i).filter((i) => f.size[i] >= data.min && !part.unknown[i])
      .map((i) => Math.abs(f.value[i] - f.value[ref])).filter(known);
    const limit = gate ? gate.limit : Math.ceil(100 * Math.max(0, ...gaps) - 1e-9) / 100;
    const features = JSON.stringify(chosen.by.map((k) => data.by[k]));
    $("gate-yaml").textContent =
      `gates:\n  - {metric: ${chosen.metric.name}, by: ${features}, compare: difference, limit: "<= ${Number(limit.toPrecision(12))}"}`;
  };

  // ---- together ----

  let rest = 0;
  const draw = () => {
    const start = performance.now();
    judgements = new Map();
    drawThreshold();
    drawTiles();
    const slices = drawSlices();
    drawGates();
    drawCurve(slices);
    drawVariants(slices);
    drawConfiguration(slices);
    const ms = performance.now() - start;
    $("foot").textContent = `${checked} ${say(words.took, { ms: ms < 10 ? ms.toFixed(1) : Math.round(ms) })}`;
    clearTimeout(rest);
    rest = setTimeout(settle, 120);
    return ms;
  };
  const settle = () => {
    settling.splice(0).forEach((fill) => fill());
    document.documentElement.dataset.settled = String(Number(document.documentElement.dataset.settled || 0) + 1);
  };

  // At the audited thresholds these counts must give the audited verdicts.
  const check = () => {
    const live = data.gates.filter((gate) => !gate.as_audited);
    const wrong = live.filter((gate) => {
      const one = variant(gate.variant);
      return counts.judge(gate, one, one.cut, data.weighted).verdict !== gate.audited.verdict;
    });
    return { n: live.length, all: data.gates.length, wrong: wrong.length };
  };
  const checkedCounts = check();
  const checked = data.gates.length ? say(words.check, checkedCounts) : "";

  const announce = () => {
    const told = gatesOfA().filter((gate) => !gate.as_audited)
      .map((gate) => `${gate.title}: ${words[judge(gate).verdict]}`);
    $("said").textContent = say(words.said, { threshold: written(chosen.a, cutA()), gates: told.join("; ") });
  };

  let due = false;
  const later = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  };

  // ---- controls ----

  const options = (id, list, selected) =>
    $(id).replaceChildren(...list.map(([value, text]) => {
      const made = element("option", { value }, text);
      made.selected = value === selected;
      return made;
    }));
  const suggestLimit = () => {
    chosen.limit = null;
    const found = matching();
    $("limit").value = found ? Number((100 * found.limit).toPrecision(6)) : "";
  };
  const prepare = () => {
    $("about").textContent = say(words.rows, { n: whole(data.rows) });
    options("a", data.variants.map((v) => [v.name, v.shown]), chosen.a.name);
    options("b", [["", words.none], ...data.variants.map((v) => [v.name, v.shown])], "");
    options("metric", data.metrics.map((m) => [m.name, m.title]), chosen.metric.name);
    data.features.forEach((feature, k) => {
      const box = element("input", { type: "checkbox", value: k });
      box.checked = chosen.by.includes(k);
      $("features").append(element("label", { class: "check" }, box, " ", name(feature)));
    });
    $("weighing").hidden = !data.weighted;
    $("limit").disabled = data.clustered;
    suggestLimit();
  };
  const listen = () => {
    $("controls").addEventListener("submit", (event) => event.preventDefault());
    $("slider").addEventListener("input", () => { chosen.cut = Number($("slider").value); later(); });
    $("slider").addEventListener("change", announce);
    $("back").addEventListener("click", () => { chosen.cut = chosen.a.cut; draw(); announce(); $("slider").focus(); });
    $("a").addEventListener("change", () => {
      const before = chosen.a;
      chosen.a = variant($("a").value);
      if (before.scale !== chosen.a.scale || chosen.cut === before.cut) chosen.cut = chosen.a.cut;
      suggestLimit();
      later();
    });
    $("b").addEventListener("change", () => { chosen.b = variant($("b").value) || null; later(); });
    $("metric").addEventListener("change", () => { chosen.metric = metric($("metric").value); suggestLimit(); later(); });
    $("sort").addEventListener("change", () => { chosen.sort = $("sort").value; later(); });
    $("find").addEventListener("input", () => { chosen.find = $("find").value.toLowerCase(); later(); });
    $("weighted").addEventListener("change", () => { chosen.weighted = $("weighted").checked; later(); });
    $("limit").addEventListener("input", () => {
      const typed = $("limit").valueAsNumber;
      chosen.limit = Number.isNaN(typed) || typed < 0 ? null : typed / 100;
      later();
    });
    $("features").addEventListener("change", (event) => {
      const on = [...document.querySelectorAll("#features input:checked")].map((box) => Number(box.value));
      if (!on.length) event.target.checked = true;
      chosen.by = on.length ? on : [Number(event.target.value)];
      suggestLimit();
      later();
    });
    document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", () => copy(button.dataset.copy)));
  };
  const copy = async (id) => {
    try {
      await navigator.clipboard.writeText($(id).textContent);
      $("copied").textContent = words.copied;
    } catch {
      getSelection().selectAllChildren($(id));
      $("copied").textContent = words.not_copied;
    }
  };

  prepare();
  listen();
  draw();
  return { data, counts, chosen, draw, check: checkedCounts };
};

// Counts come compressed, so that a page of many slices stays small.
(async () => {
  try {
    const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = JSON.parse(await new Response(stream).text());
    window.explorer = explore(data, JSON.parse(document.getElementById("words").textContent));
    document.documentElement.dataset.ready = "1";
  } catch (problem) {
    document.getElementById("failed").hidden = false;
    throw problem;
  }
})();
