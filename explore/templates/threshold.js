"use strict";
// The slider with the scores behind it, and the figures of all rows.
const makeThreshold = ({ data, counts, state, words, write, draws }) => {
  const { chosen } = state, { say, known, between, percent, writes } = write, { $, element, line } = draws;
  const MOST_BARS = 67, MOST_TILES = 8;

  const said = (a, moved) => {
    const own = state.held(a), steps = state.thresholds(a);
    if (!own) return say(words.undecided, { variant: a.shown });
    if (steps === null) return say(own.scored ? words.rule : words.unscored, { variant: a.shown });
    if (moved) return say(words.moved, { threshold: state.written(a, own.cut) });
    return own.told ? say(words.audited_cut, { variant: a.shown }) : say(words.found, { threshold: state.written(a, own.cut) });
  };

  const draw = () => {
    const a = chosen.a, cut = state.cutA(), steps = state.thresholds(a), moved = chosen.cut !== null && steps !== null;
    $("sliding").hidden = !state.slides();
    $("slider").disabled = steps === null;
    $("slider").max = steps === null ? 1 : steps.length - 1;
    $("slider").value = cut;
    $("slider").setAttribute("aria-valuetext", state.written(a, cut));
    $("at").textContent = state.written(a, cut);
    $("back").disabled = !moved;
    $("state").replaceChildren(said(a, moved));
    if (a.needs.length) $("state").append(" ", element("span", { class: "needs" }, say(words.needs, { features: a.needs.join(", ") })));
    drawScores(state.held(a), steps, cut);
    drawTiles();
  };

  // Rows by score, those with a positive label below.
  const drawScores = (own, steps, cut) => {
    const out = [];
    if (steps !== null && steps.length > 1) {
      const last = steps.length - 1, x = (j) => `${(100 * j) / last}%`;
      out.push(...bars(own, last), line(x(own.cut), x(own.cut), 0, 60, "audited"), line(x(cut), x(cut), 0, 60, "here"));
    }
    $("scores").replaceChildren(...out);
  };
  const bars = (own, last) => {
    const { bins, sums } = counts.upwards(own), few = bins <= MOST_BARS, shown = few ? bins : MOST_BARS;
    // Few scores stand each at its own place, many together in bars that fill the width.
    const heights = Array.from({ length: shown }, () => [0, 0]);
    for (let row = 0; row < 2 * data.cells.length; row++)
      for (let j = 0; j < bins; j++) {
        const at = row * (bins + 1) + j;
        heights[few ? j : Math.min(shown - 1, Math.floor((j * shown) / last))][row % 2] += sums.n[at] - sums.n[at + 1];
      }
    const top = Math.max(...heights.map(([no, yes]) => no + yes));
    // Roots, as a few bins often hold most of the rows.
    const tall = (n) => 54 * Math.sqrt(n / top);
    return heights.flatMap(([no, yes], k) => {
      const box = few
        ? { x: `${(100 * k) / last - 0.7}%`, width: "1.4%" }
        : { x: `${(100 * k) / shown}%`, width: `${92 / shown}%` };
      const all = tall(no + yes), part = no + yes ? (all * yes) / (no + yes) : 0;
      return [
        element("svg:rect", { ...box, y: 58 - all, height: Math.max(0, all - part), class: "no" }),
        element("svg:rect", { ...box, y: 58 - part, height: part, class: "yes" }),
      ];
    });
  };

  const drawTiles = () => {
    const part = counts.partition([]), { a, b, view, weighted } = chosen;
    $("tiles").replaceChildren(...data.views[view].metrics.slice(0, MOST_TILES).map((m) => {
      const f = counts.shown(m, a, view, part, state.cutA(), weighted), as = writes[m.kind];
      const [low, high] = data.clustered && !m.told ? [NaN, NaN] : counts.limits(f, 0);
      const under = known(low) ? [between(low, high, as)] : [];
      if (b) under.push(say(words.tile_b, { value: as(counts.shown(m, b, view, part, state.cutOf(b), weighted).value[0]) }));
      return element("div", {}, element("dt", {}, m.title),
        element("dd", {}, element("b", {}, as(f.value[0])), ...under.map((text) => element("span", {}, text))));
    }));
  };

  return { draw };
};
