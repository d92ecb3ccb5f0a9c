"use strict";
// The gates of variant A with what each says at this threshold, or why it stays as it was audited.
const makeListed = ({ data, state, words, write, draws, sliceName, show }) => {
  const { chosen } = state, { say, writes, plain, between } = write, { $, element, name, verdictMark } = draws;
  let settling = [];

  const ownSlices = (gate) => {
    const named = (values) =>
      values.map((value, i) => {
        const k = data.by.indexOf(gate.by[i]), place = k < 0 ? -1 : data.values[k].indexOf(value);
        return place < 0 ? value : data.levels[k][place];
      }).join(" \u00b7 ");
    const { slice, reference } = gate.audited;
    return reference.length ? say(words.against, { slice: named(slice), reference: named(reference) }) : named(slice);
  };
  const foundSlices = ({ part, slice, reference }) => {
    if (slice === undefined || !part.by.length) return "";
    if (reference === undefined) return sliceName(part, slice);
    return say(words.against, { slice: sliceName(part, slice), reference: sliceName(part, reference) });
  };

  // A gate over slices leads to them.
  const heading = (gate) => {
    const asks = element("span", { class: "soft" }, gate.asks);
    if (!gate.by.length || !state.metricOf(gate.view, gate.metric)) return element("span", {}, name(gate.title), " ", asks);
    const button = element("button", { type: "button", class: "lead", title: words.show_slices }, name(gate.title));
    button.addEventListener("click", () => show(gate));
    return element("span", {}, button, " ", asks);
  };

  const kept = (gate) => {
    const why = gate.as_audited || "undecided", under = element("span", { class: "under" });
    under.append(verdictMark(gate.audited.verdict), ` ${words[`as_audited_${why}`]}`);
    return element("li", { class: "kept", "data-gate": gate.id, "data-kept": why }, heading(gate),
      element("b", {}, (writes[gate.kind] || plain)(gate.audited.measured)), under);
  };

  const counted = (gate) => {
    const as = writes[gate.kind] || plain, found = state.judge(gate), under = element("span", { class: "under" });
    const moved = state.cutFor(gate) !== chosen.a.held[gate.view].cut || chosen.weighted !== data.weighted;
    under.append(verdictMark(found.verdict));
    // At the audited threshold the audit's own slice and limits stand.
    const own = !moved && found.verdict === gate.audited.verdict ? gate.audited : null;
    const slices = own ? ownSlices(gate) : foundSlices(found);
    if (slices) under.append(" ", name(slices));
    // The limits take longer than what they decide: they follow when the slider rests.
    const decided = element("span", {});
    under.append(decided);
    const limited = (ends) => ` \u00b7 ${say(words.proven, { limits: between(...ends, as) })}`;
    if (own && own.low !== null && own.high !== null && gate.proven) decided.textContent = limited([own.low, own.high]);
    else if (gate.proven && found.evidence)
      settling.push(() => {
        const ends = found.decided();
        if (ends) decided.textContent = limited(ends);
      });
    if (moved && found.verdict !== gate.audited.verdict)
      under.append(" ", element("b", {}, say(words.audited_was, { verdict: words[gate.audited.verdict] })));
    return element("li", { "data-gate": gate.id, "data-verdict": found.verdict }, heading(gate),
      element("b", {}, as(own ? own.measured : found.value)), under);
  };

  // Those of variant A, and those of variants that the run could not make.
  const every = () => data.gates.filter((gate) => gate.variant === chosen.a.name || !state.variant(gate.variant));
  const draw = () => {
    settling = [];
    const list = every();
    $("judged").textContent = state.slides() ? words.gates_here : words.gates;
    $("gates").replaceChildren(...list.map((gate) => (state.recounted(gate) ? counted(gate) : kept(gate))));
    $("no-gates").hidden = list.length > 0;
  };
  const settle = () => settling.splice(0).forEach((fill) => fill());

  return { draw, settle, every };
};
