"use strict";
// The page: everything is drawn from the counts whenever what is chosen changes.
const explore = (data, words) => {
  const counts = makeCounts(data), gates = makeGates(data, counts), state = makeState(data, counts, gates, words);
  const write = writing(words), draws = elements(words), { chosen } = state;
  const { say, whole } = write, { $, element, name } = draws;
  const parts = { data, counts, state, words, write, draws };

  const threshold = makeThreshold(parts), slices = makeSlices(parts), overview = makeOverview(parts);
  const listed = makeListed({
    ...parts, sliceName: slices.sliceName,
    show: (gate) => {
      if (gate.view !== chosen.view) state.setView(gate.view, gate.metric);
      chosen.metric = state.metricOf(gate.view, gate.metric);
      chosen.by = data.by.map((_, k) => k).filter((k) => gate.by.includes(data.by[k]));
      chosen.limit = null;
      changed("gate");
      $("slices").focus();
    },
  });

  // ---- together ----

  let rest = 0, checked = "";
  const draw = () => {
    const start = performance.now();
    state.forget();
    threshold.draw();
    const found = slices.draw();
    listed.draw();
    overview.draw(found);
    drawConfiguration(found);
    const ms = performance.now() - start;
    $("foot").textContent = `${checked} ${say(words.took, { ms: ms < 10 ? ms.toFixed(1) : Math.round(ms) })}`;
    clearTimeout(rest);
    rest = setTimeout(settle, 120);
    return ms;
  };
  const settle = () => {
    listed.settle();
    document.documentElement.dataset.settled = String(Number(document.documentElement.dataset.settled || 0) + 1);
  };

  // JSON's texts are YAML's, too.
  const drawConfiguration = ({ part, f, ref, gate }) => {
    const steps = state.thresholds(chosen.a), { metric, view } = chosen, of = data.views[view].name;
    $("threshold-yaml").textContent = steps === null ? "" : `model:\n  threshold: ${steps[state.cutA()]}`;
    $("threshold-copy").hidden = steps === null || of !== null;
    const gaps = part.keys.map((_, i) => i).filter((i) => f.size[i] >= data.min && !part.unknown[i])
      .map((i) => Math.abs(f.value[i] - f.value[ref])).filter(write.known);
    // Rounded up to two digits of what is seen, so that it holds.
    const most = Math.max(0, ...gaps), grain = metric.kind === "percent" ? 0.01 : 10 ** (Math.floor(Math.log10(most || 1)) - 1);
    const limit = gate ? gate.limit : Math.ceil(most / grain - 1e-9) * grain;
    const by = JSON.stringify(chosen.by.map((k) => data.by[k])), named = of === null ? "" : `class: ${JSON.stringify(of)}, `;
    $("gate-yaml").textContent =
      `gates:\n  - {metric: ${metric.name}, ${named}by: ${by}, compare: difference, limit: "<= ${Number(limit.toPrecision(12))}"}`;
  };

  // At the audited thresholds these counts must give the audited verdicts.
  const check = () => {
    const live = data.gates.filter(state.recounted);
    const wrong = live.filter((gate) => {
      const one = state.variant(gate.variant);
      return gates.judge(gate, one, one.held[gate.view].cut, data.weighted).verdict !== gate.audited.verdict;
    });
    return { n: live.length, all: data.gates.length, wrong: wrong.length };
  };

  const announce = () => {
    const told = listed.every().filter(state.recounted).map((gate) => `${gate.title}: ${words[state.judge(gate).verdict]}`);
    $("said").textContent = say(words.said, { threshold: state.written(chosen.a, state.cutA()), gates: told.join("; ") });
  };

  // ---- controls ----

  const options = (id, list, selected) =>
    $(id).replaceChildren(...list.map(([value, text]) => {
      const made = element("option", { value }, text);
      made.selected = value === selected;
      return made;
    }));
  // Controls show what is chosen, whoever chose it: a hand or an address.
  const show = () => {
    const metrics = data.views[chosen.view].metrics, found = state.matching();
    options("a", data.variants.map((v) => [v.name, v.shown]), chosen.a.name);
    options("b", [["", words.none], ...data.variants.map((v) => [v.name, v.shown])], chosen.b ? chosen.b.name : "");
    options("class", data.views.map((v, k) => [String(k), v.shown === null ? words.together : v.shown]), String(chosen.view));
    options("metric", metrics.map((m) => [m.name, m.title]), chosen.metric.name);
    document.querySelectorAll("#features input").forEach((box) => { box.checked = chosen.by.includes(Number(box.value)); });
    $("sort").value = chosen.sort;
    if ($("find").value !== chosen.find) $("find").value = chosen.find;
    $("weighted").checked = chosen.weighted;
    const limit = chosen.limit === null ? (found ? found.limit : null) : chosen.limit;
    if (document.activeElement !== $("limit")) $("limit").value = limit === null ? "" : Number((100 * limit).toPrecision(6));
    $("limit").parentElement.hidden = !state.judges();
  };
  const prepare = () => {
    $("about").textContent = say(words.rows, { n: whole(data.rows) });
    data.features.forEach((feature, k) => {
      const box = element("input", { type: "checkbox", value: k });
      $("features").append(element("label", { class: "check" }, box, " ", name(feature)));
    });
    $("classes").hidden = data.views.length < 2;
    $("weighing").hidden = !data.weighted;
  };

  // ---- the address ----

  let due = false, last = "";
  const later = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  };
  // Moves of one kind in a row are one step of the browser's history. Only the part from # on is ever touched.
  const remember = (kind) => {
    const wanted = state.address(), now = location.hash.replace(/^#/, "");
    if (wanted === now) return;
    try {
      history[kind === last ? "replaceState" : "pushState"](null, "", `#${wanted}`);
      last = kind;
    } catch {
      // A page inside another program may have no address of its own: it works without one.
    }
  };
  let remembering = 0;
  const changed = (kind, { slowly = false } = {}) => {
    $("ignored").hidden = true;
    show();
    later();
    clearTimeout(remembering);
    // Browsers allow so many changes of the address: a slider that is moving waits.
    if (slowly) remembering = setTimeout(() => remember(kind), 250);
    else remember(kind);
  };
  const followed = () => {
    clearTimeout(remembering);
    const notes = state.follow(location.hash.replace(/^#/, ""));
    last = "";
    $("ignored").hidden = !notes.length;
    $("ignored").textContent = notes.join(" ");
    show();
  };

  const listen = () => {
    const on = (id, event, use) => $(id).addEventListener(event, use);
    on("controls", "submit", (event) => event.preventDefault());
    on("slider", "input", () => { state.setCut(Number($("slider").value)); changed("threshold", { slowly: true }); });
    on("slider", "change", announce);
    on("back", "click", () => { chosen.cut = null; changed("back"); draw(); announce(); $("slider").focus(); });
    on("a", "change", () => { state.setVariant(state.variant($("a").value)); chosen.limit = null; changed("variant"); });
    on("b", "change", () => { chosen.b = state.variant($("b").value) || null; changed("against"); });
    on("class", "change", () => { state.setView(Number($("class").value)); chosen.limit = null; changed("class"); });
    on("metric", "change", () => { chosen.metric = state.metricOf(chosen.view, $("metric").value); chosen.limit = null; changed("metric"); });
    on("sort", "change", () => { chosen.sort = $("sort").value; changed("sort"); });
    on("find", "input", () => { chosen.find = $("find").value; changed("find", { slowly: true }); });
    on("weighted", "change", () => { chosen.weighted = $("weighted").checked; changed("weights"); });
    on("limit", "input", () => {
      const typed = $("limit").valueAsNumber;
      chosen.limit = Number.isNaN(typed) || typed < 0 ? null : Math.min(typed, 100) / 100;
      changed("limit", { slowly: true });
    });
    on("features", "change", (event) => {
      const boxes = [...document.querySelectorAll("#features input:checked")].map((box) => Number(box.value));
      chosen.by = boxes.length ? boxes : [Number(event.target.value)];
      chosen.limit = null;
      changed("slices");
    });
    // A jump inside the page must not replace the view in the address.
    on("skip", "click", (event) => { event.preventDefault(); $("slices").focus(); });
    addEventListener("popstate", () => { followed(); draw(); });
    document.querySelectorAll("[data-copy]").forEach((button) =>
      button.addEventListener("click", () => copy($(button.dataset.copy), $(button.dataset.copy).textContent, words.copied)));
    on("link", "click", () => {
      clearTimeout(remembering);
      remember("link");
      $("address").textContent = location.href;
      $("address").hidden = false;
      copy($("address"), location.href, location.protocol === "file:" ? words.copied : words.copied_served);
    });
  };
  const copy = async (shown, text, said) => {
    try {
      await navigator.clipboard.writeText(text);
      $("copied").textContent = said;
    } catch {
      getSelection().selectAllChildren(shown);
      $("copied").textContent = words.not_copied;
    }
  };

  prepare();
  followed();
  listen();
  const checkedCounts = check();
  checked = checkedCounts.n ? say(words.check, checkedCounts) : "";
  draw();
  return { data, counts, judge: gates.judge, state, chosen, draw, check: checkedCounts };
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
