"use strict";
// What is chosen, and the address that says so: its part from # on, so that a view can be sent and gone back to.
const makeState = (data, counts, gates, words) => {
  const { say, decimal } = writing(words);

  const variant = (wanted) => data.variants.find((one) => one.name === wanted);
  const metricOf = (view, wanted) => data.views[view].metrics.find((one) => one.name === wanted);
  // The page opens on what the first gate over slices asks for.
  const first = () => {
    const own = data.gates.filter((gate) => gate.variant === data.variants[0].name && gate.by.length && metricOf(gate.view, gate.metric));
    const differs = (gate) => (gate.form === "reference" && !gate.ratio) || (gate.band ?? null) !== null;
    return own.find(differs) || own[0];
  };
  const start = () => {
    const gate = first(), view = gate ? gate.view : 0;
    return {
      a: data.variants[0], b: null, cut: null, view,
      by: gate ? gate.by.map((feature) => data.by.indexOf(feature)).sort() : [0],
      metric: metricOf(view, gate ? gate.metric : "") || data.views[view].metrics[0],
      limit: null, sort: "worst", find: "", weighted: data.weighted,
    };
  };
  const chosen = start();

  // ---- thresholds ----

  const held = (one) => one.held[chosen.view];
  const thresholds = (one) => (held(one) && held(one).scale !== null ? data.scales[held(one).scale] : null);
  // The other variant is cut at the same threshold where it has the same scores' scale. A cut of null is the audited.
  const cutOf = (one) => {
    const own = held(one), lead = held(chosen.a);
    const moves = own && lead && own.scale !== null && own.scale === lead.scale && chosen.cut !== null;
    return moves ? chosen.cut : own ? own.cut : 0;
  };
  const cutA = () => cutOf(chosen.a);
  const written = (one, cut) => (thresholds(one) === null ? words.own_rule : decimal(thresholds(one)[cut]));
  const slides = () => data.variants.some((one) => thresholds(one) !== null);
  const setCut = (cut) => (chosen.cut = held(chosen.a) && cut !== held(chosen.a).cut ? cut : null);
  const setView = (view, wanted = chosen.metric.name) => {
    chosen.view = view;
    chosen.metric = metricOf(view, wanted) || data.views[view].metrics[0];
    chosen.cut = null;
  };
  const setVariant = (one) => {
    const before = held(chosen.a);
    chosen.a = one;
    const now = held(one);
    if (!before || !now || before.scale !== now.scale || chosen.cut === now.cut) chosen.cut = null;
  };

  // ---- gates ----

  // The gate of the run on what is shown, and the limit that it sets or that was typed.
  const matching = () =>
    data.gates.find((gate) =>
      gate.variant === chosen.a.name && gate.form === "reference" && !gate.ratio && gate.view === chosen.view &&
      gate.metric === chosen.metric.name && gate.by.join("\0") === chosen.by.map((k) => data.by[k]).join("\0"));
  // One that stays as it was audited still says what the audit found of each slice, unless the threshold moved.
  const kept = () =>
    chosen.cut !== null ? undefined : data.gates.find((gate) =>
      gate.variant === chosen.a.name && gate.as_audited && gate.claims.length && gate.view === chosen.view &&
      gate.metric === chosen.metric.name && gate.by.join("\0") === chosen.by.map((k) => data.by[k]).join("\0"));
  const judges = () => !data.clustered && !chosen.metric.told && Boolean(held(chosen.a));
  const asked = () => {
    const found = matching(), limit = chosen.limit === null ? (found ? found.limit : null) : chosen.limit;
    if (limit === null || !judges()) return null;
    if (found) return { ...found, limit };
    return {
      metrics: [chosen.metric.name], view: chosen.view, by: chosen.by.map((k) => data.by[k]), form: "reference",
      fold: "difference", ratio: false, limit, upper: true, proven: true, small: false, unknown: false, only: null,
      reference: null, named: chosen.by.every((k) => data.reference[k] >= 0),
    };
  };
  const recounted = (gate) => {
    const own = variant(gate.variant);
    return !gate.as_audited && Boolean(own && own.held[gate.view]);
  };
  const cutFor = (gate) => (gate.view === chosen.view ? cutA() : chosen.a.held[gate.view].cut);
  // What is asked in the table, in the list and aloud is judged once.
  let judgements = new Map();
  const forget = () => (judgements = new Map());
  const judge = (gate) => {
    const asks = JSON.stringify([gate.id, gate.by, gate.metrics, gate.limit, gate.view]);
    if (!judgements.has(asks)) judgements.set(asks, gates.judge(gate, chosen.a, cutFor(gate), chosen.weighted));
    return judgements.get(asks);
  };

  // ---- the address ----

  const SORTS = ["worst", "name", "rows"];
  const address = () => {
    const usual = start(), parts = new URLSearchParams();
    if (chosen.a !== usual.a) parts.append("variant", chosen.a.name);
    if (chosen.b) parts.append("against", chosen.b.name);
    if (chosen.view !== usual.view) parts.append("class", data.views[chosen.view].name || "");
    if (chosen.metric.name !== usual.metric.name) parts.append("metric", chosen.metric.name);
    if (chosen.cut !== null) parts.append("threshold", thresholds(chosen.a)[chosen.cut]);
    if (chosen.by.join() !== usual.by.join()) chosen.by.forEach((k) => parts.append("slices", data.by[k]));
    if (chosen.limit !== null) parts.append("limit", Number((100 * chosen.limit).toPrecision(12)));
    if (chosen.sort !== usual.sort) parts.append("sort", chosen.sort);
    if (chosen.find) parts.append("find", chosen.find);
    if (chosen.weighted !== usual.weighted) parts.append("weights", "no");
    return parts.toString();
  };

  // Choose what an address says; returns what of it says nothing here, as lines to show.
  const follow = (text) => {
    Object.assign(chosen, start());
    const parts = new URLSearchParams(text), ignored = [], notes = [];
    const take = (key, use) => {
      const [value, ...more] = parts.getAll(key);
      if (value !== undefined && use(value) === false) ignored.push(`${key}=${value}`);
      more.forEach((other) => ignored.push(`${key}=${other}`));
      parts.delete(key);
    };
    take("variant", (value) => (variant(value) ? setVariant(variant(value)) : false));
    take("against", (value) => (variant(value) ? (chosen.b = variant(value)) : false));
    take("class", (value) => {
      const view = data.views.findIndex((one) => (one.name || "") === value);
      if (view < 0) return false;
      setView(view);
    });
    take("metric", (value) => (metricOf(chosen.view, value) ? (chosen.metric = metricOf(chosen.view, value)) : false));
    take("threshold", (value) => {
      const wanted = value.trim() === "" ? NaN : Number(value), steps = thresholds(chosen.a);
      if (!Number.isFinite(wanted) || steps === null) return false;
      const cut = steps.reduce((best, at, k) => (Math.abs(at - wanted) < Math.abs(steps[best] - wanted) ? k : best), 0);
      if (steps[cut] !== wanted) notes.push(say(words.nearest, { wanted: value, threshold: decimal(steps[cut]) }));
      setCut(cut);
    });
    const named = parts.getAll("slices"), features = data.by.map((_, k) => k).filter((k) => named.includes(data.by[k]));
    named.filter((feature) => !data.by.includes(feature)).forEach((feature) => ignored.push(`slices=${feature}`));
    if (features.length) chosen.by = features;
    parts.delete("slices");
    take("limit", (value) => {
      const points = value.trim() === "" ? NaN : Number(value);
      return points >= 0 && points <= 100 ? (chosen.limit = points / 100, true) : false;
    });
    take("sort", (value) => (SORTS.includes(value) ? (chosen.sort = value) : false));
    take("find", (value) => { chosen.find = value; });
    take("weights", (value) => (data.weighted && ["no", "yes"].includes(value) ? (chosen.weighted = value === "yes", true) : false));
    parts.forEach((value, key) => ignored.push(value ? `${key}=${value}` : key));
    const shortened = (part) => (part.length > 60 ? `${part.slice(0, 60)}\u2026` : part);
    if (ignored.length) notes.push(say(words.ignored, { parts: ignored.slice(0, 5).map(shortened).join(", ") }));
    return notes;
  };

  return {
    chosen, variant, metricOf, held, thresholds, cutOf, cutA, written, slides, setCut, setView, setVariant, matching, judges, kept,
    asked, recounted, cutFor, judge, forget, address, follow,
  };
};
