"use strict";
// How figures are written, and the elements that hold them: text is only ever set as text.
const MINUS = "\u2212";

const writing = (words) => {
  const say = (message, parts = {}) => message.replace(/\{(\w+)\}/g, (_, name) => parts[name]);
  const known = (x) => x !== null && x !== undefined && !Number.isNaN(x);
  const fixed = (x, digits) => (x < 0 ? MINUS : "") + Math.abs(x).toFixed(digits);
  const whole = (n) => n.toLocaleString(document.documentElement.lang);
  const written = (as) => (x) => (!known(x) ? "\u2014" : Number.isFinite(x) ? as(x) : x > 0 ? "\u221e" : `${MINUS}\u221e`);
  // A difference has its sign, but where it is written as 0.
  const signed = (as) => (x) => {
    const text = as(x);
    return !/[1-9]/.test(text) ? text.replace(MINUS, "") : x > 0 ? `+${text}` : text;
  };
  const amounts = (x) => {
    const size = Math.abs(x), digits = size >= 1000 ? 0 : size >= 1 ? Math.max(0, 3 - Math.floor(Math.log10(size))) : 3;
    return (x < 0 ? MINUS : "") + size.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  };
  const percent = written((x) => say(words.percent, { figure: fixed(100 * x, 1) }));
  const points = written(signed((x) => fixed(100 * x, 1)));
  const plain = written((x) => fixed(x, 2)), number = written((x) => fixed(x, 3));
  const writes = {
    percent, points, gap: points, ratio: plain, number, index: number, signed: written(signed((x) => fixed(x, 3))),
    amount: written(amounts), moved: written(signed(amounts)),
  };
  const between = (low, high, write = percent) => say(words.to, { low: write(low), high: write(high) });
  const decimal = (x) => String(Number(x.toPrecision(4))).replace("-", MINUS);
  return { say, known, fixed, percent, points, plain, writes, whole, between, decimal };
};

const elements = (words) => {
  const SVG = "http://www.w3.org/2000/svg";
  const SIGNS = { pass: "\u2713", fail: "\u2715", inconclusive: "?", error: "!" };

  const $ = (id) => document.getElementById(id);
  const element = (tag, attributes = {}, ...children) => {
    const made = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const name = (text) => element("bdi", {}, text);
  const line = (x1, x2, y1, y2, kind) => element("svg:line", { x1, x2, y1, y2, class: kind });
  const verdictMark = (verdict) => element("span", { class: `v ${verdict}` }, `${SIGNS[verdict]} ${words[verdict]}`);
  return { $, element, name, line, verdictMark };
};
