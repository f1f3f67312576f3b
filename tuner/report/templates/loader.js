/* Lets the text be painted, then runs the scripts that the page holds as plain text, in order. */
"use strict";
requestAnimationFrame(() => setTimeout(() => {
  for (const held of document.querySelectorAll("script[data-run]")) {
    const script = document.createElement("script");
    script.textContent = held.textContent;
    held.replaceWith(script);
  }
  document.documentElement.dataset.ready = "";
}));
