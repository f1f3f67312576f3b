/* What several scripts of the page share. All texts are set as text. */
"use strict";
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const minus = (text) => text.replace("-", "\u2212");
/* As is shown: what rounds to 0.0 has no sign. */
const rounded = (x) => Math.round(10 * x) / 10 || 0;
const signed = (x) => (rounded(x) > 0 ? "+" : "") + minus(rounded(x).toFixed(1));
