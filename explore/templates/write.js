// How figures are written, and the elements that hold them: text is only ever set as text.
const MINUS = "\u2212";

const writing = (words) => {
  "use strict";
  const say = (message, parts = {}) => message.replace(/\{(\w+)\}/g, (_, name) => parts[name]);
  const known = (x) => x !== null && !Number.isNaN(x);
  const fixed = (x, digits) => (x < 0 ? MINUS : "") + Math.abs(x).toFixed(digits);
  const percent = (x) => {
    if (!known(x)) return "\u2014";
    return Number.isFinite(x) ? say(words.percent, { figure: fixed(100 * x, 1) }) : "\u221e";
  };
  const points = (x) => {
    if (!known(x)) return "\u2014";
    const text = fixed(100 * x, 1);
    return text === `${MINUS}0.0` ? "0.0" : x > 0 && text !== "0.0" ? `+${text}` : text;
  };
  const plain = (x) => (known(x) ? (Number.isFinite(x) ? fixed(x, 2) : "\u221e") : "\u2014");
  const writes = { percent, points, gap: points, ratio: plain, number: plain, signed: plain };
  const whole = (n) => n.toLocaleString(document.documentElement.lang);
  const between = (low, high, write = percent) => say(words.to, { low: write(low), high: write(high) });
  const decimal = (x) => String(Number(x.toPrecision(4))).replace("-", MINUS);
  return { say, known, fixed, percent, points, plain, writes, whole, between, decimal };
};

const elements = (words) => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const SIGNS = { pass: "\u2713", fail: "\u2715", inconclusive: "?", error: "!" };

  const element = (tag, attributes = {}, ...children) => {
    const made = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const name = (text) => element("bdi", {}, text);
  const line = (x1, x2, y1, y2, kind) => element("svg:line", { x1, x2, y1, y2, class: kind });
  const verdictMark = (verdict) => element("span", { class: `v ${verdict}` }, `${SIGNS[verdict]} ${words[verdict]}`);
  return { element, name, line, verdictMark };
};
