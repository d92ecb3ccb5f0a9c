"use strict";
// Every threshold of variant A at once, and every variant at this one.
const makeOverview = ({ data, counts, state, words, write, draws }) => {
  const { chosen } = state, { say, known, fixed, writes, decimal } = write, { $, element, name, line } = draws;

  const gapAt = (part, ref, cut, one = chosen.a) => {
    const f = counts.shown(chosen.metric, one, chosen.view, part, cut, chosen.weighted);
    const use = part.keys.map((_, i) => i).filter((i) => i !== ref && !part.unknown[i] && f.size[i] >= data.min);
    const gaps = use.map((i) => Math.abs(f.value[i] - f.value[ref])).filter(known);
    return gaps.length && f.size[ref] >= data.min ? Math.max(...gaps) : NaN;
  };
  const performance = () => state.metricOf(chosen.view, data.views[chosen.view].performance);
  const performanceAt = (cut, one = chosen.a) =>
    performance() ? counts.shown(performance(), one, chosen.view, counts.partition([]), cut, chosen.weighted).value[0] : NaN;
  const unsigned = (metric) => (value) => writes[metric.apart](value).replace("+", "");

  // ---- every threshold at once ----

  let curve = null;
  const drawCurve = ({ part, ref }) => {
    const a = chosen.a, steps = state.thresholds(a), gate = state.asked();
    $("curves").hidden = !state.slides() || chosen.metric.told;
    if ($("curves").hidden) return;
    if (steps === null) {
      $("curve").replaceChildren();
      $("curve-key").textContent = say(words.curve_none, { variant: a.shown });
      $("curve-said").textContent = "";
      return;
    }
    const last = steps.length - 1, X = (cut) => `${(8 + (89 * cut) / last).toFixed(2)}%`;
    const label = [a.name, chosen.view, chosen.by, chosen.metric.name, chosen.weighted, ref, gate && gate.limit].join("\0");
    if (!curve || curve.label !== label) {
      const gaps = steps.map((_, cut) => gapAt(part, ref, cut)), rates = steps.map((_, cut) => performanceAt(cut));
      const top = Math.max(0.05, Math.ceil(20 * Math.max(gate ? gate.limit : 0, ...gaps.filter(known))) / 20);
      curve = { label, nodes: curveNodes(steps, gaps, rates, top, gate, X) };
    }
    const own = state.held(a).cut, cut = state.cutA();
    $("curve").replaceChildren(...curve.nodes, line(X(own), X(own), 6, 140, "audited"), line(X(cut), X(cut), 6, 140, "here"));
    const title = performance() ? performance().title : "";
    $("curve-key").replaceChildren(
      mark("gap"), ` ${say(words.curve_gap, { title: chosen.metric.title })} `,
      ...(title ? [mark("rate"), ` ${say(words.curve_performance, { title })}`] : []));
    $("curve-said").textContent = say(title ? words.curve_said : words.curve_said_gap, {
      gap: unsigned(chosen.metric)(gapAt(part, ref, cut)), title, value: writes.percent(performanceAt(cut)) });
  };
  const mark = (kind) =>
    element("svg:svg", { class: "mark", viewBox: "0 0 30 10", "aria-hidden": "true" }, element("svg:path", { d: "M1 5h28", class: kind }));
  const curveNodes = (steps, gaps, rates, top, gate, X) => {
    const out = [], last = steps.length - 1, y = (share) => 140 - 134 * share;
    if (gate) out.push(element("svg:rect", { x: "8%", width: "89%", y: y(gate.limit / top), height: 134 * (gate.limit / top), class: "band" }));
    for (const share of [0, 0.5, 1])
      out.push(line("8%", "97%", y(share), y(share), "grid"),
        element("svg:text", { x: "7%", y: y(share) + 4, "text-anchor": "end" }, fixed(100 * top * share, 0)));
    for (const cut of new Set([0, 1, 2, 3, 4].map((k) => Math.round((last * k) / 4))))
      out.push(element("svg:text", { x: X(cut), y: 156, "text-anchor": "middle" }, decimal(steps[cut])));
    const path = (values, most, kind) => {
      let d = "", pen = "M";
      values.forEach((value, cut) => {
        if (known(value)) d += `${pen}${cut} ${(1 - value / most).toFixed(4)}`;
        pen = known(value) ? "L" : "M";
      });
      return element("svg:path", { d, class: kind, "vector-effect": "non-scaling-stroke" });
    };
    out.push(element("svg:svg", { x: "8%", width: "89%", y: 6, height: 134, viewBox: `0 0 ${Math.max(1, last)} 1`, preserveAspectRatio: "none" },
      path(rates, 1, "rate"), path(gaps, top, "gap")));
    return out;
  };

  // ---- variants ----

  const drawVariants = ({ part, ref }) => {
    const share = chosen.metric.kind === "percent", shown = performance();
    $("compared").hidden = data.variants.length < 2;
    $("variants").textContent = state.slides() ? words.variants_here : words.variants;
    $("ladder-table").toggleAttribute("data-sliding", state.slides());
    $("largest").textContent = share ? words.largest_points : words.largest;
    $("ladder-table").toggleAttribute("data-performance", Boolean(shown));
    $("performance").textContent = shown ? shown.title : "";
    $("ladder").replaceChildren(...data.variants.map((one) => {
      const cut = state.cutOf(one), gap = gapAt(part, ref, cut, one);
      const marked = one === chosen.a ? words.chosen_a : one === chosen.b ? words.chosen_b : "{variant}";
      return element("tr", {}, element("th", { scope: "row" }, name(say(marked, { variant: one.shown }))),
        element("td", { class: "num at" }, state.written(one, cut)),
        element("td", { class: "num" }, unsigned(chosen.metric)(gap)),
        element("td", { class: "num performs" }, shown ? writes[shown.kind](performanceAt(cut, one)) : ""));
    }));
  };

  return { draw: (slices) => { drawCurve(slices); drawVariants(slices); } };
};
